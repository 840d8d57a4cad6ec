//! Plain text and Markdown: a document a file, a long file in pieces.

use std::io::BufRead;
use std::path::Path;

use kiln_text::{Document, Error, Position, Provenance};

use super::Reader;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::encoding::Encoding;
use crate::input::Input;

/// Files longer than this come in pieces of at most this many bytes, so that memory does not grow with the file.
pub(crate) const PIECE: usize = 1 << 20;

pub(crate) struct TextReader {
    input: Input,
    name: String,
    /// Read but not yet given; begins at byte `offset` of the file.
    held: Vec<u8>,
    offset: u64,
    /// Whether the next document begins the file.
    first: bool,
    ended: bool,
}

impl TextReader {
    /// Go on at a byte where a character begins.
    pub(crate) fn open(
        path: &Path,
        name: &str,
        encoding: Option<Encoding>,
        offset: u64,
    ) -> Result<Self, Error> {
        let input = Input::open(path, encoding, offset)?;
        Ok(Self {
            offset: input.offset(),
            input,
            name: name.to_owned(),
            held: Vec::new(),
            first: offset == 0,
            ended: false,
        })
    }

    /// Hold more than one piece, or the rest of the file.
    fn fill(&mut self) -> Result<(), Error> {
        while self.held.len() <= PIECE {
            let block = self.input.block()?;
            if block.is_empty() {
                break;
            }
            let count = block.len();
            self.held.extend_from_slice(block);
            self.input.consume(count);
        }
        Ok(())
    }
}

/// Where to cut: after the last line end of the piece, or, without one, before the character that does not fit.
fn cut(held: &[u8]) -> usize {
    if held.len() <= PIECE {
        return held.len();
    }
    if let Some(newline) = held[..PIECE].iter().rposition(|&byte| byte == b'\n') {
        return newline + 1;
    }
    let is_inside_character = |at: usize| held[at] & 0b1100_0000 == 0b1000_0000;
    let mut end = PIECE;
    while is_inside_character(end) {
        end -= 1;
    }
    end
}

impl Reader for TextReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        if self.ended {
            return Ok(None);
        }
        self.fill()?;
        let end = cut(&self.held);
        self.ended = end == self.held.len();
        let text = std::str::from_utf8(&self.held[..end]).map_err(|error| {
            let at = self.offset + error.valid_up_to() as u64;
            Error::failure(
                self.input.path(),
                Position::Byte(at),
                "changed while it was read",
            )
        })?;
        let first = std::mem::replace(&mut self.first, false);
        if first && self.ended && text.trim().is_empty() {
            skipped.empty_file(&self.name);
            return Ok(None);
        }
        if text.is_empty() {
            return Ok(None);
        }
        let id = if first {
            self.name.clone()
        } else {
            format!("{}#{}", self.name, self.offset)
        };
        let place = Provenance::at(&self.name, self.offset);
        let mut document = Document::new(id, text, place);
        document.set_continues(!self.ended);
        self.held.drain(..end);
        self.offset += end as u64;
        Ok(Some(document))
    }

    fn place(&self) -> (u64, u64) {
        (self.offset, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(contents: &str, offset: u64) -> (Vec<Document>, Skipped) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), contents).unwrap();
        let mut reader = TextReader::open(file.path(), "a.txt", None, offset).unwrap();
        let mut skipped = Skipped::default();
        let mut documents = Vec::new();
        while let Some(document) = reader.next_document(&mut skipped).unwrap() {
            documents.push(document);
        }
        (documents, skipped)
    }

    #[test]
    fn a_short_file_is_one_document_as_it_stands() {
        let (documents, _) = read("\u{feff}One.\r\nTwo.\r\n", 0);
        assert_eq!(
            documents,
            [Document::new(
                "a.txt",
                "One.\r\nTwo.\r\n",
                Provenance::at("a.txt", 3)
            )]
        );
    }

    #[test]
    fn an_empty_file_is_counted() {
        for contents in ["", "\u{feff}", " \r\n\n"] {
            let (documents, skipped) = read(contents, 0);
            assert!(documents.is_empty());
            assert_eq!(
                (skipped.empty_files, skipped.first_empty_file.as_deref()),
                (1, Some("a.txt"))
            );
        }
    }

    #[test]
    fn long_files_are_cut_at_lines_and_without_lines_at_characters() {
        let cases = [
            ("0123456789abcde\n".repeat(PIECE / 16 * 2 + 5), 1),
            ("0123456789é\n".repeat(PIECE / 6), 1),
            ("🙂x".repeat(PIECE / 2), 0),
            ("x".repeat(PIECE), 0),
            ("x".repeat(PIECE + 1), 0),
            (format!("a\n{}", "é".repeat(PIECE)), 0),
        ];
        for (text, at_lines) in cases {
            let (documents, _) = read(&text, 0);
            let joined: String = documents
                .iter()
                .map(|document| document.text.as_str())
                .collect();
            assert!(joined == text);
            let (last, others) = documents.split_last().unwrap();
            assert!(!last.continues());
            for (index, piece) in others.iter().enumerate() {
                assert!(piece.continues() && piece.text.len() <= PIECE);
                assert!(at_lines == 0 || piece.text.ends_with('\n'));
                let next = &documents[index + 1];
                assert_eq!(
                    next.source.offset,
                    piece.source.offset + piece.text.len() as u64
                );
                assert_eq!(next.id, format!("a.txt#{}", next.source.offset));
                let (rest, _) = read(&text, next.source.offset);
                assert!(rest == documents[index + 1..]);
            }
        }
        assert_eq!(read(&"x".repeat(PIECE), 0).0.len(), 1);
        assert_eq!(read(&"x".repeat(PIECE + 1), 0).0.len(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn pieces_joined_are_the_file(line in "[a-zé🙂\\n]{1,40}", times in 1usize..90_000) {
            let text = line.repeat(times);
            let joined: String = read(&text, 0).0.into_iter().map(|document| document.text).collect();
            prop_assert!(joined == text || text.trim().is_empty());
        }
    }
}
