//! Copies: of documents, of parts of them, of evaluation texts.
//!
//! [`MinHash`] gives documents signatures, [`BandSorter`] gives the pairs that agree in a band, [`Clusters`] says which
//! documents go and which one stays for each. [`TextSorter`] gives pairs that are equal, [`PartSorter`] the lines or
//! paragraphs that came before, [`SubstringFinder`] the passages, and [`RepeatSearch`] whichever a recipe asks for; an [`EvaluationIndex`] finds what a model is to be
//! tested with; an [`Index`] holds what later runs compare with.
//!
//! Documents are numbers here, given by the caller. What is sorted is held under a ceiling of memory that the caller
//! gives, the rest in files in a folder that the caller gives, which are gone when the sorter and what came of it are
//! dropped. Three things grow in memory: [`Clusters`], by 8 bytes for each document, and for a while 16 for each that
//! has a copy; the ranges of one document that go; and an [`EvaluationIndex`], by the evaluation texts.
//!
//! This module reads no corpus and removes nothing.
//!
//! ```
//! use kiln_corpus::duplicates::{BandSorter, Clusters, Member, MinHash, MinHashConfig, Removal, jaccard};
//!
//! # let folder = tempfile::tempdir()?;
//! let texts = [
//!     "It was the best of times, it was the worst of times, it was the age of wisdom.",
//!     "Call me Ishmael. Some years ago, never mind how long precisely.",
//!     "it was the best of times; it was the worst of times; it was the age of wisdom!",
//! ];
//! let minhash = MinHash::new(&MinHashConfig::default())?;
//! let mut sorter = BandSorter::new(folder.path(), 64 << 20);
//! for (number, text) in (0..).zip(texts) {
//!     if let Some(signature) = minhash.signature(text) {
//!         sorter.add(number, &signature)?;
//!     }
//! }
//! let mut clusters = Clusters::new();
//! for pair in sorter.into_candidates()? {
//!     let (one, other) = pair?;
//!     clusters.join(one, other);
//! }
//! let describe = |number: u64| {
//!     let bytes = texts[number as usize].len() as u64;
//!     Ok::<_, kiln_corpus::Error>(Member { id: format!("books#{number}"), bytes })
//! };
//! let removals = clusters.removals(minhash.config().keep, describe)?;
//! assert_eq!(removals, [Removal { removed: 2, kept: 0 }]);
//! assert_eq!(jaccard(&minhash.shingles(texts[2]), &minhash.shingles(texts[0])), 1.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod candidates;
mod clusters;
mod config;
mod copies;
mod decontaminate;
mod exact;
mod index;
mod minhash;
mod n_grams;
mod permutations;
#[cfg(test)]
mod reference;
mod repeats;
mod signature_files;
mod similarity;
mod simplify;
mod sorting;
mod substrings;

pub use candidates::{BandSorter, Candidates, TextSorter};
pub use clusters::{Clusters, Member, Removal};
pub use config::{
    DecontaminationConfig, DuplicatesConfig, ExactConfig, Keep, MinHashConfig, PartsConfig,
    RepeatsConfig, ShingleHash, SubstringsConfig,
};
pub use copies::{CopySearch, Marker};
pub use decontaminate::{Contamination, EvaluationIndex};
pub use exact::{DocumentRanges, PartSorter, Repeats, Unit, text_hash};
pub use index::Index;
pub use minhash::{MinHash, Signature};
pub use repeats::{EndedPass, FoundRepeats, RepeatSearch};
pub use signature_files::SignatureFiles;
pub use similarity::{estimate, jaccard};
pub use simplify::simplify_text;
pub use substrings::{Cuts, SubstringFinder, SubstringSecondPass, without_ranges};
