//! A lemmatizer out of annotated sentences.

use std::collections::BTreeMap;

use kiln_text::Error;

use super::chooser::{self, UNTAGGED};
use super::lookup::Lookup;
use super::script::{Case, Script};
use super::tagger::Tagger;
use super::word::Word;
use super::{Lemmatizer, NO_LEMMA};
use crate::conllu::Sentence;
use crate::lexicon::upos_bit;
use crate::perceptron::{Model, Settings, Trainer, shuffle};

/// Which column joins UPOS in the tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondTag {
    /// None: UPOS alone.
    None,
    /// The treebank's own tags.
    Xpos,
    /// Morphological features.
    Feats,
}

/// How a lemmatizer is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingConfig {
    /// Which column joins UPOS. `None` takes XPOS if it says more than UPOS, FEATS otherwise.
    pub second: Option<SecondTag>,
    /// Both taggers.
    pub tagger: Settings,
    /// The choice of edit scripts.
    pub chooser: Settings,
    /// What the sentences are and under which licence: kept in the model.
    pub notice: String,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            second: None,
            tagger: Settings {
                passes: 6,
                margin: 10,
                minimum_updates: 4,
                minimum_weight: 0.2,
                steps: 16,
                ..Settings::default()
            },
            chooser: Settings {
                passes: 6,
                margin: 6,
                minimum_updates: 2,
                minimum_weight: 0.1,
                steps: 16,
                ..Settings::default()
            },
            notice: String::new(),
        }
    }
}

/// A word of the training data.
struct Annotated {
    form: String,
    lemma: String,
    upos: String,
    xpos: String,
    feats: String,
}

/// Times that a script must be seen to be among those for unseen words, and one that changes the front of the word.
const COMMON: u64 = 2;
const COMMON_FRONT: u64 = 5;

/// Words that no other word's lemma is learned from again: examples of a form with one tag and one lemma.
const ALIKE: u64 = 3;

/// Train on annotated sentences. The result depends on them, their order and the config alone.
///
/// # Errors
/// That of a sentence; there are no words in them; there are more than 65,534 tags or edit scripts.
pub fn train(
    config: &TrainingConfig,
    sentences: impl IntoIterator<Item = Result<Sentence, Error>>,
) -> Result<Lemmatizer, Error> {
    let mut read = Vec::new();
    for sentence in sentences {
        let words: Vec<_> = sentence?
            .words()
            .map(|row| Annotated {
                form: row.form().to_owned(),
                lemma: row.lemma().to_owned(),
                upos: row.upos().to_owned(),
                xpos: row.xpos().to_owned(),
                feats: row.feats().to_owned(),
            })
            .collect();
        if !words.is_empty() {
            read.push(words);
        }
    }
    let nothing = |problem: &str| {
        Error::mistake(
            "training sentences",
            kiln_text::Position::Whole,
            problem.to_owned(),
        )
    };
    if read.is_empty() {
        return Err(nothing(
            "no words: expected CoNLL-U with FORM, LEMMA and UPOS",
        ));
    }
    let second = config.second.unwrap_or_else(|| informative(&read));

    let tag_of = |word: &Annotated| {
        let second = match second {
            SecondTag::None => "",
            SecondTag::Xpos => &word.xpos,
            SecondTag::Feats => &word.feats,
        };
        (word.upos.clone(), second.to_owned())
    };
    let mut tags: Vec<(String, String)> = read.iter().flatten().map(tag_of).collect();
    tags.sort_unstable();
    tags.dedup();
    let tag_number =
        |word: &Annotated| tags.binary_search(&tag_of(word)).unwrap_or_default() as u16;

    // Scripts, the commoner ones first.
    let left_out = leaves_out(&read);
    let mut counts: BTreeMap<Script, u64> = BTreeMap::new();
    counts.insert(Script::same(Case::Keep), 1);
    let found: Vec<Vec<Option<Script>>> = read
        .iter()
        .map(|words| words.iter().map(|word| script_of(word, left_out)).collect())
        .collect();
    for script in found.iter().flatten().flatten() {
        *counts.entry(script.clone()).or_default() += 1;
    }
    let mut ordered: Vec<(Script, u64)> = counts.into_iter().collect();
    let is_common = |script: &Script, count: u64| {
        let least = if script.changes_front() {
            COMMON_FRONT
        } else {
            COMMON
        };
        count >= least && (!script.replaces() || *script == Script::replacement(NO_LEMMA))
    };
    ordered.sort_by_key(|(script, count)| (!is_common(script, *count), std::cmp::Reverse(*count)));
    let common = ordered
        .iter()
        .filter(|(script, count)| is_common(script, *count))
        .count()
        .max(1) as u16;
    let scripts: Vec<Script> = ordered.into_iter().map(|(script, _)| script).collect();
    if tags.len() >= UNTAGGED as usize || scripts.len() >= UNTAGGED as usize {
        return Err(nothing(
            "more than 65,534 tags or edit scripts: train with UPOS alone",
        ));
    }
    let numbers: BTreeMap<&Script, u16> = scripts.iter().zip(0..).collect();

    let mut forms: BTreeMap<String, BTreeMap<(u16, u16), u64>> = BTreeMap::new();
    let mut lemmas: BTreeMap<String, u64> = BTreeMap::new();
    let mut truth = Vec::with_capacity(read.len());
    for (words, found) in read.iter().zip(&found) {
        let mut sentence = Vec::with_capacity(words.len());
        for (word, script) in words.iter().zip(found) {
            let tag = tag_number(word);
            let script = script.as_ref().map(|script| numbers[script]);
            if let Some(script) = script {
                let counts = forms.entry(word.form.to_lowercase()).or_default();
                *counts.entry((tag, script)).or_default() += 1;
                *lemmas.entry(word.lemma.to_lowercase()).or_default() |= upos_bit(&word.upos);
            }
            sentence.push((tag, script));
        }
        truth.push(sentence);
    }
    let lookup = Lookup::build(&forms, &lemmas);
    let tagged: Vec<(Vec<Word<'_>>, Vec<u16>)> = read
        .iter()
        .zip(&truth)
        .map(|(words, truth)| {
            let words = words
                .iter()
                .map(|word| Word::new(&word.form, &lookup))
                .collect();
            (words, truth.iter().map(|&(tag, _)| tag).collect())
        })
        .collect();
    let tagger = Tagger::train(&tagged, tags.len() as u16, &config.tagger);
    let chooser = train_chooser(
        &tagged,
        &truth,
        &tags,
        &scripts[..common as usize],
        &read,
        config,
    );
    drop(tagged);
    Ok(Lemmatizer {
        second,
        tags,
        scripts,
        lookup,
        tagger,
        chooser,
        lexicon: None,
        notice: config.notice.clone(),
    })
}

/// XPOS if it says more than UPOS, FEATS if those do.
fn informative(sentences: &[Vec<Annotated>]) -> SecondTag {
    let distinct = |tag: fn(&Annotated) -> (&str, &str)| {
        let mut tags: Vec<_> = sentences.iter().flatten().map(tag).collect();
        tags.sort_unstable();
        tags.dedup();
        tags.len()
    };
    let upos = distinct(|word| (&word.upos, ""));
    if distinct(|word| (&word.upos, &word.xpos)) > upos + upos / 2 {
        SecondTag::Xpos
    } else if distinct(|word| (&word.upos, &word.feats)) > upos {
        SecondTag::Feats
    } else {
        SecondTag::None
    }
}

/// Whether a treebank leaves lemmas out by rule, as UD Portuguese-GSD does for names: then the rule is learnt, and such words
/// have the lemma `_`. Where less than one word in a hundred has none, these are gaps, and nothing is learnt from them.
fn leaves_out(sentences: &[Vec<Annotated>]) -> bool {
    let words = sentences.iter().flatten();
    let (missing, all) = words.fold((0, 0), |(missing, all), word| {
        (missing + u64::from(has_none(word)), all + 1)
    });
    missing * 100 >= all
}

fn has_none(word: &Annotated) -> bool {
    word.lemma == NO_LEMMA && word.form != NO_LEMMA
}

/// How the lemma comes from the form; nothing where the treebank has a gap.
fn script_of(word: &Annotated, left_out: bool) -> Option<Script> {
    if has_none(word) {
        return left_out.then(|| Script::replacement(NO_LEMMA));
    }
    (!word.lemma.is_empty()).then(|| Script::between(&word.form, &word.lemma))
}

/// What the chooser is trained on.
struct Choice<'a> {
    features: Vec<u64>,
    script: u16,
    /// Scripts in question, ascending; all if there are none.
    among: Vec<u16>,
    word: &'a Annotated,
    lower: &'a str,
    upos: u64,
}

fn train_chooser(
    tagged: &[(Vec<Word<'_>>, Vec<u16>)],
    truth: &[Vec<(u16, Option<u16>)>],
    tags: &[(String, String)],
    scripts: &[Script],
    read: &[Vec<Annotated>],
    config: &TrainingConfig,
) -> Model {
    let common = scripts.len() as u16;
    let mut choices: Vec<Choice<'_>> = Vec::new();
    let mut seen: BTreeMap<(&str, u16), u64> = BTreeMap::new();
    // Forms of each lemma, with the parts of speech that they have it with.
    let mut lemmas: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
    for (((words, tags_of_words), truth), read) in tagged.iter().zip(truth).zip(read) {
        for (place, &(tag, script)) in truth.iter().enumerate() {
            let Some(script) = script else {
                continue;
            };
            let word = &words[place];
            let upos = upos_bit(&tags[tag as usize].0);
            let forms = lemmas.entry(read[place].lemma.to_lowercase()).or_default();
            *forms.entry(&word.lower).or_default() |= upos;
            if script >= common {
                continue;
            }
            let pattern = word.known.map_or(&[][..], |known| known.pattern);
            let mut among: Vec<u16> = pattern
                .iter()
                .filter(|&&(other, script)| other == tag && script < common)
                .map(|&(_, script)| script)
                .collect();
            among.sort_unstable();
            let mut add = |features, among, upos| {
                choices.push(Choice {
                    features,
                    script,
                    among,
                    word: &read[place],
                    lower: &word.lower,
                    upos,
                });
            };
            if among.len() > 1 {
                let form = |place: Option<usize>| {
                    place
                        .and_then(|place| words.get(place))
                        .map_or(chooser::NO_FORM, |word| word.form)
                };
                let near = [form(place.checked_sub(1)), form(Some(place + 1))];
                let mut features = Vec::new();
                chooser::features(word, tags_of_words, place, Some(near), &mut features);
                add(features, among, upos);
            }
            let count = seen.entry((&word.lower, tag)).or_default();
            *count += 1;
            if *count <= ALIKE {
                let mut features = Vec::new();
                chooser::features(word, tags_of_words, place, None, &mut features);
                add(features, Vec::new(), upos);
                let mut features = Vec::new();
                chooser::features(word, &[UNTAGGED], 0, None, &mut features);
                add(features, Vec::new(), u64::MAX);
            }
        }
    }
    let settings = &config.chooser;
    let mut trainer = Trainer::new(common, settings);
    let mut order: Vec<usize> = (0..choices.len()).collect();
    for round in 0..settings.passes {
        shuffle(&mut order, settings.seed.wrapping_add(round as u64));
        for &index in &order {
            let choice = &choices[index];
            if !choice.among.is_empty() {
                trainer.learn_among(&choice.features, choice.script, Some(&choice.among));
                continue;
            }
            // As if the form had not been seen: what another form tells of the lemma counts alone.
            let known = |lemma: &str| {
                lemmas.get(&lemma.to_lowercase()).is_some_and(|forms| {
                    let others = forms.iter().filter(|(form, _)| **form != choice.lower);
                    others.fold(0, |all, (_, upos)| all | upos) & choice.upos != 0
                })
            };
            let example = (choice.features.as_slice(), choice.script);
            chooser::learn(
                &mut trainer,
                scripts,
                example,
                &choice.word.form,
                choice.upos,
                known,
            );
        }
    }
    trainer.finish()
}
