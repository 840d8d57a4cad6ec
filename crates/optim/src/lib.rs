//! Update rules, losses, schedules and clipping: how a network learns.
//!
//! Optimizers work on the flat ranges of the parameter store and keep state that can be saved; losses are sums over
//! targets; schedules are functions of the step. This room knows no architecture, no data and no loop.
//!
//! ```
//! use kiln_optim::ScheduleConfig;
//!
//! let section = r#"{ "kind": "cosine", "warmup_steps": 100, "final_learning_rate": 1e-4 }"#;
//! let config: ScheduleConfig = serde_json::from_str(section)?;
//! let rates = config.build(1e-3, 768).rates(2000, 2000);
//! assert!((rates.learning_rate - 1e-4).abs() < 1e-12);
//! # Ok::<(), serde_json::Error>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adafactor;
mod adagrad;
mod adam;
mod averaged;
mod binary_cross_entropy;
mod clip;
mod cross_entropy;
mod elementwise;
mod groups;
mod huber;
mod lion;
mod loss;
#[cfg(test)]
mod loss_reference;
mod mean_squared_error;
mod memory;
mod muon;
mod newton_schulz;
mod optimizer;
mod ranges;
#[cfg(test)]
mod reference;
mod rms_prop;
mod schedule;
mod schedule_free;
mod sgd;
mod standardised;

pub use adafactor::AdafactorConfig;
pub use adagrad::AdagradConfig;
pub use adam::{AdamConfig, AdamwConfig};
pub use averaged::AverageConfig;
pub use binary_cross_entropy::BinaryCrossEntropy;
pub use clip::{clip_by_norm, clip_by_value};
pub use cross_entropy::CrossEntropy;
pub use groups::{RoleRates, Roles};
pub use huber::Huber;
pub use lion::LionConfig;
pub use loss::{LossConfig, LossKind, Scored, Wrong};
pub use mean_squared_error::MeanSquaredError;
pub use muon::{MuonConfig, Others, Scale};
pub use newton_schulz::Polynomial;
pub use optimizer::OptimizerConfig;
pub use rms_prop::RmsPropConfig;
pub use schedule::{Decay, ScheduleConfig, ScheduleKind};
pub use schedule_free::ScheduleFreeAdamwConfig;
pub use sgd::SgdConfig;
