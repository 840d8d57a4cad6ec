//! Files that have to be held as a whole because their index stands at their end.

use std::io::Read;
use std::path::Path;

use kiln_text::{Error, Position};

use crate::compression::Unpacked;
use crate::input::input_error;

/// The largest such file, unpacked.
const LARGEST: usize = 256 << 20;

/// All bytes of a file, unpacked if it is compressed; `kind` is what the refusal of a larger one calls it.
pub(super) fn read_whole(path: &Path, kind: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let file = Unpacked::open(path)?;
    let read = file.take(LARGEST as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| input_error(path, error))?;
    if bytes.len() > LARGEST {
        let limit = LARGEST >> 20;
        let problem = format!("is {kind} of more than {limit} MiB; leave it out or split it");
        return Err(Error::mistake(path, Position::Whole, problem));
    }
    Ok(bytes)
}
