//! Filters, copies and their ledger, over the whole stage.

use std::path::Path;

use kiln_pipeline::{Error, Recount, explain, ingest, inspect, open_run_to_ingest, recount};
use kiln_run::{Progress, Silent, StopFlag};
use serde_json::Value;

use crate::interruptions::{Stopper, in_pieces};
use crate::scene::{Scene, assert_same_contents, contents};

const RECIPE: &str = r#"
    [corpus]
    sources = [{ path = "texts" }]
    split = { method = "random", validation = 0.3 }
    chunk_bytes = 4000
    [corpus.duplicates]
    kind = "minhash"
    [[corpus.filters]]
    kind = "length"
    min_words = 12
    [[corpus.filters]]
    kind = "pii"
"#;

/// A text of its own: words drawn by its number.
pub(crate) fn text(number: usize) -> String {
    let syllables = [
        "ka", "lo", "mir", "ten", "su", "vel", "dor", "pi", "ran", "osk", "ul", "fen",
    ];
    let mut state = number as u64 + 1;
    let mut draw = || {
        // Knuth's MMIX.
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize
    };
    let mut word = || -> String {
        (0..3)
            .map(|_| syllables[draw() % syllables.len()])
            .collect()
    };
    let mut lines = Vec::new();
    for _ in 0..6 {
        let words: Vec<_> = (0..9).map(|_| word()).collect();
        lines.push(format!("{}.", words.join(" ")));
    }
    lines.join("\n")
}

/// Forty texts, two near copies, one equal one, one too short, one with an address.
fn scene() -> Scene {
    let scene = Scene::new(RECIPE);
    let mut lines = Vec::new();
    let mut add = |id: &str, text: &str| {
        lines.push(serde_json::json!({ "id": id, "text": text }).to_string());
    };
    for number in 0..40 {
        add(&format!("text-{number}"), &text(number));
    }
    add("near-3", &format!("{}\nThat is all.", text(3)));
    add("near-7", &text(7).replacen('.', " indeed.", 1));
    add("same-11", &text(11));
    add("short", "Too short to be kept.");
    add(
        "address",
        &format!("{}\nWrite to someone@somewhere.net today.", text(77)),
    );
    let (one, other) = lines.split_at(25);
    scene.write("texts/a.jsonl", one.join("\n"));
    scene.write("texts/b.jsonl", other.join("\n"));
    scene
}

pub(crate) fn ingest_with(
    scene: &Scene,
    run: &str,
    overrides: &[&str],
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<(), Error> {
    let recipe = scene.recipe(overrides);
    let run = open_run_to_ingest(&recipe, &scene.path(run))?;
    ingest(&recipe, &run, progress, stop).map(drop)
}

pub(crate) fn ledger(folder: &Path) -> Vec<Value> {
    let mut out = Vec::new();
    inspect(&folder.join("corpus"), true, &mut out).unwrap();
    let lines = String::from_utf8(out).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn entry<'a>(ledger: &'a [Value], id: &str) -> &'a Value {
    ledger.iter().find(|entry| entry["id"] == id).unwrap()
}

#[test]
fn every_document_has_its_reason() {
    let scene = scene();
    ingest_with(&scene, "run", &[], &Silent, &StopFlag::new()).unwrap();
    let ledger = ledger(&scene.path("run"));
    assert_eq!(ledger.len(), 45);
    let dropped = ledger.iter().filter(|entry| entry["kept"] == false);
    assert_eq!(dropped.count(), 4);

    let short = entry(&ledger, "short");
    assert_eq!(short["filters"]["length"]["values"]["words"], 5.0);
    assert_eq!(short["filters"]["length"]["kept"], false);
    assert_eq!(short["reason"], short["filters"]["length"]["reason"]);
    assert_eq!(short["filters"]["pii"]["kept"], true);
    assert_eq!(short["excerpt"], "Too short to be kept.");

    // The longest copy stays; of equally long ones the first.
    for (gone, stays, least) in [("text-3", "near-3", 0.8), ("text-11", "same-11", 1.0)] {
        let entry = entry(&ledger, gone);
        assert_eq!(
            (&entry["kept"], &entry["reason"]),
            (&false.into(), &"duplicate".into())
        );
        assert_eq!(entry["duplicate_of"]["id"], stays);
        let jaccard = entry["duplicate_of"]["jaccard"].as_f64().unwrap();
        assert!((least..=1.0).contains(&jaccard), "{jaccard}");
    }
    let seventh = [entry(&ledger, "text-7"), entry(&ledger, "near-7")];
    assert_eq!(seventh.map(|entry| entry["kept"] == true), [false, true]);

    let mut out = Vec::new();
    explain(&scene.path("run"), "short", true, &mut out).unwrap();
    assert_eq!(&serde_json::from_slice::<Value>(&out).unwrap(), short);
    let error = explain(&scene.path("run"), "shor", true, &mut out).unwrap_err();
    assert!(
        error.is_mistake() && error.to_string().contains("\"shor\""),
        "{error}"
    );
}

#[test]
fn other_thresholds_are_tried_on_the_ledger_alone() {
    let scene = scene();
    ingest_with(&scene, "run", &[], &Silent, &StopFlag::new()).unwrap();
    std::fs::remove_dir_all(scene.path("texts")).unwrap();
    let count = |overrides: &[&str]| -> Recount {
        let overrides: Vec<_> = overrides.iter().map(|text| (*text).to_owned()).collect();
        recount(&scene.path("run"), &overrides).unwrap()
    };
    let reasons = |count: &Recount| -> Vec<(String, u64)> {
        count
            .dropped
            .iter()
            .map(|one| (one.reason.clone(), one.documents))
            .collect()
    };
    let same = count(&[]);
    assert_eq!((same.documents, same.kept), (45, 41));
    assert_eq!((same.newly_kept, same.newly_dropped), (0, 0));
    assert_eq!(reasons(&same)[0], ("duplicate".to_owned(), 3));
    assert_eq!(same.dropped[1].samples[0].id, "short");

    let looser = count(&["corpus.filters.0.min_words=3"]);
    assert_eq!((looser.kept, looser.newly_kept), (42, 1));
    assert_eq!(reasons(&looser), [("duplicate".to_owned(), 3)]);

    let stricter = count(&["corpus.filters.0.min_words=1000"]);
    assert_eq!((stricter.kept, stricter.newly_dropped), (0, 41));

    let overrides = ["corpus.filters.0.min_wrds=3".to_owned()];
    let error = recount(&scene.path("run"), &overrides).unwrap_err();
    assert!(
        error.to_string().contains("did you mean `min_words`?"),
        "{error}"
    );
}

#[test]
fn masked_text_and_no_copy_reach_the_documents() {
    let scene = scene();
    ingest_with(&scene, "run", &[], &Silent, &StopFlag::new()).unwrap();
    let mut texts = String::new();
    let files: Vec<_> = contents(&scene.path("run/corpus"))
        .into_keys()
        .filter(|name| name.starts_with("train-") || name.starts_with("validation-"))
        .map(|name| scene.path("run/corpus").join(name))
        .collect();
    let mut documents = 0;
    kiln_pipeline::each_document(&files, &mut |document| {
        documents += 1;
        texts.push_str(&document.text);
    })
    .unwrap();
    assert_eq!(documents, 41);
    assert!(!texts.contains("somewhere.net"));
    assert!(texts.contains("Write to "));
    let first_line = text(11).lines().next().unwrap().to_owned();
    assert_eq!(texts.matches(&first_line).count(), 1);
}

#[test]
fn stopped_at_any_step_it_goes_on_to_the_same_bytes() {
    let scene = scene();
    ingest_with(&scene, "whole/run", &[], &Silent, &StopFlag::new()).unwrap();
    for stage in ["ingest", "duplicates", "write"] {
        let run = format!("pieces-{stage}/run");
        let work = |stopper: &Stopper| ingest_with(&scene, &run, &[], stopper, &stopper.stop);
        in_pieces(stage, 2, 7, work, |_| ());
        assert_same_contents(&scene.path("whole/run"), &scene.path(&run));
    }
}

#[test]
fn the_bytes_depend_neither_on_threads_nor_on_memory() {
    let scene = scene();
    ingest_with(&scene, "many/run", &[], &Silent, &StopFlag::new()).unwrap();
    for threads in [1, 2, 5] {
        let run = format!("{threads}-threads/run");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let ingested = pool
            .unwrap()
            .install(|| ingest_with(&scene, &run, &[], &Silent, &StopFlag::new()));
        ingested.unwrap();
        assert_same_contents(&scene.path("many/run"), &scene.path(&run));
    }
    // A ceiling far below what the marks take.
    let little = ["corpus.max_memory=\"64K\""];
    ingest_with(&scene, "little/run", &little, &Silent, &StopFlag::new()).unwrap();
    assert_eq!(
        ledger(&scene.path("many/run")),
        ledger(&scene.path("little/run"))
    );
}

#[test]
fn files_come_in_the_order_of_their_names_and_no_verdict_depends_on_it() {
    let files = contents(&scene().path("texts"));
    let corpus = |names: &mut dyn Iterator<Item = &String>, overrides: &[&str]| {
        let scene = Scene::new(RECIPE);
        for name in names {
            scene.write(&format!("texts/{name}"), &files[name]);
        }
        ingest_with(&scene, "run", overrides, &Silent, &StopFlag::new()).unwrap();
        let mut made = contents(&scene.path("run/corpus"));
        // These two know where and when the files were written.
        made.remove("inputs.jsonl").unwrap();
        made.remove("manifest.json").unwrap();
        (made, ledger(&scene.path("run")))
    };
    let (made, entries) = corpus(&mut files.keys(), &[]);
    let (other, _) = corpus(&mut files.keys().rev(), &[]);
    assert!(made == other);
    // A recipe that names them in another order has them in that order, and judges each as before.
    let listed = "corpus.sources=[{ path = \"texts/b.jsonl\" }, { path = \"texts/a.jsonl\" }]";
    let (_, turned) = corpus(&mut files.keys(), &[listed]);
    assert_ne!(turned, entries);
    let sorted = |mut entries: Vec<Value>| {
        entries.sort_by_key(|entry| entry["id"].to_string());
        entries
    };
    assert_eq!(sorted(turned), sorted(entries));
}

#[test]
fn near_copies_are_on_the_same_side_where_they_stay() {
    let scene = scene();
    let overrides = [
        "corpus.split.method=cluster",
        "corpus.duplicates={ kind = \"exact\" }",
    ];
    // Copies by equality alone: those that are near stay, wherever their texts would have sent them.
    ingest_with(&scene, "exact/run", &overrides, &Silent, &StopFlag::new()).unwrap();
    let ledger_of_exact = ledger(&scene.path("exact/run"));
    assert_eq!(entry(&ledger_of_exact, "text-11")["reason"], "duplicate");
    assert_eq!(entry(&ledger_of_exact, "text-7")["kept"], true);

    let recipe = RECIPE.replace("[corpus.duplicates]\n    kind = \"minhash\"", "");
    let free = Scene::new(&recipe.replace("\"random\"", "\"cluster\""));
    for name in ["texts/a.jsonl", "texts/b.jsonl"] {
        free.write(name, std::fs::read(scene.path(name)).unwrap());
    }
    ingest_with(&free, "run", &[], &Silent, &StopFlag::new()).unwrap();
    let ledger = ledger(&free.path("run"));
    for (one, other) in [
        ("text-3", "near-3"),
        ("text-7", "near-7"),
        ("text-11", "same-11"),
    ] {
        let [one, other] = [one, other].map(|id| entry(&ledger, id));
        assert!(one["kept"] == true && other["kept"] == true);
        assert_eq!(one["split"], other["split"]);
    }
    let sides: std::collections::BTreeSet<_> = ledger
        .iter()
        .map(|entry| entry["split"].as_str().unwrap())
        .collect();
    assert_eq!(sides.len(), 2);
}
