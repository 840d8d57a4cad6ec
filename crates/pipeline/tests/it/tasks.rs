//! What a prepared dataset holds, for each task.

use kiln_corpus::DocumentReader;
use kiln_dataset::{Examples, TaskConfig, Tokens};
use kiln_pipeline::{Error, HeldOut, Plan, Prepared, hold_out, reopen};
use kiln_run::RunFolder;
use kiln_text::Document;
use std::path::PathBuf;

use crate::scene::{STORIES, Scene};

fn documents(paths: &[PathBuf]) -> Vec<Document> {
    DocumentReader::new(paths.to_vec())
        .map(Result::unwrap)
        .collect()
}

fn text(prepared: &Prepared, shards: &[PathBuf]) -> String {
    let tokens = Tokens::open("any", shards).unwrap();
    let mut ids = Vec::new();
    tokens.append(0..tokens.len(), &mut ids);
    let ids: Vec<u32> = ids.into_iter().map(|id| id.try_into().unwrap()).collect();
    String::from_utf8(prepared.tokenizer.decode(&ids).unwrap()).unwrap()
}

#[test]
fn the_ids_of_a_language_model_are_the_whole_text_cut_at_the_tail() {
    let scene = Scene::new(STORIES);
    let whole = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.\n".repeat(100);
    scene.write("text.txt", &whole);
    let overrides = [
        "corpus.sources=[{ path = \"text.txt\" }]",
        "corpus.split={ method = \"tail\", validation = 0.1 }",
        "tokenizer={ kind = \"character\" }",
    ];
    let prepared = scene.prepare("run", &overrides).unwrap();
    // nanoGPT: n = len(data); train = data[:int(n * 0.9)]
    let count = whole.chars().count();
    let cut = (count as f64 * 0.9) as usize;
    let (train, held_out): (String, String) = (
        whole.chars().take(cut).collect(),
        whole.chars().skip(cut).collect(),
    );
    assert_eq!(text(&prepared, &prepared.train), train);
    assert_eq!(text(&prepared, &prepared.validation), held_out);
    let counts = prepared.train_counts;
    assert_eq!((counts.tokens, counts.characters), (cut as u64, cut as u64));
    assert_eq!(counts.bytes, train.len() as u64);
    assert_eq!(counts.nats, None);
    assert_eq!(prepared.tokenizer.vocabulary_size(), {
        let mut characters: Vec<_> = whole.chars().collect();
        characters.sort_unstable();
        characters.dedup();
        characters.len()
    });
}

#[test]
fn documents_end_in_a_separator_and_the_entropy_of_stories_is_known() {
    let scene = Scene::new(STORIES);
    let prepared = scene.prepare("run", &[]).unwrap();
    let stored = documents(&prepared.train_documents);
    assert_eq!(stored.len() as u64, prepared.train_counts.documents);
    let nats: f64 = stored
        .iter()
        .map(|story| -story.log_probability().unwrap())
        .sum();
    assert!((prepared.train_counts.nats.unwrap() - nats).abs() < 1e-6 * nats);
    assert!(prepared.train.len() > 3, "{:?}", prepared.train);

    let tokens = Tokens::open("train", &prepared.train).unwrap();
    assert_eq!(tokens.len(), prepared.train_counts.tokens);
    assert_eq!(tokens.document_ends().count(), stored.len());
    let mut ids = Vec::new();
    let first_end = tokens.document_ends().next().unwrap();
    tokens.append(0..first_end, &mut ids);
    assert_eq!(
        ids.last(),
        prepared.tokenizer.end_of_text().map(i64::from).as_ref()
    );
    let joined: String = stored.iter().map(|story| story.text.as_str()).collect();
    assert_eq!(text(&prepared, &prepared.train), joined);

    let without = scene
        .prepare("without", &["dataset.separator=none"])
        .unwrap();
    let separators = prepared.train_counts.tokens - without.train_counts.tokens;
    assert_eq!(separators, stored.len() as u64);
}

#[test]
fn classes_are_numbered_and_long_texts_cut_and_counted() {
    let scene = Scene::new(STORIES);
    let overrides = ["task.kind=classification", "dataset.context_length=600"];
    let prepared = scene.prepare("run", &overrides).unwrap();
    let labels = prepared.labels.as_ref().unwrap();
    assert!(labels.len() > 2);
    let examples = Examples::open("validation", &prepared.validation).unwrap();
    let stored = documents(&prepared.validation_documents);
    assert_eq!(examples.len(), stored.len() as u64);
    let (mut cut, mut tokens) = (0, 0);
    for (index, document) in stored.iter().enumerate() {
        let label = examples.label(index as u64).unwrap();
        assert_eq!(labels.name(label as usize), document.label());
        let mut ids = Vec::new();
        prepared.tokenizer.encode(&document.text, &mut ids).unwrap();
        cut += u64::from(ids.len() > 600);
        ids.truncate(600);
        tokens += ids.len() as u64;
        let mut kept = Vec::new();
        examples.append(index as u64, &mut kept);
        assert!(
            kept.iter().eq(ids
                .iter()
                .map(|id| i64::from(*id))
                .collect::<Vec<_>>()
                .iter())
        );
    }
    assert!(
        cut > 0 && cut < stored.len() as u64,
        "{cut} of {}",
        stored.len()
    );
    assert_eq!(
        (
            prepared.validation_counts.cut_examples,
            prepared.validation_counts.tokens
        ),
        (cut, tokens)
    );
}

#[test]
fn numbers_stay_raw_and_their_scale_is_that_of_the_training_split() {
    let scene = Scene::new(STORIES);
    let prepared = scene.prepare("run", &["task.kind=regression"]).unwrap();
    let stored = documents(&prepared.train_documents);
    let values: Vec<f64> = stored
        .iter()
        .map(|document| document.values().unwrap()[0])
        .collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / values.len() as f64;
    let [scale] = prepared.scales.as_ref().unwrap()[..] else {
        panic!("{:?}", prepared.scales)
    };
    assert!((scale.mean - mean).abs() < 1e-9, "{scale:?} {mean}");
    assert!(
        (scale.standard_deviation - variance.sqrt()).abs() < 1e-9,
        "{scale:?} {variance}"
    );
    let examples = Examples::open("train", &prepared.train).unwrap();
    for (index, value) in values.iter().enumerate() {
        assert_eq!(examples.values(index as u64).unwrap(), [*value as f32]);
    }
}

#[test]
fn a_prepared_run_opens_again_without_its_recipe() {
    let scene = Scene::new(STORIES);
    for (task, kind) in [
        ("language-model", TaskConfig::LanguageModel),
        ("classification", TaskConfig::Classification),
        ("regression", TaskConfig::Regression),
    ] {
        let prepared = scene
            .prepare(task, &[&format!("task.kind={task}")])
            .unwrap();
        let again = reopen(&RunFolder::open(&scene.path(task)).unwrap()).unwrap();
        assert_eq!(again.task, kind);
        assert_eq!(again.key, prepared.key);
        assert_eq!(again.train, prepared.train);
        assert_eq!(again.validation_documents, prepared.validation_documents);
        assert_eq!(again.labels, prepared.labels);
        assert_eq!(again.scales, prepared.scales);
        assert_eq!(again.validation_counts, prepared.validation_counts);
        assert_eq!(again.tokenizer.identity(), prepared.tokenizer.identity());
    }
}

#[test]
fn one_thread_and_several_give_the_same_bytes() {
    let scene = Scene::new(STORIES);
    for (run, threads) in [("one/run", 1), ("three/run", 3)] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| scene.prepare(run, &[])).unwrap();
    }
    crate::scene::assert_same_contents(&scene.path("one/run"), &scene.path("three/run"));
}

/// Documents at `name`, scored as the recipe of these overrides reads its own.
fn held_out(scene: &Scene, overrides: &[&str], name: &str) -> Result<HeldOut, Error> {
    let prepared = scene.prepare("run", overrides).unwrap();
    let plan = Plan::read(&scene.recipe(overrides)).unwrap();
    let tokenizer = prepared.tokenizer.as_ref();
    hold_out(
        &plan,
        &scene.path(name),
        tokenizer,
        prepared.labels.as_ref(),
    )
}

#[test]
fn other_data_is_read_as_the_first_source_is() {
    for (source, contents, name, documents) in [
        ("path = \"a.txt\", format = \"lines\"", "One.\n", "b.txt", 5),
        ("path = \"a.txt\", format = \"lines\"", "One.\n", "b.pos", 5),
        ("path = \"a.txt\"", "One.\n", "b.txt", 1),
        (
            "path = \"a.txt\", format = \"csv\", columns = [\"text\"]",
            "One.\n",
            "b.dat",
            5,
        ),
        (
            "path = \"a.txt\", format = \"jsonl\"",
            "{\"text\":\"One.\"}\n",
            "b.jsonl",
            5,
        ),
    ] {
        let scene = Scene::new(STORIES);
        let differing: String = (0..99)
            .map(|number| contents.replace("One", &format!("One {number}")))
            .collect();
        scene
            .write("a.txt", differing)
            .write(name, contents.repeat(5));
        let source = format!("corpus.sources=[{{ {source} }}]");
        let overrides = [source.as_str(), "tokenizer={ kind = \"byte\" }"];
        let held = held_out(&scene, &overrides, name).unwrap();
        assert_eq!(held.counts.documents, documents, "{source} {name}");
    }
}

#[test]
fn data_of_one_class_is_not_scored_as_the_first_sources() {
    let scene = Scene::new(STORIES);
    for name in ["good", "bad"] {
        let lines: String = (0..50).map(|line| format!("{name} {line}\n")).collect();
        scene.write(name, lines);
    }
    let sources = "corpus.sources=[{ path = \"good\", format = \"lines\", label_is = \"good\" }, \
                   { path = \"bad\", format = \"lines\", label_is = \"bad\" }]";
    let error = held_out(&scene, &[sources, "task.kind=classification"], "bad")
        .err()
        .unwrap();
    assert!(error.is_mistake());
    assert!(error.to_string().contains("no label of its own"), "{error}");
}

#[test]
fn two_held_out_sets_do_not_disturb_each_other() {
    let scene = Scene::new(STORIES);
    scene
        .write("a.txt", "Some text.\n".repeat(9))
        .write("b.txt", "Some other text.\n".repeat(9));
    let overrides = ["tokenizer={ kind = \"byte\" }"];
    let one = held_out(&scene, &overrides, "a.txt").unwrap();
    let other = held_out(&scene, &overrides, "b.txt").unwrap();
    for (held, bytes) in [(&one, 99), (&other, 153)] {
        let tokens = Tokens::open("held-out", &held.shards).unwrap();
        assert_eq!(tokens.len(), bytes);
    }
    let shard = one.shards[0].clone();
    drop(one);
    assert!(!shard.exists() && other.shards[0].exists());
}
