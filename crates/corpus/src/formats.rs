//! One reader for each format: from a file and a place in it to documents.

mod csv;
mod html;
mod json;
mod jsonl;
mod lines;
mod story;
mod text;
mod tsv;
mod warc;

use std::path::Path;

use kiln_text::{Document, Error, Position};

pub(crate) use story::StoryReader;

use crate::broken::Refusal;
use crate::config::Format;
use crate::counts::Skipped;
use crate::record::Fields;

/// A stream of documents that can say where it stands.
pub(crate) trait Reader: Send {
    /// The next document, or `None` at the end. What is left out is added to `skipped`. After a [`Refusal::Record`] the
    /// reader stands behind the broken record and can be asked again.
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal>;

    /// The byte at which to go on (of the file unpacked, and in UTF-8 if it is in another encoding), and how many lines
    /// (of what is not cut at lines: how many records) lie before it.
    fn place(&self) -> (u64, u64);
}

/// Read `path`, called `name` in its documents, from a place that a reader of it gave (or `(0, 0)`).
pub(crate) fn open(
    format: Format,
    path: &Path,
    name: &str,
    fields: &Fields,
    place: (u64, u64),
) -> Result<Box<dyn Reader>, Error> {
    let table = |delimiter, quotes| {
        let dialect = csv::Dialect { delimiter, quotes };
        csv::CsvReader::open(path, name, fields, dialect, place)
    };
    Ok(match format {
        Format::Text | Format::Markdown => Box::new(text::TextReader::open(
            path,
            name,
            fields.encoding,
            place.0,
        )?),
        Format::Html => Box::new(html::HtmlReader::open(path, name, fields.encoding, place)?),
        Format::Lines => Box::new(lines::LineReader::open(path, name, fields.encoding, place)?),
        Format::Jsonl => Box::new(jsonl::JsonlReader::open(path, name, fields, place)?),
        Format::Json => Box::new(json::JsonReader::open(path, name, fields, place)?),
        Format::Csv => {
            let delimiter = fields
                .delimiter
                .and_then(|delimiter| u8::try_from(delimiter).ok());
            Box::new(table(
                delimiter.unwrap_or(b','),
                fields.quotes.unwrap_or(true),
            )?)
        }
        Format::Tsv => match fields.quotes {
            Some(quotes) => Box::new(table(b'\t', quotes)?),
            None => Box::new(tsv::TsvReader::open(path, name, fields, place)?),
        },
        Format::Warc => Box::new(warc::WarcReader::open(path, name, fields.encoding, place)?),
        Format::Stories => {
            let problem = "stories are generated and not read from a file";
            return Err(Error::mistake(path, Position::Whole, problem));
        }
    })
}
