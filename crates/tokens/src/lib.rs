//! Token ids, labels and batches in host memory, and the traits that make and serve them.
//!
//! The interface between rooms that make ids (`preprocess`), the room that serves them (`dataset`) and everything
//! that consumes batches (`train`, `infer`, `evaluate`). It knows no file, no tokenizer's rules and no tensor.
//!
//! ```
//! use kiln_tokens::{Batch, Column, column};
//!
//! let batch = Batch::new(2, 8)
//!     .with(column::INPUTS, Column::ids(2, vec![1, 2, 3, 4, 5, 6, 7, 8]))
//!     .with(column::TARGETS, Column::ids(2, vec![2, 3, 4, 5, 6, 7, 8, 9]));
//! assert_eq!(batch.column(column::INPUTS).unwrap().width(), 4);
//! ```

mod batch;
mod labels;
mod tokenizer;

pub use batch::{Batch, BatchSource, Column, IGNORED, SamplePosition, column};
pub use labels::{LabelSet, Scale};
pub use tokenizer::{Encoded, TokenId, Tokenizer};

/// An error of an implementation behind one of these traits.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
