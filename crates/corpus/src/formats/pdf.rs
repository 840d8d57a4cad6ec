//! PDF: the text of each page, as far as the file says which characters its glyphs are. Scanned pages have none.
//!
//! The libraries that decode PDF panic on many broken files, and on some they would not end: each call is guarded, so that a
//! panic becomes an error, and what they would follow without end (forms that draw themselves, pages that are their own
//! parents, streams that unpack to gigabytes) is refused before.

mod streams;

use std::path::{Path, PathBuf};

use kiln_text::{Document, Error, Position, Provenance};
use pdf_extract::content::Content;
use pdf_extract::{Dictionary, Object, ObjectId, PlainTextOutput};

use super::Reader;
use super::whole::read_whole;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::record::Fields;

/// The most that all streams of a file may unpack to.
const LARGEST_STREAMS: u64 = 1 << 30;
/// How deep forms may draw forms, and pages have parents.
const DEEPEST: usize = 32;
/// How many forms a page may draw, those within others each time.
const MOST_FORMS: usize = 20_000;

pub(crate) struct PdfReader {
    path: PathBuf,
    name: String,
    id_suffix: String,
    file: pdf_extract::Document,
    pages: Vec<(u32, ObjectId)>,
    /// The next of `pages`.
    next: usize,
}

impl PdfReader {
    /// Go on behind so many pages.
    pub(crate) fn open(
        path: &Path,
        name: &str,
        fields: &Fields,
        (_, next): (u64, u64),
    ) -> Result<Self, Error> {
        let mistake = |problem: String| Error::mistake(path, Position::Whole, problem);
        let bytes = read_whole(path, "a PDF file")?;
        streams::check(&bytes, LARGEST_STREAMS).map_err(mistake)?;
        let loaded = guarded(|| {
            let mut file = pdf_extract::Document::load_mem(&bytes)?;
            if file.is_encrypted() {
                file.decrypt("")?;
            }
            Ok::<_, pdf_extract::Error>(file)
        });
        let file = loaded
            .map_err(|problem| mistake(format!("is not a PDF file that can be read: {problem}")))?;
        let pages = guarded(|| Ok::<_, String>(file.get_pages())).map_err(mistake)?;
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
            id_suffix: fields.id_suffix.clone(),
            file,
            pages: pages.into_iter().collect(),
            next: usize::try_from(next).unwrap_or(usize::MAX),
        })
    }

    fn text(&self, number: u32, page: ObjectId) -> Result<String, String> {
        guarded(|| self.check(page))?;
        guarded(|| {
            let mut text = String::new();
            let mut output = PlainTextOutput::new(&mut text);
            pdf_extract::output_doc_page(&self.file, &mut output, number)
                .map_err(|error| error.to_string())?;
            Ok::<_, String>(text)
        })
    }

    /// Whether the page ends: its parents and the forms that it draws.
    fn check(&self, page: ObjectId) -> Result<(), String> {
        let missing = |error: pdf_extract::Error| error.to_string();
        let page_dictionary = self.file.get_dictionary(page).map_err(missing)?;
        let mut resources = None;
        let mut ancestor = page_dictionary;
        for depth in 0.. {
            resources = resources.or_else(|| self.dictionary(ancestor, b"Resources"));
            let parent = ancestor.get(b"Parent").and_then(Object::as_reference);
            let Some(parent) = parent
                .ok()
                .and_then(|parent| self.file.get_dictionary(parent).ok())
            else {
                break;
            };
            if depth == DEEPEST {
                return Err("has too many pages above it".to_owned());
            }
            ancestor = parent;
        }
        let content = self.file.get_page_content(page).map_err(missing)?;
        self.check_forms(&content, resources, 0, &mut 0)
    }

    fn check_forms(
        &self,
        content: &[u8],
        resources: Option<&Dictionary>,
        depth: usize,
        count: &mut usize,
    ) -> Result<(), String> {
        let Some(forms) = resources.and_then(|resources| self.dictionary(resources, b"XObject"))
        else {
            return Ok(());
        };
        let content = Content::decode(content).map_err(|error| error.to_string())?;
        for operation in content
            .operations
            .iter()
            .filter(|operation| operation.operator == "Do")
        {
            let form = operation
                .operands
                .first()
                .and_then(|name| name.as_name().ok());
            let form = form.and_then(|name| forms.get(name).ok());
            let form = form.and_then(|form| self.file.dereference(form).ok());
            let Some(stream) = form.and_then(|(_, form)| form.as_stream().ok()) else {
                continue;
            };
            *count += 1;
            if depth == DEEPEST || *count > MOST_FORMS {
                return Err("draws too many forms one within the other".to_owned());
            }
            if stream
                .dict
                .get(b"Subtype")
                .and_then(Object::as_name)
                .is_ok_and(|kind| kind == b"Image")
            {
                continue;
            }
            let inner = stream
                .decompressed_content()
                .unwrap_or_else(|_| stream.content.clone());
            let own = self.dictionary(&stream.dict, b"Resources").or(resources);
            self.check_forms(&inner, own, depth + 1, count)?;
        }
        Ok(())
    }

    fn dictionary<'a>(&'a self, parent: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
        let (_, object) = self.file.dereference(parent.get(key).ok()?).ok()?;
        object.as_dict().ok()
    }
}

impl Reader for PdfReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        while let Some(&(number, page)) = self.pages.get(self.next) {
            self.next += 1;
            let text = self.text(number, page).map_err(|problem| {
                let problem = format!("page {number} cannot be read: {problem}");
                Refusal::record(Error::mistake(&self.path, Position::Whole, problem), b"")
            })?;
            let text = text.trim();
            if text.is_empty() {
                skipped.empty_text(&self.name, u64::from(number));
                continue;
            }
            let id = format!("{}#{number}{}", self.name, self.id_suffix);
            return Ok(Some(Document::new(id, text, Provenance::at(&self.name, 0))));
        }
        Ok(None)
    }

    fn place(&self) -> (u64, u64) {
        (0, self.next as u64)
    }
}

/// What a library gives, or what it or a panic within says is wrong. What it worked on is not changed afterwards.
fn guarded<T, E: std::fmt::Display>(work: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    crate::guard::guarded("its parts contradict each other", work)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use crate::config::{Format, SourceConfig};
    use crate::formats::reading::{changes, check_changed, check_places, read_from};

    /// A PDF file of these objects, the first of them the catalogue.
    fn file_of(objects: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"%PDF-1.4\n".to_vec();
        let mut offsets = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            offsets.push(bytes.len());
            bytes.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
            bytes.extend_from_slice(object);
            bytes.extend_from_slice(b"\nendobj\n");
        }
        let table = bytes.len();
        bytes.extend_from_slice(
            format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes(),
        );
        for offset in offsets {
            bytes.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
        }
        let size = objects.len() + 1;
        bytes.extend_from_slice(
            format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n")
                .as_bytes(),
        );
        bytes
    }

    fn stream(entries: &str, content: &[u8]) -> Vec<u8> {
        let mut object =
            format!("<< {entries} /Length {} >>\nstream\n", content.len()).into_bytes();
        object.extend_from_slice(content);
        object.extend_from_slice(b"\nendstream");
        object
    }

    fn deflated(content: &[u8]) -> Vec<u8> {
        let mut encoder =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    /// Two pages, the second through a form that draws what `inner` says.
    fn two_pages(inner: &str) -> Vec<u8> {
        let font = "<< /Font << /F1 5 0 R >> /XObject << /X1 8 0 R >> >>";
        let page = |content: usize| {
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {content} 0 R /Resources {font} >>"
            )
        };
        file_of(&[
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>".to_vec(),
            page(6).into_bytes(),
            page(7).into_bytes(),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
                .to_vec(),
            stream(
                "/Filter /FlateDecode",
                &deflated(b"BT /F1 12 Tf 72 720 Td (Hello, world.) Tj ET"),
            ),
            stream("", b"/X1 Do"),
            stream(
                &format!("/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources {font}"),
                inner.as_bytes(),
            ),
        ])
    }

    const INNER: &str = "BT /F1 12 Tf 72 720 Td (Second page.) Tj ET";

    fn read_bytes(bytes: &[u8]) -> Result<Vec<Result<String, String>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pdf");
        std::fs::write(&path, bytes).unwrap();
        let (all, ..) = read_from(Format::Pdf, &path, &SourceConfig::default(), (0, 0))?;
        check_places(Format::Pdf, &path, &SourceConfig::default(), 1);
        Ok(all
            .into_iter()
            .map(|document| document.map(|d| format!("{}: {}", d.id, d.text)))
            .collect())
    }

    #[test]
    fn pages_are_read_in_order() {
        assert_eq!(
            read_bytes(&two_pages(INNER)).unwrap(),
            [
                Ok("file#1: Hello, world.".to_owned()),
                Ok("file#2: Second page.".to_owned())
            ]
        );
    }

    #[test]
    fn a_form_that_draws_itself_is_refused() {
        let pages = read_bytes(&two_pages("/X1 Do")).unwrap();
        let refused = "file: page 2 cannot be read: draws too many forms one within the other";
        assert_eq!(
            pages,
            [
                Ok("file#1: Hello, world.".to_owned()),
                Err(refused.to_owned())
            ]
        );
    }

    #[test]
    fn what_is_no_pdf_is_refused_in_one_line() {
        for bytes in [
            &b""[..],
            b"text",
            b"%PDF-1.4\n",
            b"%PDF-1.7\n%%EOF\nstartxref\n0\n",
        ] {
            let refused = read_bytes(bytes).unwrap_err();
            assert!(
                refused.starts_with("file: is not a PDF file that can be read: "),
                "{refused}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn changed_bytes_end_in_documents_or_one_line(changes in changes()) {
            check_changed(Format::Pdf, &two_pages(INNER), &changes, &SourceConfig::default());
        }
    }
}
