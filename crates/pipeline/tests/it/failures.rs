//! Every refusal is one line that says what, where, and what to do.

use kiln_pipeline::{Error, ingest, open_run, reopen};
use kiln_run::{RunFolder, Silent, StopFlag};

use crate::scene::{STORIES, Scene};

fn refuse(scene: &Scene, overrides: &[&str], expected: &[&str]) {
    let error = scene.prepare("run", overrides).err().expect("it is wrong");
    let message = error.to_string();
    assert!(error.is_mistake() && !message.contains('\n'), "{message}");
    for words in expected {
        assert!(message.contains(words), "{message}");
    }
    let _ = std::fs::remove_dir_all(scene.path("run"));
}

#[test]
fn what_is_wrong_with_the_corpus_is_said_with_its_place() {
    let scene = Scene::new(STORIES);
    scene
        .write("empty.txt", " \n")
        .write("latin.txt", b"caf\xe9\n")
        .write("rows.csv", "text,stars\nfine,4\nshort\n")
        .write("one.txt", "Only one.\n");
    let source = |source: &str| format!("corpus.sources=[{source}]");
    for (sources, expected) in [
        (r#"{ path = "nowhere" }"#, ["nowhere", "sources"]),
        (
            r#"{ path = "empty.txt" }"#,
            ["holds no text", "1 empty file"],
        ),
        (
            r#"{ path = "latin.txt", encoding = "utf-8" }"#,
            ["latin.txt: byte 3", "not UTF-8"],
        ),
        (r#"{ path = "rows.csv" }"#, ["rows.csv:3", "expected 2"]),
        ("", ["sources = []", "is empty"]),
    ] {
        refuse(&scene, &[&source(sources)], &expected);
    }
    refuse(
        &scene,
        &["corpus.split.validation=2"],
        &[
            "--set corpus.split.validation=2: [corpus] split.validation = 2",
            "share",
        ],
    );
}

#[test]
fn what_is_wrong_with_the_recipe_is_said_with_its_line() {
    let scene = Scene::new(STORIES);
    refuse(
        &scene,
        &["dataset.contxt_length=3"],
        &["did you mean `context_length`?"],
    );
    refuse(
        &scene,
        &["task.kind=lm"],
        &["--set task.kind=lm", "language-model"],
    );
    refuse(&scene, &["corpus.sources=3"], &["expected an array"]);
    refuse(
        &scene,
        &["dataset.context_length=0"],
        &["context_length = 0: expected 1 or more"],
    );
    refuse(
        &scene,
        &["tokenizer.vocabulary_size=10"],
        &["vocabulary_size = 10", "257"],
    );
    let unknown = Scene::new(&STORIES.replace("[optimizer]", "[optimiser]"));
    refuse(
        &unknown,
        &[],
        &["recipe.toml:12: unknown section [optimiser]; did you mean [optimizer]?"],
    );
}

#[test]
fn splits_shorter_than_a_row_are_refused_before_any_training() {
    let scene = Scene::new(STORIES);
    scene.write("text.txt", "Some text.\n".repeat(20));
    refuse(
        &scene,
        &[
            "corpus.sources=[{ path = \"text.txt\" }]",
            "tokenizer={ kind = \"byte\" }",
            "dataset.context_length=40",
        ],
        &["context_length = 40", "validation split has 22"],
    );
}

#[test]
fn documents_without_an_answer_are_named() {
    let scene = Scene::new(STORIES);
    scene
        .write(
            "rows.csv",
            format!("text,stars\n{}", "a fine film,4\n".repeat(9)),
        )
        .write(
            "wide.jsonl",
            "{\"text\": \"a b\", \"x\": 1, \"y\": 2}\n".repeat(9),
        )
        .write("narrow.jsonl", "{\"text\": \"c d\", \"x\": 1}\n");
    let rows = "corpus.sources=[{ path = \"rows.csv\" }]";
    let split = "corpus.split={ method = \"tail\", validation = 0.3 }";
    refuse(
        &scene,
        &[rows, split, "task.kind=classification"],
        &["rows.csv#2 has no label", "`label`"],
    );
    refuse(
        &scene,
        &[rows, split, "task.kind=regression"],
        &["rows.csv#2 has no value", "`value`"],
    );
    refuse(
        &scene,
        &[
            "corpus.sources=[{ path = \"rows.csv\", label_is = \"same\" }]",
            split,
            "task.kind=classification",
        ],
        &["every document has the label \"same\""],
    );
    refuse(
        &scene,
        &[
            "corpus.sources=[{ path = \"wide.jsonl\", value = [\"x\", \"y\"] }, { path = \"narrow.jsonl\", value = \"x\" }]",
            split,
            "task.kind=regression",
        ],
        &["narrow.jsonl#1 has 1 values, the first document has 2"],
    );
}

#[test]
fn texts_that_a_given_tokenizer_cannot_express_are_named() {
    let scene = Scene::new(STORIES);
    scene
        .write("one.txt", "abc cab bac ".repeat(30))
        .write("other.txt", "abc cab bac ž ".repeat(30));
    let corpus = |name: &str| format!("corpus.sources=[{{ path = \"{name}\" }}]");
    scene
        .prepare(
            "runs/one",
            &[&corpus("one.txt"), "tokenizer={ kind = \"character\" }"],
        )
        .unwrap();
    let file = "tokenizer={ kind = \"file\", path = \"runs/one/tokenizer/tokenizer.json\" }";
    refuse(
        &scene,
        &[&corpus("other.txt"), file],
        &["document other.txt: character 'ž'"],
    );
    refuse(
        &scene,
        &["tokenizer={ kind = \"file\", path = \"none.json\" }"],
        &["none.json"],
    );
}

#[test]
fn a_run_that_is_not_prepared_says_so() {
    let scene = Scene::new(STORIES);
    let recipe = scene.recipe(&[]);
    let run = open_run(&recipe, &scene.path("run")).unwrap();
    let ingested = ingest(&recipe, &run, &Silent, &StopFlag::new()).unwrap();
    assert_eq!(ingested.counts.documents(), 300);
    let error = reopen(&RunFolder::open(&scene.path("run")).unwrap())
        .err()
        .unwrap();
    assert!(matches!(error, Error::NotPrepared { .. }) && error.is_mistake());
    assert!(error.to_string().contains("kiln prepare"), "{error}");
}

#[test]
fn a_manifest_of_another_version_is_not_believed() {
    let scene = Scene::new(STORIES);
    scene.prepare("run", &[]).unwrap();
    for (folder, key) in [("dataset", "key"), ("tokenizer", "key"), ("corpus", "key")] {
        let path = scene.path(&format!("run/{folder}/manifest.json"));
        let mut manifest: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        manifest[key] = "0".repeat(64).into();
        std::fs::write(&path, manifest.to_string()).unwrap();
        let error = scene.prepare("run", &[]).err().unwrap();
        assert!(matches!(error, Error::OtherVersion { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains(&format!("run/{folder} was made by kiln")),
            "{error}"
        );
    }
}
