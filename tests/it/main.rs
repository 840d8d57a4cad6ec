//! End-to-end tests: the real binary in a temporary folder.
#![allow(clippy::unwrap_used)]

/// A run does every stage, and what it made can be used.
#[cfg(feature = "torch")]
mod answers;
/// Each architecture from a recipe to an answer.
#[cfg(feature = "torch")]
mod architectures;
/// Results on real data sets, where they are at hand.
#[cfg(feature = "torch")]
mod data;
/// Full disks, little memory, signals and requests.
#[cfg(feature = "torch")]
mod engine;
/// The verbs that need no tensors.
mod ground;
/// Killed at any instant, a run ends with the bits of one that was not.
#[cfg(feature = "torch")]
mod interrupted;
/// The rooms keep to the house plan.
mod layers;
/// Wrong inputs: one clear line, the right exit code, nothing half-written.
#[cfg(feature = "torch")]
mod mistakes;
/// What a recipe comes to.
#[cfg(feature = "torch")]
mod plan;
/// The same at random instants, for as long as one likes.
#[cfg(feature = "torch")]
mod soak;
/// Stems, lemmas, sentences, from stream to stream.
mod words;

use kiln_testkit::Workspace;

fn workspace() -> Workspace {
    Workspace::new(env!("CARGO_BIN_EXE_kiln"))
}
