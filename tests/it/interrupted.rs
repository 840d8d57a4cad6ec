use std::time::{Duration, Instant};

use kiln_testkit::{Workspace, recipes};

use crate::workspace;

pub(crate) const RUN: [&str; 4] = ["run", "tiny.toml", "--run-dir", "run"];

/// The files of the last checkpoint, but for those that tell times.
fn exact(workspace: &Workspace) -> Vec<String> {
    let mut files = workspace.names(&format!("run/checkpoints/{}", last(workspace)));
    files.retain(|name| name != "manifest.json" && name != "state.json");
    assert!(files.len() >= 4, "{files:?}");
    files
}

/// `state.json` without the seconds.
fn state(workspace: &Workspace) -> serde_json::Value {
    let bytes = workspace.read(&format!("run/checkpoints/{}/state.json", last(workspace)));
    let mut state: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert!(state.as_object_mut().unwrap().remove("seconds").is_some());
    state
}

pub(crate) fn same_end(one: &Workspace, other: &Workspace, how: &str) {
    assert_eq!(last(one), last(other));
    assert_eq!(exact(one), exact(other));
    for file in exact(one) {
        let name = format!("run/checkpoints/{}/{file}", last(one));
        assert!(one.read(&name) == other.read(&name), "{file} differs {how}");
    }
    assert_eq!(state(one), state(other));
}

pub(crate) fn last(workspace: &Workspace) -> String {
    let checkpoints = workspace.names("run/checkpoints");
    let step = checkpoints.iter().rfind(|name| name.starts_with("step-"));
    step.cloned().unwrap_or_default()
}

pub(crate) fn finished(recipe: &str) -> Workspace {
    let workspace = workspace();
    workspace.write("tiny.toml", recipe);
    let answer = workspace.kiln(&RUN);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    workspace
}

/// Steps and losses of the log, without the times.
pub(crate) fn losses(workspace: &Workspace) -> Vec<(u64, String, String)> {
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
    same_end(&whole, &killed, &format!("after {kills} kills"));
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

/// Batches and rows that grow, examples of a permutation, and a profile that is taken again by each process.
#[test]
fn a_killed_run_with_growing_batches_ends_with_the_same_bits() {
    let warmups = "threads = 1\nclip_value = 0.5\nprofile = 5\nbatch_size_warmup = { from = 3, over_steps = 40 }\n\
                   context_warmup = { from = 8, over_steps = 50 }";
    let recipe = recipes::TRANSFORMER
        .replace("order = \"windows\"", "order = \"permutation\"")
        .replace("threads = 1", warmups);
    check(&recipe);
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
    assert_eq!(losses(&accumulated).len(), losses(&at_once).len());
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

/// As the quickstart computes: bf16, two threads; and saves, evaluations and records that do not fall together.
#[test]
fn a_killed_bf16_run_with_two_threads_ends_with_the_same_bits() {
    let recipe = recipes::TRANSFORMER
        .replace(
            "threads = 1",
            "threads = 2\nprecision = \"bf16\"\nlog_every_steps = 4",
        )
        .replace("every_steps = 20", "every_steps = 7");
    check(&recipe);
}

#[test]
fn an_interrupt_saves_says_how_to_go_on_and_goes_on_exactly() {
    // No checkpoint is due before the end: what is saved was saved for the interrupt.
    let recipe = recipes::TRANSFORMER
        .replace("every_steps = 20\n", "")
        .replace("every_steps = 5\n", "")
        .replace("steps = 60", "steps = 600");
    let workspace = workspace();
    workspace.write("tiny.toml", &recipe);
    let mut command = workspace.command(&RUN);
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null());
    let child = command.spawn().unwrap();
    let began = Instant::now();
    while !workspace.path("run/metrics.jsonl").exists()
        || workspace.read("run/metrics.jsonl").is_empty()
    {
        assert!(began.elapsed() < Duration::from_secs(60), "no record");
        std::thread::sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("kiln run tiny.toml --run-dir run"), "{said}");
    let step: u64 = last(&workspace)
        .trim_start_matches("step-")
        .parse()
        .unwrap();
    assert!(step > 0 && step < 600, "{step}");
    assert!(
        said.contains(&format!("stopped after step {step} of 600")),
        "{said}"
    );
    assert_eq!(
        losses(&workspace).last().unwrap().0,
        step,
        "its records go up to there"
    );
    let again = workspace.kiln(&RUN);
    assert_eq!(again.code, 0, "{}", again.stderr);
    let whole = finished(&recipe);
    let name = format!("run/checkpoints/{}/model.safetensors", last(&whole));
    assert!(
        whole.read(&name) == workspace.read(&name),
        "the weights differ"
    );
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
        assert!(child.try_wait().unwrap().is_none(), "ended early");
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

/// The reader of the log may go away: a pipe that closes is no reason to lose a run.
#[test]
fn a_closed_log_does_not_stop_a_run() {
    let workspace = workspace();
    workspace.write("tiny.toml", recipes::TRANSFORMER);
    let mut command = workspace.command(&RUN);
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(last(&workspace), "step-00000060");
}
