use std::time::{Duration, Instant};

use kiln_testkit::{Workspace, recipes};

use crate::workspace;

const RUN: [&str; 4] = ["run", "tiny.toml", "--run-dir", "run"];

/// Files of the last checkpoint that must be equal to the bit.
const EXACT: [&str; 2] = ["model.safetensors", "optimizer.safetensors"];

fn last(workspace: &Workspace) -> String {
    let checkpoints = workspace.names("run/checkpoints");
    let step = checkpoints.iter().rfind(|name| name.starts_with("step-"));
    step.cloned().unwrap_or_default()
}

fn finished(recipe: &str) -> Workspace {
    let workspace = workspace();
    workspace.write("tiny.toml", recipe);
    let answer = workspace.kiln(&RUN);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    workspace
}

/// Steps and losses of the log, without the times.
fn losses(workspace: &Workspace) -> Vec<(u64, String, String)> {
    let text = String::from_utf8(workspace.read("run/metrics.jsonl")).unwrap();
    text.lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let number = |key: &str| record[key].to_string();
            (
                record["step"].as_u64().unwrap(),
                number("train_loss"),
                number("validation_loss"),
            )
        })
        .collect()
}

/// Kill the run with SIGKILL each time a few more checkpoints stand, at another distance from the save, until it ends by itself.
fn killed_often(recipe: &str) -> (Workspace, usize) {
    let workspace = workspace();
    workspace.write("tiny.toml", recipe);
    let mut kills = 0;
    loop {
        let before = last(&workspace);
        let mut child = workspace.start(&RUN);
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() && last(&workspace) <= before {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "no progress after {before}"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(7 * kills as u64 % 40));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        if status.success() {
            return (workspace, kills);
        }
        assert_eq!(status.code(), None, "ended by itself with a failure");
        kills += 1;
    }
}

fn check(recipe: &str) {
    let whole = finished(recipe);
    let (killed, kills) = killed_often(recipe);
    assert!(kills >= 3, "only {kills} kills hit the run");
    assert_eq!(last(&whole), last(&killed));
    for file in EXACT {
        let name = format!("run/checkpoints/{}/{file}", last(&whole));
        assert!(
            whole.read(&name) == killed.read(&name),
            "{file} differs after {kills} kills"
        );
    }
    assert_eq!(losses(&whole), losses(&killed));
    let leftovers = killed.names("run/checkpoints");
    assert!(
        leftovers.iter().all(|name| name.starts_with("step-")),
        "{leftovers:?}"
    );
}

#[test]
fn a_killed_transformer_ends_with_the_same_bits() {
    check(recipes::TRANSFORMER);
}

#[test]
fn a_killed_lstm_with_carried_state_ends_with_the_same_bits() {
    check(recipes::RECURRENT);
}

#[test]
fn a_killed_cnn_ends_with_the_same_bits() {
    check(recipes::CONVOLUTIONAL);
}

/// Micro-batches only cut the work: the gradient is that of the whole batch, and dropout is drawn for each row by its place.
#[test]
fn accumulation_gives_the_large_batch() {
    let accumulated = finished(recipes::TRANSFORMER);
    let at_once = finished(&recipes::TRANSFORMER.replace("micro_batch_size = 3\n", ""));
    for ((step, one, _), (other_step, other, _)) in
        losses(&accumulated).iter().zip(losses(&at_once))
    {
        assert_eq!(*step, other_step);
        let (one, other): (f64, f64) = (one.parse().unwrap(), other.parse().unwrap());
        assert!(
            (one - other).abs() < 2e-3 * other,
            "step {step}: {one} and {other}"
        );
    }
}

#[test]
fn an_interrupt_saves_says_so_and_goes_on() {
    let workspace = workspace();
    workspace.write(
        "tiny.toml",
        recipes::TRANSFORMER.replace("steps = 60", "steps = 3000"),
    );
    let mut child = workspace.start(&RUN);
    while last(&workspace).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Saved at the step where it stopped, not at the last multiple of five by chance: its records go up to there.
    let step: u64 = last(&workspace)
        .trim_start_matches("step-")
        .parse()
        .unwrap();
    assert!(step > 0 && step < 3000);
    let busy = workspace.kiln(&["inspect", "run", "--json"]);
    assert_eq!(busy.code, 0, "{}", busy.stderr);
}

#[test]
fn a_second_process_on_a_run_is_refused() {
    let workspace = workspace();
    workspace.write(
        "tiny.toml",
        recipes::TRANSFORMER.replace("steps = 60", "steps = 3000"),
    );
    let mut child = workspace.start(&RUN);
    while last(&workspace).is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = workspace.kiln(&["run", "tiny.toml", "--run-dir", "run"]);
    assert_eq!(second.code, 2, "{}", second.stderr);
    assert!(
        second.error().contains("is in use by process"),
        "{}",
        second.stderr
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
