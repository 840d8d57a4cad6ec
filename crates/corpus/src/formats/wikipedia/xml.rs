//! The XML of a dump, a page at a time: pages may be broken, or never end.

use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use kiln_text::{Error, Position};
use quick_xml::events::{BytesStart, Event};

use super::HIDDEN_NAMESPACES;
use crate::extract::markup;
use crate::input::{Input, LONGEST_RECORD, input_error};

#[derive(Default)]
pub(super) struct Head {
    pub(super) language: Option<String>,
    pub(super) base: String,
    pub(super) hidden: Vec<String>,
}

/// One page of the dump.
#[derive(Default)]
pub(super) struct Page {
    pub(super) title: String,
    pub(super) namespace: String,
    pub(super) id: String,
    pub(super) text: String,
    pub(super) redirects: bool,
    pub(super) offset: u64,
}

/// What is wrong with the XML.
pub(super) enum Problem {
    Read(io::Error),
    Xml(u64, String),
}

impl Problem {
    pub(super) fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Read(error) => input_error(path, error),
            Self::Xml(offset, problem) => Error::mistake(path, Position::Byte(offset), problem),
        }
    }
}

/// The events of a dump, read a page at a time.
pub(super) struct Xml {
    reader: quick_xml::Reader<Bounded<Input>>,
    buffer: Vec<u8>,
    /// Where the reader began.
    start: u64,
    /// The page that was just entered began here.
    entered: Option<u64>,
}

impl Xml {
    pub(super) fn new(input: Input, start: u64) -> Self {
        // A byte order mark was left out.
        let start = start.max(input.offset());
        let mut reader = quick_xml::Reader::from_reader(Bounded {
            input,
            left: LONGEST_RECORD,
        });
        let config = reader.config_mut();
        // A reading that goes on in the middle has not seen what encloses the pages.
        config.allow_unmatched_ends = true;
        config.check_end_names = false;
        Self {
            reader,
            buffer: Vec::new(),
            start,
            entered: None,
        }
    }

    pub(super) fn offset(&self) -> u64 {
        self.start + self.reader.buffer_position()
    }

    fn event(&mut self) -> Result<Event<'_>, Problem> {
        self.buffer.clear();
        let start = self.start;
        let at = self.reader.buffer_position();
        match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => Ok(event),
            Err(quick_xml::Error::Io(error)) => {
                let shared =
                    |error: Arc<io::Error>| io::Error::new(error.kind(), error.to_string());
                Err(Problem::Read(Arc::try_unwrap(error).unwrap_or_else(shared)))
            }
            Err(error) => {
                let problem = format!("is not XML here: {error}; was the download cut short?");
                Err(Problem::Xml(start + at, problem))
            }
        }
    }

    pub(super) fn head(&mut self) -> Result<Head, Problem> {
        let mut head = Head::default();
        let mut elements = 0;
        loop {
            let at = self.offset();
            let (mut base, mut namespace, mut page) = (false, false, false);
            match self.event()? {
                Event::Start(tag) => {
                    elements += 1;
                    match tag.local_name().as_ref() {
                        "mediawiki" => head.language = attribute(&tag, "lang"),
                        "page" => page = true,
                        "base" => base = true,
                        "namespace" => {
                            let key = attribute(&tag, "key").unwrap_or_default();
                            namespace = HIDDEN_NAMESPACES.contains(&key.as_str());
                        }
                        other if elements == 1 => {
                            let problem = format!(
                                "begins with the element `{}`; expected `mediawiki`, as dumps of MediaWiki do",
                                crate::record::shorten(other)
                            );
                            return Err(Problem::Xml(at, problem));
                        }
                        _ => {}
                    }
                }
                Event::Eof if elements == 0 => {
                    let problem =
                        "holds no XML; expected a dump that begins with the element `mediawiki`";
                    return Err(Problem::Xml(at, problem.to_owned()));
                }
                Event::Eof => return Ok(head),
                _ => {}
            }
            if page {
                self.entered = Some(at);
                return Ok(head);
            }
            if base {
                head.base = self.content()?;
            } else if namespace {
                let name = self.content()?;
                head.hidden.push(name);
            }
        }
    }

    /// The text up to the end of the element that was just entered.
    fn content(&mut self) -> Result<String, Problem> {
        let mut text = String::new();
        let mut depth = 0;
        loop {
            match self.event()? {
                Event::Start(_) => depth += 1,
                Event::End(_) if depth == 0 => return Ok(text),
                Event::End(_) => depth -= 1,
                Event::Text(part) => text.push_str(&part),
                Event::CData(part) => text.push_str(&part),
                Event::GeneralRef(name) => push_reference(&mut text, &name),
                Event::Eof => {
                    let problem = "ends in the middle of a page; was the download cut short?";
                    return Err(Problem::Xml(self.offset(), problem.to_owned()));
                }
                _ => {}
            }
        }
    }

    pub(super) fn next_page(&mut self) -> Result<Option<Page>, Problem> {
        let entered = self.entered.take();
        let mut within = entered.is_some();
        let mut page = Page {
            offset: entered.unwrap_or(0),
            ..Page::default()
        };
        loop {
            let offset = self.offset();
            if !within {
                self.reader.get_mut().left = LONGEST_RECORD;
            }
            let mut wanted = None;
            match self.event()? {
                Event::Start(tag) if !within => {
                    within = tag.local_name().as_ref() == "page";
                    page.offset = offset;
                }
                Event::Start(tag) => {
                    wanted = ["title", "ns", "id", "text", "contributor"]
                        .iter()
                        .position(|name| *name == tag.local_name().as_ref());
                }
                Event::Empty(tag) if tag.local_name().as_ref() == "redirect" => {
                    page.redirects = true
                }
                Event::End(tag) if within && tag.local_name().as_ref() == "page" => {
                    return Ok(Some(page));
                }
                Event::Eof if within => {
                    let problem = "ends in the middle of a page; was the download cut short?";
                    return Err(Problem::Xml(offset, problem.to_owned()));
                }
                Event::Eof => return Ok(None),
                _ => {}
            }
            let Some(wanted) = wanted else { continue };
            let content = self.content()?;
            match wanted {
                0 => page.title = content,
                1 => page.namespace = content.trim().to_owned(),
                // The first is the page's, those of its revisions follow.
                2 if page.id.is_empty() => page.id = content.trim().to_owned(),
                3 => page.text = content,
                _ => {}
            }
        }
    }
}

/// What stands for a reference in the text of an element; itself if it stands for nothing.
fn push_reference(text: &mut String, name: &str) {
    let whole = format!("&{name};");
    match markup::entity(&whole) {
        Some((character, _)) => text.push_str(&character),
        None => text.push_str(&whole),
    }
}

fn attribute(tag: &BytesStart, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    attributes.with_checks(false);
    let found = attributes
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == name)?;
    Some(found.value.into_owned()).filter(|value| !value.is_empty())
}

/// An input that gives so many bytes and then an error, so that a page that never ends does not take the memory.
struct Bounded<R> {
    input: R,
    left: usize,
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let limit = LONGEST_RECORD >> 20;
        let left = self.left;
        let available = self.input.fill_buf()?;
        if left == 0 && !available.is_empty() {
            return Err(io::Error::other(format!(
                "holds a page of more than {limit} MiB; remove it"
            )));
        }
        Ok(&available[..available.len().min(left)])
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
        self.input.consume(amount);
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}
