//! Attempts, and the pauses between them.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::error::Failure;

/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(30);

/// How often something is tried. The first pauses come to half a minute and to a minute and a half.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// The first pause; each further one is twice as long.
    pub(crate) first_pause: Duration,
    pub(crate) attempts: u32,
}

impl Patience {
    /// For questions to a server of which nobody knows whether it is there.
    pub(crate) const ASKING: Self = Self {
        first_pause: Duration::from_millis(500),
        attempts: 5,
    };

    /// The pause after so many failures in a row, at least 1. Up to a quarter is left to chance, so that processes that
    /// failed together do not come back together.
    pub(crate) fn pause(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let doubled = self
            .first_pause
            .saturating_mul(1u32.checked_shl(failures - 1).unwrap_or(u32::MAX));
        let chance = RandomState::new().hash_one(failures) % 256;
        let pause = doubled.min(LONGEST).mul_f64(1.0 - chance as f64 / 1024.0);
        asked.map_or(pause, |asked| asked.min(2 * LONGEST).max(pause))
    }

    /// Try until it succeeds, fails for good, or has failed often enough.
    pub(crate) async fn persist<T>(
        &self,
        address: &str,
        mut attempt: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut failures = 0;
        loop {
            let failure = match attempt().await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            failures += 1;
            self.wait(address, failure, failures).await?;
        }
    }

    /// The pause before the next attempt, or the failure if there is to be none.
    pub(crate) async fn wait(
        &self,
        address: &str,
        failure: Failure,
        failures: u32,
    ) -> Result<(), Failure> {
        match failure {
            Failure::Passing { problem, wait } if failures < self.attempts => {
                let pause = self.pause(failures, wait);
                tracing::warn!("{address}: {problem}; trying again in {pause:.1?}");
                tokio::time::sleep(pause).await;
                Ok(())
            }
            last => Err(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let patience = Patience::ASKING;
        for (failures, asked, expected) in [
            (1, None, 500),
            (2, None, 1000),
            (5, None, 8000),
            (7, None, 30_000),
            (100, None, 30_000),
            (1, Some(5), 5000),
            (1, Some(3600), 60_000),
        ] {
            let pause = patience.pause(failures, asked.map(Duration::from_secs));
            let range =
                Duration::from_millis(expected).mul_f64(0.75)..=Duration::from_millis(expected);
            assert!(range.contains(&pause), "{failures} {pause:?}");
        }
    }
}
