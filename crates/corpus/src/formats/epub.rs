//! EPUB books: each chapter, in the order in which the book is read, as running text.
//!
//! A book is a ZIP archive: `META-INF/container.xml` names the package document, whose spine lists the chapters (EPUB 3.3,
//! section 5). The archive is held in memory and nothing of it is ever written to a file, so a name in it that leads out
//! of the archive finds nothing. Archive, entries and all that is unpacked have limits.

use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use kiln_text::{Document, Error, Position, Provenance};
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;
use zip::ZipArchive;

use super::Reader;
use super::whole::read_whole;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::extract::markup;
use crate::input::LONGEST_RECORD;
use crate::record::{Fields, shorten};

/// The most that is unpacked of one book.
const LARGEST_TEXT: u64 = 1 << 30;

pub(crate) struct EpubReader {
    path: PathBuf,
    name: String,
    id_suffix: String,
    archive: Archive,
    book: Book,
    /// The next chapter.
    next: usize,
}

impl EpubReader {
    /// Go on behind so many chapters.
    pub(crate) fn open(
        path: &Path,
        name: &str,
        fields: &Fields,
        (_, next): (u64, u64),
    ) -> Result<Self, Error> {
        let mistake = |problem: String| Error::mistake(path, Position::Whole, problem);
        let bytes = read_whole(path, "a book")?;
        let zip = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| mistake(format!("is not an EPUB book: {error}")))?;
        let mut archive = Archive {
            zip,
            left: LARGEST_TEXT,
        };
        let book = Book::read(&mut archive).map_err(mistake)?;
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
            id_suffix: fields.id_suffix.clone(),
            archive,
            book,
            next: usize::try_from(next).unwrap_or(usize::MAX),
        })
    }

    fn document(&self, number: usize, text: String) -> Document {
        let id = format!("{}#{number}{}", self.name, self.id_suffix);
        let source = Provenance {
            licence: self.book.rights.clone(),
            ..Provenance::at(&self.name, 0)
        };
        let mut document = Document::new(id, text, source);
        document.language.clone_from(&self.book.language);
        let known = [("title", &self.book.title), ("creator", &self.book.creator)];
        for (key, value) in known {
            if let Some(value) = value {
                document
                    .metadata
                    .insert(key.into(), Value::from(value.as_str()));
            }
        }
        document
    }
}

impl Reader for EpubReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        while let Some(chapter) = self.book.chapters.get(self.next) {
            self.next += 1;
            let read = match self.book.encrypted.contains(chapter) {
                true => Err("is encrypted; a book with copy protection cannot be read".to_owned()),
                false => self.archive.text(chapter),
            };
            let markup = read.map_err(|problem| {
                let problem = format!("chapter {} (`{}`): {problem}", self.next, shorten(chapter));
                Refusal::record(Error::mistake(&self.path, Position::Whole, problem), b"")
            })?;
            let text = markup::text(&markup);
            if text.trim().is_empty() {
                skipped.empty_text(&self.name, self.next as u64);
                continue;
            }
            return Ok(Some(self.document(self.next, text)));
        }
        Ok(None)
    }

    fn place(&self) -> (u64, u64) {
        (0, self.next as u64)
    }
}

struct Archive {
    zip: ZipArchive<Cursor<Vec<u8>>>,
    /// How much may still be unpacked.
    left: u64,
}

impl Archive {
    /// The text of an entry: UTF-8, or UTF-16 by its byte order mark.
    fn text(&mut self, name: &str) -> Result<String, String> {
        let entry = self.zip.by_name(name).map_err(|error| error.to_string())?;
        let limit = self.left.min(LONGEST_RECORD as u64);
        let mut bytes = Vec::new();
        let read = entry.take(limit + 1).read_to_end(&mut bytes);
        self.left = self.left.saturating_sub(bytes.len() as u64);
        read.map_err(|error| error.to_string())?;
        if bytes.len() as u64 > limit {
            let limit = limit >> 20;
            return Err(format!(
                "unpacks to more than the {limit} MiB that are left for it"
            ));
        }
        // A byte that is no character becomes U+FFFD, which is counted.
        let (text, _, _) = encoding_rs::UTF_8.decode(&bytes);
        Ok(text.into_owned())
    }
}

/// What the package document says.
#[derive(Default)]
struct Book {
    /// The entries of the chapters in their order.
    chapters: Vec<String>,
    title: Option<String>,
    creator: Option<String>,
    language: Option<String>,
    rights: Option<String>,
    encrypted: HashSet<String>,
}

impl Book {
    fn read(archive: &mut Archive) -> Result<Self, String> {
        const CONTAINER: &str = "META-INF/container.xml";
        let container = archive
            .text(CONTAINER)
            .map_err(|problem| format!("is not an EPUB book: `{CONTAINER}`: {problem}"))?;
        let mut package = None;
        visit(&container, |tag, _| {
            if tag.local_name().as_ref() == "rootfile" && package.is_none() {
                package = attribute(tag, "full-path");
            }
        })?;
        let package = package.ok_or(format!("`{CONTAINER}` names no package document"))?;
        let content = archive.text(&package).map_err(|problem| {
            format!("the package document `{}`: {problem}", shorten(&package))
        })?;
        let mut book = Self::from_package(&package, &content)?;
        if let Ok(encryption) = archive.text("META-INF/encryption.xml") {
            visit(&encryption, |tag, _| {
                if tag.local_name().as_ref() == "CipherReference" {
                    book.encrypted
                        .extend(attribute(tag, "URI").and_then(|uri| resolve("", &uri)));
                }
            })?;
        }
        Ok(book)
    }

    fn from_package(path: &str, content: &str) -> Result<Self, String> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut book = Self::default();
        let mut manifest = HashMap::new();
        let mut spine = Vec::new();
        visit(content, |tag, text| match tag.local_name().as_ref() {
            "item" => {
                let media = attribute(tag, "media-type").unwrap_or_default();
                let navigation = attribute(tag, "properties")
                    .is_some_and(|all| all.split(' ').any(|one| one == "nav"));
                let readable = matches!(
                    media.as_str(),
                    "application/xhtml+xml" | "text/html" | "text/x-oeb1-document"
                );
                if let (Some(id), Some(href)) = (attribute(tag, "id"), attribute(tag, "href"))
                    && readable
                    && !navigation
                {
                    manifest.insert(id, href);
                }
            }
            "itemref" => spine.extend(attribute(tag, "idref")),
            "title" => first(&mut book.title, text),
            "creator" => first(&mut book.creator, text),
            "language" => first(&mut book.language, text),
            "rights" => first(&mut book.rights, text),
            _ => {}
        })?;
        let chapters = spine
            .iter()
            .filter_map(|id| resolve(folder, manifest.get(id)?));
        book.chapters = chapters.collect();
        if book.chapters.is_empty() {
            return Err(format!(
                "the package document `{}` lists no chapter",
                shorten(path)
            ));
        }
        Ok(book)
    }
}

fn first(place: &mut Option<String>, text: &str) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if place.is_none() && !text.is_empty() {
        *place = Some(text);
    }
}

/// The entry that a reference from a folder of the archive leads to; none if it leads out of it.
fn resolve(folder: &str, reference: &str) -> Option<String> {
    let reference = reference.split(['#', '?']).next().unwrap_or(reference);
    let mut parts: Vec<String> = match reference.starts_with('/') {
        true => Vec::new(),
        false => folder
            .split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect(),
    };
    for part in reference.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(percent_decoded(part)),
        }
    }
    Some(parts.join("/"))
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Show each element with the text right behind its start tag.
fn visit(xml: &str, mut element: impl FnMut(&BytesStart, &str)) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut open: Option<(BytesStart, String)> = None;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| format!("is not XML: {error}"))?;
        match event {
            Event::Text(part) => {
                if let Some((_, text)) = &mut open {
                    text.push_str(&part);
                }
            }
            Event::GeneralRef(name) => {
                if let Some((_, text)) = &mut open {
                    let whole = format!("&{};", &*name);
                    text.push_str(
                        &markup::entity(&whole).map_or(whole.as_str().into(), |(shown, _)| shown),
                    );
                }
            }
            Event::Comment(_) | Event::CData(_) => {}
            other => {
                if let Some((tag, text)) = open.take() {
                    element(&tag, &text);
                }
                match other {
                    Event::Start(tag) | Event::Empty(tag) => open = Some((tag, String::new())),
                    Event::Eof => return Ok(()),
                    _ => {}
                }
            }
        }
    }
}

fn attribute(tag: &BytesStart, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    attributes.with_checks(false);
    let found = attributes
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == name)?;
    Some(found.value.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::config::{Format, SourceConfig};
    use crate::formats::reading::{changes, check_changed, check_places, read_from};

    const CONTAINER: &str = r#"<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"#;
    const PACKAGE: &str = r#"<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>
<dc:title>Tea &amp; Rain</dc:title><dc:creator>A. Writer</dc:creator><dc:language>en</dc:language></metadata>
<manifest>
<item id="two" href="text/two.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="text/chapter%20one.xhtml" media-type="application/xhtml+xml"/>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="cover" href="cover.png" media-type="image/png"/>
<item id="lost" href="lost.xhtml" media-type="application/xhtml+xml"/>
<item id="out" href="../../../etc/passwd" media-type="application/xhtml+xml"/>
</manifest>
<spine><itemref idref="cover"/><itemref idref="nav"/><itemref idref="one"/><itemref idref="lost"/><itemref idref="out"/>
<itemref idref="two"/></spine></package>"#;
    const ONE: &str =
        "<html><head><title>no</title></head><body><h1>One</h1><p>It rained.</p></body></html>";
    const TWO: &str = "<html><body><p>The end&#8212;for now.</p></body></html>";

    fn book(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn whole() -> Vec<u8> {
        book(&[
            ("mimetype", b"application/epub+zip"),
            ("META-INF/container.xml", CONTAINER.as_bytes()),
            ("OPS/book.opf", PACKAGE.as_bytes()),
            ("OPS/text/two.xhtml", TWO.as_bytes()),
            ("OPS/text/chapter one.xhtml", ONE.as_bytes()),
            ("OPS/nav.xhtml", b"<html><body>Contents</body></html>"),
        ])
    }

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.epub");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn chapters_come_in_the_order_of_the_spine() {
        let (_folder, path) = file(&whole());
        let (all, ..) = read_from(Format::Epub, &path, &SourceConfig::default(), (0, 0)).unwrap();
        let shown: Vec<_> = all
            .iter()
            .map(|d| d.as_ref().map(|d| (d.id.as_str(), d.text.as_str())))
            .collect();
        assert_eq!(
            shown,
            [
                Ok(("file#1", "One\n\nIt rained.")),
                Err(
                    &"file: chapter 2 (`OPS/lost.xhtml`): specified file not found in archive"
                        .to_owned()
                ),
                Ok(("file#3", "The end—for now.")),
            ]
        );
        let first = all[0].as_ref().unwrap();
        assert_eq!(first.language.as_deref(), Some("en"));
        assert_eq!(
            serde_json::to_string(&first.metadata).unwrap(),
            r#"{"title":"Tea & Rain","creator":"A. Writer"}"#
        );
        check_places(Format::Epub, &path, &SourceConfig::default(), 1);
    }

    #[test]
    fn references_do_not_lead_out_of_the_archive() {
        for (folder, reference, expected) in [
            ("OPS", "a.xhtml", Some("OPS/a.xhtml")),
            ("OPS/x", "../a%20b.xhtml#c", Some("OPS/a b.xhtml")),
            ("", "./a.xhtml", Some("a.xhtml")),
            ("OPS", "/a.xhtml", Some("a.xhtml")),
            ("OPS", "../../a.xhtml", None),
            ("OPS", "%zz%c3%a9%", Some("OPS/%zzé%")),
        ] {
            assert_eq!(
                resolve(folder, reference).as_deref(),
                expected,
                "{reference}"
            );
        }
    }

    #[test]
    fn what_is_no_book_is_refused_in_one_line() {
        let bomb = vec![b'x'; LONGEST_RECORD + 1];
        let cases: [(Vec<u8>, &str); 5] = [
            (b"text".to_vec(), "file: is not an EPUB book: "),
            (
                book(&[("a", b"b")]),
                "file: is not an EPUB book: `META-INF/container.xml`: ",
            ),
            (
                book(&[("META-INF/container.xml", b"<container/>")]),
                "file: `META-INF/container.xml` names no package document",
            ),
            (
                book(&[
                    ("META-INF/container.xml", CONTAINER.as_bytes()),
                    ("OPS/book.opf", b"<package/>"),
                ]),
                "file: the package document `OPS/book.opf` lists no chapter",
            ),
            (
                book(&[
                    ("META-INF/container.xml", CONTAINER.as_bytes()),
                    ("OPS/book.opf", &bomb),
                ]),
                "file: the package document `OPS/book.opf`: unpacks to more than the 64 MiB that are left for it",
            ),
        ];
        for (bytes, expected) in cases {
            let (_folder, path) = file(&bytes);
            let refused =
                read_from(Format::Epub, &path, &SourceConfig::default(), (0, 0)).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn changed_bytes_end_in_documents_or_one_line(changes in changes()) {
            check_changed(Format::Epub, &whole(), &changes, &SourceConfig::default());
        }
    }
}
