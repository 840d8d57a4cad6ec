//! A web page a file, as it stands.

use std::io::BufRead;
use std::path::Path;

use kiln_text::{Document, Error, Position, Provenance};
use serde_json::Value;

use super::Reader;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::encoding::Encoding;
use crate::input::{Input, LONGEST_RECORD};

/// The metadata that says what a document's text is written in, where it is not plain text: a MIME type.
pub(crate) const CONTENT_TYPE: &str = "content_type";

/// The MIME type of web pages.
pub(crate) const HTML: &str = "text/html";

pub(crate) struct HtmlReader {
    /// `None` once the page was given.
    input: Option<Input>,
    name: String,
    end: u64,
}

impl HtmlReader {
    pub(crate) fn open(
        path: &Path,
        name: &str,
        encoding: Option<Encoding>,
        place: (u64, u64),
    ) -> Result<Self, Error> {
        let input = match place.0 {
            0 => Some(Input::open(path, encoding, 0)?),
            // A page is read as a whole.
            _ => None,
        };
        Ok(Self {
            input,
            name: name.to_owned(),
            end: place.0,
        })
    }
}

impl Reader for HtmlReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        let Some(mut input) = self.input.take() else {
            return Ok(None);
        };
        let start = input.offset();
        let mut bytes = Vec::new();
        loop {
            let block = input.block()?;
            let count = block.len();
            if count == 0 {
                break;
            }
            if bytes.len() + count > LONGEST_RECORD {
                let limit = LONGEST_RECORD >> 20;
                let problem = format!("a page of more than {limit} MiB; leave it out or cut it");
                return Err(Error::mistake(input.path(), Position::Whole, problem).into());
            }
            bytes.extend_from_slice(block);
            input.consume(count);
        }
        self.end = input.offset();
        let text = String::from_utf8(bytes).map_err(|_| {
            Error::failure(input.path(), Position::Whole, "changed while it was read")
        })?;
        if text.trim().is_empty() {
            skipped.empty_file(&self.name);
            return Ok(None);
        }
        let place = Provenance::at(&self.name, start);
        let mut document = Document::new(&self.name, text, place);
        document
            .metadata
            .insert(CONTENT_TYPE.into(), Value::from(HTML));
        Ok(Some(document))
    }

    fn place(&self) -> (u64, u64) {
        (self.end, 0)
    }
}
