//! Twenty steps of each architecture against committed losses: what changes them is seen.

use std::collections::BTreeMap;
use std::path::Path;

use crate::ALONE;
use crate::architectures::{ARCHITECTURES, Run, Task};

const STEPS: usize = 20;

fn losses(task: Task, section: &str, threads: usize) -> Vec<f64> {
    kiln_tensor::set_threads(threads);
    let mut run = Run::new(task, section);
    (0..STEPS).map(|_| run.step()).collect()
}

/// Another processor may differ in the last bits, and 20 steps make more of them.
fn close(name: &str, ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (step, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (ours - theirs).abs() < 1e-4,
            "{name}, step {step}: {ours}, not {theirs}"
        );
    }
}

/// With `KILN_WRITE_LOSSES=1` the file is written anew, for a change that is meant.
#[test]
fn twenty_steps_give_the_losses_that_they_gave() {
    let _alone = ALONE.lock().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/losses.json");
    let before = kiln_tensor::threads();
    let mut all = BTreeMap::new();
    for &(name, task, section) in ARCHITECTURES {
        let first = losses(task, section, 1);
        assert_eq!(
            losses(task, section, 1),
            first,
            "{name}: twice the same run"
        );
        close(name, &losses(task, section, 2), &first);
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        assert!(
            mean(&first[STEPS - 5..]) < mean(&first[..5]),
            "{name} learns nothing: {first:?}"
        );
        all.insert(name.to_owned(), first);
    }
    kiln_tensor::set_threads(before);
    if std::env::var_os("KILN_WRITE_LOSSES").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&all).unwrap() + "\n").unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let committed: BTreeMap<String, Vec<f64>> = serde_json::from_str(&text).unwrap();
    assert_eq!(
        all.keys().collect::<Vec<_>>(),
        committed.keys().collect::<Vec<_>>()
    );
    for (name, losses) in &all {
        close(name, losses, &committed[name]);
    }
}
