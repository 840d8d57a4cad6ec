//! Text repair: encodings that were mixed up, and characters that stand for others.
//!
//! [`Repair`] does what its [`Config`] names, to a text or, as a [`Transform`], to a document; each change is a function of
//! its own too. With `preset = "ftfy"` it does what python-ftfy 6.3.1 does by default, line by line. It knows no language and
//! does not guess the encoding of bytes: its text is a string already. Clean text is not copied.
//!
//! ```
//! use kiln_corpus::repair::{Config, Repair, mojibake};
//!
//! assert_eq!(mojibake("TschÃ¼ÃŸ, sagt JÃ¶rg."), "Tschüß, sagt Jörg.");
//! assert_eq!(mojibake("Ã la carte"), "à la carte");
//! assert_eq!(mojibake("SÃO PAULO, Übermut"), "SÃO PAULO, Übermut");
//!
//! let config: Config = serde_json::from_str(r#"{"preset": "ftfy", "quotes": "keep"}"#)?;
//! let repair = Repair::new(config);
//! assert_eq!(repair.text("Broken text&hellip; it’s ﬂubberiﬁc!"), "Broken text… it’s flubberific!");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod asks;
mod badness;
mod characters;
mod code_page;
mod config;
mod entities;
mod mojibake;
mod sequences;
mod tables;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use kiln_text::{Document, Error, Transform};

pub use characters::{
    c1_controls, line_feeds, normalise, remove_control_characters, remove_terminal_escapes,
    remove_trailing_space, split_ligatures, standard_width, straight_quotes,
};
pub use config::{
    C1Controls, Config, HtmlEntities, Ligatures, LineEndings, Preset, Quotes, Removal, Unicode,
    Width,
};
pub use entities::decode_entities;

use asks::{asked, asks_for};

/// How often a line is gone over before it is left as it is. One change makes room for another (an entity for mojibake, a
/// ligature for a quotation mark), but hardly ever more than twice.
const ROUNDS: usize = 16;

/// Repairs text as a [`Config`] says. Repaired text does not change when it is repaired again.
#[derive(Clone, Copy, Debug)]
pub struct Repair {
    config: Config,
    /// Bits of [`asks`] that the configuration answers.
    answers: u16,
}

/// Text that was written as UTF-8 and read as another encoding, as it was written. Each line is repaired apart. The encodings
/// are Latin-1, Windows-1250 to 1254 and 1257, ISO 8859-2, Macintosh, code page 437; also several of them in layers.
pub fn mojibake(text: &str) -> Cow<'_, str> {
    const MOJIBAKE: Config = Config {
        mojibake: true,
        c1_controls: C1Controls::Windows1252,
        ..Config::NOTHING
    };
    Repair::new(MOJIBAKE).text(text)
}

impl Repair {
    /// A repair that does what `config` says.
    pub fn new(config: Config) -> Self {
        let answered = [
            (config.mojibake, asks::SUSPECT),
            (config.c1_controls != C1Controls::Keep, asks::C1),
            (config.html_entities != HtmlEntities::Keep, asks::ENTITY),
            (config.terminal_escapes != Removal::Keep, asks::ESCAPE),
            (config.ligatures != Ligatures::Keep, asks::LIGATURE),
            (config.width != Width::Keep, asks::WIDTH),
            (config.quotes != Quotes::Keep, asks::QUOTE),
            (config.line_endings != LineEndings::Keep, asks::LINE),
            (config.control_characters != Removal::Keep, asks::CONTROL),
            (config.unicode == Unicode::Nfc, asks::COMPOSE),
            (config.unicode == Unicode::Nfkc, asks::NON_ASCII),
        ];
        let bits = answered.iter().filter(|(answers, _)| *answers);
        Self {
            config,
            answers: bits.fold(0, |bits, (_, bit)| bits | bit),
        }
    }

    /// The repaired text; the text itself, not copied, if there was nothing to repair.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.settles(text) || self.settles_all(text) {
            return Cow::Borrowed(text);
        }
        let (mut out, mut copied, mut at) = (String::new(), 0, 0);
        let mut decode_entities = self.config.html_entities != HtmlEntities::Keep;
        for line in Lines::of(text, self.config.line_endings) {
            if self.config.html_entities == HtmlEntities::Auto && line.contains('<') {
                decode_entities = false;
            }
            if !self.settles(line)
                && let Cow::Owned(repaired) = self.line(line, decode_entities, ROUNDS)
            {
                out.push_str(&text[copied..at]);
                out.push_str(&repaired);
                copied = at + line.len();
            }
            at += line.len();
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[copied..]);
        Cow::Owned(out)
    }

    /// Whether a look at the bytes shows that there is nothing to repair: all ASCII, and nothing in it that is asked for.
    /// It has no branches, so that it is done for many bytes at once.
    fn settles(&self, text: &str) -> bool {
        let entities = if self.answers & asks::ENTITY != 0 {
            b'&'
        } else {
            0xff
        };
        let unsettled = |bytes: &[u8]| {
            bytes.iter().fold(false, |found, byte| {
                let control = (*byte < b' ') & (*byte != b'\n') & (*byte != b'\t');
                found | control | (*byte >= 0x7f) | (*byte == entities)
            })
        };
        let trailing = self.config.trailing_space == Removal::Remove;
        let unsettled = text.as_bytes().chunks(256).any(unsettled)
            || (trailing && matches!(remove_trailing_space(text), Cow::Owned(_)));
        !unsettled
    }

    /// Whether a look at every character shows it.
    fn settles_all(&self, text: &str) -> bool {
        (self.answers == 0 || !asks_for(text, self.answers))
            && self.config.trailing_space == Removal::Keep
    }

    /// One line, repaired until nothing changes.
    fn line<'a>(&self, line: &'a str, decode_entities: bool, rounds: usize) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(line);
        for rounds_left in (0..rounds).rev() {
            let Some(repaired) = self.round(&text, decode_entities) else {
                break;
            };
            let mut lines = Lines::of(&repaired, self.config.line_endings);
            if lines
                .next()
                .is_some_and(|first| first.len() < repaired.len())
            {
                // It has become several lines, which are repaired apart as they would be if they had been so before.
                let lines = Lines::of(&repaired, self.config.line_endings);
                let repaired = lines.map(|line| self.line(line, decode_entities, rounds_left));
                return Cow::Owned(repaired.collect());
            }
            text = Cow::Owned(repaired);
        }
        text
    }

    /// Every repair once, in python-ftfy's order; nothing if none changed anything.
    fn round(&self, line: &str, decode_entities: bool) -> Option<String> {
        let config = &self.config;
        let mut text = Cow::Borrowed(line);
        let mut changed = false;
        let mut wanted = asked(&text) & self.answers;
        let mut apply = |wanted: &mut u16, bit: u16, change: &dyn Fn(&str) -> Cow<'_, str>| {
            if *wanted & bit == 0 {
                return;
            }
            if let Cow::Owned(new) = change(&text) {
                *wanted = asked(&new) & self.answers;
                text = Cow::Owned(new);
                changed = true;
            }
        };
        if decode_entities {
            apply(&mut wanted, asks::ENTITY, &entities::decode_entities);
        }
        if config.mojibake {
            apply(&mut wanted, asks::SUSPECT, &|line| {
                mojibake::repair(line, config)
            });
        }
        apply(&mut wanted, asks::C1, &c1_controls);
        apply(&mut wanted, asks::LIGATURE, &split_ligatures);
        apply(&mut wanted, asks::WIDTH, &standard_width);
        apply(&mut wanted, asks::QUOTE, &straight_quotes);
        apply(&mut wanted, asks::LINE, &line_feeds);
        apply(&mut wanted, asks::ESCAPE, &remove_terminal_escapes);
        apply(&mut wanted, asks::CONTROL, &remove_control_characters);
        apply(&mut wanted, asks::COMPOSE | asks::NON_ASCII, &|line| {
            normalise(line, config.unicode)
        });
        if config.trailing_space == Removal::Remove
            && let Cow::Owned(new) = remove_trailing_space(&text)
        {
            text = Cow::Owned(new);
            changed = true;
        }
        changed.then(|| text.into_owned())
    }
}

impl Transform for Repair {
    fn apply(&self, mut document: Document) -> Result<Option<Document>, Error> {
        if let Cow::Owned(repaired) = self.text(&document.text) {
            document.replace_text(repaired);
        }
        Ok(Some(document))
    }
}

/// Lines with what ends them: a line feed or, where other ends of lines become line feeds, what becomes one for certain.
/// (U+0085 is an ellipsis more often.)
struct Lines<'a> {
    rest: &'a str,
    line_feeds_alone: bool,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str, line_endings: LineEndings) -> Self {
        // U+2028 and U+2029 begin with E2.
        let others = || {
            let bytes = text.as_bytes().iter();
            bytes.fold(false, |found, byte| {
                found | (*byte == b'\r') | (*byte == 0xe2)
            })
        };
        Self {
            rest: text,
            line_feeds_alone: line_endings == LineEndings::Keep || !others(),
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = if self.line_feeds_alone {
            memchr::memchr(b'\n', self.rest.as_bytes()).map(|at| at + 1)
        } else {
            let bytes = self.rest.as_bytes();
            // U+2028 and U+2029 begin with E2.
            let mut candidates = memchr::memchr3_iter(b'\n', b'\r', 0xe2, bytes);
            candidates.find_map(|at| match &bytes[at..] {
                [b'\r', b'\n', ..] => Some(at + 2),
                [b'\n' | b'\r', ..] => Some(at + 1),
                [0xe2, 0x80, 0xa8 | 0xa9, ..] => Some(at + 3),
                _ => None,
            })
        };
        let (line, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Some(line)
    }
}
