//! Lists of entries that a recipe names by their files.

use std::path::Path;

use kiln_text::Position;
use serde::{Deserialize, Serialize};

use crate::{Error, Names};

/// Files with an entry on each line, one or several. Relative paths begin at the recipe's folder. Blank lines and lines that
/// begin with `#` are no entries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Paths(Option<Names>);

impl Paths {
    /// The files that are named.
    pub fn as_slice(&self) -> &[String] {
        self.0.as_ref().map_or(&[], Names::as_slice)
    }

    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// The entries of all files in their order, without white space around them.
    pub(super) fn read(&self, base: &Path) -> Result<Vec<String>, Error> {
        let mut entries = Vec::new();
        for path in self.as_slice() {
            let path = base.join(path);
            let bytes =
                std::fs::read(&path).map_err(|error| kiln_text::Error::io(&path, &error))?;
            let text = String::from_utf8(bytes).map_err(|error| {
                let byte = error.utf8_error().valid_up_to() as u64;
                let problem = "is not UTF-8 here: a list of entries, one on each line, is expected in this encoding";
                kiln_text::Error::mistake(&path, Position::Byte(byte), problem)
            })?;
            let lines = text.trim_start_matches('\u{FEFF}').lines();
            let wanted = lines.filter(|line| !line.starts_with('#')).map(str::trim);
            entries.extend(wanted.filter(|line| !line.is_empty()).map(str::to_owned));
        }
        Ok(entries)
    }
}

impl From<&str> for Paths {
    fn from(path: &str) -> Self {
        Self(Some(Names::One(path.to_owned())))
    }
}
