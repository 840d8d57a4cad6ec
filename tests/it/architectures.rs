//! Each architecture from a recipe to an answer.

use kiln_testkit::{Workspace, recipes};
use serde_json::Value;

use crate::workspace;

/// `[model]` sections of networks that predict the next token.
const LANGUAGE: [&str; 12] = [
    "kind = 'transformer'\nstyle = 'llama'\nlayers = 2\nheads = 4\nkey_value_heads = 2\nwidth = 32",
    "kind = 'transformer'\nstyle = 'qwen3'\nlayers = 2\nheads = 2\nhead_width = 8\nwidth = 32",
    "kind = 'transformer'\nstyle = 'modern'\nlayers = 3\nheads = 2\nwidth = 32\nwindow = 8\nwindow_pattern = 'SL'",
    "kind = 'transformer'\nstyle = 'llama'\nlayers = 2\nheads = 2\nwidth = 32\nexperts = 4\ndropout = 0.1",
    "preset = 'nanogpt-tiny'\nlayers = 1\nwidth = 32",
    "size = 1",
    "kind = 'rnn'\ncell = 'gru'\nwidth = 24",
    "kind = 'rnn'\ncell = 'elman-relu'\nwidth = 24",
    "kind = 'rnn'\nwidth = 24\nprojection = 12",
    "kind = 'rnn'\nwidth = 24\ntied_head = true\nweight_drop = 0.3\nhidden_dropout = 0.2\nactivation_regularisation = 2.0",
    "kind = 'cnn'\nstyle = 'gated'\nlayers = 2\nwidth = 24\nkernel_width = 3",
    "kind = 'cnn'\nstyle = 'dilated'\nlayers = 2\nwidth = 24\nkernel_width = 3",
];

/// `[model]` sections of networks that classify texts.
const CLASSIFIERS: [&str; 4] = [
    "kind = 'transformer'\nstyle = 'bert'\nlayers = 1\nheads = 2\nwidth = 24",
    "kind = 'transformer'\nlayers = 1\nheads = 2\nwidth = 24\npooling = 'mean'",
    "kind = 'rnn'\nbidirectional = true\nwidth = 16\npooling = 'max'",
    "kind = 'cnn'\nstyle = 'zhang'\nfilters = 8\nkernel_widths = [3, 3]\npools = [2, 2]\nhidden_width = 16",
];

/// The recipe with another `[model]`.
fn with_model(recipe: &str, model: &str) -> String {
    let start = recipe.find("[model]").unwrap();
    let end = recipe.find("[optimizer]").unwrap();
    format!("{}[model]\n{model}\n{}", &recipe[..start], &recipe[end..])
}

fn run(workspace: &Workspace, folder: &str, more: &[&str]) {
    let mut arguments = vec![
        "run",
        "tiny.toml",
        "--run-dir",
        folder,
        "--set",
        "train.steps=4",
    ];
    for set in more {
        arguments.extend(["--set", set]);
    }
    let answer = workspace.kiln(&arguments);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

fn json(workspace: &Workspace, arguments: &[&str]) -> Value {
    let answer = workspace.kiln(arguments);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    serde_json::from_str(&answer.stdout).unwrap()
}

#[test]
fn each_language_model_trains_is_scored_and_writes() {
    for model in LANGUAGE {
        let workspace = workspace();
        workspace.write("tiny.toml", with_model(recipes::TRANSFORMER, model));
        run(&workspace, "run", &[]);
        let loss = json(&workspace, &["evaluate", "run", "--json"])["loss"].as_f64();
        // Of 384 ids: no worse than a guess by much, and no better than four steps can be.
        assert!((3.0..7.0).contains(&loss.unwrap()), "{model}: {loss:?}");
        let wrote = json(
            &workspace,
            &["generate", "run", "--tokens", "40", "--seed", "1", "--json"],
        );
        let count = wrote["tokens"].as_u64().unwrap();
        // A text may end before.
        assert!((1..=40).contains(&count), "{model}: {wrote}");
        let plan = json(
            &workspace,
            &["plan", "tiny.toml", "--run-dir", "run", "--json"],
        );
        assert!(plan["parameters"].as_u64().unwrap() > 0, "{model}");
    }
}

#[test]
fn each_classifier_trains_and_predicts() {
    for model in CLASSIFIERS {
        let workspace = workspace();
        workspace.write("tiny.toml", with_model(recipes::CONVOLUTIONAL, model));
        run(&workspace, "run", &[]);
        let text = "Once upon a time there was a fox.\nA word\n";
        let answer = workspace.kiln_with_input(&["predict", "run", "--json"], text);
        assert_eq!(answer.code, 0, "{model}: {}", answer.stderr);
        assert_eq!(answer.stdout.lines().count(), 2, "{model}");
        let first: Value = serde_json::from_str(answer.stdout.lines().next().unwrap()).unwrap();
        let probabilities = first["probabilities"].as_object().unwrap().values();
        let sum: f64 = probabilities.map(|p| p.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{model}: {first}");
    }
}

#[test]
fn activations_that_are_computed_again_give_the_same_weights() {
    let workspace = workspace();
    let model =
        "kind = 'transformer'\nstyle = 'modern'\nlayers = 2\nheads = 2\nwidth = 32\ndropout = 0.2";
    workspace.write("tiny.toml", with_model(recipes::TRANSFORMER, model));
    run(&workspace, "kept", &[]);
    run(
        &workspace,
        "again",
        &["train.activation_checkpointing=true"],
    );
    let weights = |run: &str| {
        workspace.read(&format!(
            "{run}/checkpoints/step-00000004/model.safetensors"
        ))
    };
    assert_eq!(weights("kept"), weights("again"));
}
