//! What the training data say about each form: its tags, and the edit script under each.

use std::collections::BTreeMap;

use crate::perceptron::{Broken, Values, feature, put};

/// Tag and script, the commoner ones first; one tag may stand with several scripts.
pub(super) type Pattern = Vec<(u16, u16)>;

/// Lowercase forms and their patterns. Many forms share a pattern ("NN as it is, NNP as it is"), so that the finite
/// state transducer holds the number of the pattern alone.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    forms: fst::Map<Vec<u8>>,
    /// Lowercase lemmas and a bit for each UPOS that they have.
    lemmas: fst::Map<Vec<u8>>,
    patterns: Vec<Pattern>,
    /// For each pattern a feature: the set of its tags.
    classes: Vec<u64>,
}

/// What is known of a form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) pattern: &'a [(u16, u16)],
    /// Feature of the set of tags, if the form is seen often enough for that set to be trusted.
    pub(super) class: Option<u64>,
    /// The one tag of a form that is frequent and never has another.
    pub(super) fixed: Option<u16>,
}

/// Occurrences from which on the tags of a form are taken as all it has. Below, training would see them for words of
/// which it knows the answer already.
const TRUSTED: u64 = 3;

/// Occurrences from which on a form keeps a tag for good, and the share of them that must have it: what the treebank
/// says else is an error of the treebank.
const FREQUENT: u64 = 20;
const FIXED: f64 = 0.995;

impl Lookup {
    /// From the number of times that each form had each tag and script, and the parts of speech of each lemma.
    pub(super) fn build(
        counts: &BTreeMap<String, BTreeMap<(u16, u16), u64>>,
        lemmas: &BTreeMap<String, u64>,
    ) -> Self {
        let mut numbers: BTreeMap<Pattern, u64> = BTreeMap::new();
        let mut patterns = Vec::new();
        let mut builder = fst::MapBuilder::memory();
        for (form, tags) in counts {
            let mut ordered: Vec<_> = tags.iter().map(|(&pair, &count)| (count, pair)).collect();
            ordered.sort_by_key(|&(count, pair)| (std::cmp::Reverse(count), pair));
            let total: u64 = ordered.iter().map(|(count, _)| count).sum();
            let first: u64 = ordered
                .iter()
                .filter(|(_, pair)| pair.0 == ordered[0].1.0)
                .map(|(count, _)| count)
                .sum();
            let fixed = total >= FREQUENT && first as f64 >= FIXED * total as f64;
            let flags = u64::from(fixed) << 1 | u64::from(total >= TRUSTED);
            let pattern: Pattern = ordered.into_iter().map(|(_, pair)| pair).collect();
            let next = patterns.len() as u64;
            let number = *numbers.entry(pattern.clone()).or_insert_with(|| {
                patterns.push(pattern);
                next
            });
            // Keys ascend, so that nothing can go wrong in memory.
            let _ = builder.insert(form, number << 2 | flags);
        }
        let mut known = fst::MapBuilder::memory();
        for (lemma, upos) in lemmas {
            let _ = known.insert(lemma, *upos);
        }
        Self::indexed(builder.into_map(), known.into_map(), patterns)
    }

    fn indexed(
        forms: fst::Map<Vec<u8>>,
        lemmas: fst::Map<Vec<u8>>,
        patterns: Vec<Pattern>,
    ) -> Self {
        let classes = patterns
            .iter()
            .map(|pattern| {
                let mut tags: Vec<u16> = pattern.iter().map(|&(tag, _)| tag).collect();
                tags.dedup();
                tags.iter()
                    .take(4)
                    .fold(1, |class, &tag| feature(class, u64::from(tag)))
            })
            .collect();
        Self {
            forms,
            lemmas,
            patterns,
            classes,
        }
    }

    /// What is known of a lowercase form.
    pub(super) fn get(&self, lower: &str) -> Option<Known<'_>> {
        let value = self.forms.get(lower)?;
        let number = (value >> 2) as usize;
        let pattern = self.patterns.get(number)?;
        Some(Known {
            pattern,
            fixed: pattern
                .first()
                .filter(|_| value & 2 == 2)
                .map(|pair| pair.0),
            class: (value & 1 == 1).then(|| self.classes[number]),
        })
    }

    /// Whether the treebank has this lemma with a UPOS of `upos`, a set of bits.
    pub(super) fn is_lemma(&self, lemma: &str, upos: u64) -> bool {
        self.lemmas
            .get(lemma.to_lowercase())
            .is_some_and(|found| found & upos != 0)
    }

    /// Number of forms.
    pub(super) fn forms(&self) -> usize {
        self.forms.len()
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        put(to, self.patterns.len() as u64);
        for pattern in &self.patterns {
            put(to, pattern.len() as u64);
            for &(tag, script) in pattern {
                put(to, u64::from(tag));
                put(to, u64::from(script));
            }
        }
        for map in [&self.forms, &self.lemmas] {
            let bytes = map.as_fst().as_bytes();
            put(to, bytes.len() as u64);
            to.extend(bytes);
        }
    }

    pub(super) fn read(from: &mut Values<'_>, tags: usize, scripts: usize) -> Result<Self, Broken> {
        let count = from.count()?;
        let mut patterns = Vec::with_capacity(count);
        for _ in 0..count {
            let length = from.count()?;
            let mut pattern = Vec::with_capacity(length);
            for _ in 0..length {
                let (tag, script) = (from.number()?, from.number()?);
                if tag >= tags as u64 || script >= scripts as u64 {
                    return Err(from.broken("a tag and a script of this model"));
                }
                pattern.push((tag as u16, script as u16));
            }
            patterns.push(pattern);
        }
        Ok(Self::indexed(read_map(from)?, read_map(from)?, patterns))
    }
}

/// A finite state transducer with its length before it.
pub(crate) fn read_map(from: &mut Values<'_>) -> Result<fst::Map<Vec<u8>>, Broken> {
    let length = from.count()?;
    let bytes = from.bytes(length)?.to_vec();
    fst::Map::new(bytes).map_err(|_| from.broken("a finite state transducer"))
}
