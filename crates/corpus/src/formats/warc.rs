//! Web archives: WARC (ISO 28500), the WET files of Common Crawl, and ARC, the format before.
//!
//! A page that was delivered becomes a document with its HTML and the metadata `content_type`; a text that was extracted
//! from a page becomes a document with that text. Both carry the address, and the time it was fetched as `date`. A record
//! that is broken is refused alone: the reader goes on with the next one that it can find.

mod http;
mod records;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use kiln_text::{Document, Error, Position, Provenance};
use serde_json::Value;

use self::records::{Record, Records};
use super::Reader;
use super::html::{CONTENT_TYPE, HTML};
use crate::broken::Refusal;
use crate::config::Format;
use crate::content;
use crate::counts::Skipped;
use crate::encoding::{Detected, Encoding, detect};

pub(crate) struct WarcReader {
    records: Records,
    name: String,
    path: PathBuf,
    encoding: Option<Encoding>,
}

impl WarcReader {
    pub(crate) fn open(
        path: &Path,
        name: &str,
        encoding: Option<Encoding>,
        place: (u64, u64),
    ) -> Result<Self, Error> {
        Ok(Self {
            records: Records::open(path, place)?,
            name: name.to_owned(),
            path: path.to_owned(),
            encoding,
        })
    }

    /// The document of a record, or `None` if it is none (`counted`: of a kind that is worth a count).
    fn document(&self, record: &Record, counted: &mut bool) -> Result<Option<Document>, String> {
        let Some(payload) = payload(record)? else {
            *counted = record.is_content();
            return Ok(None);
        };
        let text = self.text(&payload)?;
        let place = Provenance {
            url: record.url.clone(),
            ..Provenance::at(&self.name, record.offset)
        };
        let id = format!("{}#{}", self.name, record.offset);
        let mut document = Document::new(id, text, place);
        let mut insert = |key: &str, value: &str| {
            document.metadata.insert(key.into(), Value::from(value));
        };
        insert(CONTENT_TYPE, payload.mime);
        if let Some(date) = &record.date {
            insert("date", date);
        }
        Ok(Some(document))
    }

    /// The text of a page: in the encoding that the recipe says, else the one its mark, its header or it itself says if
    /// that can be, else the one it looks to be in.
    fn text(&self, payload: &Payload) -> Result<String, String> {
        let bytes = &payload.bytes;
        let stated = payload.charset.as_deref().and_then(Encoding::of_label);
        if let Some(encoding) = self.encoding {
            return Ok(encoding.decode(bytes));
        }
        if stated.is_none_or(|stated| stated == Encoding::UTF_8)
            && let Ok(text) = std::str::from_utf8(bytes)
            && !text.starts_with('\u{feff}')
            && !text.contains(['\0', '\x1b'])
        {
            return Ok(text.to_owned());
        }
        if let Some(stated) = stated {
            let text = stated.decode(bytes);
            if !text.contains(char::REPLACEMENT_CHARACTER) {
                return Ok(text);
            }
        }
        match detect(bytes, true) {
            Detected::Text { encoding, mark } => Ok(encoding.decode(&bytes[mark..])),
            Detected::Binary(why) => Err(format!("the page does not look like text: {why}")),
            Detected::Unread(name) => Err(format!("the page is in {name}, which is not read")),
        }
    }
}

/// The content of a page or text.
struct Payload<'a> {
    mime: &'static str,
    charset: Option<String>,
    bytes: Cow<'a, [u8]>,
}

/// The page or the text that a record holds, or `None` if it holds something else.
fn payload(record: &Record) -> Result<Option<Payload<'_>>, String> {
    let (mut mime, mut charset) = http::media_type(record.content_type.as_deref().unwrap_or(""));
    let bytes = match record.kind.as_str() {
        "conversion" | "resource" => Cow::Borrowed(&record.content[..]),
        "response" if record.content.starts_with(b"HTTP/") => {
            let response = http::Response::parse(&record.content)?;
            if !(200..300).contains(&response.status) {
                return Ok(None);
            }
            (mime, charset) = http::media_type(response.field("content-type").unwrap_or(""));
            if !mime.is_empty() && known(&mime).is_none() {
                return Ok(None);
            }
            response.body()?
        }
        // What ARC holds beside HTTP: mail, name service, files.
        "response" if !mime.starts_with("application/http") => Cow::Borrowed(&record.content[..]),
        "response" => return Err("the response does not begin with an HTTP status line".into()),
        _ => return Ok(None),
    };
    let mime = match known(&mime) {
        Some(mime) => mime,
        None if mime.is_empty() && content::format(&bytes) == Some(Format::Html) => HTML,
        None => return Ok(None),
    };
    Ok(Some(Payload {
        mime,
        charset,
        bytes,
    }))
}

/// The types that become documents, as the metadata names them.
fn known(mime: &str) -> Option<&'static str> {
    match mime {
        "text/html" | "application/xhtml+xml" => Some(HTML),
        "text/plain" => Some("text/plain"),
        _ => None,
    }
}

impl Reader for WarcReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        while let Some(record) = self.records.next_record()? {
            let mut counted = false;
            let document = self.document(&record, &mut counted).map_err(|problem| {
                let place = Position::Byte(record.offset);
                let error = Error::mistake(&self.path, place, problem);
                Refusal::record(error, &record.content)
            })?;
            match document {
                None => skipped.other_records += u64::from(counted),
                Some(document) if document.text.trim().is_empty() => {
                    skipped.empty_text(&self.name, record.number);
                }
                Some(document) => return Ok(Some(document)),
            }
        }
        Ok(None)
    }

    fn place(&self) -> (u64, u64) {
        self.records.place()
    }
}
