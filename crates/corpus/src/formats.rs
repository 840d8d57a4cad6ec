//! One reader for each format: from a file and a place in it to documents.

#[cfg(feature = "columnar")]
mod columnar;
mod csv;
#[cfg(feature = "documents")]
mod epub;
mod html;
mod json;
mod jsonl;
mod lines;
#[cfg(feature = "documents")]
mod pdf;
#[cfg(test)]
mod reading;
mod story;
mod text;
mod tsv;
mod warc;
#[cfg(feature = "documents")]
mod whole;
mod wikipedia;

use std::path::Path;

use kiln_text::{Document, Error, Position};

#[cfg(feature = "columnar")]
pub use columnar::ParquetWriter;
pub(crate) use html::CONTENT_TYPE;
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
        Format::Wikipedia => Box::new(wikipedia::WikipediaReader::open(path, name, fields, place)?),
        #[cfg(feature = "columnar")]
        Format::Parquet => Box::new(columnar::ParquetReader::open(path, name, fields, place)?),
        #[cfg(feature = "columnar")]
        Format::Arrow => Box::new(columnar::ArrowReader::open(path, name, fields, place)?),
        #[cfg(not(feature = "columnar"))]
        Format::Parquet | Format::Arrow => return Err(left_out(path, format, "columnar")),
        #[cfg(feature = "documents")]
        Format::Epub => Box::new(epub::EpubReader::open(path, name, fields, place)?),
        #[cfg(feature = "documents")]
        Format::Pdf => Box::new(pdf::PdfReader::open(path, name, fields, place)?),
        #[cfg(not(feature = "documents"))]
        Format::Epub | Format::Pdf => return Err(left_out(path, format, "documents")),
        Format::Warc => Box::new(warc::WarcReader::open(path, name, fields.encoding, place)?),
        Format::Stories => {
            let problem = "stories are generated and not read from a file";
            return Err(Error::mistake(path, Position::Whole, problem));
        }
    })
}

/// The program was built without a reader for this format.
#[cfg(not(all(feature = "columnar", feature = "documents")))]
fn left_out(path: &Path, format: Format, feature: &str) -> Error {
    let name = format.name();
    let problem = format!(
        "this program was built without the reader for {name}; build it with the feature `{feature}`"
    );
    Error::mistake(path, Position::Whole, problem)
}
