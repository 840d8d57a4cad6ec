//! Corpora of earlier runs, with which a new one is compared.

use std::collections::BTreeMap;

use kiln_pipeline::{Error, explain, recount};
use kiln_run::{Silent, StopFlag};
use serde_json::Value;

use crate::filters::{entry, ingest_with, ledger, text};
use crate::interruptions::{Stopper, in_pieces};
use crate::scene::{Scene, assert_same_contents, contents};

/// The new documents.
const RECIPE: &str = r#"
    [corpus]
    sources = [{ path = "new.jsonl" }]
    split = { method = "random", validation = 0.3 }
    chunk_bytes = 2000
    [corpus.duplicates]
    kind = "minhash"
"#;

const OLD: &str = "corpus.sources=[{ path = \"old.jsonl\" }]";
const BOTH: &str = "corpus.sources=[{ path = \"old.jsonl\" }, { path = \"new.jsonl\" }]";
const AGAINST: &str = "corpus.duplicates.against=[\"old/run\"]";
const UNSPLIT: &str = "corpus.split.method=none";
const EXACT: &str = "corpus.duplicates.kind=exact";

fn lines(documents: &[(String, String)]) -> String {
    let line = |(id, text): &(String, String)| serde_json::json!({ "id": id, "text": text });
    let lines: Vec<_> = documents.iter().map(|d| line(d).to_string()).collect();
    lines.join("\n")
}

/// A text without its last words.
fn shorter(number: usize) -> String {
    let text = text(number);
    let (start, _) = text.rsplit_once(' ').unwrap();
    start.to_owned()
}

/// Twenty old texts; ten new ones, and copies of old and of new ones that are shorter, equal or longer.
fn scene() -> Scene {
    let scene = Scene::new(RECIPE);
    let own = |range: std::ops::Range<usize>| range.map(|n| (format!("text-{n}"), text(n)));
    let old: Vec<_> = own(0..20).collect();
    let mut new: Vec<_> = own(20..30).collect();
    new.insert(2, ("z-near-3".to_owned(), shorter(3)));
    new.insert(5, ("z-same-4".to_owned(), text(4)));
    new.insert(6, ("z-again-4".to_owned(), text(4)));
    new.push(("z-near-25".to_owned(), shorter(25)));
    new.push(("z-same-26".to_owned(), text(26)));
    scene.write("old.jsonl", lines(&old));
    scene.write("new.jsonl", lines(&new));
    ingest_with(&scene, "old/run", &[OLD], &Silent, &StopFlag::new()).unwrap();
    scene
}

fn ingest(scene: &Scene, run: &str, overrides: &[&str]) -> Result<(), Error> {
    ingest_with(scene, run, overrides, &Silent, &StopFlag::new())
}

/// Which new documents are kept, and of which document each of the others is a copy.
fn of_new(scene: &Scene, run: &str) -> BTreeMap<String, Value> {
    let new = std::fs::read_to_string(scene.path("new.jsonl")).unwrap();
    let ledger = ledger(&scene.path(run));
    let of = |line: &str| {
        let id: Value = serde_json::from_str(line).unwrap();
        let id = id["id"].as_str().unwrap();
        let entry = entry(&ledger, id);
        let verdict = match entry["kept"] == true {
            true => Value::from("kept"),
            false => entry["duplicate_of"]["id"].clone(),
        };
        (id.to_owned(), verdict)
    };
    new.lines().map(of).collect()
}

#[test]
fn as_a_joint_run_where_that_keeps_the_earlier_copy() {
    let scene = scene();
    let first = "corpus.duplicates.keep=first";
    let cluster = "corpus.split.method=cluster";
    for (name, overrides, gone) in [
        ("minhash", &[][..], 5),
        ("first", &[first], 5),
        ("exact", &[EXACT], 3),
        ("cluster", &[cluster], 5),
    ] {
        let (joint, after) = (format!("{name}-joint/run"), format!("{name}-after/run"));
        ingest(&scene, &joint, &[overrides, &[BOTH]].concat()).unwrap();
        ingest(&scene, &after, &[overrides, &[AGAINST]].concat()).unwrap();
        let verdicts = of_new(&scene, &after);
        assert_eq!(verdicts, of_new(&scene, &joint), "{name}");
        let kept = verdicts.values().filter(|verdict| *verdict == "kept");
        assert_eq!(kept.count(), verdicts.len() - gone, "{name}");
        assert_eq!(ledger(&scene.path(&after)).len(), verdicts.len());
    }
}

#[test]
fn an_earlier_copy_stays_even_where_the_new_one_is_longer() {
    let scene = scene();
    let longer = ("longer".to_owned(), format!("{}\nThat is all.", text(9)));
    let again = ("again".to_owned(), format!("{}\nThat was all.", text(9)));
    scene.write("new.jsonl", lines(&[longer, again]));
    ingest(&scene, "joint/run", &[BOTH]).unwrap();
    assert_eq!(of_new(&scene, "joint/run")["again"], "kept");
    // By the run or by its corpus.
    for (run, against) in [("run/run", "old/run"), ("corpus/run", "old/run/corpus")] {
        let against = format!("corpus.duplicates.against=[{against:?}]");
        ingest(&scene, run, &[UNSPLIT, &against]).unwrap();
        for verdict in of_new(&scene, run).values() {
            assert_eq!(verdict, "text-9");
        }
    }
}

#[test]
fn the_ledger_names_the_corpus() {
    let scene = scene();
    // A second corpus, in which near copies of some documents of the first are earlier than both.
    let second = [
        ("other-20".to_owned(), text(20)),
        ("other-3".to_owned(), shorter(3)),
    ];
    scene.write("second.jsonl", lines(&second));
    let sources = "corpus.sources=[{ path = \"second.jsonl\" }]";
    ingest(&scene, "second/run", &[UNSPLIT, sources]).unwrap();
    let both = "corpus.duplicates.against=[\"old/run\", \"second/run\"]";
    ingest(&scene, "run", &[both]).unwrap();
    let new = ledger(&scene.path("run"));
    let old = ledger(&scene.path("old/run"));
    for (id, of, corpus, least) in [
        ("z-near-3", "text-3", "old/run", 0.8),
        ("z-same-4", "text-4", "old/run", 1.0),
        ("text-20", "other-20", "second/run", 1.0),
    ] {
        let entry = entry(&new, id);
        assert_eq!(entry["reason"], "duplicate");
        assert_eq!(entry["duplicate_of"]["id"], of);
        assert_eq!(entry["duplicate_of"]["corpus"], corpus);
        let jaccard = entry["duplicate_of"]["jaccard"].as_f64().unwrap();
        assert!((least..=1.0).contains(&jaccard), "{id}: {jaccard}");
        assert!(entry["excerpt"].is_string());
    }
    assert_eq!(
        entry(&new, "z-near-3")["split"],
        entry(&old, "text-3")["split"]
    );
    // Copies among the new ones name no corpus.
    let among = entry(&new, "z-near-25");
    assert_eq!(among["duplicate_of"]["id"], "text-25");
    assert!(among["duplicate_of"].get("corpus").is_none());

    let mut out = Vec::new();
    explain(&scene.path("run"), "z-near-3", true, &mut out).unwrap();
    let explained: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(&explained, entry(&new, "z-near-3"));

    let count = recount(&scene.path("run"), &[]).unwrap();
    assert_eq!((count.documents, count.kept), (15, 9));
    let earlier = [("old/run", 3), ("second/run", 1)].map(|(name, n)| (name.to_owned(), n));
    assert_eq!(count.earlier, BTreeMap::from(earlier));
    let shown = count.to_string();
    assert!(shown.contains("       3           of old/run\n"), "{shown}");
}

#[test]
fn stopped_at_any_step_it_goes_on_to_the_same_bytes() {
    let scene = scene();
    ingest(&scene, "whole/run", &[AGAINST]).unwrap();
    for stage in ["ingest", "earlier", "duplicates", "write"] {
        let run = format!("pieces-{stage}/run");
        let work =
            |stopper: &Stopper| ingest_with(&scene, &run, &[AGAINST], stopper, &stopper.stop);
        in_pieces(stage, 2, 5, work, |_| ());
        assert_same_contents(&scene.path("whole/run"), &scene.path(&run));
    }
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    one.unwrap()
        .install(|| ingest(&scene, "one/run", &[AGAINST]))
        .unwrap();
    assert_same_contents(&scene.path("whole/run"), &scene.path("one/run"));
}

/// How many chunks of earlier documents have their marks.
fn marked_chunks(scene: &Scene) -> usize {
    let unfinished = contents(&scene.path("run/corpus/unfinished"));
    let marks = unfinished.keys();
    marks.filter(|name| name.starts_with("earlier-")).count()
}

#[test]
fn marking_stops_when_it_is_asked_to() {
    let scene = scene();
    let stopper = Stopper::new("earlier", 1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let stopped = pool
        .unwrap()
        .install(|| ingest_with(&scene, "run", &[AGAINST], &stopper, &stopper.stop));
    assert!(matches!(stopped, Err(Error::Interrupted)));
    // At most the chunk of the one document that was marked.
    assert!(marked_chunks(&scene) <= 1);
}

#[test]
fn marks_that_are_made_are_not_made_again() {
    let scene = scene();
    let stopper = Stopper::new("duplicates", 1);
    let stopped = ingest_with(&scene, "run", &[AGAINST], &stopper, &stopper.stop);
    assert!(matches!(stopped, Err(Error::Interrupted)));
    let chunks = contents(&scene.path("old/run/corpus"));
    let chunks = chunks
        .keys()
        .filter(|name| name.starts_with("train-") || name.starts_with("validation-"));
    assert_eq!(marked_chunks(&scene), chunks.count());
    let again = Stopper::new("earlier", 1);
    ingest_with(&scene, "run", &[AGAINST], &again, &again.stop).unwrap();
}

#[test]
fn another_earlier_corpus_makes_another_corpus() {
    let scene = scene();
    ingest(&scene, "run", &[AGAINST]).unwrap();
    ingest(&scene, "run", &[AGAINST]).unwrap();
    std::fs::remove_dir_all(scene.path("old/run")).unwrap();
    scene.write("old.jsonl", lines(&[("text-20".to_owned(), text(20))]));
    ingest(&scene, "old/run", &[UNSPLIT, OLD]).unwrap();
    let error = ingest(&scene, "run", &[AGAINST]).unwrap_err();
    assert!(error.is_mistake());
    let message = error.to_string();
    assert!(
        message.contains("old/run/corpus/manifest.json has changed since"),
        "{message}"
    );
    ingest(&scene, "anew/run", &[AGAINST]).unwrap();
    assert_eq!(of_new(&scene, "anew/run")["text-20"], "text-20");
    assert_eq!(of_new(&scene, "anew/run")["z-near-3"], "kept");
}

#[test]
fn what_is_no_earlier_corpus_is_refused() {
    let scene = scene();
    let stopper = Stopper::new("ingest", 3);
    let stopped = ingest_with(&scene, "half/run", &[OLD], &stopper, &stopper.stop);
    assert!(stopped.is_err());
    scene.write("nothing/here.txt", "");
    let mut runs = 0;
    let mut check = |against: &str, expected: &str| {
        runs += 1;
        let run = format!("refused/{runs}");
        let against = format!("corpus.duplicates.against={against}");
        let error = ingest(&scene, &run, &[&against]).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("against"), "{message}");
        assert!(error.is_mistake() && message.lines().count() == 1);
    };
    check("[\"\"]", "is empty; name the folder");
    check("[\"away\"]", "is no folder");
    check("[\"old.jsonl\"]", "is no folder");
    check("[\"half/run\"]", "is not finished");
    check("[\"half/run/corpus\"]", "neither a run nor a finished");
    check("[\"nothing\"]", "neither a run nor a finished");
    check("[\"old/run\", \"old/run\"]", "a second time");
    check("[\"old/run\", \"./old/run/corpus\"]", "the same corpus as");
    check("[\"refused/9\"]", "the corpus that is to be made");

    let little = ["corpus.max_memory=\"159\"", AGAINST];
    let error = ingest(&scene, "little/run", &little)
        .unwrap_err()
        .to_string();
    assert!(error.contains("20 earlier documents"), "{error}");
    assert!(error.contains("160 bytes"), "{error}");

    let chunk = scene.path("old/run/corpus/train-00000.jsonl.zst");
    std::fs::write(&chunk, b"cut").unwrap();
    let error = ingest(&scene, "cut/run", &[AGAINST])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("train-00000.jsonl.zst: cut short"),
        "{error}"
    );
}
