use kiln_testkit::{Answer, Workspace, recipes};

use crate::workspace;

/// One clear line, no backtrace, the right exit code, and the words that a person needs.
fn refused(answer: &Answer, code: i32, words: &[&str]) {
    assert_eq!(answer.code, code, "{}", answer.stderr);
    let errors: Vec<&str> = answer
        .stderr
        .lines()
        .filter(|line| line.starts_with("kiln: "))
        .collect();
    assert_eq!(errors.len(), 1, "{}", answer.stderr);
    assert_eq!(
        answer.error(),
        errors[0],
        "something follows the error: {}",
        answer.stderr
    );
    for word in words {
        assert!(errors[0].contains(word), "no {word:?} in: {}", errors[0]);
    }
    for noise in ["backtrace", "panicked", "internal error"] {
        assert!(!answer.stderr.contains(noise), "{}", answer.stderr);
    }
}

/// Nothing that looks finished: no temporary file outlives the process, no stage has a manifest unless it is whole.
fn nothing_half_written(workspace: &Workspace) {
    for stage in [
        "run/corpus",
        "run/tokenizer",
        "run/dataset",
        "run/checkpoints",
    ] {
        for name in workspace.names(stage) {
            assert!(!name.contains(".tmp"), "{stage}/{name} was left");
        }
    }
}

fn run_with(files: &[(&str, &[u8])], recipe: &str) -> (Workspace, Answer) {
    let workspace = workspace();
    for (name, bytes) in files {
        workspace.write(name, bytes);
    }
    workspace.write("tiny.toml", recipe);
    let answer = workspace.kiln(&["run", "tiny.toml", "--run-dir", "run"]);
    (workspace, answer)
}

fn with_source(recipe: &str, source: &str) -> String {
    let start = recipe.find("sources = ").unwrap();
    let end = start + recipe[start..].find('\n').unwrap();
    format!("{}sources = [{source}]{}", &recipe[..start], &recipe[end..])
}

#[test]
fn a_wrong_recipe_names_the_line_the_key_and_what_was_meant() {
    let swaps: [(&str, &str, &[&str]); 11] = [
        (
            "warmup_steps = 5",
            "warmup_stepz = 5",
            &[
                "`warmup_stepz`",
                "[schedule]",
                "did you mean `warmup_steps`?",
            ],
        ),
        (
            "layers = 2",
            "layers = \"two\"",
            &["layers = \"two\"", "expected a whole number"],
        ),
        (
            "[schedule]",
            "[shedule]",
            &["[shedule]", "did you mean [schedule]?"],
        ),
        (
            "kind = \"transformer\"",
            "kind = \"tranformer\"",
            &["transformer"],
        ),
        (
            "heads = 2",
            "heads = 3",
            &["heads", "3 heads do not divide a width of 32"],
        ),
        (
            "micro_batch_size = 3",
            "micro_batch_size = 4",
            &["4 does not divide the batch of 6"],
        ),
        (
            "steps = 60\n",
            "steps = 60\nepochs = 2\n",
            &["the length is given twice"],
        ),
        (
            "dropout = 0.1",
            "dropout = 1.0",
            &["dropout", "less than 1"],
        ),
        (
            "learning_rate = 3e-3",
            "learning_rate = -1.0",
            &["learning_rate", "above 0"],
        ),
        (
            "order = \"windows\"",
            "order = \"streams\"",
            &["order", "recurrent"],
        ),
        (
            "threads = 1",
            "precision = \"fp8\"",
            &[
                "precision",
                "expected \"auto\", \"fp32\", \"bf16\" or \"fp16\"",
            ],
        ),
    ];
    for (right, wrong, words) in swaps {
        let recipe = recipes::TRANSFORMER.trim_start().replacen(right, wrong, 1);
        assert_ne!(recipe, recipes::TRANSFORMER.trim_start(), "{right}");
        let (workspace, answer) = run_with(&[], &recipe);
        refused(&answer, 2, words);
        let before = &recipe[..recipe.find(wrong).unwrap()];
        let line = 1 + before
            .lines()
            .count()
            .saturating_sub(usize::from(!before.ends_with('\n')));
        let place = format!("tiny.toml:{line}: ");
        assert!(
            answer.error().contains(&place) || wrong.contains('\n'),
            "not {place}{}",
            answer.stderr
        );
        assert!(
            !workspace.path("run").exists(),
            "work began with a wrong recipe: {wrong}"
        );
    }
}

#[test]
fn sections_that_do_not_fit_together_are_refused() {
    for (style, answer_of) in [
        ("bert", "an encoder sees the tokens after a place"),
        ("t5", "an encoder-decoder reads a source"),
    ] {
        let model = format!("[model]\nstyle = \"{style}\"");
        let recipe = recipes::TRANSFORMER.replace("[model]", &model);
        let (_, answer) = run_with(&[], &recipe);
        let place = format!("[model] style = \"{style}\"");
        refused(&answer, 2, &[&place, answer_of]);
    }
    let recipe = recipes::CONVOLUTIONAL.replace("\"classification\"", "\"language-model\"");
    let (_, answer) = run_with(&[], &recipe);
    refused(
        &answer,
        2,
        &[
            "[model] kind = \"cnn\"",
            "choose \"transformer\" or \"rnn\"",
        ],
    );
}

#[test]
fn overrides_are_checked_like_the_recipe() {
    let workspace = workspace();
    workspace.write("tiny.toml", recipes::TRANSFORMER);
    let run = |set: &str| workspace.kiln(&["run", "tiny.toml", "--run-dir", "run", "--set", set]);
    refused(
        &run("schedule.warmup_stepz=3"),
        2,
        &["warmup_stepz", "did you mean `warmup_steps`?"],
    );
    refused(
        &run("train.steps=many"),
        2,
        &["train.steps", "expected a whole number"],
    );
    refused(&run("train"), 2, &["--set"]);
    refused(
        &workspace.kiln(&["run", "missing.toml"]),
        2,
        &["missing.toml", "no such file"],
    );
}

#[test]
fn a_corpus_that_cannot_be_read_is_named() {
    let story = "{ path = \"texts\" }";
    type Case<'a> = (&'a [(&'a str, &'a [u8])], &'a str, &'a [&'a str]);
    let cases: [Case<'_>; 6] = [
        (&[], story, &["texts", "does not exist"]),
        (&[("texts/a.txt", b"")], story, &["empty"]),
        (
            &[("texts/a.txt", b"good\nbad \xff\n")],
            "{ path = \"texts/a.txt\", encoding = \"utf-8\" }",
            &["texts/a.txt", "byte 9", "UTF-8"],
        ),
        (
            &[("texts/a.png", b"\x89PNG")],
            "{ path = \"texts/a.png\" }",
            &["a.png", "format"],
        ),
        (
            &[("a.csv", b"text,label\nfine,good\nalone\n")],
            "{ path = \"a.csv\" }",
            &["a.csv:3", "1", "2"],
        ),
        (
            &[("a.jsonl", b"{\"text\": \"fine\"}\n{\"text\": \n")],
            "{ path = \"a.jsonl\" }",
            &["a.jsonl:2"],
        ),
    ];
    for (files, source, words) in cases {
        let (workspace, answer) = run_with(files, &with_source(recipes::TRANSFORMER, source));
        refused(&answer, 2, words);
        nothing_half_written(&workspace);
    }
}

#[test]
fn a_context_longer_than_a_split_is_refused_with_both_numbers() {
    // 48 stories to train on and 12 held out, of some 400 tokens each.
    for (length, split) in [("10000", "validation"), ("100000", "train")] {
        let context = format!("context_length = {length}");
        let recipe = recipes::TRANSFORMER.replace("context_length = 24", &context);
        let (workspace, answer) = run_with(&[], &recipe);
        let manifest = workspace.read("run/dataset/manifest.json");
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let tokens = manifest["counts"][format!("{split}_tokens")].to_string();
        refused(&answer, 2, &[split, length, &tokens, "context_length"]);
    }
}

#[test]
fn a_truncated_shard_and_a_changed_input_are_found() {
    let source = with_source(
        recipes::TRANSFORMER,
        "{ path = \"texts\", format = \"text\" }",
    )
    .replace("method = \"random\"", "method = \"tail\"")
    .replace("vocabulary_size = 384", "vocabulary_size = 260");
    let text =
        "The quick brown fox jumps over the lazy dog, and nobody minds it at all.\n".repeat(200);
    let (workspace, answer) = run_with(&[("texts/a.txt", text.as_bytes())], &source);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let run = || workspace.kiln(&["run", "tiny.toml", "--run-dir", "run"]);
    let shard = workspace
        .names("run/dataset")
        .into_iter()
        .find(|name| name.starts_with("train-"))
        .unwrap();
    let name = format!("run/dataset/{shard}");
    let whole = workspace.read(&name);
    workspace.write(&name, &whole[..whole.len() - 10]);
    refused(&run(), 1, &[&shard, "cut short"]);
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    workspace.write(&name, &flipped);
    refused(&workspace.kiln(&["verify", "run"]), 1, &[&shard]);
    workspace.write(&name, &whole);
    assert_eq!(workspace.kiln(&["verify", "run"]).code, 0);
    let manifest = workspace.read("run/dataset/manifest.json");
    std::fs::remove_file(workspace.path("run/dataset/manifest.json")).unwrap();
    refused(
        &workspace.kiln(&["verify", "run"]),
        2,
        &["run/dataset", "manifest"],
    );
    workspace.write("run/dataset/manifest.json", &manifest);
    workspace.write("texts/a.txt", text.replace("fox", "cat"));
    refused(&run(), 2, &["texts/a.txt", "--run-dir"]);
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before() {
    let (workspace, answer) = run_with(&[], recipes::TRANSFORMER);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let newest = workspace.names("run/checkpoints").last().unwrap().clone();
    let weights = format!("run/checkpoints/{newest}/model.safetensors");
    let good = workspace.read(&weights);
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 0x10;
    workspace.write(&weights, &bad);
    // Named itself, it is refused.
    let folder = format!("run/checkpoints/{newest}");
    let answer = workspace.kiln(&["generate", &folder]);
    refused(&answer, 1, &["model.safetensors", "damaged"]);
    // The run goes on from the one before, says so, and ends with the same weights.
    let answer = workspace.kiln(&["run", "tiny.toml", "--run-dir", "run"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(
        answer
            .stderr
            .contains("going on with the checkpoint before it"),
        "{}",
        answer.stderr
    );
    assert!(workspace.read(&weights) == good);
    // What was set aside stays to be looked at, and is no part of the run.
    assert_eq!(workspace.kiln(&["verify", "run"]).code, 0);
}

#[test]
fn a_run_folder_belongs_to_one_recipe() {
    let (workspace, answer) = run_with(&[], recipes::TRANSFORMER);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let other = workspace.kiln(&[
        "run",
        "tiny.toml",
        "--run-dir",
        "run",
        "--set",
        "train.steps=70",
    ]);
    refused(&other, 2, &["run", "train.steps", "60", "70", "--run-dir"]);
    // Another folder beside it takes its data over: nothing is tokenized again.
    let beside = workspace.kiln(&[
        "run",
        "tiny.toml",
        "--run-dir",
        "other",
        "--set",
        "train.steps=70",
    ]);
    assert_eq!(beside.code, 0, "{}", beside.stderr);
    let shard = workspace
        .names("run/dataset")
        .into_iter()
        .find(|name| name.starts_with("train-"))
        .unwrap();
    let inode = |run: &str| {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(workspace.path(&format!("{run}/dataset/{shard}")))
            .unwrap()
            .ino()
    };
    assert_eq!(inode("run"), inode("other"));
}

#[test]
fn models_are_used_for_what_they_are() {
    let (workspace, answer) = run_with(&[], recipes::CONVOLUTIONAL);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    refused(&workspace.kiln(&["generate", "run"]), 2, &["kiln predict"]);
    refused(
        &workspace.kiln_with_input(&["predict", "run"], "a text\n\nanother\n"),
        2,
        &["standard input:2"],
    );
    workspace.write("other.csv", "text,label\nA short tale.,no-such-theme\n");
    let answer = workspace.kiln(&["evaluate", "run", "--data", "other.csv"]);
    refused(&answer, 2, &["no label"]);
    refused(&workspace.kiln(&["evaluate", "nowhere"]), 2, &["nowhere"]);
}

#[test]
fn a_tokenizer_that_is_not_the_models_is_found() {
    let (workspace, answer) = run_with(&[], recipes::RECURRENT);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    // A checkpoint of another vocabulary in the run's place.
    let other = recipes::RECURRENT.replace("kind = \"character\"", "kind = \"byte\"");
    workspace.write("other.toml", other);
    let answer = workspace.kiln(&["run", "other.toml", "--run-dir", "bytes"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    for name in workspace.names("run/checkpoints") {
        std::fs::remove_dir_all(workspace.path(&format!("run/checkpoints/{name}"))).unwrap();
    }
    for name in workspace.names("bytes/checkpoints") {
        let (from, to) = (
            format!("bytes/checkpoints/{name}"),
            format!("run/checkpoints/{name}"),
        );
        std::fs::rename(workspace.path(&from), workspace.path(&to)).unwrap();
    }
    let answer = workspace.kiln(&["run", "tiny.toml", "--run-dir", "run"]);
    refused(&answer, 2, &["tokenizer"]);
    let answer = workspace.kiln(&["evaluate", "run"]);
    refused(&answer, 2, &["tokenizer"]);
}

#[test]
fn a_full_disk_is_one_line_and_what_was_finished_stays() {
    let workspace = workspace();
    // The dataset fits under the limit, a checkpoint of a wider model does not.
    let recipe = recipes::TRANSFORMER.replace("width = 32", "width = 128");
    workspace.write("tiny.toml", &recipe);
    let run = ["run", "tiny.toml", "--run-dir", "run"];
    let answer = workspace.kiln_limited("ulimit -f 400", &run);
    refused(&answer, 1, &["safetensors", "no space left"]);
    nothing_half_written(&workspace);
    assert!(workspace.names("run/checkpoints").is_empty());
    // With room again, the same command ends as if nothing had been.
    let answer = workspace.kiln(&run);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    // No room even for the documents.
    let small = crate::workspace();
    small.write(
        "tiny.toml",
        recipes::TRANSFORMER.replace("documents = 60", "documents = 3000"),
    );
    let answer = small.kiln_limited("ulimit -f 8", &["prepare", "tiny.toml", "--run-dir", "run"]);
    refused(&answer, 1, &["run/", "no space left"]);
    nothing_half_written(&small);
    assert_eq!(
        small
            .kiln(&["prepare", "tiny.toml", "--run-dir", "run"])
            .code,
        0
    );
}
