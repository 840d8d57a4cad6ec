//! Every architecture in training: the same losses to the bit, and memory that does not grow.
#![allow(clippy::unwrap_used)]

mod accumulation;
mod architectures;
mod losses;
mod memory;

/// Tests that measure the process, or set its threads, run alone.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
