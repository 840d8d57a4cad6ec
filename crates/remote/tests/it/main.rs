//! Addresses as a caller sees them, against servers on this machine.
#![allow(clippy::unwrap_used)]

mod buckets;
mod hub;
mod scene;
mod web;
