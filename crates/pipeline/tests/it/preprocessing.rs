//! `[preprocessing]`: the same steps before the tokenizer at training, evaluation and use.

use kiln_corpus::DocumentReader;
use kiln_dataset::Tokens;
use kiln_pipeline::{Plan, hold_out, inspect, reopen, tokenize};
use kiln_run::RunFolder;

use crate::scene::{STORIES, Scene, assert_same_contents};

const STEPS: &str = r#"preprocessing.steps=[
    { kind = "lowercase" },
    { kind = "rare-words", minimum_count = 2 },
    { kind = "phrases", minimum_count = 5, threshold = 10.0 },
]"#;

#[test]
fn shards_hold_what_the_steps_make_of_the_documents() {
    let scene = Scene::new(STORIES);
    let prepared = scene
        .prepare("run", &[STEPS, "dataset.separator=none"])
        .unwrap();
    let tokenizer = prepared.tokenizer.as_ref();
    let mut expected = String::new();
    for document in DocumentReader::new(prepared.train_documents.clone()) {
        expected.push_str(&tokenizer.prepare(&document.unwrap().text));
    }
    assert!(
        expected.contains("once_upon") && !expected.contains("Once"),
        "{expected}"
    );
    let tokens = Tokens::open("train", &prepared.train).unwrap();
    let mut ids = Vec::new();
    tokens.append(0..tokens.len(), &mut ids);
    let ids: Vec<u32> = ids.into_iter().map(|id| id.try_into().unwrap()).collect();
    let found = String::from_utf8(tokenizer.decode(&ids).unwrap()).unwrap();
    assert!(found == expected);
    // What is counted is what is predicted, and nobody knows the entropy of changed stories.
    assert_eq!(prepared.train_counts.bytes, expected.len() as u64);
    assert_eq!(prepared.train_counts.nats, None);
}

#[test]
fn a_run_keeps_its_steps() {
    let scene = Scene::new(STORIES);
    let prepared = scene.prepare("run", &[STEPS]).unwrap();
    let plain = scene.prepare("plain", &[]).unwrap();
    assert!(!scene.path("plain/tokenizer/preprocessing.json").exists());
    assert_ne!(plain.tokenizer.identity(), prepared.tokenizer.identity());

    let again = reopen(&RunFolder::open(&scene.path("run")).unwrap()).unwrap();
    assert_eq!(again.tokenizer.identity(), prepared.tokenizer.identity());
    let done = scene.prepare("run", &[STEPS]).unwrap();
    assert_eq!(done.key, prepared.key);

    let mut ids = Vec::new();
    let text = "Once upon a time there was a Zyzzyva.";
    tokenize(&scene.path("run"), false, text.as_bytes(), &mut ids).unwrap();
    let mut back = Vec::new();
    tokenize(&scene.path("run"), true, ids.as_slice(), &mut back).unwrap();
    let back = String::from_utf8(back).unwrap();
    assert!(
        back.starts_with("once_upon") && back.ends_with(" <rare>.\n"),
        "{back}"
    );

    scene.write("held.txt", text);
    let plan = Plan::read(&scene.recipe(&[STEPS])).unwrap();
    let held = hold_out(
        &plan,
        &scene.path("held.txt"),
        again.tokenizer.as_ref(),
        None,
    )
    .unwrap();
    assert_eq!(held.counts.bytes, back.trim_end().len() as u64);

    let mut shown = Vec::new();
    inspect(&scene.path("run/tokenizer"), true, &mut shown).unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&shown).unwrap();
    let rows = shown["preprocessing"]["rows"].as_array().unwrap();
    let words = |row: usize| rows[row]["distinct_words"].as_u64().unwrap();
    assert_eq!(rows.len(), 4);
    assert!(words(1) < words(0) && words(2) < words(1), "{shown}");
    assert_eq!(shown["identity"], again.tokenizer.identity());
}

#[test]
fn what_is_learnt_does_not_depend_on_threads() {
    let scene = Scene::new(STORIES);
    for (run, threads) in [("one/run", 1), ("three/run", 3)] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap()
            .install(|| scene.prepare(run, &[STEPS]))
            .unwrap();
    }
    assert_same_contents(&scene.path("one/run"), &scene.path("three/run"));
}

#[test]
fn a_wrong_step_is_named() {
    let scene = Scene::new(STORIES);
    for (steps, expected) in [
        (
            r#"[{ kind = "lowercase" }, { kind = "mask", what = [] }]"#,
            "steps[1] (mask): what: expected",
        ),
        (r#"[{ kind = "lowercas" }]"#, "lowercase"),
    ] {
        let error = scene.prepare("run", &[&format!("preprocessing.steps={steps}")]);
        let error = error.err().unwrap();
        assert!(error.is_mistake());
        assert!(error.to_string().contains(expected), "{error}");
    }
}
