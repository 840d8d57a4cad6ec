//! Copies.

mod candidates;
mod clusters;
mod config;
mod decontaminate;
mod exact;
mod index;
mod minhash;
mod n_grams;
mod permutations;
mod signature_files;
mod similarity;
mod simplify;
mod sorting;
mod substrings;

pub use candidates::{BandSorter, Candidates, TextSorter};
pub use clusters::{Clusters, Member, Removal};
pub use config::{
    DecontaminationConfig, DuplicatesConfig, ExactConfig, Keep, MinHashConfig, PartsConfig,
    ShingleHash, SubstringsConfig,
};
pub use decontaminate::{Contamination, EvaluationIndex};
pub use exact::{PartSorter, Repeats, Unit, text_hash};
pub use index::Index;
pub use minhash::{MinHash, Signature};
pub use signature_files::SignatureFiles;
pub use similarity::{estimate, jaccard};
pub use simplify::simplify_text;
pub use substrings::{Cuts, SubstringFinder, SubstringSecondPass, without_ranges};
