//! Two thousand steps of each architecture: what the process holds at the end is what it held near the beginning.

use crate::ALONE;
use crate::architectures::{ARCHITECTURES, Run};

#[test]
fn two_thousand_steps_hold_no_more_memory_than_two_hundred() {
    let _alone = ALONE.lock().unwrap();
    let before = kiln_tensor::threads();
    kiln_tensor::set_threads(1);
    for &(name, task, section) in ARCHITECTURES {
        let mut run = Run::new(task, section);
        let mut resident = |steps: u64| {
            for _ in 0..steps {
                run.step();
            }
            kiln_tensor::resident_bytes().unwrap() as f64
        };
        let early = resident(200);
        let late = resident(1800);
        assert!(
            late < 1.02 * early,
            "{name}: {early} bytes at step 200, {late} at step 2,000"
        );
    }
    kiln_tensor::set_threads(before);
}
