//! Marks in a file, one after another: what documents leave for the search for copies.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::Error;

/// Bytes of marks that are read at once.
const BLOCK_BYTES: usize = 1 << 20;

/// How many marks of `length` bytes a file holds.
pub(super) fn count(path: &Path, length: usize) -> Result<u64, Error> {
    let metadata = std::fs::metadata(path).map_err(|error| kiln_run::Error::io(path, error))?;
    Ok(metadata.len() / length.max(1) as u64)
}

/// Give all marks of a file to `take` in their order, many at a time.
pub(super) fn for_each_block(
    path: &Path,
    length: usize,
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = |error| Error::from(kiln_run::Error::io(path, error));
    let mut left = count(path, length)?;
    let at_once = (BLOCK_BYTES / length.max(1)).max(1) as u64;
    let mut marks = File::open(path).map_err(failed)?;
    let mut block = Vec::new();
    while left > 0 {
        let now = left.min(at_once);
        left -= now;
        block.resize(now as usize * length, 0);
        marks.read_exact(&mut block).map_err(failed)?;
        take(&block)?;
    }
    Ok(())
}
