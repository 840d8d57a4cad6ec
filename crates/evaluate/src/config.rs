//! What a recipe says of evaluation.

use serde::{Deserialize, Serialize};

/// When and how a run is scored on its held-out split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Updates from one evaluation to the next; only at the end if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_steps: Option<u64>,
    /// Also estimate the held-out loss from this many batches of random windows, as nanoGPT does, for comparison with its logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled_batches: Option<u64>,
    /// Texts that a language model writes at the end of its run, so that a person can read how well it does.
    pub samples: usize,
    /// Tokens of each of them, at most.
    pub sample_tokens: usize,
    /// Temperature that they are drawn at; 0 always takes the likeliest token.
    pub sample_temperature: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            every_steps: None,
            sampled_batches: None,
            samples: 3,
            sample_tokens: 256,
            sample_temperature: 0.8,
        }
    }
}
