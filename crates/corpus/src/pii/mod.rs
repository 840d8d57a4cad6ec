//! Personal data in running text: where it stands, and the text without it.
//!
//! [`find`] looks for e-mail and network addresses, telephone, card and account numbers and for keys that open something.
//! Each kind is found by what its standard says of it (check digits, lengths, prefixes), and then by what stands beside it:
//! `version 1.2.3.4` is no address. Names, postal addresses and numbers that only their owner can tell from others (passports,
//! customer numbers) are not looked for.
//!
//! The work grows with the length of the text alone: candidates are found by single bytes, and each is judged by a bounded part
//! of the text around it.
//!
//! ```
//! use kiln_corpus::pii::{self, Config, Kind};
//!
//! let text = "Write to jane@example.com or call (202) 555-0143; since version 1.2.3.4.";
//! let found = pii::find(text);
//! assert_eq!(found.iter().map(|found| found.kind).collect::<Vec<_>>(), [Kind::Email, Kind::Phone]);
//! assert_eq!(&text[found[0].range.clone()], "jane@example.com");
//!
//! let masked = pii::mask(text, &Config::default());
//! assert_eq!(masked.as_deref(), Some("Write to <EMAIL> or call <PHONE>; since version 1.2.3.4."));
//! ```

mod address;
mod card;
mod config;
mod email;
mod iban;
mod phone;
mod secret;
#[cfg(test)]
mod tests;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use config::{Action, Config, Variant};

/// What kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A private key, or a key or token in the documented form of one of the services that give them out.
    Secret,
    /// An e-mail address.
    Email,
    /// An international bank account number: length of its country and check digits (ISO 13616).
    Iban,
    /// The number of a payment card: issuer's range, length and Luhn's check digit (ISO/IEC 7812).
    Card,
    /// An address of the Internet's sixth protocol version.
    Ipv6,
    /// An address of the Internet's fourth protocol version.
    Ipv4,
    /// A telephone number: international, North American, or in a national form that its grouping or the word before it gives
    /// away.
    Phone,
}

impl Kind {
    /// All of them. Where two matches overlap, the kind that comes first here has it.
    pub const ALL: [Self; 7] = [
        Self::Secret,
        Self::Email,
        Self::Iban,
        Self::Card,
        Self::Ipv6,
        Self::Ipv4,
        Self::Phone,
    ];

    /// Its name in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Card => "card",
            Self::Ipv6 => "ipv6",
            Self::Ipv4 => "ipv4",
            Self::Phone => "phone",
        }
    }
}

/// Something found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// What it is.
    pub kind: Kind,
    /// Its bytes in the text, on borders of characters.
    pub range: Range<usize>,
}

/// All personal data of a text in the order in which it stands there; no two matches overlap. Addresses of networks only where
/// they are public.
pub fn find(text: &str) -> Vec<Match> {
    find_kinds(text, &Kind::ALL, true)
}

/// The text with the configured kinds replaced, or nothing where there is nothing to replace. What [`mask`] returns holds nothing
/// more to mask: a replacement can uncover a neighbour (a number that was part of a longer one), so the search is repeated until
/// it finds nothing, or eight times.
pub fn mask(text: &str, config: &Config) -> Option<String> {
    let mut masked = mask_once(text, config)?;
    for _ in 0..7 {
        match mask_once(&masked, config) {
            Some(again) => masked = again,
            None => break,
        }
    }
    Some(masked)
}

fn mask_once(text: &str, config: &Config) -> Option<String> {
    let mut masked = String::new();
    let mut copied = 0;
    for found in config.find(text) {
        let original = &text[found.range.clone()];
        if config.is_replacement(found.kind, original) {
            continue;
        }
        masked.push_str(&text[copied..found.range.start]);
        masked.push_str(&config.replacement(found.kind, original));
        copied = found.range.end;
    }
    if copied == 0 {
        return None;
    }
    masked.push_str(&text[copied..]);
    Some(masked)
}

/// The kinds that are asked for.
fn find_kinds(text: &str, kinds: &[Kind], public_only: bool) -> Vec<Match> {
    let mut found = Vec::new();
    let wanted = |kind| kinds.contains(&kind);
    let mut add = |kind, range| found.push(Match { kind, range });
    if wanted(Kind::Secret) {
        secret::find(text, |range| add(Kind::Secret, range));
    }
    if wanted(Kind::Email) {
        email::find(text, |range| add(Kind::Email, range));
    }
    if wanted(Kind::Ipv6) {
        address::find_ipv6(text, public_only, |range| add(Kind::Ipv6, range));
    }
    let numbers = Numbers {
        iban: wanted(Kind::Iban),
        card: wanted(Kind::Card),
        ipv4: wanted(Kind::Ipv4),
        phone: wanted(Kind::Phone),
        public_only,
    };
    numbers.find(text, add);
    without_overlaps(found)
}

/// The kinds that a digit gives away.
struct Numbers {
    iban: bool,
    card: bool,
    ipv4: bool,
    phone: bool,
    public_only: bool,
}

impl Numbers {
    fn find(&self, text: &str, mut add: impl FnMut(Kind, Range<usize>)) {
        if !(self.iban || self.card || self.ipv4 || self.phone) {
            return;
        }
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(offset) = bytes[at..].iter().position(u8::is_ascii_digit) {
            let digit = at + offset;
            at = digit;
            let mut kind_here = |kind, range: Option<Range<usize>>| {
                if let Some(range) = range {
                    at = at.max(range.end);
                    add(kind, range);
                }
            };
            if self.iban {
                kind_here(Kind::Iban, iban::at(bytes, digit));
            }
            if self.card {
                kind_here(Kind::Card, card::at(bytes, digit));
            }
            if self.ipv4 {
                kind_here(Kind::Ipv4, address::ipv4_at(text, digit, self.public_only));
            }
            if self.phone {
                kind_here(Kind::Phone, phone::at(text, digit));
            }
            // On to the end of this run of digits, which may be long: no candidate begins within it.
            while at < bytes.len() && bytes[at].is_ascii_digit() {
                at += 1;
            }
        }
    }
}

/// The matches in order, and of two that overlap the one whose kind comes first in [`Kind::ALL`].
fn without_overlaps(mut found: Vec<Match>) -> Vec<Match> {
    found.sort_by_key(|found| (found.range.start, found.kind));
    let mut kept: Vec<Match> = Vec::with_capacity(found.len());
    for next in found {
        let mut wins = true;
        while let Some(last) = kept.last()
            && last.range.end > next.range.start
        {
            if last.kind <= next.kind {
                wins = false;
                break;
            }
            kept.pop();
        }
        if wins {
            kept.push(next);
        }
    }
    kept
}

/// A letter, digit or `_` of ASCII. Other scripts count as a border, because some of them set no space around numbers.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The last `length` bytes before `end`, or a few less so that no character is cut.
fn before(text: &str, end: usize, length: usize) -> &str {
    let mut start = end.saturating_sub(length);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..end]
}
