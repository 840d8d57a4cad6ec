//! Rows that several documents were packed into.

use kiln_learn::{Error, Inputs, Result};

/// Refuse packed rows, for a network that would carry one document into the next.
///
/// # Errors
/// The inputs number their documents.
pub(crate) fn refuse_packed(inputs: &Inputs) -> Result<()> {
    match inputs.documents {
        Some(_) => Err(Error::Batch(
            "its rows hold several documents, and only attention can keep them apart: give each document a row of its own"
                .to_owned(),
        )),
        None => Ok(()),
    }
}
