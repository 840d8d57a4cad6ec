//! CoNLL-U: annotated sentences, ten columns a word, as the treebanks of Universal Dependencies come.
//!
//! A [`Reader`] streams sentences out of any buffered reader and keeps every byte of them: comments, ranges of
//! multiword tokens, empty nodes, blank lines, line ends. A sentence is written again as it was read but for the
//! fields that were [set](Sentence::set). Whether tags are of the right set, heads form a tree or `# text` agrees with
//! the words is not looked at.
//!
//! ```
//! use kiln_preprocess::conllu::{Field, Reader};
//!
//! let text = "# text = They ran\n1\tThey\t_\tPRON\t_\t_\t_\t_\t_\t_\n2\tran\t_\tVERB\t_\t_\t_\t_\t_\t_\n\n";
//! let mut sentence = Reader::new(text.as_bytes(), "ran.conllu").next().unwrap()?;
//! let forms: Vec<_> = sentence.words().map(|row| row.form()).collect();
//! assert_eq!(forms, ["They", "ran"]);
//! sentence.set(1, Field::Lemma, "run");
//! let mut out = Vec::new();
//! sentence.write(&mut out).unwrap();
//! assert_eq!(String::from_utf8(out).unwrap(), text.replace("ran\t_", "ran\trun"));
//! # Ok::<(), kiln_text::Error>(())
//! ```

mod reader;
mod sentence;

pub use reader::Reader;
pub use sentence::{Row, Sentence, Token};

use std::fmt;
use std::path::Path;

use kiln_text::Error;

/// A column after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The word as it stands in the text, or that of the whole token in the row of a range.
    Form = 1,
    /// Its dictionary form.
    Lemma,
    /// Universal part of speech.
    Upos,
    /// The treebank's own part of speech.
    Xpos,
    /// Morphological features, `Name=Value` joined by `|`.
    Feats,
    /// Id of the head.
    Head,
    /// Relation to the head.
    Deprel,
    /// Enhanced dependencies.
    Deps,
    /// Anything else; `SpaceAfter=No` stands here.
    Misc,
}

/// The first column: what a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// A syntactic word, counted from 1.
    Word(u32),
    /// A token of the text that is split into the words `first` to `last`.
    Range(u32, u32),
    /// An empty node: the `.1` th after word `.0`, which stands in no text.
    Empty(u32, u32),
}

impl Id {
    /// `8`, `8-9` or `8.1`; nothing else, no sign, no leading zero.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
                && (digits == "0" || !digits.starts_with('0'));
            if plain {
                digits.parse::<u32>().ok()
            } else {
                None
            }
        };
        if let Some((first, last)) = text.split_once('-') {
            let (first, last) = (number(first)?, number(last)?);
            (1 <= first && first <= last).then_some(Self::Range(first, last))
        } else if let Some((word, node)) = text.split_once('.') {
            let (word, node) = (number(word)?, number(node)?);
            (node >= 1).then_some(Self::Empty(word, node))
        } else {
            number(text).filter(|&word| word >= 1).map(Self::Word)
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "{word}"),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
            Self::Empty(word, node) => write!(f, "{word}.{node}"),
        }
    }
}

/// All sentences of a file; a name that ends in `.gz` is read as gzip.
///
/// # Errors
/// The file cannot be opened. What is wrong inside comes with the sentences.
pub fn open(path: &Path) -> Result<Reader<Box<dyn std::io::BufRead + Send>>, Error> {
    let file = std::fs::File::open(path).map_err(|error| Error::io(path, &error))?;
    let zipped = path.extension().is_some_and(|extension| extension == "gz");
    let bytes: Box<dyn std::io::BufRead + Send> = if zipped {
        Box::new(std::io::BufReader::with_capacity(
            1 << 16,
            flate2::read::MultiGzDecoder::new(file),
        ))
    } else {
        Box::new(std::io::BufReader::with_capacity(1 << 16, file))
    };
    Ok(Reader::new(bytes, path))
}

#[cfg(test)]
mod tests;
