//! Lists of forms with their lemmas, to look words up that a treebank does not have.

mod import;

use std::collections::BTreeMap;

use crate::lemma::{Script, read_map};
use crate::perceptron::{Broken, Values, put};

/// Forms with their lemmas, with or without parts of speech.
#[derive(Clone, Debug)]
pub struct Lexicon {
    /// Lowercase forms and the numbers of their entries.
    forms: fst::Map<Vec<u8>>,
    /// UPOS by its place in [`UPOS`], and the edit script to the lemma; alike for many forms.
    entries: Vec<Vec<(u8, u32)>>,
    scripts: Vec<Script>,
}

/// Universal parts of speech; an entry without one has the number behind the last.
const UPOS: [&str; 17] = [
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN",
    "PUNCT", "SCONJ", "SYM", "VERB", "X",
];
const ANY: u8 = UPOS.len() as u8;

/// A bit for a universal part of speech; the eighteenth for anything else.
pub(crate) fn upos_bit(upos: &str) -> u64 {
    1 << number(upos)
}

/// Place among the parts of speech.
fn number(upos: &str) -> u8 {
    UPOS.iter()
        .position(|other| *other == upos)
        .map_or(ANY, |place| place as u8)
}

/// Collects entries.
#[derive(Clone, Debug, Default)]
pub struct LexiconBuilder {
    /// The first entry of a form comes first.
    forms: BTreeMap<String, Vec<(u8, u32)>>,
    scripts: BTreeMap<Script, u32>,
}

impl LexiconBuilder {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a lemma of a form; what is there already stays before it. A UPOS that is not one of the seventeen counts as
    /// none.
    pub fn add(&mut self, form: &str, lemma: &str, upos: Option<&str>) {
        if form.is_empty() || lemma.is_empty() {
            return;
        }
        let upos = upos.map_or(ANY, number);
        let next = self.scripts.len() as u32;
        let script = *self
            .scripts
            .entry(Script::between(form, lemma))
            .or_insert(next);
        let entries = self.forms.entry(form.to_lowercase()).or_default();
        if !entries.contains(&(upos, script)) {
            entries.push((upos, script));
        }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The lexicon.
    pub fn build(self) -> Lexicon {
        let mut scripts: Vec<(u32, Script)> = self
            .scripts
            .into_iter()
            .map(|(script, number)| (number, script))
            .collect();
        scripts.sort_unstable();
        let mut numbers: BTreeMap<Vec<(u8, u32)>, u64> = BTreeMap::new();
        let mut entries = Vec::new();
        let mut builder = fst::MapBuilder::memory();
        for (form, list) in self.forms {
            let next = entries.len() as u64;
            let number = *numbers.entry(list.clone()).or_insert_with(|| {
                entries.push(list);
                next
            });
            // Keys ascend, so that nothing can go wrong in memory.
            let _ = builder.insert(form, number);
        }
        Lexicon {
            forms: builder.into_map(),
            entries,
            scripts: scripts.into_iter().map(|(_, script)| script).collect(),
        }
    }
}

impl Lexicon {
    /// Number of forms.
    pub fn forms(&self) -> usize {
        self.forms.len()
    }

    /// The first lemma of a form as `upos`, or of any part of speech if the form has none of this one and `upos` is
    /// not a name. `lower` is the form in lowercase.
    pub(crate) fn lemma(&self, form: &str, lower: &str, upos: Option<&str>) -> Option<String> {
        let entries = self.entries.get(self.forms.get(lower)? as usize)?;
        let wanted = upos.map(number);
        let named = upos == Some("PROPN");
        let (_, script) = entries
            .iter()
            .find(|(upos, _)| wanted.is_none_or(|wanted| wanted == *upos))
            .or_else(|| entries.iter().find(|(upos, _)| *upos == ANY && !named))?;
        self.scripts.get(*script as usize)?.apply(form)
    }

    /// Whether the form is there with this part of speech, not only without any.
    pub(crate) fn has(&self, lower: &str, upos: &str) -> bool {
        self.forms
            .get(lower)
            .and_then(|place| self.entries.get(place as usize))
            .is_some_and(|entries| entries.iter().any(|(other, _)| *other == number(upos)))
    }

    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        put(to, self.scripts.len() as u64);
        for script in &self.scripts {
            script.write(to);
        }
        put(to, self.entries.len() as u64);
        for entries in &self.entries {
            put(to, entries.len() as u64);
            for &(upos, script) in entries {
                to.push(upos);
                put(to, u64::from(script));
            }
        }
        let bytes = self.forms.as_fst().as_bytes();
        put(to, bytes.len() as u64);
        to.extend(bytes);
    }

    pub(crate) fn read(from: &mut Values<'_>) -> Result<Self, Broken> {
        let count = from.count()?;
        let mut scripts = Vec::with_capacity(count);
        for _ in 0..count {
            scripts.push(Script::read(from)?);
        }
        let count = from.count()?;
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            let length = from.count()?;
            let mut list = Vec::with_capacity(length);
            for _ in 0..length {
                let (upos, script) = (from.bytes(1)?[0], from.number()?);
                if upos > ANY || script >= scripts.len() as u64 {
                    return Err(from.broken("a part of speech and an edit script"));
                }
                list.push((upos, script as u32));
            }
            entries.push(list);
        }
        Ok(Self {
            forms: read_map(from)?,
            entries,
            scripts,
        })
    }
}
