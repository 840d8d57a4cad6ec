use kiln_testkit::{Workspace, recipes};
use serde_json::Value;

use crate::workspace;

fn trained(recipe: &str) -> Workspace {
    let workspace = workspace();
    workspace.write("tiny.toml", recipe);
    let answer = workspace.kiln(&["run", "tiny.toml", "--run-dir", "run", "--json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let summary: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(summary["interrupted"], false);
    workspace
}

fn json(workspace: &Workspace, arguments: &[&str]) -> Value {
    let answer = workspace.kiln(arguments);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(answer.stdout.lines().count(), 1);
    serde_json::from_str(&answer.stdout).unwrap()
}

fn records(workspace: &Workspace) -> Vec<Value> {
    let text = String::from_utf8(workspace.read("run/metrics.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_language_model_learns_scores_and_writes() {
    let workspace = trained(recipes::TRANSFORMER);
    let records = records(&workspace);
    let losses: Vec<f64> = records
        .iter()
        .filter_map(|record| record["validation_loss"].as_f64())
        .collect();
    assert_eq!(losses.len(), 3);
    assert!(losses[2] < losses[0], "{losses:?}");
    for key in [
        "step",
        "tokens",
        "seconds",
        "train_loss",
        "learning_rate",
        "gradient_norm",
        "tokens_per_second",
        "memory_bytes",
    ] {
        assert!(records[0][key].is_number(), "{key} in {}", records[0]);
    }
    let scores = json(&workspace, &["evaluate", "run", "--json"]);
    assert_eq!(scores["loss"].as_f64().unwrap(), losses[2]);
    let excess = scores["excess_loss"].as_f64().unwrap();
    let entropy = scores["true_entropy"].as_f64().unwrap();
    assert!(
        entropy > 0.0 && excess > 0.0,
        "no model beats the true entropy by learning: {scores}"
    );
    assert!((entropy + excess - losses[2]).abs() < 1e-9);
    assert!(scores["bits_per_byte"].as_f64().unwrap() > 0.0);
    assert_eq!(scores["context_length"], 24.0);
    let newest = workspace.names("run/checkpoints").pop().unwrap();
    let folder = workspace.path("run/checkpoints");
    for (place, path) in [
        (folder.clone(), newest.clone()),
        (folder.join(newest), ".".to_owned()),
    ] {
        let mut command = workspace.command(&["evaluate", &path, "--json"]);
        let output = command.current_dir(place).output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer, scores, "a checkpoint named by a relative path");
    }

    let generate = |seed: &str| {
        json(
            &workspace,
            &[
                "generate", "run", "--prompt", "The", "--tokens", "30", "--seed", seed, "--json",
            ],
        )
    };
    assert_eq!(generate("1"), generate("1"));
    assert_ne!(generate("1")["text"], generate("2")["text"]);
    // Longer than the context: the window moves on.
    let long = json(
        &workspace,
        &[
            "generate",
            "run",
            "--tokens",
            "90",
            "--temperature",
            "0",
            "--json",
        ],
    );
    assert!(long["tokens"].as_u64().unwrap() <= 90);
    let plain = workspace.kiln(&[
        "generate", "run", "--prompt", "The", "--tokens", "30", "--seed", "1",
    ]);
    let text = generate("1")["text"].as_str().unwrap().to_owned();
    assert_eq!(plain.stdout, format!("The{text}\n"));
}

#[test]
fn a_finished_run_does_nothing_twice() {
    let workspace = trained(recipes::RECURRENT);
    let before = workspace.read("run/metrics.jsonl");
    let again = workspace.kiln(&["run", "tiny.toml", "--run-dir", "run", "--resume"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(workspace.read("run/metrics.jsonl"), before);
    assert!(again.stdout.contains("sample 1"), "{}", again.stdout);
    assert_eq!(workspace.kiln(&["verify", "run"]).code, 0);
}

#[test]
fn a_classifier_predicts_each_line() {
    let workspace = trained(recipes::CONVOLUTIONAL);
    let scores = json(&workspace, &["evaluate", "run", "--json"]);
    assert!(scores["accuracy"].as_f64().unwrap() > 0.0, "{scores}");
    assert!(scores["f1_macro"].is_number());
    let input = "A long walk over the hills.\nNobody knew where the key was.\n";
    let answer = workspace.kiln_with_input(&["predict", "run", "--json"], input);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let lines: Vec<Value> = answer
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        let shares = line["probabilities"].as_object().unwrap();
        let sum: f64 = shares.values().map(|share| share.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9);
        let label = line["label"].as_str().unwrap();
        let best = shares
            .values()
            .map(|share| share.as_f64().unwrap())
            .fold(0.0, f64::max);
        assert_eq!(shares[label].as_f64().unwrap(), best);
    }
    // The same line alone gives the same answer: padding does not matter.
    let alone = workspace.kiln_with_input(&["predict", "run"], "A long walk over the hills.\n");
    assert_eq!(alone.stdout.trim(), lines[0]["label"]);
}

#[test]
fn a_regressor_predicts_in_the_units_of_its_data() {
    let workspace = workspace();
    // Numbers far from zero: what the network learns is standardised, what it says is not.
    let mut rows = String::from("text,weight\n");
    for number in 0..120 {
        let (word, weight) = if number % 2 == 0 {
            ("stone", 5100)
        } else {
            ("feather", 5000)
        };
        rows += &format!("a {word} of number {number},{}\n", weight + number % 3);
    }
    workspace.write("weights.csv", rows);
    let recipe = recipes::REGRESSION
        .replace(
            "{ format = \"stories\", documents = 120 }",
            "{ path = \"weights.csv\", value = \"weight\" }",
        )
        .replace("vocabulary_size = 384", "vocabulary_size = 270")
        .replace("steps = 40", "steps = 150");
    workspace.write("tiny.toml", recipe);
    let answer = workspace.kiln(&["run", "tiny.toml", "--run-dir", "run"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let answer = workspace.kiln_with_input(
        &["predict", "run", "--json"],
        "a stone of number 7\na feather of number 8\n",
    );
    let values: Vec<f64> = answer
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["value"]
                .as_f64()
                .unwrap()
        })
        .collect();
    assert!(
        (values[0] - 5101.0).abs() < 25.0 && (values[1] - 5001.0).abs() < 25.0,
        "{values:?}"
    );
    let scores = json(
        &workspace,
        &["evaluate", "run", "--data", "weights.csv", "--json"],
    );
    assert!(scores["pearson"].as_f64().unwrap() > 0.9, "{scores}");
}

#[test]
fn other_data_can_be_scored() {
    let workspace = trained(recipes::TRANSFORMER);
    workspace.write("other.txt", "QZX 0987 {}~ JKV; ".repeat(80));
    let other = json(
        &workspace,
        &["evaluate", "run", "--data", "other.txt", "--json"],
    );
    let own = json(&workspace, &["evaluate", "run", "--json"]);
    assert!(other["loss"].as_f64().unwrap() > own["loss"].as_f64().unwrap());
    assert!(
        other.get("excess_loss").is_none(),
        "only generated text has a known entropy"
    );
}
