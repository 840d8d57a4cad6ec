//! The stages of the ground floor: from a recipe to a dataset, and the verbs that need no tensors.
//!
//! [`prepare`] drives `corpus`, `preprocess` and `dataset` through three stages in a run folder: documents, tokenizer,
//! shards. A stage is keyed by a hash of its inputs, its own configuration and the version of its algorithm: what is done
//! is not done again, not even in another run beside this one. Each stage can be killed at any instant and goes on where
//! it was, to the same bytes; memory does not grow with the corpus.
//!
//! The room knows no tensor, no model, and nobody to talk to: progress and refusals go to its caller.
//!
//! ```
//! use kiln_pipeline::{open_run, prepare};
//! use kiln_recipe::Recipe;
//! use kiln_run::{Silent, StopFlag};
//!
//! let recipe = r#"
//!     [corpus]
//!     sources = [{ format = "stories", documents = 40 }]
//!     [tokenizer]
//!     kind = "character"
//!     [task]
//!     kind = "language-model"
//! "#;
//! # let scratch = tempfile::tempdir()?;
//! # let folder = scratch.path().join("run");
//! let recipe = Recipe::parse(recipe, "stories.toml", &[])?;
//! let run = open_run(&recipe, &folder)?;
//! let prepared = prepare(&recipe, &run, &Silent, &StopFlag::new())?;
//! assert_eq!(prepared.train_counts.tokens, prepared.train_counts.characters);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answers;
mod counts;
mod encode;
mod error;
mod held_out;
mod ingest;
mod inputs;
mod inspect;
mod ledger;
mod lines;
mod new_recipe;
mod pieces;
mod plan;
mod prepare;
mod recount;
mod shards;
mod show;
mod stage;
mod tokenize;
mod verbs;
mod verify;
mod vocabulary;
mod words;

pub use counts::SplitCounts;
pub use error::Error;
pub use held_out::{HeldOut, hold_out};
pub use ingest::{Ingested, Shard, ingest, ingest_shard, merge_shards};
pub use inspect::{explain, inspect};
pub use new_recipe::new_recipe;
pub use pieces::{PiecesForm, pieces, tokenizer_report};
pub use plan::{Plan, Reach, UPPER_SECTIONS, default_run_folder, open_run, open_run_to_ingest};
pub use prepare::{Prepared, prepare, reopen};
pub use recount::{Distribution, Dropped, Recount, RepeatsReport, Sample, recount};
pub use tokenize::tokenize;
pub use verbs::{IngestPart, RunOptions, each_document, ingest_recipe, prepare_recipe};
pub use verify::verify;
pub use vocabulary::TOKENIZER_CONFIG_FILE;
pub use words::{
    LemmatizeForm, LemmatizerScore, ModelChoice, SegmenterScore, SpanScore, lemmatize,
    score_lemmatizer, score_segmenter, segment, stem, stem_languages, train_lemmatizer,
    train_segmenter,
};
