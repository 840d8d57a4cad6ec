//! Which documents are held out.

use std::ops::ControlFlow;
use std::sync::Arc;

use kiln_text::{Document, Source};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::broken::Broken;
use crate::config::{Method, Split};
use crate::counts::{Counts, counted};
use crate::documents::{Documents, Place};
use crate::listing::{Inputs, Listing};

/// A side of the split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Trained on.
    Train,
    /// Kept to judge by.
    HeldOut,
}

impl Part {
    /// Both, in the order in which reports name them.
    pub const ALL: [Self; 2] = [Self::Train, Self::HeldOut];

    /// `train` or `held-out`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::HeldOut => "held-out",
        }
    }
}

/// A point between two documents of a [`SplitDocuments`] from which another can go on without reading what lies before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    place: Place,
    counts: Counts,
    /// With the method `tail`: how many characters are trained on.
    train_characters: Option<u64>,
}

impl Cursor {
    pub(crate) fn at_end(listing: &Listing, counts: Counts) -> Self {
        let place = Place {
            source: listing.sources.len(),
            ..Place::default()
        };
        Self {
            place,
            counts,
            train_characters: None,
        }
    }

    /// What was given before this point.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// How the part of a document is found.
enum Rule {
    Tail {
        train_characters: u64,
    },
    Random {
        key: [u8; 32],
        held_out_below: u64,
    },
    Files,
    /// Nothing is held out.
    Whole,
}

/// The documents of a corpus in their order, each with its part.
pub struct SplitDocuments {
    documents: Documents,
    rule: Rule,
    counts: Counts,
    /// Where the reading goes on, not counting what was read ahead.
    place: Place,
    ahead: Option<(Document, Part)>,
}

/// The method that a recipe asks for, `auto` decided.
pub(crate) fn method(split: &Split, listing: &Listing) -> Method {
    let sources = &listing.sources;
    let running = |inputs: &Inputs| match inputs {
        Inputs::Files(files) => files.iter().all(|file| file.format.is_running_text()),
        Inputs::Stories { .. } => false,
    };
    match split.method {
        Method::Auto if sources.iter().any(|source| source.held_out) => Method::Files,
        Method::Auto if sources.iter().all(|source| running(&source.inputs)) => Method::Tail,
        Method::Auto => Method::Random,
        chosen => chosen,
    }
}

/// How many of `characters` are trained on: nanoGPT's `int(n * 0.9)`.
fn train_characters(characters: u64, validation: f64) -> u64 {
    (characters as f64 * (1.0 - validation)) as u64
}

/// The first eight bytes of the text's BLAKE3 under a key made of the seed, as a number.
fn hash(key: &[u8; 32], text: &str) -> u64 {
    let digest = blake3::keyed_hash(key, text.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

impl SplitDocuments {
    /// Begin. The method `tail` first reads everything to count it; `keep_going` hears how many bytes were read, and
    /// if it says no, the result is `None`.
    pub(crate) fn begin(
        listing: Arc<Listing>,
        split: &Split,
        keep_going: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Option<Self>, Error> {
        let rule = match method(split, &listing) {
            Method::Tail => {
                let ControlFlow::Continue(characters) = count(&listing, keep_going)? else {
                    return Ok(None);
                };
                let train_characters = train_characters(characters, split.validation);
                Rule::Tail { train_characters }
            }
            Method::Files => Rule::Files,
            Method::None => Rule::Whole,
            Method::Random | Method::Cluster | Method::Auto => random(split),
        };
        Ok(Some(Self {
            documents: Documents::new(listing),
            rule,
            counts: Counts::default(),
            place: Place::default(),
            ahead: None,
        }))
    }

    /// Go on where `cursor` was taken. Nothing before it is taken apart again.
    pub(crate) fn resume(
        listing: Arc<Listing>,
        split: &Split,
        cursor: &Cursor,
    ) -> Result<Self, Error> {
        let misfit = |problem: &str| Error::Cursor {
            problem: problem.to_owned(),
        };
        let rule = match (method(split, &listing), cursor.train_characters) {
            (Method::Tail, Some(train_characters)) => Rule::Tail { train_characters },
            (Method::Files, None) => Rule::Files,
            (Method::None, None) => Rule::Whole,
            (Method::Random | Method::Cluster | Method::Auto, None) => random(split),
            _ => return Err(misfit("it was taken with another split.method")),
        };
        let place = cursor.place;
        let fits = match listing
            .sources
            .get(place.source)
            .map(|source| &source.inputs)
        {
            None => place == Cursor::at_end(&listing, Counts::default()).place,
            Some(Inputs::Stories { count, .. }) => place.file == 0 && place.line <= *count,
            Some(Inputs::Files(files)) => {
                // A place in a text may lie behind the end of the compressed file that holds it.
                place.file < files.len()
            }
        };
        if !fits {
            return Err(misfit("it lies behind their end"));
        }
        let mut documents = Documents::new(listing);
        documents.seek(place);
        documents.restore_skipped(cursor.counts.skipped.clone());
        Ok(Self {
            documents,
            rule,
            counts: cursor.counts.clone(),
            place,
            ahead: None,
        })
    }

    /// The next document and its part, or `None` after the last one.
    ///
    /// # Errors
    /// An input that cannot be read. At the end, a corpus or a part of it that got nothing.
    pub fn next_document(&mut self) -> Result<Option<(Part, Document)>, Error> {
        let next = match self.rule {
            Rule::Tail { train_characters } => self.next_by_position(train_characters)?,
            Rule::Random { .. } | Rule::Files | Rule::Whole => self.next_by_itself()?,
        };
        self.counts.skipped = self.documents.skipped().clone();
        if next.is_none() && !self.documents.is_partial() {
            self.judge()?;
        }
        Ok(next)
    }

    /// What was given so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many bytes of the files were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.documents.bytes_read()
    }

    /// What was quarantined since this was last asked; see [`Documents::take_broken`].
    pub fn take_broken(&mut self) -> Vec<Broken> {
        self.documents.take_broken()
    }

    /// The point after the last document that was given.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            place: self.place,
            counts: self.counts.clone(),
            train_characters: match self.rule {
                Rule::Tail { train_characters } => Some(train_characters),
                Rule::Random { .. } | Rule::Files | Rule::Whole => None,
            },
        }
    }

    /// By the characters before it: a text that lies across the border is cut there, a record goes to the training part.
    fn next_by_position(&mut self, border: u64) -> Result<Option<(Part, Document)>, Error> {
        let Some((mut document, _, running)) = self.documents.next_from()? else {
            return Ok(None);
        };
        let mut characters = document.text.chars().count() as u64;
        let left = border.saturating_sub(self.counts.characters());
        let part = if left == 0 {
            Part::HeldOut
        } else {
            Part::Train
        };
        self.place = self.documents.place();
        if part == Part::Train && characters >= left {
            if running && characters > left {
                let cut = document.text.char_indices().nth(left as usize);
                document
                    .text
                    .truncate(cut.map_or(document.text.len(), |(byte, _)| byte));
                characters = left;
                // What follows is read anew from here, so that a reading that begins here gives the same documents.
                self.place.byte = document.source.offset + document.text.len() as u64;
                self.documents.seek(self.place);
            }
            document.set_continues(false);
        }
        self.counts.add(part, &document, characters);
        Ok(Some((part, document)))
    }

    /// By its text or its source, wherever it stands.
    fn next_by_itself(&mut self) -> Result<Option<(Part, Document)>, Error> {
        let (mut document, part) = match self.ahead.take() {
            Some(ahead) => ahead,
            None => match self.read_ahead()? {
                Some(read) => read,
                None => return Ok(None),
            },
        };
        self.place = self.documents.place();
        if document.continues() {
            // It goes on within its part only if the next piece of the file is in the same part.
            self.ahead = self.read_ahead()?;
            let goes_on = self.ahead.as_ref().is_some_and(|(_, next)| *next == part);
            document.set_continues(goes_on);
        }
        let characters = document.text.chars().count() as u64;
        self.counts.add(part, &document, characters);
        Ok(Some((part, document)))
    }

    fn read_ahead(&mut self) -> Result<Option<(Document, Part)>, Error> {
        let Some((document, source, _)) = self.documents.next_from()? else {
            return Ok(None);
        };
        let held_out = match &self.rule {
            Rule::Random {
                key,
                held_out_below,
            } => hash(key, &document.text) < *held_out_below,
            Rule::Tail { .. } | Rule::Files | Rule::Whole => source.held_out,
        };
        let part = if held_out { Part::HeldOut } else { Part::Train };
        Ok(Some((document, part)))
    }

    fn judge(&self) -> Result<(), Error> {
        let counts = &self.counts;
        let skipped = &counts.skipped;
        if counts.documents() == 0 {
            let files = counted(skipped.empty_files, "empty file");
            let records = counted(skipped.empty_texts, "record");
            let mut seen = format!("{files}, {records} with an empty text, nothing else");
            if let Some(first) = &skipped.first_broken {
                let broken = skipped.broken_records + skipped.broken_files;
                seen = format!(
                    "{files}, {records} with an empty text, {broken} broken, the first {first}"
                );
            }
            return Err(Error::Empty { seen });
        }
        for part in Part::ALL {
            let wanted = part == Part::Train || !matches!(self.rule, Rule::Whole);
            if counts.of(part).documents > 0 || !wanted {
                continue;
            }
            return Err(Error::EmptyPart {
                part: part.name(),
                documents: counts.documents(),
                advice: match self.rule {
                    Rule::Tail { .. } => "add text or change split.validation",
                    Rule::Random { .. } => {
                        "add documents, change split.validation or split.seed, or cut one long text with split.method = \"tail\""
                    }
                    Rule::Files | Rule::Whole => {
                        "check the files that sources and validation_sources name"
                    }
                },
            });
        }
        counts.warn();
        Ok(())
    }
}

fn random(split: &Split) -> Rule {
    Rule::Random {
        key: blake3::derive_key(
            "kiln corpus: random split, version 1",
            &split.seed.to_le_bytes(),
        ),
        held_out_below: (split.validation * 2f64.powi(64)) as u64,
    }
}

/// The characters of all documents.
fn count(
    listing: &Arc<Listing>,
    keep_going: &mut dyn FnMut(u64) -> bool,
) -> Result<ControlFlow<(), u64>, Error> {
    let mut documents = Documents::new(Arc::clone(listing));
    let mut characters = 0;
    while let Some(document) = documents.next_document()? {
        characters += document.text.chars().count() as u64;
        if !keep_going(documents.bytes_read()) {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(characters))
}
