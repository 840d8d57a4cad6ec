//! Which checkpoints stay.

/// Which checkpoints of a run stay when a new one is there. The best stays always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How many of the newest stay; 1 at least.
    pub newest: usize,
    /// Those of every so many steps stay for good.
    pub every_steps: Option<u64>,
}

impl Retention {
    /// Steps that go, of all that there are, in order.
    pub(crate) fn old(&self, steps: &[u64], best: Option<u64>) -> Vec<u64> {
        let old = steps.len().saturating_sub(self.newest.max(1));
        let for_good = |step: u64| {
            let every = self.every_steps.filter(|every| *every > 0);
            every.is_some_and(|every| step > 0 && step.is_multiple_of(every))
        };
        let go = steps[..old].iter().copied();
        go.filter(|&step| Some(step) != best && !for_good(step))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_the_best_and_those_of_every_so_many_steps_stay() {
        let steps = [0, 10, 20, 25, 30, 40, 45];
        let check = |newest, every_steps, best, gone: &[u64]| {
            let retention = Retention {
                newest,
                every_steps,
            };
            assert_eq!(retention.old(&steps, best), gone);
        };
        check(2, None, None, &[0, 10, 20, 25, 30]);
        check(2, None, Some(10), &[0, 20, 25, 30]);
        check(0, Some(20), Some(25), &[0, 10, 30]);
        check(9, Some(20), None, &[]);
    }
}
