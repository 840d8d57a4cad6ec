//! Sources at an address.

use std::path::{Path, PathBuf};
use std::process::Command;

use kiln_corpus::{DocumentReader, Part};
use kiln_pipeline::{ingest, open_run_to_ingest};
use kiln_recipe::Recipe;
use kiln_run::{Silent, StopFlag};
use kiln_testkit::{Reply, WebServer};
use kiln_text::{Document, Source};

use crate::scene::{Scene, contents};

/// Ids and texts of a run's documents, in their order.
fn documents(run: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(run.join("corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("train-") || name.starts_with("validation-")
        })
        .filter(|path| !path.to_str().unwrap().contains("ledger"))
        .collect();
    files.sort();
    for file in files {
        let mut reader = DocumentReader::new(vec![file]);
        while let Some(Document { id, text, .. }) = reader.next_document().unwrap() {
            all.push((id, text));
        }
    }
    all
}

/// The variables of a process are its own: the cache of a test is named to a process of its own.
#[test]
#[ignore = "run by the test below, in another process"]
fn child() {
    let Some(folder) = std::env::var_os("KILN_TEST_SCENE").map(PathBuf::from) else {
        return;
    };
    let recipe = Recipe::load(&folder.join("recipe.toml"), &[]).unwrap();
    let run = open_run_to_ingest(&recipe, &folder.join("run")).unwrap();
    let ingested = ingest(&recipe, &run, &Silent, &StopFlag::new()).unwrap();
    assert!(!ingested.documents(Part::Train).is_empty());
}

fn run_child(scene: &Scene) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "remote::child", "--ignored", "--nocapture"])
        .env("KILN_TEST_SCENE", scene.path(""))
        .env("KILN_CACHE", scene.path("cache"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

fn recipe(path: &str) -> String {
    format!(
        "[corpus]\nsources = [{{ path = \"{path}\" }}]\nsplit = {{ method = \"random\", validation = 0.3 }}\n"
    )
}

#[test]
fn a_source_at_an_address_gives_the_documents_of_the_file() {
    let lines = (0..40).map(|number| format!("{{\"text\": \"Text number {number}.\"}}\n"));
    let lines: String = lines.collect();
    let local = Scene::new(&recipe("a.jsonl"));
    local.write("a.jsonl", &lines);
    local.recipe(&[]);
    run_child(&local);

    let web = WebServer::new(move |request| Reply::file(request, lines.as_bytes(), "\"v1\""));
    let address = web.url("/a.jsonl?sig=hush");
    let name = web.url("/a.jsonl?sig=***");
    let remote = Scene::new(&recipe(&address));
    remote.recipe(&[]);
    run_child(&remote);

    let expected: Vec<_> = documents(&local.path("run"))
        .into_iter()
        .map(|(id, text)| (id.replace("a.jsonl", &name), text))
        .collect();
    assert_eq!(expected.len(), 40);
    assert_eq!(documents(&remote.path("run")), expected);

    // Nothing that is kept holds the signature.
    for folder in ["run", "cache"] {
        for (file, bytes) in contents(&remote.path(folder)) {
            let hush = bytes.windows(4).any(|part| part == b"hush");
            assert!(!hush, "{folder}/{file}");
        }
    }

    // What is made is not fetched again, also without the cache and with another signature.
    web.take_log();
    std::fs::remove_dir_all(remote.path("cache")).unwrap();
    remote.write("recipe.toml", recipe(&web.url("/a.jsonl?sig=later")));
    run_child(&remote);
    assert_eq!(web.take_log(), ["HEAD /a.jsonl?sig=later"]);
}
