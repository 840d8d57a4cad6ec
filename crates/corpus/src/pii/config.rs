//! What is looked for and what is done with it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Kind, Match, find_kinds};

/// What is looked for in a text and what becomes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is looked for. Left out: everything, or with the variant `datatrove` what datatrove looks for (`email`, `ipv4`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<Kind>>,
    /// What is done with it: `mask`, `drop` or `report`.
    pub action: Action,
    /// What stands instead of it, by kind. Left out: what the variant says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub replacements: BTreeMap<Kind, String>,
    /// How it is replaced where `replacements` does not say: `tags` or `datatrove`.
    pub variant: Variant,
    /// Of network addresses only those that can be reached from everywhere, not those of home and documentation networks.
    pub public_only: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kinds: None,
            action: Action::Mask,
            replacements: BTreeMap::new(),
            variant: Variant::Tags,
            public_only: true,
        }
    }
}

/// What is done about personal data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is replaced.
    #[default]
    Mask,
    /// A document with any of it is dropped.
    Drop,
    /// It is counted and stays.
    Report,
}

/// What personal data is replaced by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// The name of the kind: `<EMAIL>`, `<PHONE>`.
    #[default]
    Tags,
    /// The addresses that datatrove 0.10 puts in their place, two for mail and six for networks; tags for the other kinds.
    /// datatrove uses them in turn, so that the same document comes out differently after other documents; here a hash of what
    /// is replaced chooses, and equal addresses get equal replacements.
    Datatrove,
}

/// The replacements of datatrove's `PIIFormatter`, version 0.10.
const DATATROVE_EMAILS: [&str; 2] = ["email@example.com", "firstname.lastname@example.org"];
const DATATROVE_ADDRESSES: [&str; 6] = [
    "22.214.171.124",
    "126.96.36.199",
    "188.8.131.52",
    "184.108.40.206",
    "220.127.116.11",
    "18.104.22.168",
];

impl Config {
    /// The kinds that are looked for.
    pub fn kinds(&self) -> &[Kind] {
        match (&self.kinds, self.variant) {
            (Some(kinds), _) => kinds,
            (None, Variant::Tags) => &Kind::ALL,
            (None, Variant::Datatrove) => &[Kind::Email, Kind::Ipv4],
        }
    }

    /// What of these kinds stands in a text, in order and without overlaps.
    pub fn find(&self, text: &str) -> Vec<Match> {
        find_kinds(text, self.kinds(), self.public_only)
    }

    /// What stands instead of `original`.
    pub(super) fn replacement(&self, kind: Kind, original: &str) -> Cow<'_, str> {
        if let Some(replacement) = self.replacements.get(&kind) {
            return replacement.into();
        }
        match self.listed(kind) {
            [] => format!("<{}>", kind.name().to_ascii_uppercase()).into(),
            listed => {
                let hash = blake3::hash(original.as_bytes());
                let first = u64::from(u32::from_le_bytes([
                    hash.as_bytes()[0],
                    hash.as_bytes()[1],
                    hash.as_bytes()[2],
                    hash.as_bytes()[3],
                ]));
                listed[(first % listed.len() as u64) as usize].into()
            }
        }
    }

    /// Whether this is what a replacement left, to be left alone.
    pub(super) fn is_replacement(&self, kind: Kind, found: &str) -> bool {
        match self.replacements.get(&kind) {
            Some(replacement) => replacement == found,
            None => self.listed(kind).contains(&found),
        }
    }

    fn listed(&self, kind: Kind) -> &'static [&'static str] {
        match (self.variant, kind) {
            (Variant::Datatrove, Kind::Email) => &DATATROVE_EMAILS,
            (Variant::Datatrove, Kind::Ipv4) => &DATATROVE_ADDRESSES,
            _ => &[],
        }
    }
}
