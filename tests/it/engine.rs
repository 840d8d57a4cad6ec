//! The training engine under real conditions: full disks, little memory, signals, requests, long runs.

use std::fs::File;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use kiln_testkit::{Workspace, recipes};

use crate::interrupted::{RUN, finished, last, losses};
use crate::workspace;

/// Start a run whose stderr goes to the file `said`.
fn start(workspace: &Workspace, recipe: &str) -> Child {
    workspace.write("tiny.toml", recipe);
    let said = File::create(workspace.path("said")).unwrap();
    let mut command = workspace.command(&RUN);
    // An arena of malloc's more or less is much address space, and depends on what else the machine does.
    command.env("MALLOC_ARENA_MAX", "1");
    command.stdout(Stdio::null()).stderr(said);
    command.spawn().unwrap()
}

fn said(workspace: &Workspace) -> String {
    String::from_utf8(workspace.read("said")).unwrap()
}

fn wait_for(child: &mut Child, what: &str, found: &dyn Fn() -> bool) {
    let began = Instant::now();
    while !found() {
        assert!(began.elapsed() < Duration::from_secs(120), "no {what}");
        assert!(child.try_wait().unwrap().is_none(), "ended before {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn run_tool(tool: &str, arguments: &[&str]) {
    let status = std::process::Command::new(tool).args(arguments).status();
    assert!(status.unwrap().success(), "{tool} {arguments:?}");
}

fn weights(workspace: &Workspace) -> Vec<u8> {
    workspace.read(&format!(
        "run/checkpoints/{}/model.safetensors",
        last(workspace)
    ))
}

/// No checkpoint is due before the end of 6,000 steps.
fn long() -> String {
    recipes::TRANSFORMER
        .replace("every_steps = 20\n", "")
        .replace("every_steps = 5\n", "")
        .replace("steps = 60", "steps = 6000")
}

#[test]
fn a_file_in_the_run_folder_asks_for_a_checkpoint_or_a_stop() {
    let workspace = workspace();
    let mut child = start(&workspace, &long());
    let metrics = workspace.path("run/metrics.jsonl");
    wait_for(&mut child, "record", &|| {
        std::fs::metadata(&metrics).is_ok_and(|file| file.len() > 0)
    });
    workspace.write("run/save", "");
    wait_for(&mut child, "checkpoint", &|| !last(&workspace).is_empty());
    assert!(!workspace.path("run/save").exists());
    let first = last(&workspace);
    workspace.write("run/stop", "");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(last(&workspace) > first);
    assert!(!workspace.path("run/stop").exists());
    assert_eq!(workspace.kiln(&["verify", "run"]).code, 0);
}

#[test]
fn a_termination_saves_and_the_run_goes_on_exactly() {
    let recipe = long().replace("steps = 6000", "steps = 400");
    let workspace = workspace();
    let mut child = start(&workspace, &recipe);
    let metrics = workspace.path("run/metrics.jsonl");
    wait_for(&mut child, "record", &|| {
        std::fs::metadata(&metrics).is_ok_and(|file| file.len() > 0)
    });
    run_tool("kill", &["-TERM", &child.id().to_string()]);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(last(&workspace).as_str() < "step-00000400");
    let again = workspace.kiln(&RUN);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(weights(&workspace) == weights(&finished(&recipe)));
}

#[test]
fn a_disk_that_is_full_for_a_while_costs_no_step_and_no_checkpoint_that_was_there() {
    // A checkpoint of 2 MB; the limit lets a log grow and no checkpoint be written.
    let recipe = recipes::TRANSFORMER
        .replace("width = 32", "width = 128")
        .replace("steps = 60", "steps = 120\nlog_every_steps = 1");
    let workspace = workspace();
    let mut child = start(&workspace, &recipe);
    let id = child.id().to_string();
    wait_for(&mut child, "checkpoint", &|| !last(&workspace).is_empty());
    run_tool("prlimit", &["--pid", &id, "--fsize=200000:unlimited"]);
    wait_for(&mut child, "word of the disk", &|| {
        said(&workspace).contains("no space left")
    });
    let newest = last(&workspace);
    let before = weights(&workspace);
    wait_for(&mut child, "second word", &|| {
        said(&workspace)
            .matches("no checkpoint could be written, training goes on")
            .count()
            >= 2
    });
    assert_eq!(last(&workspace), newest, "nothing new, nothing lost");
    assert!(weights(&workspace) == before);
    run_tool("prlimit", &["--pid", &id, "--fsize=unlimited:unlimited"]);
    assert_eq!(
        child.wait().unwrap().code(),
        Some(0),
        "{}",
        said(&workspace)
    );
    let whole = finished(&recipe);
    assert!(weights(&workspace) == weights(&whole));
    assert_eq!(losses(&workspace), losses(&whole));
    assert_eq!(workspace.kiln(&["verify", "run"]).code, 0);
}

/// Largest address space of a process, in KiB, by watching it to its end.
fn address_space(workspace: &Workspace, recipe: &str) -> u64 {
    let mut child = start(workspace, recipe);
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmPeak:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        most = number
            .and_then(|number| number.parse().ok())
            .unwrap_or(most);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success(), "{}", said(workspace));
    most
}

#[test]
fn a_run_with_too_little_memory_takes_smaller_micro_batches() {
    let recipe = |micro| {
        recipes::TRANSFORMER
            .replace("steps = 60", "steps = 3\nlog_every_steps = 1")
            .replace(
                "batch_size = 6\nmicro_batch_size = 3",
                &format!("batch_size = 1024\nmicro_batch_size = {micro}"),
            )
            .replace(
                "[evaluate]\nevery_steps = 20",
                "[evaluate]\nevery_steps = 3",
            )
    };
    let (wide, narrow, limited) = (workspace(), workspace(), workspace());
    let (most, least) = (
        address_space(&wide, &recipe(1024)),
        address_space(&narrow, &recipe(128)),
    );
    assert!(most > least + 100_000, "{most} and {least} KiB");
    limited.write("tiny.toml", recipe(1024));
    let limit = least + (most - least) / 3;
    let limits = format!("export MALLOC_ARENA_MAX=1; ulimit -v {limit}");
    let answer = limited.kiln_limited(&limits, &RUN);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(
        answer.stderr.contains(
            "step 1: not enough memory for micro-batches of 1024 rows; from here on they have 512"
        ),
        "{}",
        answer.stderr
    );
    assert_eq!(losses(&limited).len(), losses(&wide).len());
    for ((step, one, _), (_, other, _)) in losses(&limited).iter().zip(losses(&wide)) {
        let (one, other): (f64, f64) = (one.parse().unwrap(), other.parse().unwrap());
        assert!(
            (one - other).abs() < 1e-4 * other,
            "step {step}: {one} and {other}"
        );
    }
}

#[test]
fn memory_stays_flat_over_a_long_run_with_saves_and_evaluations() {
    let recipe = recipes::TRANSFORMER
        .replace("steps = 60", "steps = 2000\nlog_every_steps = 50")
        .replace("every_steps = 20", "every_steps = 100")
        .replace("every_steps = 5\n", "every_steps = 50\n");
    let workspace = finished(&recipe);
    let text = String::from_utf8(workspace.read("run/metrics.jsonl")).unwrap();
    let resident: Vec<(u64, u64)> = text
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(record["cpu_percent"].as_f64().unwrap() > 0.0);
            assert!(record["disk_free_bytes"].as_u64().unwrap() > 0);
            (
                record["step"].as_u64().unwrap(),
                record["memory_bytes"].as_u64().unwrap(),
            )
        })
        .collect();
    let most = |steps: std::ops::Range<u64>| {
        let within = resident.iter().filter(|(step, _)| steps.contains(step));
        within.map(|(_, bytes)| *bytes).max().unwrap()
    };
    let (early, late) = (most(400..900), most(1500..2001));
    #[allow(clippy::print_stdout)] // Shown by `--nocapture`.
    {
        println!(
            "resident at most {early} bytes in steps 400 to 900, {late} in steps 1500 to 2000"
        );
    }
    assert!(late < early + early / 50, "{early} bytes grew to {late}");
}

/// Where the kernel lets nobody make a folder, not even the superuser.
#[test]
fn a_run_folder_that_cannot_be_written_is_one_line() {
    let workspace = workspace();
    workspace.write("tiny.toml", recipes::TRANSFORMER);
    let answer = workspace.kiln(&["run", "tiny.toml", "--run-dir", "/sys/kernel/kiln"]);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    let error = answer.error();
    assert!(error.contains("/sys/kernel/kiln: "), "{error}");
    let known = ["permission denied", "can only be read"];
    assert!(known.iter().any(|words| error.contains(words)), "{error}");
    assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
}

#[test]
fn the_best_checkpoint_is_that_of_the_measure_that_the_recipe_names() {
    let recipe = recipes::CONVOLUTIONAL
        .replace(
            "every_steps = 5\n",
            "every_steps = 100\nbest = \"accuracy\"\n",
        )
        .replace("keep = 2", "keep = 1");
    let workspace = finished(&recipe);
    let records = String::from_utf8(workspace.read("run/metrics.jsonl")).unwrap();
    let accuracy = |step: u64| {
        let mut lines = records
            .lines()
            .map(|line| -> serde_json::Value { serde_json::from_str(line).unwrap() });
        lines.find(|record| record["step"] == step).unwrap()["accuracy"]
            .as_f64()
            .unwrap()
    };
    let best = [20, 40, 60]
        .into_iter()
        .max_by(|a, b| accuracy(*a).total_cmp(&accuracy(*b)).then(b.cmp(a)));
    let answer = workspace.kiln(&["run", "tiny.toml", "--run-dir", "run", "--json"]);
    let summary: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(
        summary["checkpoint"],
        format!("run/checkpoints/step-{:08}", best.unwrap())
    );
    let wrong = crate::workspace();
    wrong.write("tiny.toml", recipe.replace("\"accuracy\"", "\"acuracy\""));
    let answer = wrong.kiln(&RUN);
    assert_eq!(answer.code, 2);
    assert!(
        answer.error().contains("checkpoint.best = \"acuracy\"")
            && answer.error().contains("validation_loss, accuracy"),
        "{}",
        answer.stderr
    );
}

#[test]
fn a_run_that_gets_no_better_ends_early_and_can_be_used() {
    // A rate so small that nothing moves by a hundredth.
    let recipe = recipes::CONVOLUTIONAL
        .replace("learning_rate = 3e-3", "learning_rate = 1e-7")
        .replace(
            "threads = 1",
            "threads = 1\nearly_stopping = { patience = 2, min_delta = 0.01 }",
        )
        .replace("every_steps = 20", "every_steps = 6");
    let workspace = finished(&recipe);
    assert_eq!(last(&workspace), "step-00000018");
    let again = workspace.kiln(&["run", "tiny.toml", "--run-dir", "run"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(last(&workspace), "step-00000018");
    let message = "stopped early at step 18 of 60: validation_loss has not got better";
    assert!(again.stderr.contains(message), "{}", again.stderr);
}

#[test]
fn numbers_that_fail_end_a_run_where_the_recipe_says_so() {
    let recipe = recipes::RECURRENT
        .replace("learning_rate = 0.5", "learning_rate = 1e38")
        .replace("threads = 1", "threads = 1\nnot_finite = \"stop\"");
    let workspace = workspace();
    workspace.write("tiny.toml", recipe);
    let answer = workspace.kiln(&RUN);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    assert!(
        answer
            .error()
            .contains("is not finite, from the batch at row"),
        "{}",
        answer.stderr
    );
}

#[test]
fn a_profile_is_told_and_does_not_belong_to_the_recipe() {
    let workspace = workspace();
    workspace.write("tiny.toml", recipes::TRANSFORMER);
    let answer = workspace.kiln(&["run", "tiny.toml", "--run-dir", "run", "--profile=20"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(
        answer.stderr.contains("profile of 20 steps"),
        "{}",
        answer.stderr
    );
    let profile: serde_json::Value =
        serde_json::from_slice(&workspace.read("run/profile.json")).unwrap();
    assert_eq!(profile["steps"], 20);
    assert_eq!(workspace.kiln(&RUN).code, 0);
    let answer = workspace.kiln(&["run", "tiny.toml", "--run-dir", "run", "--profile=0"]);
    assert_eq!(answer.code, 2, "{}", answer.stderr);
}

#[test]
fn a_checkpoint_says_what_it_comes_from_and_verify_compares() {
    let workspace = finished(recipes::TRANSFORMER);
    let name = format!("run/checkpoints/{}/manifest.json", last(&workspace));
    let manifest: serde_json::Value = serde_json::from_slice(&workspace.read(&name)).unwrap();
    for origin in [
        "corpus",
        "dataset",
        "tokenizer",
        "recipe",
        "program",
        "program_blake3",
        "libtorch",
    ] {
        assert!(manifest["inputs"][origin].is_string(), "{manifest}");
    }
    assert_eq!(workspace.kiln(&["verify", "run"]).code, 0);
    // The same description in other bytes: not what the model was trained on, as far as anybody can tell.
    let corpus = String::from_utf8(workspace.read("run/corpus/manifest.json")).unwrap();
    workspace.write("run/corpus/manifest.json", corpus.replacen("{", "{ ", 1));
    let answer = workspace.kiln(&["verify", "run"]);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    assert!(
        answer.error().contains("its corpus is not that of the run"),
        "{}",
        answer.stderr
    );
}
