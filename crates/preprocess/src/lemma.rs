//! Lemmas: the dictionary form of each word of a sentence, and its part of speech.
//!
//! A [`Lemmatizer`] is trained on a treebank in CoNLL-U. It tags the words (two averaged perceptrons, one after the
//! other), looks up the form with its tag among those of the treebank, then in a [`Lexicon`](crate::Lexicon) if one was
//! imported, and for the rest chooses an edit script by the word's tag and its ends. The words are given: where a
//! sentence or a word ends is not its business.
//!
//! ```
//! # #[cfg(feature = "english")] {
//! use kiln_preprocess::Lemmatizer;
//!
//! let english = Lemmatizer::english();
//! let words = english.lemmatize(&["The", "children", "were", "flying", "south"]);
//! let lemmas: Vec<_> = words.iter().map(|word| word.lemma.as_str()).collect();
//! assert_eq!(lemmas, ["the", "child", "be", "fly", "south"]);
//! assert_eq!(words[3].upos, "VERB");
//! assert_eq!(english.lemma("studies"), "study");
//! # }
//! ```

mod annotate;
mod chooser;
mod file;
mod lookup;
mod score;
mod script;
mod tagger;
mod training;
mod word;

pub use annotate::lemmatize_conllu;
pub use score::{Score, score};
pub use training::{SecondTag, TrainingConfig, train};

pub(crate) use lookup::read_map;
pub(crate) use script::Script;

use crate::lexicon::{Lexicon, upos_bit};
use crate::perceptron::{Model, hash};
use chooser::UNTAGGED;
use lookup::Lookup;
use tagger::{Scratch, Tagger};
use word::Word;

/// A trained lemmatizer with its tagger.
#[derive(Clone, Debug)]
pub struct Lemmatizer {
    /// What the tags are made of.
    second: SecondTag,
    /// UPOS and the second tag, "" if there is none.
    tags: Vec<(String, String)>,
    /// The commoner ones first; the chooser's classes are a beginning of them.
    scripts: Vec<Script>,
    lookup: Lookup,
    tagger: Tagger,
    chooser: Model,
    lexicon: Option<Lexicon>,
    /// What it was made from, under which licence.
    notice: String,
}

/// The lemma of words whose lemma the treebank leaves out.
pub(crate) const NO_LEMMA: &str = "_";

/// What is said of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis<'a> {
    /// Dictionary form; `_` where the treebank leaves it out for such words.
    pub lemma: String,
    /// Universal part of speech.
    pub upos: &'a str,
    /// XPOS or FEATS, whichever the model was trained with ([`Lemmatizer::second_tag`]); "" if neither.
    pub second: &'a str,
}

impl Analysis<'_> {
    /// The lemma as a word: the form, where the treebank leaves the lemma out.
    pub fn word<'b>(&'b self, form: &'b str) -> &'b str {
        if self.lemma == NO_LEMMA {
            form
        } else {
            &self.lemma
        }
    }
}

/// A tag that is known already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given<'a> {
    /// Universal part of speech.
    pub upos: &'a str,
    /// XPOS or FEATS, whichever the model was trained with; "" or `_` if not known.
    pub second: &'a str,
}

#[cfg(feature = "english")]
static ENGLISH: std::sync::OnceLock<Lemmatizer> = std::sync::OnceLock::new();

impl Lemmatizer {
    /// The English model that comes along: trained on the train split of the UD treebank English-EWT, which is under
    /// CC BY-SA 4.0, as are the tables made from it (`models/english.lemmatizer.NOTICE`).
    ///
    /// # Panics
    /// Never: a test reads the model.
    #[cfg(feature = "english")]
    pub fn english() -> &'static Self {
        ENGLISH.get_or_init(|| {
            Self::from_bytes(include_bytes!("../models/english.lemmatizer"), "english")
                .expect("the model that comes along is whole")
        })
    }

    /// The model that comes along for a language, named in English or by its code in ISO 639-1 or 639-3; there is one for
    /// English alone.
    pub fn for_language(language: &str) -> Option<&'static Self> {
        match language.trim().to_lowercase().as_str() {
            #[cfg(feature = "english")]
            "english" | "en" | "eng" => Some(Self::english()),
            _ => None,
        }
    }

    /// Tag a sentence and give each word its lemma.
    pub fn lemmatize(&self, forms: &[&str]) -> Vec<Analysis<'_>> {
        let words = self.words(forms);
        let mut scratch = Scratch::default();
        let mut tags = Vec::new();
        self.tagger.tag(&words, None, &mut scratch, &mut tags);
        self.analyses(forms, &tags)
    }

    /// Give each word its lemma where the tags are known. Behind the last given tag, and where UPOS is "" or one that
    /// the model does not know, words are tagged; where the second tag is not given or not known the tagger chooses
    /// one that goes with UPOS.
    pub fn lemmatize_tagged(&self, forms: &[&str], given: &[Given<'_>]) -> Vec<Analysis<'_>> {
        let exact: Vec<Option<u16>> = (0..forms.len())
            .map(|place| given.get(place).and_then(|given| self.tag(given)))
            .collect();
        let tags = match exact.iter().copied().collect::<Option<Vec<u16>>>() {
            Some(tags) => tags,
            None => {
                let allowed = |place: usize| match exact[place] {
                    Some(tag) => Some(vec![tag]),
                    None => given.get(place).map(|given| self.tags_of(given.upos)),
                };
                let mut tags = Vec::new();
                self.tagger.tag(
                    &self.words(forms),
                    Some(&allowed),
                    &mut Scratch::default(),
                    &mut tags,
                );
                tags
            }
        };
        self.analyses(forms, &tags)
    }

    /// The lemma of a word without a sentence: that which the form has most often.
    pub fn lemma(&self, form: &str) -> String {
        let lower = lowercase(form);
        if let Some(known) = self.lookup.get(&lower)
            && let Some(lemma) = known
                .pattern
                .first()
                .and_then(|&(_, script)| self.scripts[script as usize].apply(form))
        {
            return lemma;
        }
        self.listed(form, &lower, None)
            .unwrap_or_else(|| self.chosen(&Word::new(form, &self.lookup), form, &[UNTAGGED], 0))
    }

    /// The lemma of a word without a sentence, with its universal part of speech.
    pub fn lemma_as(&self, form: &str, upos: &str) -> String {
        let given = Given { upos, second: "" };
        self.lemmatize_tagged(&[form], &[given])
            .pop()
            .map_or_else(String::new, |word| word.lemma)
    }

    /// What the second tag is.
    pub fn second_tag(&self) -> SecondTag {
        self.second
    }

    /// What the model was made from, and under which licence that is.
    pub fn notice(&self) -> &str {
        &self.notice
    }

    /// Look words up that the treebank does not have in `lexicon`, which replaces one that was imported before.
    #[must_use]
    pub fn with_lexicon(mut self, lexicon: Lexicon) -> Self {
        self.lexicon = Some(lexicon);
        self
    }

    /// Numbers of tags, of edit scripts, of forms looked up and of the classifiers' weights: a line for a log.
    pub fn summary(&self) -> String {
        format!(
            "{} tags, {} edit scripts ({} for unseen words), {} forms, {} + {} weights, {} forms in the lexicon",
            self.tags.len(),
            self.scripts.len(),
            self.chooser.classes(),
            self.lookup.forms(),
            self.tagger.weights(),
            self.chooser.weights(),
            self.lexicon.as_ref().map_or(0, Lexicon::forms),
        )
    }

    fn words(&self, forms: &[&str]) -> Vec<Word<'_>> {
        forms
            .iter()
            .map(|form| Word::new(form, &self.lookup))
            .collect()
    }

    /// The tag that is meant, if the model has it.
    fn tag(&self, given: &Given<'_>) -> Option<u16> {
        let second = match self.second {
            SecondTag::None => "",
            SecondTag::Xpos | SecondTag::Feats => given.second,
        };
        self.tags
            .binary_search_by(|(upos, other)| {
                (upos.as_str(), other.as_str()).cmp(&(given.upos, second))
            })
            .ok()
            .map(|tag| tag as u16)
    }

    /// All tags with a UPOS.
    fn tags_of(&self, upos: &str) -> Vec<u16> {
        let start = self.tags.partition_point(|(tag, _)| tag.as_str() < upos);
        let end = self.tags.partition_point(|(tag, _)| tag.as_str() <= upos);
        (start as u16..end as u16).collect()
    }

    fn analyses(&self, forms: &[&str], tags: &[u16]) -> Vec<Analysis<'_>> {
        forms
            .iter()
            .zip(tags)
            .enumerate()
            .map(|(place, (form, tag))| {
                let (upos, second) = &self.tags[*tag as usize];
                Analysis {
                    lemma: self.choose(forms, form, tags, place),
                    upos,
                    second,
                }
            })
            .collect()
    }

    /// The lemma of a tagged word: the lemma that the treebank has for the form with this tag, or with another tag of
    /// the same UPOS; else that of the lexicon; else by edit script.
    fn choose(&self, forms: &[&str], form: &str, tags: &[u16], place: usize) -> String {
        let tag = tags[place];
        let upos = &self.tags[tag as usize].0;
        let lower = lowercase(form);
        let pattern = self
            .lookup
            .get(&lower)
            .map_or(&[][..], |known| known.pattern);
        let mut same = pattern.iter().filter(|(other, _)| *other == tag);
        let mut script = same.next();
        // The commonest stands first. One that replaces the word, as `o` does the article `a` in Portuguese, is none that the
        // chooser could weigh.
        let weighed = script.is_some_and(|(_, script)| *script < self.chooser.classes());
        if weighed && same.next().is_some() {
            return self.between(forms, tags, place, pattern);
        }
        if script.is_none() {
            script = pattern
                .iter()
                .find(|(other, _)| self.tags[*other as usize].0 == *upos);
        }
        script
            .and_then(|&(_, script)| self.scripts[script as usize].apply(form))
            .unwrap_or_else(|| self.unseen(form, &lower, tags, place))
    }

    /// The lemma of a word that the treebank does not have with its UPOS. A list without parts of speech has the verb
    /// for *excited* and *killing*, whatever they are here: where the edit script leaves the word as it is, and it is
    /// no verb, that is believed.
    fn unseen(&self, form: &str, lower: &str, tags: &[u16], place: usize) -> String {
        let upos = &self.tags[tags[place] as usize].0;
        let listed = self.listed(form, lower, Some(upos));
        let has = |lexicon: &Lexicon| lexicon.has(lower, upos);
        match listed {
            Some(lemma) if self.lexicon.as_ref().is_some_and(has) => lemma,
            listed => {
                let chosen = self.chosen(&Word::new(form, &self.lookup), form, tags, place);
                let verb = upos == "VERB" || upos == "AUX";
                match listed {
                    Some(lemma) if verb || lowercase(&chosen) != lower => lemma,
                    _ => chosen,
                }
            }
        }
    }

    /// Choose between the scripts that the form has with its tag.
    fn between(
        &self,
        forms: &[&str],
        tags: &[u16],
        place: usize,
        pattern: &[(u16, u16)],
    ) -> String {
        let form = |place: Option<usize>| {
            place
                .and_then(|place| forms.get(place))
                .map_or(chooser::NO_FORM, |form| hash(lowercase(form).as_bytes()))
        };
        let near = [form(place.checked_sub(1)), form(Some(place + 1))];
        let word = Word::new(forms[place], &self.lookup);
        let mut features = Vec::new();
        chooser::features(&word, tags, place, Some(near), &mut features);
        let mut scores = Vec::new();
        self.chooser.scores(&features, &mut scores);
        let mut best: Option<(i32, u16)> = None;
        for &(tag, script) in pattern {
            // A script that the chooser does not know is rarer than the first, which it knows.
            let score = scores.get(script as usize).copied().unwrap_or(i32::MIN);
            if tag == tags[place] && best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, script));
            }
        }
        best.and_then(|(_, script)| self.scripts[script as usize].apply(forms[place]))
            .unwrap_or_else(|| forms[place].to_owned())
    }

    fn listed(&self, form: &str, lower: &str, upos: Option<&str>) -> Option<String> {
        self.lexicon.as_ref()?.lemma(form, lower, upos)
    }

    /// By edit script.
    fn chosen(&self, word: &Word<'_>, form: &str, tags: &[u16], place: usize) -> String {
        let mut features = Vec::new();
        chooser::features(word, tags, place, None, &mut features);
        let upos = match tags[place] {
            UNTAGGED => u64::MAX,
            tag => upos_bit(&self.tags[tag as usize].0),
        };
        let known = |lemma: &str| self.lookup.is_lemma(lemma, upos);
        chooser::choose(&self.chooser, &self.scripts, &features, form, upos, known)
            .unwrap_or_else(|| form.to_owned())
    }
}

/// Most words are ASCII, for which this is quick.
fn lowercase(form: &str) -> String {
    if form.is_ascii() {
        form.to_ascii_lowercase()
    } else {
        form.to_lowercase()
    }
}

#[cfg(test)]
mod tests;
