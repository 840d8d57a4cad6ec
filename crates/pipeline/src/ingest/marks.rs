//! Marks in a file, one after another: what documents leave for the search for copies.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::Error;

/// How many marks of `length` bytes a file holds.
pub(super) fn count(path: &Path, length: usize) -> Result<u64, Error> {
    let metadata = std::fs::metadata(path).map_err(|error| kiln_run::Error::io(path, error))?;
    Ok(metadata.len() / length.max(1) as u64)
}

/// Give every mark of a file to `take`, in their order.
pub(super) fn for_each(
    path: &Path,
    length: usize,
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = |error| Error::from(kiln_run::Error::io(path, error));
    let count = count(path, length)?;
    let mut marks = BufReader::with_capacity(1 << 18, File::open(path).map_err(failed)?);
    let mut mark = vec![0; length];
    for _ in 0..count {
        marks.read_exact(&mut mark).map_err(failed)?;
        take(&mark)?;
    }
    Ok(())
}
