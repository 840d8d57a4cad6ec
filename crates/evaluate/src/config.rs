//! What a recipe says of evaluation.

use serde::{Deserialize, Serialize};

/// When and how a run is scored on its held-out split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Updates from one evaluation to the next; only at the end if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_steps: Option<u64>,
    /// Also estimate the held-out loss from this many batches of random windows, as nanoGPT does, for comparison with its logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled_batches: Option<u64>,
}
