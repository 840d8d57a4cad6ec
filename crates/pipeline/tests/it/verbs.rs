//! `inspect` and `verify` of everything that the stages write.

use std::path::Path;

use kiln_pipeline::{Error, inspect, new_recipe, verify};
use serde_json::Value;

use crate::scene::{STORIES, Scene};

fn shown(path: &Path, json: bool) -> String {
    let mut output = Vec::new();
    inspect(path, json, &mut output).unwrap();
    String::from_utf8(output).unwrap()
}

fn objects(path: &Path) -> Vec<Value> {
    let lines = shown(path, true);
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_corpus_shows_its_ledger() {
    let scene = Scene::new(STORIES);
    scene.prepare("run", &[]).unwrap();
    let ledger = objects(&scene.path("run/corpus"));
    assert_eq!(ledger.len(), 300);
    for (index, entry) in ledger.iter().enumerate() {
        assert_eq!(entry["id"], format!("stories-0-{index}"));
        assert_eq!(entry["kept"], true);
        assert!(entry["reason"].is_null() && entry["duplicate_of"].is_null());
        assert!(entry["filters"].as_object().unwrap().is_empty());
    }
    let text = shown(&scene.path("run/corpus"), false);
    assert!(
        text.starts_with("kept     train       stories-0-0\n"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 300);
}

#[test]
fn everything_else_is_known_by_its_contents() {
    let scene = Scene::new(STORIES);
    let prepared = scene.prepare("run", &["task.kind=classification"]).unwrap();
    let one = |path: &Path| -> Value {
        let mut all = objects(path);
        assert_eq!(all.len(), 1, "{}", path.display());
        all.remove(0)
    };
    let tokenizer = one(&prepared.tokenizer_path);
    assert_eq!(
        (&tokenizer["kind"], &tokenizer["vocabulary_size"]),
        (&"bpe".into(), &300.into())
    );
    assert_eq!(one(&scene.path("run/tokenizer")), tokenizer);
    let shard = one(&prepared.train[0]);
    assert_eq!(shard["kind"], "examples");
    let dataset = one(&scene.path("run/dataset"));
    assert_eq!(
        dataset["counts"]["train_documents"],
        prepared.train_counts.documents
    );
    let run = one(&scene.path("run"));
    assert_eq!(run["stages"]["dataset"]["finished"], true);
    let documents = objects(&prepared.train_documents[0]);
    assert!(
        documents
            .iter()
            .all(|document| document["text"].is_string())
    );
    let recipe = one(&scene.path("recipe.toml"));
    assert_eq!(recipe["corpus"]["split"]["validation"], 0.1);
    assert_eq!(recipe["optimizer"]["learning_rate"], 0.001);
    let text = shown(&scene.path("run/recipe.toml"), false);
    assert!(
        text.contains("separator = \"auto\" # recipe line"),
        "{text}"
    );
    // As text, each has a line for each thing that is known.
    assert!(shown(&prepared.train[0], false).contains("\nvocabulary_size: 300\n"));
    assert!(shown(&scene.path("run"), false).contains("stages.corpus.finished: true\n"));
}

#[test]
fn strangers_are_refused() {
    let scene = Scene::new(STORIES);
    scene
        .write("picture.png", b"\x89PNG\r\n\x1a\n1234567890")
        .write("folder/x", b"");
    for name in ["picture.png", "folder"] {
        for refused in [
            inspect(&scene.path(name), true, &mut Vec::new()),
            verify(&scene.path(name), true, &mut Vec::new()),
        ] {
            let error = refused.unwrap_err();
            assert!(
                error.is_mistake() && error.to_string().contains(name),
                "{error}"
            );
        }
    }
    let missing = inspect(&scene.path("missing"), false, &mut Vec::new()).unwrap_err();
    assert!(missing.is_mistake() && matches!(missing, Error::Run(_)));
}

#[test]
fn one_changed_byte_is_found() {
    let scene = Scene::new(STORIES);
    let prepared = scene.prepare("run", &[]).unwrap();
    let mut output = Vec::new();
    verify(&scene.path("run"), false, &mut output).unwrap();
    let text = String::from_utf8(output).unwrap();
    assert_eq!(
        text.lines()
            .filter(|line| line.ends_with(": intact"))
            .count(),
        3,
        "{text}"
    );
    for path in [
        &prepared.train_documents[0],
        &prepared.train[0],
        &prepared.tokenizer_path,
    ] {
        let whole = std::fs::read(path).unwrap();
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(path, changed).unwrap();
        let error = verify(&scene.path("run"), true, &mut Vec::new()).unwrap_err();
        assert!(!error.is_mistake());
        assert!(
            error.to_string().starts_with(&path.display().to_string()),
            "{error}"
        );
        std::fs::write(path, whole).unwrap();
    }
    verify(&prepared.train[0], true, &mut Vec::new()).unwrap();
}

#[test]
fn new_recipes_prepare_as_they_are() {
    for task in ["language-model", "classification", "regression"] {
        let scene = Scene::new(new_recipe(task).unwrap());
        let small = [
            "corpus.sources.0.documents=200",
            "tokenizer.vocabulary_size=300",
        ];
        let prepared = scene.prepare("run", &small).unwrap();
        assert_eq!(
            prepared.train_counts.documents + prepared.validation_counts.documents,
            200
        );
    }
}
