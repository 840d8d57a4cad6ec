//! Stored documents: JSON Lines in zstd, in chunks.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiln_text::{Document, Error, Position, Source};

use crate::input::{LONGEST_RECORD, read_line};
use crate::object::json_problem;

/// Fast, and within some per cent of what slower levels reach on text.
const LEVEL: i32 = 3;

/// A text of the longest record, every byte of it a control character that JSON writes as `\u0001`, and the other fields.
const LONGEST_LINE: usize = 6 * LONGEST_RECORD + (1 << 20);

/// Writes the documents of one chunk. The same documents give the same bytes.
pub struct ChunkWriter<W: Write> {
    encoder: zstd::Encoder<'static, W>,
    path: PathBuf,
    documents: u64,
    uncompressed_bytes: u64,
    line: Vec<u8>,
}

impl<W: Write> ChunkWriter<W> {
    /// Write to `out`, called `path` in errors.
    ///
    /// # Errors
    /// Memory for the compressor could not be had.
    pub fn new(out: W, path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::with_level(out, path, LEVEL)
    }

    /// The same with another of zstd's levels, as -1 for what is read once and removed.
    ///
    /// # Errors
    /// Memory for the compressor could not be had.
    pub fn with_level(out: W, path: impl Into<PathBuf>, level: i32) -> Result<Self, Error> {
        let path = path.into();
        let io = |error| Error::failure(&path, Position::Whole, format!("{error}"));
        let mut encoder = zstd::Encoder::new(out, level).map_err(io)?;
        encoder.include_checksum(true).map_err(io)?;
        Ok(Self {
            encoder,
            path,
            documents: 0,
            uncompressed_bytes: 0,
            line: Vec::new(),
        })
    }

    /// Add a document.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn write(&mut self, document: &Document) -> Result<(), Error> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let written = write_line(document, &mut line).map_err(|error| self.failure(&error));
        let written = written.and_then(|()| self.write_stored(&line));
        self.line = line;
        written
    }

    /// Add a document as [`stored_line`] gives it, or another chunk has it.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn write_stored(&mut self, line: &[u8]) -> Result<(), Error> {
        self.encoder
            .write_all(line)
            .map_err(|error| self.failure(&error))?;
        self.documents += 1;
        self.uncompressed_bytes += line.len() as u64;
        Ok(())
    }

    /// How many documents were added.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// How many bytes of JSON Lines were added.
    pub fn uncompressed_bytes(&self) -> u64 {
        self.uncompressed_bytes
    }

    /// Write what is still held back and give back what was written to. Without this the chunk is not complete.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn finish(self) -> Result<W, Error> {
        let path = self.path;
        self.encoder
            .finish()
            .map_err(|error| Error::failure(path, Position::Whole, error.to_string()))
    }

    fn failure(&self, error: &dyn std::error::Error) -> Error {
        Error::failure(&self.path, Position::Whole, error.to_string())
    }
}

/// A document as chunks store it: a line of JSON with its end. Made apart from the writing, it can be made on any thread.
///
/// # Errors
/// None that a document can give.
pub fn stored_line(document: &Document) -> Result<Vec<u8>, Error> {
    let mut line = Vec::with_capacity(document.text.len() + 256);
    write_line(document, &mut line)
        .map_err(|error| Error::failure(&document.id, Position::Whole, error.to_string()))?;
    Ok(line)
}

fn write_line(document: &Document, line: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *line, document)?;
    line.push(b'\n');
    Ok(())
}

/// Reads the documents of chunks, one chunk after another, one document at a time.
pub struct DocumentReader {
    /// Those not yet opened, the next one last.
    paths: Vec<PathBuf>,
    chunk: Option<Chunk>,
}

struct Chunk {
    path: Arc<Path>,
    lines: BufReader<zstd::Decoder<'static, BufReader<File>>>,
    number: u64,
    line: Vec<u8>,
}

/// A document as it is stored, not yet taken apart.
#[derive(Clone, Debug)]
pub struct StoredDocument<'a> {
    path: Arc<Path>,
    number: u64,
    line: Cow<'a, [u8]>,
}

impl StoredDocument<'_> {
    /// Its line, the end included.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Take it apart.
    ///
    /// # Errors
    /// The line is damaged.
    pub fn document(&self) -> Result<Document, Error> {
        serde_json::from_slice(&self.line).map_err(|error| {
            let problem = format!("not a document: {}", json_problem(&error));
            damaged(&self.path, self.number, &problem)
        })
    }

    /// The same, no longer in the reader's memory.
    pub fn into_owned(self) -> StoredDocument<'static> {
        StoredDocument {
            path: self.path,
            number: self.number,
            line: Cow::Owned(self.line.into_owned()),
        }
    }
}

impl DocumentReader {
    /// Read these chunks in this order.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut paths: Vec<_> = paths.into_iter().collect();
        paths.reverse();
        Self { paths, chunk: None }
    }

    /// The next document as it is stored: for those who need but some of the documents, or take them apart elsewhere.
    ///
    /// # Errors
    /// A chunk that is missing, truncated or damaged.
    pub fn next_stored(&mut self) -> Result<Option<StoredDocument<'_>>, Error> {
        loop {
            if let Some(chunk) = &mut self.chunk
                && chunk.read_line()?
            {
                break;
            }
            self.chunk = match self.paths.pop() {
                Some(path) => Some(Chunk::open(path)?),
                None => return Ok(None),
            };
        }
        Ok(self.chunk.as_ref().map(Chunk::stored))
    }
}

impl Source for DocumentReader {
    /// # Errors
    /// A chunk that is missing, truncated or damaged, with the line.
    fn next_document(&mut self) -> Result<Option<Document>, Error> {
        let stored = self.next_stored()?;
        stored.map(|stored| stored.document()).transpose()
    }
}

impl Iterator for DocumentReader {
    type Item = Result<Document, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_document().transpose()
    }
}

impl Chunk {
    fn open(path: PathBuf) -> Result<Self, Error> {
        let io = |error: io::Error| Error::io(&path, &error);
        let file = File::open(&path).map_err(io)?;
        let decoder = zstd::Decoder::new(file).map_err(io)?;
        Ok(Self {
            lines: BufReader::with_capacity(128 << 10, decoder),
            number: 0,
            line: Vec::new(),
            path: path.into(),
        })
    }

    /// Have the next line; `false` at the end.
    fn read_line(&mut self) -> Result<bool, Error> {
        self.number += 1;
        self.line.clear();
        let fits = read_line(&mut self.lines, &mut self.line, LONGEST_LINE)
            .map_err(|error| self.unreadable(&error))?;
        if self.line.is_empty() {
            return Ok(false);
        }
        if !fits || !self.line.ends_with(b"\n") {
            return Err(damaged(&self.path, self.number, "the line does not end"));
        }
        Ok(true)
    }

    /// The line that was read last.
    fn stored(&self) -> StoredDocument<'_> {
        StoredDocument {
            path: Arc::clone(&self.path),
            number: self.number,
            line: Cow::Borrowed(&self.line),
        }
    }

    fn unreadable(&self, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(&self.path, self.number, "the file ends early"),
            _ => damaged(&self.path, self.number, &error.to_string()),
        }
    }
}

fn damaged(path: &Path, line: u64, problem: &str) -> Error {
    Error::failure(
        path,
        Position::Line(line),
        format!("the stored documents are damaged: {problem}; remove the file and ingest again"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_text::Provenance;
    use proptest::prelude::*;

    fn documents() -> Vec<Document> {
        (0..50u64)
            .map(|index| {
                let text = format!("Line {index}\n\u{1}\"é🙂\" {}", index * index);
                let mut document =
                    Document::new(format!("a#{index}"), text, Provenance::at("a", index));
                document.set_value(index as f64 / 3.0);
                document
            })
            .collect()
    }

    fn chunk(documents: &[Document]) -> Vec<u8> {
        let mut writer = ChunkWriter::new(Vec::new(), "c").unwrap();
        for document in documents {
            writer.write(document).unwrap();
        }
        assert_eq!(writer.documents(), documents.len() as u64);
        let lines = documents
            .iter()
            .map(|document| serde_json::to_vec(document).unwrap().len() + 1);
        assert_eq!(writer.uncompressed_bytes(), lines.sum::<usize>() as u64);
        writer.finish().unwrap()
    }

    fn read(chunks: &[&[u8]]) -> Result<Vec<Document>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..chunks.len())
            .map(|index| folder.path().join(format!("{index}.jsonl.zst")))
            .collect();
        for (path, bytes) in paths.iter().zip(chunks) {
            std::fs::write(path, bytes).unwrap();
        }
        DocumentReader::new(paths).collect()
    }

    #[test]
    fn chunks_are_read_one_after_another() {
        let all = documents();
        let (first, second) = (chunk(&all[..30]), chunk(&all[30..]));
        assert_eq!(first, chunk(&all[..30]));
        assert_eq!(read(&[&first, &chunk(&[]), &second]).unwrap(), all);
        assert_eq!(read(&[]).unwrap(), []);
    }

    #[test]
    fn every_truncation_is_noticed() {
        let whole = chunk(&documents());
        for length in 0..whole.len() {
            let error = read(&[&whole[..length]]).unwrap_err();
            assert!(
                !error.is_mistake() && error.to_string().contains("damaged"),
                "{error}"
            );
        }
        let error = read(&[&whole[..whole.len() - 1]]).unwrap_err().to_string();
        let expected = "0.jsonl.zst:51: the stored documents are damaged: the file ends early; remove the file and ingest again";
        assert!(error.ends_with(expected), "{error}");
    }

    #[test]
    fn lines_that_are_no_documents_are_named() {
        let good = serde_json::to_string(&documents()[0]).unwrap();
        let cases = [
            (format!("{good}\n{{\"id\":\"x\"}}\n"), ":2: "),
            (format!("{good}\n{good}\n{}", &good[..10]), ":3: "),
            (format!("{good}\n\n{good}\n"), ":2: "),
            (format!("{good}\n{good}"), ":2: "),
        ];
        for (lines, place) in cases {
            let bytes = zstd::encode_all(lines.as_bytes(), 1).unwrap();
            let error = read(&[&bytes]).unwrap_err().to_string();
            assert!(error.contains(place) && !error.contains('\n'), "{error}");
        }
        let missing = DocumentReader::new([PathBuf::from("/nowhere/x.zst")])
            .next()
            .unwrap();
        assert!(
            missing
                .unwrap_err()
                .to_string()
                .starts_with("/nowhere/x.zst: No such file")
        );
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writer = ChunkWriter::new(Full, "chunk-0").unwrap();
        let written = documents()
            .iter()
            .try_for_each(|document| writer.write(document));
        let error = written
            .and_then(|()| writer.finish().map(drop))
            .unwrap_err();
        assert!(!error.is_mistake());
        assert_eq!(error.to_string(), "chunk-0: no storage space");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn a_changed_byte_never_gives_other_documents(at in any::<proptest::sample::Index>(), bit in 0u8..8) {
            let documents = documents();
            let mut bytes = chunk(&documents);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(read) = read(&[&bytes]) {
                prop_assert_eq!(read, documents);
            }
        }

        #[test]
        fn any_document_comes_back(id in any::<String>(), text in any::<String>(), label in any::<String>(), value in proptest::num::f64::NORMAL) {
            let mut document = Document::new(id, text, Provenance::at("p", 7));
            document.set_label(label);
            document.set_value(value);
            document.set_continues(true);
            let bytes = chunk(std::slice::from_ref(&document));
            prop_assert_eq!(read(&[&bytes]).unwrap(), [document]);
        }
    }
}
