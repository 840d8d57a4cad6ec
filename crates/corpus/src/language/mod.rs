//! Which language a text is in.
//!
//! Two ways: a model of fastText, which the user has downloaded (`lid.176.ftz` or `lid.176.bin`, as in FineWeb; GlotLID and others
//! of the same form too), and, where no model is named, the trigram profiles of the crate whatlang, which are part of this program
//! and know 70 languages. How right each is on which language stands in `docs/languages.md`.
//!
//! One text gets one language; a text in several gets one of them, and a text in a language that the identifier does not know gets
//! some other.
//!
//! ```
//! use kiln_corpus::language::{self, UNDETERMINED};
//!
//! let guess = language::identify("Alle Menschen sind frei und gleich an Würde und Rechten geboren.");
//! assert_eq!(guess.language, "de");
//! assert_eq!(language::identify("1 2 3").language, UNDETERMINED);
//! ```

#[cfg(test)]
mod against_whatlang;
mod built_in;
mod profiles;
mod script;
mod tags;
#[cfg(test)]
mod tests;
mod trigrams;

use std::borrow::Cow;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use fasttext_pure_rs::FastText;
use kiln_text::Position;

use crate::Error;

pub use tags::from_iso639_3;

/// The tag for no language that could be told (BCP 47).
pub const UNDETERMINED: &str = "und";

/// The most likely language of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// Its BCP 47 tag: `en`, `ceb`, with a model that tells scripts apart `en-Latn`.
    pub language: String,
    /// How sure that is, from 0 to 1: with a model the probability that it gives the language; without one how far the language
    /// is ahead of the next, which is 1 more often.
    pub score: f64,
}

/// Tells languages apart.
pub struct Identifier(Inner);

enum Inner {
    Profiles,
    Model(Box<FastText>),
}

/// The most likely language, told without a model.
pub fn identify(text: &str) -> Guess {
    Identifier::built_in().identify(text)
}

impl Identifier {
    /// The identifier that needs no model.
    pub fn built_in() -> Self {
        Self(Inner::Profiles)
    }

    /// A fastText model for languages, plain (`.bin`) or quantised (`.ftz`).
    pub fn open(model: &Path) -> Result<Self, Error> {
        let file = File::open(model).map_err(|error| kiln_text::Error::io(model, &error))?;
        match FastText::load_from_reader(BufReader::new(file)) {
            Ok(loaded) => Ok(Self(Inner::Model(Box::new(loaded)))),
            Err(error) => Err(kiln_text::Error::mistake(
                model,
                Position::Whole,
                format!("is no fastText model ({error}): expected lid.176.ftz, lid.176.bin or another of that form"),
            )
            .into()),
        }
    }

    /// The most likely language of a text, [`UNDETERMINED`] with the score 0 where the text has nothing to tell it by.
    pub fn identify(&self, text: &str) -> Guess {
        let guess = match &self.0 {
            Inner::Profiles => by_profiles(text),
            Inner::Model(model) => by_model(model, text),
        };
        guess.unwrap_or_else(|| Guess {
            language: UNDETERMINED.to_owned(),
            score: 0.0,
        })
    }
}

/// What the profiles see of a text: so many pieces at equal distances, of so many bytes each. Of 1,010 web pages one gets
/// another language than from the whole text, in a fraction of the time.
const PIECES: usize = 8;
const PIECE_BYTES: usize = 64;

fn by_profiles(text: &str) -> Option<Guess> {
    let found = built_in::detect(&sample(text))?;
    Some(Guess {
        language: from_iso639_3(found.language).to_owned(),
        score: found.confidence.clamp(0.0, 1.0),
    })
}

fn sample(text: &str) -> Cow<'_, str> {
    if text.len() <= PIECES * PIECE_BYTES {
        return Cow::Borrowed(text);
    }
    let mut sample = String::with_capacity(PIECES * (PIECE_BYTES + 4));
    for piece in 0..PIECES {
        let start = (text.len() - PIECE_BYTES) * piece / (PIECES - 1);
        let end = text.ceil_char_boundary(start + PIECE_BYTES);
        sample.push_str(&text[text.floor_char_boundary(start)..end]);
        sample.push(' ');
    }
    Cow::Owned(sample)
}

fn by_model(model: &FastText, text: &str) -> Option<Guess> {
    // A line is what fastText reads at once; FineWeb's pipeline makes one of the whole text.
    let line = text.replace('\n', " ");
    let best = model.predict(&line, 1, 0.0).ok()?.into_iter().next()?;
    Some(Guess {
        language: tags::from_label(&best.label),
        score: f64::from(best.probability).clamp(0.0, 1.0), // rounding goes a little above 1
    })
}
