//! Killed with SIGKILL at random instants, a run ends with the weights of one that was not. A few kills here; as many as you
//! like by `scripts/soak.sh`, which shows what is printed here.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use kiln_testkit::{Workspace, recipes};

use crate::interrupted::{RUN, finished, last, losses, same_end};
use crate::workspace;

/// SplitMix64 (Steele, Lea and Flood, 2014): a seed gives the same kills again, as far as the machine's timing lets it.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn microseconds(&mut self, below: u64) -> Duration {
        Duration::from_micros(self.next() % below)
    }
}

/// Where in the work of a run a kill is aimed.
#[derive(Clone, Copy, Debug)]
enum Aim {
    /// Anywhere, the start of the process included.
    Anywhere,
    /// While a checkpoint is being written.
    Save,
    /// About the step after which held-out loss is measured.
    Evaluation,
}

const AIMS: [Aim; 3] = [Aim::Anywhere, Aim::Save, Aim::Evaluation];

/// Steps from one evaluation to the next in the recipes here.
const EVALUATE_EVERY: u64 = 9;

/// Longest wait for what is aimed at, before the kill comes anyway.
const PATIENCE: Duration = Duration::from_secs(20);

fn saving(workspace: &Workspace) -> bool {
    let names = workspace.names("run/checkpoints");
    names.iter().any(|name| name.starts_with(".tmp-step-"))
}

fn recorded(path: &Path) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().rev().find(|line| line.ends_with('}'));
    let record: Option<serde_json::Value> = line.and_then(|line| serde_json::from_str(line).ok());
    record.map_or(0, |record| record["step"].as_u64().unwrap_or(0))
}

/// Wait for the instant of a kill, or the end of the process.
fn wait(workspace: &Workspace, child: &mut Child, aim: Aim, random: &mut Random) {
    let began = Instant::now();
    let mut until = |found: &dyn Fn() -> bool| {
        while began.elapsed() < PATIENCE && child.try_wait().unwrap().is_none() && !found() {
            std::thread::sleep(Duration::from_micros(200));
        }
    };
    match aim {
        Aim::Anywhere => {
            let delay = random.microseconds(1_500_000);
            until(&|| began.elapsed() >= delay);
        }
        Aim::Save => {
            // A few saves later, so that runs get on.
            let saves = 1 + random.next() % 4;
            for _ in 0..saves {
                let before = last(workspace);
                until(&|| last(workspace) != before);
            }
            until(&|| saving(workspace));
            std::thread::sleep(random.microseconds(6_000));
        }
        Aim::Evaluation => {
            let metrics = workspace.path("run/metrics.jsonl");
            let first = recorded(&metrics);
            until(&|| {
                let step = recorded(&metrics);
                step > first && (step + 1).is_multiple_of(EVALUATE_EVERY)
            });
            std::thread::sleep(random.microseconds(12_000));
        }
    }
}

/// Runs of a recipe until so many kills have hit; each run that ends is compared with one that nobody disturbed.
fn soak(name: &str, recipe: &str, kills: usize, random: &mut Random) {
    let recipe = recipe
        .replace("steps = 60", "steps = 240\nlog_every_steps = 1")
        .replace(
            "every_steps = 20",
            &format!("every_steps = {EVALUATE_EVERY}"),
        )
        .replace("every_steps = 5\n", "every_steps = 7\n");
    let whole = finished(&recipe);
    let (mut done, mut within_saves, mut runs) = (0, 0, 0);
    while done < kills {
        let workspace = workspace();
        workspace.write("tiny.toml", &recipe);
        loop {
            let aim = AIMS[(random.next() % 3) as usize];
            let mut child = workspace.start(&RUN);
            if done < kills {
                wait(&workspace, &mut child, aim, random);
                child.kill().unwrap();
            }
            let status = child.wait().unwrap();
            if status.success() {
                break;
            }
            assert_eq!(
                status.code(),
                None,
                "{name}: ended by itself with a failure"
            );
            done += 1;
            let within_save = saving(&workspace);
            within_saves += usize::from(within_save);
            println!(
                "{name}: kill {done} aimed at {aim:?}, after record {}, newest checkpoint {}{}",
                recorded(&workspace.path("run/metrics.jsonl")),
                Some(last(&workspace))
                    .filter(|name| !name.is_empty())
                    .unwrap_or("none".into()),
                if within_save { ", within a save" } else { "" }
            );
        }
        runs += 1;
        same_end(&whole, &workspace, &format!("after {done} kills of {name}"));
        assert_eq!(losses(&whole), losses(&workspace));
    }
    let weights = whole.read(&format!(
        "run/checkpoints/{}/model.safetensors",
        last(&whole)
    ));
    println!(
        "{name}: {done} kills in {runs} runs, {within_saves} within a save; weights and optimizer state equal to the bit \
         ({} bytes, BLAKE3 {})",
        weights.len(),
        kiln_run::Digest::of(&weights)
    );
}

fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).unwrap_or_default();
    text.parse().unwrap_or(otherwise)
}

/// Micro-batches, dropout and clipping are on in all three; each reads its data in another order: a permutation of windows, streams
/// with a carried state, a permutation of examples.
#[test]
fn killed_at_random_instants_runs_end_with_the_same_bits() {
    let kills = usize::try_from(number("KILN_SOAK_KILLS", 3)).unwrap();
    let seed = number("KILN_SOAK_SEED", 1);
    println!("{kills} kills of each recipe, seed {seed}");
    let permutation =
        recipes::TRANSFORMER.replace("order = \"windows\"", "order = \"permutation\"");
    for (name, recipe) in [
        ("transformer", permutation.as_str()),
        ("recurrent", recipes::RECURRENT),
        ("convolutional", recipes::CONVOLUTIONAL),
    ] {
        soak(name, recipe, kills, &mut Random(seed));
    }
}
