//! A corpus that is read in shards and merged is the one that is read at once.

use kiln_pipeline::{Error, IngestPart, RunOptions, each_document, ingest_recipe};
use kiln_run::{Progress, Silent, StopFlag};
use kiln_text::Document;
use serde_json::Value;

use crate::filters::{ingest_with, ledger, text};
use crate::interruptions::{Stopper, in_pieces};
use crate::scene::{Scene, assert_same_contents, contents};

const RECIPE: &str = r#"
    [corpus]
    sources = [{ path = "texts" }, { format = "stories", documents = 30 }, { path = "more", format = "text" }]
    split = { method = "random", validation = 0.3 }
    broken = "quarantine"
    chunk_bytes = 3000
    [[corpus.filters]]
    kind = "length"
    min_words = 12
"#;
const MINHASH: &str = "corpus.duplicates={kind=\"minhash\"}";
const CLUSTER: &str = "corpus.split.method=cluster";
const PLAIN: &str = "corpus.filters=[]";

/// Seven files of different lengths with copies in other files, a broken line, and two texts in one piece.
fn scene() -> Scene {
    let scene = Scene::new(RECIPE);
    let mut number = 0;
    for (file, documents) in [5, 0, 1, 9, 3, 12, 2].into_iter().enumerate() {
        let mut lines = Vec::new();
        for _ in 0..documents {
            let text = match number % 5 {
                4 => format!("{}\nOnce more.", text(number - 4)),
                3 => "too short".to_owned(),
                _ => text(number),
            };
            lines.push(serde_json::json!({ "id": format!("{number}"), "text": text }).to_string());
            number += 1;
        }
        if file == 3 {
            lines.push("{\"text\": ".to_owned());
        }
        scene.write(&format!("texts/{file}.jsonl"), lines.join("\n"));
    }
    for file in ["a", "b"] {
        scene.write(&format!("more/{file}.txt"), text(99).repeat(20));
    }
    scene
}

fn part(
    scene: &Scene,
    run: &str,
    part: IngestPart,
    overrides: &[&str],
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<(), Error> {
    scene.recipe(&[]);
    let options = RunOptions {
        recipe: scene.path("recipe.toml"),
        run_dir: Some(scene.path(run)),
        overrides: overrides.iter().map(|text| (*text).to_owned()).collect(),
    };
    ingest_recipe(&options, part, progress, stop)
}

fn shard(scene: &Scene, run: &str, which: &str, overrides: &[&str]) -> Result<(), Error> {
    let which = IngestPart::Shard(which.parse().unwrap());
    part(scene, run, which, overrides, &Silent, &StopFlag::new())
}

fn merge(scene: &Scene, run: &str, overrides: &[&str]) -> Result<(), Error> {
    part(
        scene,
        run,
        IngestPart::Merge,
        overrides,
        &Silent,
        &StopFlag::new(),
    )
}

/// A corpus, whatever its chunks are.
struct Made {
    parts: [Vec<Document>; 2],
    ledger: Vec<Value>,
    /// What could not be read, as it is stored.
    broken: Vec<u8>,
    /// What the manifest says of the whole.
    told: Value,
}

fn corpus(scene: &Scene, run: &str) -> Made {
    let folder = scene.path(run).join("corpus");
    let parts = ["train-", "validation-"].map(|part| {
        let names = contents(&folder).into_keys();
        let files: Vec<_> = names
            .filter(|name| name.starts_with(part))
            .map(|name| folder.join(name))
            .collect();
        let mut documents = Vec::new();
        each_document(&files, &mut |document| documents.push(document.clone())).unwrap();
        documents
    });
    let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let told = serde_json::json!([manifest["key"], manifest["counts"], manifest["details"]]);
    let broken = contents(&folder)
        .into_iter()
        .filter(|(name, _)| name.starts_with("broken-"))
        .flat_map(|(_, bytes)| zstd::decode_all(bytes.as_slice()).unwrap());
    Made {
        parts,
        ledger: ledger(&scene.path(run)),
        broken: broken.collect(),
        told,
    }
}

#[test]
fn shards_together_are_the_whole() {
    let scene = scene();
    let cases: [&[&str]; 4] = [&[], &[MINHASH], &[MINHASH, CLUSTER], &[PLAIN]];
    for (case, overrides) in cases.into_iter().enumerate() {
        if *overrides == [PLAIN] {
            // In pieces, which only a corpus that drops nothing says to go on in one another over the end of a chunk.
            scene.write("more/long.txt", text(98).repeat(4000));
        }
        let whole = format!("whole-{case}/run");
        ingest_with(&scene, &whole, overrides, &Silent, &StopFlag::new()).unwrap();
        let expected = corpus(&scene, &whole);
        assert!(expected.parts.iter().all(|part| part.len() > 5));
        assert!(!expected.broken.is_empty());
        for count in [1, 3, 13] {
            let run = format!("merged-{case}-{count}/run");
            for index in (0..count).rev() {
                shard(&scene, &run, &format!("{index}/{count}"), overrides).unwrap();
            }
            merge(&scene, &run, overrides).unwrap();
            let merged = corpus(&scene, &run);
            let which = format!("case {case}, {count} shards");
            assert_eq!(merged.ledger, expected.ledger, "{which}");
            assert!(merged.parts == expected.parts, "{which}");
            assert_eq!(merged.broken, expected.broken, "{which}");
            assert_eq!(merged.told, expected.told, "{which}");
            // It is finished, for whatever comes next.
            let before = contents(&scene.path(&run).join("corpus"));
            ingest_with(&scene, &run, overrides, &Silent, &StopFlag::new()).unwrap();
            assert!(before == contents(&scene.path(&run).join("corpus")));
        }
    }
}

#[test]
fn an_interrupted_merge_goes_on_to_the_same_bytes() {
    let scene = scene();
    let overrides = &[MINHASH];
    let shards = |run: &str| {
        for which in ["0/2", "1/2"] {
            let which = IngestPart::Shard(which.parse().unwrap());
            let work =
                |stopper: &Stopper| part(&scene, run, which, overrides, stopper, &stopper.stop);
            in_pieces("ingest", 1, 3, work, |_| ());
        }
    };
    shards("one/run");
    merge(&scene, "one/run", overrides).unwrap();
    for (stage, after) in [("ingest", 1), ("duplicates", 3), ("write", 1), ("write", 2)] {
        let run = format!("{stage}-{after}/run");
        shards(&run);
        let stopper = Stopper::new(stage, after);
        let stopped = part(
            &scene,
            &run,
            IngestPart::Merge,
            overrides,
            &stopper,
            &stopper.stop,
        );
        assert!(matches!(stopped, Err(Error::Interrupted)), "{stage}");
        // As a verb that needs the corpus would.
        ingest_with(&scene, &run, overrides, &Silent, &StopFlag::new()).unwrap();
        assert_same_contents(
            &scene.path("one/run/corpus"),
            &scene.path(&run).join("corpus"),
        );
    }
}

#[test]
fn what_was_begun_otherwise_is_begun_again() {
    let scene = scene();
    let stopper = Stopper::new("ingest", 20);
    let stopped = ingest_with(&scene, "one/run", &[], &stopper, &stopper.stop);
    assert!(matches!(stopped, Err(Error::Interrupted)));
    for run in ["one/run", "other/run"] {
        for which in ["0/2", "1/2"] {
            shard(&scene, run, which, &[]).unwrap();
        }
        merge(&scene, run, &[]).unwrap();
    }
    assert_same_contents(
        &scene.path("one/run/corpus"),
        &scene.path("other/run/corpus"),
    );
}

#[test]
fn mistakes_are_named() {
    let scene = scene();
    let check = |result: Result<(), Error>, expected: &str| {
        let error = result.unwrap_err();
        let message = error.to_string();
        assert!(
            error.is_mistake() && message.contains(expected),
            "{message}"
        );
    };
    check(merge(&scene, "run", &[]), "no shards to merge");
    shard(&scene, "run", "1/3", &[]).unwrap();
    check(merge(&scene, "run", &[]), "not made yet: 0/3, 2/3");
    shard(&scene, "run", "0/3", &[]).unwrap();
    let stopper = Stopper::new("ingest", 1);
    let last = IngestPart::Shard("2/3".parse().unwrap());
    part(&scene, "run", last, &[], &stopper, &stopper.stop).unwrap_err();
    check(merge(&scene, "run", &[]), "go on with --shard 2/3");
    shard(&scene, "run", "2/3", &[]).unwrap();
    scene.write("texts/0.jsonl", "{\"text\": \"another\"}\n");
    check(merge(&scene, "run", &[]), "make it again with --shard 0/3");
    let tail = [
        "corpus.split.method=tail",
        "corpus.sources=[{ path = \"more\" }]",
    ];
    check(shard(&scene, "tail", "0/2", &tail), "no shard can tell");
    shard(&scene, "run", "0/2", &[]).unwrap();
    check(merge(&scene, "run", &[]), "shards of 2 and shards of 3");
}
