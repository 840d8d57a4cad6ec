//! Segmenters in files.
//!
//! A file is the mark `kilnsegm`, the version, what training left, and the first 16 bytes of the BLAKE3 hash of all
//! before. Numbers are LEB128 but for the version (4 bytes, little-endian).

use std::path::Path;
use std::sync::Arc;

use kiln_text::{Error, Position};

use super::decision::Decision;
use super::trained::{Trained, Words};
use super::{Method, Segmenter};
use crate::perceptron::{Broken, Model, Values, put};

const MARK: &[u8; 8] = b"kilnsegm";
/// Goes up with the format, and with the features: another question needs another answer.
const VERSION: u32 = 1;
const CHECKSUM: usize = 16;

impl Segmenter {
    /// A segmenter that was [saved](Self::save).
    ///
    /// # Errors
    /// The file cannot be read, is no segmenter, is of another version, or was changed.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, &error))?;
        Self::from_bytes(&bytes, path)
    }

    /// The same from the bytes of a file; `name` stands in messages.
    ///
    /// # Errors
    /// The bytes are no segmenter, of another version, or changed.
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<Self, Error> {
        read(bytes, name).map(|trained| Self::trained(Arc::new(trained)))
    }

    /// The bytes of its file; `None` if it follows rules and there is nothing to keep.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        match &self.method {
            Method::Trained(trained) => Some(write(trained)),
            Method::Unicode(_) => None,
        }
    }

    /// Write a trained segmenter to a file, which appears whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written; or the segmenter follows rules and there is nothing to keep.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let bytes = self.to_bytes().ok_or_else(|| {
            Error::mistake(
                path,
                Position::Whole,
                "this segmenter follows the rules of Unicode and has nothing to save: train one",
            )
        })?;
        let beside = path.with_added_extension("part");
        std::fs::write(&beside, bytes)
            .and_then(|()| std::fs::rename(&beside, path))
            .map_err(|error| Error::io(path, &error))
    }
}

fn write(trained: &Trained) -> Vec<u8> {
    let mut to = MARK.to_vec();
    to.extend(VERSION.to_le_bytes());
    put(&mut to, trained.language.len() as u64);
    to.extend(trained.language.as_bytes());
    put(&mut to, trained.words.words().len() as u64);
    let mut before = 0;
    for &(word, what) in trained.words.words() {
        put(&mut to, u64::from(word - before));
        to.push(what);
        before = word;
    }
    trained.tokens.model().write(&mut to);
    trained.sentences.model().write(&mut to);
    let checksum = blake3::hash(&to);
    to.extend(&checksum.as_bytes()[..CHECKSUM]);
    to
}

pub(super) fn read(bytes: &[u8], name: &Path) -> Result<Trained, Error> {
    let wrong =
        |byte: usize, problem: &str| Error::mistake(name, Position::Byte(byte as u64), problem);
    let rest = bytes.strip_prefix(MARK).ok_or_else(|| {
        wrong(
            0,
            "not a segmenter: expected a file that `kiln segmenter train` wrote",
        )
    })?;
    let version = rest
        .first_chunk()
        .map(|version| u32::from_le_bytes(*version));
    match version {
        Some(VERSION) => {}
        Some(version) => {
            return Err(wrong(
                MARK.len(),
                &format!("a segmenter of version {version}, expected {VERSION}: train it again"),
            ));
        }
        None => return Err(wrong(bytes.len(), "the file is cut short: copy it again")),
    }
    let start = MARK.len() + size_of::<u32>();
    let end = bytes.len().saturating_sub(CHECKSUM).max(start);
    let checksum = blake3::hash(&bytes[..end]);
    if bytes[end..] != checksum.as_bytes()[..CHECKSUM] {
        return Err(wrong(
            end,
            "the checksum is not that of the file, which is cut short or changed: copy it again, or train it again",
        ));
    }
    let mut from = Values::new(&bytes[start..end]);
    parse(&mut from).map_err(|broken| {
        wrong(
            start + broken.byte,
            &format!("expected {}: train the segmenter again", broken.expected),
        )
    })
}

fn parse(from: &mut Values<'_>) -> Result<Trained, Broken> {
    let language = from.text()?.to_owned();
    let count = from.count()?;
    let mut words = Vec::with_capacity(count);
    let mut word = 0u32;
    for _ in 0..count {
        word = u32::try_from(from.number()?)
            .ok()
            .and_then(|step| word.checked_add(step))
            .ok_or_else(|| from.broken("ascending words of 32 bits"))?;
        words.push((word, from.bytes(1)?[0]));
    }
    let tokens = Model::read(from)?;
    let sentences = Model::read(from)?;
    if tokens.classes() != 2 || sentences.classes() != 2 {
        return Err(from.broken("two classifiers of two classes"));
    }
    if from.left() > 0 {
        return Err(from.broken("the end of the file"));
    }
    Ok(Trained {
        language,
        words: Words::new(words),
        tokens: Decision::new(tokens),
        sentences: Decision::new(sentences),
    })
}
