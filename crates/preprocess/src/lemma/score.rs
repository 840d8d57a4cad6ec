//! How many lemmas and tags are right.

use std::fmt;

use kiln_text::Error;

use super::{Analysis, Given, Lemmatizer, SecondTag};
use crate::conllu::{Row, Sentence};

/// Words of which UD's conventions, not morphology, make the lemma.
const LEFT_OUT: [&str; 4] = ["PUNCT", "NUM", "SYM", "X"];
const CONTENT: [&str; 4] = ["NOUN", "VERB", "ADJ", "ADV"];

/// Counts over annotated sentences. Lemmas are compared without regard to case and to `_`, which parts compounds in
/// some treebanks; words whose right UPOS is PUNCT, NUM, SYM or X are left out of the lemmas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Words, all of them.
    pub words: u64,
    /// Words with the right UPOS.
    pub upos: u64,
    /// Words with the right UPOS and second tag.
    pub tags: u64,
    /// Words whose lemmas are compared.
    pub lemmas: u64,
    /// Of these, right ones.
    pub right: u64,
    /// Nouns, verbs, adjectives and adverbs.
    pub content: u64,
    /// Of these, right ones.
    pub content_right: u64,
}

impl Score {
    /// Share of right lemmas, 0 to 1.
    pub fn all_share(&self) -> f64 {
        share(self.right, self.lemmas)
    }

    /// Share of right lemmas of nouns, verbs, adjectives and adverbs.
    pub fn content_share(&self) -> f64 {
        share(self.content_right, self.content)
    }

    /// Share of right UPOS.
    pub fn upos_share(&self) -> f64 {
        share(self.upos, self.words)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "lemmas {:.2} % of {}, of content words {:.2} % of {}; UPOS {:.2} %, whole tags {:.2} % of {}",
            100.0 * self.all_share(),
            self.lemmas,
            100.0 * self.content_share(),
            self.content,
            100.0 * self.upos_share(),
            100.0 * share(self.tags, self.words),
            self.words,
        )
    }
}

/// Compare with annotated sentences; with `gold_tags` the lemmatizer is given their tags. `wrong` hears of each wrong
/// lemma: the row, and what was said instead.
///
/// # Errors
/// That of a sentence.
pub fn score(
    lemmatizer: &Lemmatizer,
    sentences: impl IntoIterator<Item = Result<Sentence, Error>>,
    gold_tags: bool,
    mut wrong: impl FnMut(Row<'_>, &Analysis<'_>),
) -> Result<Score, Error> {
    let mut score = Score::default();
    for sentence in sentences {
        let sentence = sentence?;
        let rows: Vec<Row<'_>> = sentence.words().collect();
        let found = analysed(lemmatizer, &rows, gold_tags);
        for (row, word) in rows.iter().zip(&found) {
            let upos = row.upos();
            score.words += 1;
            score.upos += u64::from(word.upos == upos);
            let second = given(lemmatizer, row).second;
            score.tags += u64::from(word.upos == upos && word.second == second);
            if LEFT_OUT.contains(&upos) {
                continue;
            }
            let right = folded(&word.lemma) == folded(row.lemma());
            score.lemmas += 1;
            score.right += u64::from(right);
            if CONTENT.contains(&upos) {
                score.content += 1;
                score.content_right += u64::from(right);
            }
            if !right {
                wrong(*row, word);
            }
        }
    }
    Ok(score)
}

/// What is said of the words of a sentence, by their own tags or by those that the model finds.
pub(super) fn analysed<'a>(
    lemmatizer: &'a Lemmatizer,
    rows: &[Row<'_>],
    gold_tags: bool,
) -> Vec<Analysis<'a>> {
    let forms: Vec<&str> = rows.iter().map(|row| row.form()).collect();
    if gold_tags {
        let given: Vec<Given<'_>> = rows.iter().map(|row| given(lemmatizer, row)).collect();
        lemmatizer.lemmatize_tagged(&forms, &given)
    } else {
        lemmatizer.lemmatize(&forms)
    }
}

/// The tags of a row as this model takes them.
fn given<'a>(lemmatizer: &Lemmatizer, row: &Row<'a>) -> Given<'a> {
    Given {
        upos: row.upos(),
        second: match lemmatizer.second_tag() {
            SecondTag::None => "",
            SecondTag::Xpos => row.xpos(),
            SecondTag::Feats => row.feats(),
        },
    }
}

/// A lemma as it is compared.
fn folded(lemma: &str) -> String {
    lemma.replace('_', "").to_lowercase()
}
