//! `preprocessing.json`: fitted steps beside a tokenizer.

use std::path::Path;

use kiln_text::Position;
use serde::{Deserialize, Serialize};

use super::stored::Stored;
use super::{PreprocessingReport, Preprocessor};
use crate::Error;

/// The file's name.
pub const PREPROCESSING_FILE: &str = "preprocessing.json";

/// Layout of the file.
const FORMAT_VERSION: u32 = 1;

/// The file as a document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format_version: u32,
    steps: Vec<Stored>,
    report: PreprocessingReport,
}

impl Preprocessor {
    /// The contents of its `preprocessing.json`.
    pub fn json(&self) -> Result<String, Error> {
        let file = File {
            format_version: FORMAT_VERSION,
            steps: self.stored.clone(),
            report: self.report.clone(),
        };
        let problem = |error: serde_json::Error| Error::Library {
            doing: "cannot write the preprocessing down",
            problem: error.to_string(),
        };
        serde_json::to_string_pretty(&file).map_err(problem)
    }

    /// Read a `preprocessing.json`.
    ///
    /// # Errors
    /// There is no such file, or it is not what was written; a mistake.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|error| kiln_text::Error::io(path, &error))?;
        let refused =
            |position, problem: String| kiln_text::Error::mistake(path, position, problem);
        let file: File = serde_json::from_slice(&bytes).map_err(|error| {
            let problem = format!("not a preprocessing.json ({error}); prepare the data again");
            refused(Position::Line(error.line() as u64), problem)
        })?;
        if file.format_version != FORMAT_VERSION {
            let found = file.format_version;
            let problem = format!(
                "its format_version is {found}, this program reads {FORMAT_VERSION}: use the program that wrote it"
            );
            return Err(refused(Position::Whole, problem).into());
        }
        let rules = file.steps.iter().map(Stored::rule);
        let rules = rules.collect::<Result<_, _>>();
        Ok(Self {
            rules: rules.map_err(|problem| refused(Position::Whole, problem))?,
            stored: file.steps,
            report: file.report,
        })
    }

    /// A hash of all that decides what the steps make of a text.
    pub(crate) fn identity(&self) -> Result<blake3::Hash, Error> {
        let steps = serde_json::to_vec(&self.stored).map_err(|error| Error::Library {
            doing: "cannot write the preprocessing down",
            problem: error.to_string(),
        })?;
        Ok(blake3::hash(&steps))
    }
}
