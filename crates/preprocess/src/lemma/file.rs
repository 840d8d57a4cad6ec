//! A lemmatizer as a file.
//!
//! Eight bytes of magic, a version, a length, the content, and the first 16 bytes of the content's BLAKE3 hash. The
//! content is a sequence of numbers and texts (`perceptron::Values`): notice, second tag, tags, edit scripts, forms,
//! taggers, chooser, lexicon.

use std::path::Path;

use kiln_text::{Error, Position};

use super::lookup::Lookup;
use super::script::Script;
use super::tagger::Tagger;
use super::{Lemmatizer, SecondTag};
use crate::lexicon::Lexicon;
use crate::perceptron::{Broken, Model, Values, put};

const MAGIC: &[u8; 8] = b"kilnlem\n";
const VERSION: u8 = 1;
const CHECKSUM: usize = 16;

impl Lemmatizer {
    /// Read a model file.
    ///
    /// # Errors
    /// The file cannot be read, is no such model, of another version, cut short or changed.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, &error))?;
        Self::from_bytes(&bytes, path)
    }

    /// Read a model file's bytes; `name` stands in messages.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8], name: impl AsRef<Path>) -> Result<Self, Error> {
        let name = name.as_ref();
        let wrong = |problem: &str| Error::mistake(name, Position::Whole, problem);
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            return Err(wrong(
                "not a lemmatizer: expected a model file that was trained here",
            ));
        };
        let mut rest = Values::new(rest);
        match rest.bytes(1) {
            Ok(&[VERSION]) => {}
            Ok(_) => return Err(wrong("a lemmatizer of another version: train it again")),
            Err(_) => return Err(wrong("cut short: copy or train the model again")),
        }
        let content = rest
            .count()
            .and_then(|length| rest.bytes(length))
            .map_err(|_| wrong("cut short: copy or train the model again"))?;
        let checksum = rest.bytes(CHECKSUM);
        if checksum.ok() != blake3::hash(content).as_bytes().get(..CHECKSUM) || rest.left() > 0 {
            return Err(wrong(
                "the checksum is wrong, the file was changed: copy or train the model again",
            ));
        }
        Self::read(&mut Values::new(content))
            .map_err(|broken| wrong(&format!("the content is damaged, {broken}")))
    }

    /// The bytes of the model file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut content = Vec::new();
        self.write(&mut content);
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        put(&mut bytes, content.len() as u64);
        bytes.extend(&content);
        bytes.extend(&blake3::hash(&content).as_bytes()[..CHECKSUM]);
        bytes
    }

    /// Write the model file, whole or not at all.
    ///
    /// # Errors
    /// It could not be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        std::fs::write(&part, self.to_bytes())
            .and_then(|()| std::fs::rename(&part, path))
            .map_err(|error| Error::io(path, &error))
    }

    fn write(&self, to: &mut Vec<u8>) {
        put_text(to, &self.notice);
        to.push(match self.second {
            SecondTag::None => 0,
            SecondTag::Xpos => 1,
            SecondTag::Feats => 2,
        });
        put(to, self.tags.len() as u64);
        for (upos, second) in &self.tags {
            put_text(to, upos);
            put_text(to, second);
        }
        put(to, self.scripts.len() as u64);
        for script in &self.scripts {
            script.write(to);
        }
        self.lookup.write(to);
        self.tagger.write(to);
        self.chooser.write(to);
        to.push(u8::from(self.lexicon.is_some()));
        if let Some(lexicon) = &self.lexicon {
            lexicon.write(to);
        }
    }

    fn read(from: &mut Values<'_>) -> Result<Self, Broken> {
        let notice = from.text()?.to_owned();
        let second = match from.bytes(1)? {
            [0] => SecondTag::None,
            [1] => SecondTag::Xpos,
            [2] => SecondTag::Feats,
            _ => return Err(from.broken("a second tag")),
        };
        let count = from.count()?;
        let mut tags = Vec::with_capacity(count);
        for _ in 0..count {
            tags.push((from.text()?.to_owned(), from.text()?.to_owned()));
        }
        if tags.is_empty() || tags.len() >= u16::MAX as usize || !tags.is_sorted() {
            return Err(from.broken("1 to 65,534 tags in order"));
        }
        let count = from.count()?;
        let mut scripts = Vec::with_capacity(count);
        for _ in 0..count {
            scripts.push(Script::read(from)?);
        }
        let lookup = Lookup::read(from, tags.len(), scripts.len())?;
        let tagger = Tagger::read(from, tags.len())?;
        let chooser = Model::read(from)?;
        if chooser.classes() as usize > scripts.len() {
            return Err(from.broken("no more classes than edit scripts"));
        }
        let lexicon = match from.bytes(1)? {
            [0] => None,
            [1] => Some(Lexicon::read(from)?),
            _ => return Err(from.broken("a lexicon or none")),
        };
        Ok(Self {
            second,
            tags,
            scripts,
            lookup,
            tagger,
            chooser,
            lexicon,
            notice,
        })
    }
}

/// A text with its length in bytes before it.
fn put_text(to: &mut Vec<u8>, text: &str) {
    put(to, text.len() as u64);
    to.extend(text.as_bytes());
}
