//! Parts of documents that stand elsewhere too, over the whole stage.

use std::collections::BTreeMap;

use kiln_pipeline::{Error, RepeatsReport, each_document, explain, recount};
use kiln_run::{Silent, StopFlag};
use kiln_text::Document;
use serde_json::Value;

use crate::filters::{entry, ingest_with, ledger, text};
use crate::interruptions::{Stopper, in_pieces};
use crate::scene::{Scene, assert_same_contents, contents};

const RECIPE: &str = r#"
    [corpus]
    sources = [{ path = "texts.jsonl" }]
    split = { method = "none" }
    chunk_bytes = 2000
"#;

const LINES: &str = "corpus.repeats={ kind = \"lines\" }";
const PARAGRAPHS: &str = "corpus.repeats={ kind = \"paragraphs\" }";
const SUBSTRINGS: &str = "corpus.repeats={ kind = \"substrings\", min_bytes = 40 }";
const NEAR_COPIES: &str = "corpus.duplicates={ kind = \"minhash\" }";

/// A line that many pages have.
const FOOTER: &str = "All rights are reserved by the keepers of this page.";

fn scene(documents: &[(String, String)]) -> Scene {
    let scene = Scene::new(RECIPE);
    let line = |(id, text): &(String, String)| serde_json::json!({ "id": id, "text": text });
    let lines: Vec<_> = documents.iter().map(|d| line(d).to_string()).collect();
    scene.write("texts.jsonl", lines.join("\n"));
    scene
}

fn ingest(scene: &Scene, run: &str, overrides: &[&str]) -> Result<(), Error> {
    ingest_with(scene, run, overrides, &Silent, &StopFlag::new())
}

fn documents(scene: &Scene, run: &str) -> BTreeMap<String, Document> {
    let folder = scene.path(run).join("corpus");
    let files = contents(&folder).into_keys();
    let chunks = files.filter(|name| name.starts_with("train-") || name.starts_with("validation-"));
    let chunks: Vec<_> = chunks.map(|name| folder.join(name)).collect();
    let mut found = BTreeMap::new();
    each_document(&chunks, &mut |document| {
        found.insert(document.id.clone(), document.clone());
    })
    .unwrap();
    found
}

fn texts(scene: &Scene, run: &str) -> BTreeMap<String, String> {
    let documents = documents(scene, run).into_iter();
    documents
        .map(|(id, document)| (id, document.text))
        .collect()
}

#[test]
fn later_copies_are_struck() {
    let check = |overrides: &[&str], given: &[&str], expected: &[Option<&str>]| {
        let named = |(at, text): (usize, &&str)| (format!("d{at}"), (*text).to_owned());
        let scene = scene(&given.iter().enumerate().map(named).collect::<Vec<_>>());
        ingest(&scene, "run", overrides).unwrap();
        let texts = texts(&scene, "run");
        let ledger = ledger(&scene.path("run"));
        for (at, (before, after)) in given.iter().zip(expected).enumerate() {
            let id = format!("d{at}");
            let entry = entry(&ledger, &id);
            assert_eq!(texts.get(&id).map(String::as_str), *after, "{id}");
            assert_eq!(entry["kept"], after.is_some());
            let reason = after.is_none().then_some("repeats");
            assert_eq!(entry["reason"].as_str(), reason);
            match (&entry["repeats"], after) {
                (Value::Null, after) => assert_eq!(*after, Some(*before), "{id}"),
                (lost, Some(after)) => assert_eq!(lost["bytes"], before.len() - after.len()),
                (_, None) => assert_eq!(entry["excerpt"], *before),
            }
        }
    };
    let footer = |before: &str, after: &str| format!("{before}{FOOTER}{after}");
    let texts = [
        footer("Of the sea.\n", "\n"),
        footer("", "\nOf the hills.\nYes.\n"),
        footer("  ", &format!("\n{FOOTER}")),
        "Yes.\nOf the wind.\n\nYes.".to_owned(),
        footer("See: ", "\n"),
    ];
    let given: Vec<&str> = texts.iter().map(String::as_str).collect();
    let all_stay: Vec<_> = given.iter().copied().map(Some).collect();
    let expected = [
        Some(given[0]),
        Some("Of the hills.\nYes.\n"),
        None,
        Some(given[3]),
        Some(given[4]),
    ];
    check(&[LINES], &given, &expected);
    check(
        &["corpus.repeats={ kind = \"lines\", min_bytes = 53 }"],
        &given,
        &all_stay,
    );
    let all = ["corpus.repeats={ kind = \"lines\", min_bytes = 0 }"];
    let expected = [
        Some(given[0]),
        Some("Of the hills.\nYes.\n"),
        None,
        Some("Of the wind.\n\n"),
        Some(given[4]),
    ];
    check(&all, &given, &expected);

    let given = [
        "A title that is long enough to count\nand its text.\n\nOf the sea.\n",
        "A title that is long enough to count\n\nand its text.\n",
        "Of the hills.\n\n  A title that is long enough to count\nand its text.\n\n\nOf the wind.",
    ];
    let expected = [
        Some(given[0]),
        Some(given[1]),
        Some("Of the hills.\n\nOf the wind."),
    ];
    check(&[PARAGRAPHS], &given, &expected);

    let given = [
        "One went out to see the old mill by the river at dawn, alone.",
        "Two came back to see the old mill by the river at dawn; nobody else.",
        "to see the old mill by the river at dawn",
        "Three did not see the old mill by the river at noon.",
    ];
    let expected = [
        Some(given[0]),
        Some("Two came back; nobody else."),
        None,
        Some(given[3]),
    ];
    check(&[SUBSTRINGS], &given, &expected);
    let expected = [
        Some("One went out, alone."),
        Some("Two came back; nobody else."),
        None,
        Some(given[3]),
    ];
    let every = "corpus.repeats={ kind = \"substrings\", min_bytes = 40, keep_first = false }";
    check(&[every], &given, &expected);
}

/// Sixty pages: a text of its own, a line of another one, the footer; near copies of some.
fn pages() -> Scene {
    let page = |number: usize| {
        let other = text(number * 7 % 60);
        let line = other.lines().nth(number % 6).unwrap();
        format!("{}\n\n{line}\n\n{FOOTER}\n", text(number))
    };
    let mut pages: Vec<_> = (0..60).map(|n| (format!("page-{n}"), page(n))).collect();
    for number in [3, 30] {
        let longer = format!("{}That is all.", page(number));
        pages.insert(20 + number, (format!("near-{number}"), longer));
    }
    pages.push(("footer".to_owned(), format!("{FOOTER}\n")));
    scene(&pages)
}

#[test]
fn the_bytes_depend_neither_on_threads_nor_on_memory() {
    let scene = pages();
    for (name, kind) in [
        ("lines", LINES),
        ("paragraphs", PARAGRAPHS),
        ("substrings", SUBSTRINGS),
    ] {
        let run = |threads: usize, overrides: &[&str]| {
            let run = format!("{name}-{threads}-{}/run", overrides.len());
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let overrides = [overrides, &[kind, NEAR_COPIES]].concat();
            let ingested = pool.unwrap().install(|| ingest(&scene, &run, &overrides));
            ingested.unwrap();
            run
        };
        let (one, two) = (run(1, &[]), run(2, &[]));
        assert_same_contents(&scene.path(&one), &scene.path(&two));
        let little = run(2, &["corpus.max_memory=\"1K\""]);
        assert_eq!(ledger(&scene.path(&one)), ledger(&scene.path(&little)));
        assert_eq!(texts(&scene, &one), texts(&scene, &little));
        let struck = recount(&scene.path(&one), &[]).unwrap().repeats;
        assert!(struck.documents > 40, "{name}: {struck:?}");
    }
}

#[test]
fn stopped_at_any_step_it_goes_on_to_the_same_bytes() {
    let scene = pages();
    for (name, overrides, stages) in [
        ("alone", &[LINES][..], &["ingest", "repeats", "write"][..]),
        ("passages", &[SUBSTRINGS], &["repeats", "write"]),
        (
            "copies",
            &[PARAGRAPHS, NEAR_COPIES],
            &["ingest", "duplicates", "repeats", "write"],
        ),
    ] {
        let whole = format!("{name}-whole/run");
        ingest(&scene, &whole, overrides).unwrap();
        for stage in stages {
            let run = format!("{name}-{stage}/run");
            let work =
                |stopper: &Stopper| ingest_with(&scene, &run, overrides, stopper, &stopper.stop);
            in_pieces(stage, 2, 11, work, |interruptions| {
                // What a process leaves that is killed while it sorts.
                let left = format!("{run}/corpus/unfinished/sorting/sorting-{interruptions}/0");
                scene.write(&left, b"half a run");
                scene.write(&format!("{run}/corpus/unfinished/.tmp-struck.zst"), b"half");
            });
            assert_same_contents(&scene.path(&whole), &scene.path(&run));
        }
    }
}

#[test]
fn a_decision_is_not_made_again_and_not_believed_when_it_is_damaged() {
    let scene = pages();
    let stopper = Stopper::new("write", 2);
    let stopped = ingest_with(&scene, "run", &[LINES], &stopper, &stopper.stop);
    assert!(matches!(stopped, Err(Error::Interrupted)));
    let path = scene.path("run/corpus/unfinished/struck.zst");
    let whole = std::fs::read(&path).unwrap();
    for cut in [&whole[..whole.len() - 3], b"nothing", b""] {
        std::fs::write(&path, cut).unwrap();
        let error = ingest(&scene, "run", &[LINES]).unwrap_err().to_string();
        assert!(error.contains("struck.zst"), "{error}");
        assert!(error.contains("remove the folder"), "{error}");
    }
    std::fs::write(&path, whole).unwrap();
    let again = Stopper::new("repeats", 1);
    ingest_with(&scene, "run", &[LINES], &again, &again.stop).unwrap();
}

#[test]
fn copies_that_go_are_no_first_copies() {
    let long = |number: usize| format!("{}\nThat is all.", text(number));
    let quote = text(1).lines().next().unwrap().to_owned();
    let scene = scene(&[
        ("gone".to_owned(), text(1)),
        ("stays".to_owned(), long(1)),
        ("quotes".to_owned(), format!("{quote}\nIt was said.")),
        ("own".to_owned(), text(2)),
    ]);
    ingest(&scene, "both/run", &[LINES, NEAR_COPIES]).unwrap();
    let kept = texts(&scene, "both/run");
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["own", "quotes", "stays"]);
    assert_eq!(kept["stays"], long(1));
    assert_eq!(kept["quotes"], "It was said.");
    let of_both = ledger(&scene.path("both/run"));
    let gone = entry(&of_both, "gone");
    assert_eq!(gone["reason"], "duplicate");
    assert!(gone.get("repeats").is_none());

    // Where copies stay, for they only decide the split, they lose what they share.
    let cluster = "corpus.split={ method = \"cluster\", validation = 0.4 }";
    ingest(&scene, "split/run", &[LINES, cluster]).unwrap();
    let kept = texts(&scene, "split/run");
    assert_eq!(kept["gone"], text(1));
    assert_eq!(kept["stays"], "That is all.");
    let of_split = ledger(&scene.path("split/run"));
    let [gone, stays] = ["gone", "stays"].map(|id| entry(&of_split, id));
    assert_eq!(gone["duplicate_of"]["id"], "stays");
    assert_eq!(gone["split"], stays["split"]);
    assert_eq!(stays["repeats"]["parts"], 6);
}

#[test]
fn the_ledger_says_what_went() {
    let scene = scene(&[
        ("first".to_owned(), format!("Of the sea.\n{FOOTER}\n")),
        (
            "twice".to_owned(),
            format!("{FOOTER}\nOf the hills.\n{FOOTER}\n"),
        ),
        ("empty".to_owned(), format!("{FOOTER}\n\n")),
        ("whole".to_owned(), "Of the wind.".to_owned()),
    ]);
    ingest(&scene, "run", &[LINES]).unwrap();
    let ledger = ledger(&scene.path("run"));
    assert!(entry(&ledger, "first").get("repeats").is_none());
    let line = FOOTER.len() + 1;
    let twice = entry(&ledger, "twice");
    assert_eq!(twice["kept"], true);
    assert_eq!(
        twice["repeats"],
        serde_json::json!({ "parts": 2, "bytes": 2 * line })
    );
    let empty = entry(&ledger, "empty");
    assert_eq!(
        empty["repeats"],
        serde_json::json!({ "parts": 1, "bytes": line })
    );
    assert_eq!(empty["reason"], "repeats");
    let mut out = Vec::new();
    explain(&scene.path("run"), "twice", true, &mut out).unwrap();
    assert_eq!(&serde_json::from_slice::<Value>(&out).unwrap(), twice);

    let count = recount(&scene.path("run"), &[]).unwrap();
    assert_eq!((count.documents, count.kept), (4, 3));
    assert_eq!(count.dropped[0].reason, "repeats");
    let struck = RepeatsReport {
        documents: 2,
        parts: 3,
        bytes: 3 * line as u64,
    };
    assert_eq!(count.repeats, struck);
    let shown = count.to_string();
    let expected = format!(
        "3 repeated parts ({} bytes) struck from 2 documents",
        3 * line
    );
    assert!(shown.contains(&expected), "{shown}");
    // The counts of the corpus are those of what is left.
    let texts = texts(&scene, "run");
    let bytes: usize = texts.values().map(String::len).sum();
    let manifest = std::fs::read(scene.path("run/corpus/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["counts"]["train_bytes"], bytes);
    assert_eq!(manifest["counts"]["dropped_documents"], 1);
}

#[test]
fn the_probability_of_a_whole_story_is_not_that_of_a_part() {
    let scene = Scene::new(RECIPE);
    let stories = "corpus.sources=[{ format = \"stories\", documents = 60 }]";
    let passages = "corpus.repeats={ kind = \"substrings\", min_bytes = 60 }";
    ingest(&scene, "run", &[stories, passages]).unwrap();
    let ledger = ledger(&scene.path("run"));
    let mut known = [0, 0];
    for (id, document) in documents(&scene, "run") {
        let whole = entry(&ledger, &id).get("repeats").is_none();
        assert_eq!(document.log_probability().is_some(), whole);
        known[usize::from(whole)] += 1;
    }
    assert!(known[0] > 0 && known[1] > 0, "{known:?}");
}

#[test]
fn mistakes_are_refused() {
    let scene = scene(&[("a".to_owned(), FOOTER.to_owned())]);
    let check = |section: &str, expected: &str| {
        let error = ingest(&scene, "run", &[section]).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(expected), "{message}");
        assert!(
            error.is_mistake() && message.lines().count() == 1,
            "{message}"
        );
    };
    check("corpus.duplicates.kind=lines", "lines");
    check("corpus.repeats.kind=words", "words");
    check("corpus.repeats.min_bytes=40", "kind");
    check(
        "corpus.repeats={ kind = \"lines\", keep_first = true }",
        "keep_first",
    );
    check(
        "corpus.repeats={ kind = \"lines\", min_byte = 40 }",
        "min_bytes",
    );
    check(
        "corpus.repeats={ kind = \"substrings\", min_bytes = 8 }",
        "min_bytes = 8: is 8; with kind = \"substrings\" it must be at least 16",
    );
}
