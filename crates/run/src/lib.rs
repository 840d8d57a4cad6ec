//! The records of a run: its folder and lock, files written whole or not at all, checksums and manifests, metrics
//! (JSON Lines and TensorBoard) and progress.
//!
//! It knows no recipe, no document and no tensor: a recipe is a text to it, a stage a folder, a metric a name and a
//! number.
//!
//! ```
//! use kiln_run::{Digest, Manifest, RunFolder, atomic};
//!
//! # let scratch = tempfile::tempdir().unwrap();
//! # let place = scratch.path().join("first");
//! let run = RunFolder::open_or_create(&place, "seed = 1\n", |other| {
//!     (other != "seed = 1\n").then(|| "seed".to_owned())
//! })?;
//! let staged = atomic::StagedFolder::new(&run.corpus())?;
//! atomic::write(&staged.path().join("greeting.txt"), b"Hello.\n")?;
//! Manifest::describe(staged.path(), "example", 1)?.write(staged.path())?;
//! staged.commit()?;
//!
//! let manifest = Manifest::read(&run.corpus())?;
//! assert_eq!(manifest.files[0].blake3, Digest::of(b"Hello.\n"));
//! manifest.verify(&run.corpus())?;
//! # Ok::<(), kiln_run::Error>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod atomic;
mod crc32c;
mod digest;
mod error;
mod folder;
mod line;
mod manifest;
mod metrics;
mod progress;
mod record;
mod requests;
mod stop;
mod system;
mod tensorboard;

pub use digest::{Digest, DigestWriter, Hasher, NotADigest};
pub use error::Error;
pub use folder::RunFolder;
pub use manifest::{FileEntry, MANIFEST_NAME, Manifest};
pub use metrics::{MetricsWriter, read_metrics};
pub use progress::{Progress, Silent, Unit};
pub use record::Record;
pub use requests::Requests;
pub use stop::StopFlag;
pub use system::{disk_free, processor_time};

/// The program and version that writes, as manifests name it: `kiln 0.1.0`.
pub const WRITTEN_BY: &str = concat!("kiln ", env!("CARGO_PKG_VERSION"));
