//! Documents, and the traits that read, change and write them.
//!
//! This is the interface between rooms that get text (`corpus`), rooms that change it (`preprocess`) and the
//! stages that drive both (`pipeline`). It knows no file format, no token and no tensor.
//!
//! ```
//! use kiln_text::{Document, Provenance};
//!
//! let mut review = Document::new("reviews.csv#2", "a quiet, lovely film", Provenance::at("reviews.csv", 31));
//! review.set_label("positive");
//! assert_eq!(review.label(), Some("positive"));
//! let line = serde_json::to_string(&review).unwrap();
//! assert_eq!(serde_json::from_str::<Document>(&line).unwrap(), review);
//! ```

mod document;
mod error;
mod memory;

pub use document::{Document, Provenance};
pub use error::{Error, Position};
pub use memory::MemorySize;

/// A stream of documents, read in a fixed order: two readings of unchanged inputs give the same documents.
pub trait Source: Send {
    /// The next document, or `None` after the last one.
    ///
    /// # Errors
    /// An input that cannot be read or is not what its format promises; the error names the file and the line or byte.
    fn next_document(&mut self) -> Result<Option<Document>, Error>;
}

/// A change of one document: repair, normalisation, a filter.
pub trait Transform: Send + Sync {
    /// The changed document, or `None` if it is dropped.
    ///
    /// # Errors
    /// Only for a failure of the machine; a document that cannot be changed is returned as it is or dropped.
    fn apply(&self, document: Document) -> Result<Option<Document>, Error>;
}

/// Where documents go.
pub trait Sink: Send {
    /// Take one document.
    ///
    /// # Errors
    /// The document could not be stored.
    fn accept(&mut self, document: &Document) -> Result<(), Error>;

    /// Everything accepted is stored for good when this returns.
    ///
    /// # Errors
    /// What was accepted could not be stored.
    fn finish(self: Box<Self>) -> Result<(), Error>;
}
