//! Edit scripts: how a form becomes its lemma, said so that it fits other forms too.
//!
//! After Chrupała (2008, "Towards a machine-learning architecture for lexical functional grammar parsing", chapter 6),
//! with the whole script anchored at the two ends of the word: cut and add at the front, cut and add at the back, round
//! the longest part that both have in common. `went` to `go` has nothing in common and is a replacement.

use crate::perceptron::{Broken, Values, put};

/// How letters are changed before anything is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Case {
    /// All lowercase.
    Lower,
    /// As they are.
    Keep,
    /// The first uppercase, the others lowercase.
    Title,
    /// All uppercase.
    Upper,
}

const CASES: [Case; 4] = [Case::Lower, Case::Keep, Case::Title, Case::Upper];

/// One way from a form to a lemma.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Script {
    case: Case,
    /// Characters to cut at the front, and what to put there.
    cut_front: u8,
    add_front: String,
    /// The same at the back. A cut of [`ALL`] replaces the word.
    cut_back: u8,
    add_back: String,
}

/// A cut of everything that is there.
const ALL: u8 = u8::MAX;

impl Script {
    /// Nothing but the change of case.
    pub(crate) fn same(case: Case) -> Self {
        Self {
            case,
            cut_front: 0,
            add_front: String::new(),
            cut_back: 0,
            add_back: String::new(),
        }
    }

    /// The script that makes `lemma` of any form.
    pub(super) fn replacement(lemma: &str) -> Self {
        Self {
            cut_back: ALL,
            add_back: lemma.to_owned(),
            ..Self::same(Case::Lower)
        }
    }

    /// The script that makes `lemma` of `form`: with the first case under which the lemma has the longest common part
    /// with the form.
    pub(crate) fn between(form: &str, lemma: &str) -> Self {
        let mut best: Option<(usize, Self)> = None;
        for case in CASES {
            let (common, script) = Self::under(case, &cased(form, case), lemma);
            if best.as_ref().is_none_or(|(length, _)| common > *length) {
                best = Some((common, script));
            }
        }
        best.map_or_else(|| Self::same(Case::Keep), |(_, script)| script)
    }

    /// The script for a form whose case is changed already, and the length of the common part.
    fn under(case: Case, form: &str, lemma: &str) -> (usize, Self) {
        let form: Vec<char> = form.chars().collect();
        let lemma: Vec<char> = lemma.chars().collect();
        let (length, in_form, in_lemma) = common(&form, &lemma);
        let cut_back = form.len() - in_form - length;
        let short = in_form < ALL as usize && cut_back < ALL as usize;
        let script = if length > 0 && short {
            Self {
                case,
                cut_front: in_form as u8,
                add_front: lemma[..in_lemma].iter().collect(),
                cut_back: cut_back as u8,
                add_back: lemma[in_lemma + length..].iter().collect(),
            }
        } else {
            Self {
                case,
                cut_front: 0,
                add_front: String::new(),
                cut_back: ALL,
                add_back: lemma.iter().collect(),
            }
        };
        (length, script)
    }

    /// Whether anything changes before the common part.
    pub(crate) fn changes_front(&self) -> bool {
        self.cut_front > 0 || !self.add_front.is_empty()
    }

    /// Whether nothing of the form is kept.
    pub(super) fn replaces(&self) -> bool {
        self.cut_back == ALL
    }

    /// The lemma of `form`, or `None` if the form is shorter than what is to be cut.
    pub(crate) fn apply(&self, form: &str) -> Option<String> {
        let mut word = cased(form, self.case);
        if self.cut_back == ALL {
            word.clear();
        } else {
            for _ in 0..self.cut_back {
                word.pop()?;
            }
            if self.cut_front > 0 {
                let (start, _) = word.char_indices().nth(self.cut_front as usize)?;
                word.drain(..start);
            } else if word.is_empty() {
                return None;
            }
        }
        word.push_str(&self.add_back);
        if !self.add_front.is_empty() {
            word.insert_str(0, &self.add_front);
        }
        (!word.is_empty()).then_some(word)
    }

    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        to.extend([self.case as u8, self.cut_front, self.cut_back]);
        for text in [&self.add_front, &self.add_back] {
            put(to, text.len() as u64);
            to.extend(text.as_bytes());
        }
    }

    pub(crate) fn read(from: &mut Values<'_>) -> Result<Self, Broken> {
        let &[case, cut_front, cut_back] = from.bytes(3)? else {
            return Err(from.broken("an edit script"));
        };
        Ok(Self {
            case: *CASES
                .get(case as usize)
                .ok_or_else(|| from.broken("a case of 0 to 3"))?,
            cut_front,
            cut_back,
            add_front: from.text()?.to_owned(),
            add_back: from.text()?.to_owned(),
        })
    }
}

/// The word in another case.
fn cased(form: &str, case: Case) -> String {
    match case {
        Case::Keep => form.to_owned(),
        Case::Lower if form.is_ascii() => form.to_ascii_lowercase(),
        Case::Lower => form.to_lowercase(),
        Case::Upper => form.to_uppercase(),
        Case::Title => {
            let mut chars = form.chars();
            match chars.next() {
                Some(first) => first
                    .to_uppercase()
                    .chain(chars.as_str().to_lowercase().chars())
                    .collect(),
                None => String::new(),
            }
        }
    }
}

/// Length of the longest common part and its places, the first of those that are as long.
fn common(a: &[char], b: &[char]) -> (usize, usize, usize) {
    let mut best = (0, 0, 0);
    // Lengths of the common parts that end before the places of the last row. Words are short; a long one is compared
    // by its beginning.
    const LONGEST: usize = 250;
    let (a, b) = (&a[..a.len().min(LONGEST)], &b[..b.len().min(LONGEST)]);
    let mut lengths = vec![0; b.len() + 1];
    for (i, left) in a.iter().enumerate() {
        for j in (0..b.len()).rev() {
            lengths[j + 1] = if *left == b[j] { lengths[j] + 1 } else { 0 };
        }
        for (j, &length) in lengths.iter().enumerate() {
            if length > best.0 {
                best = (length, i + 1 - length, j - length);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scripts_fit_other_forms() {
        for (form, lemma, other, expected) in [
            ("walked", "walk", "talked", Some("talk")),
            ("Walked", "walk", "talked", Some("talk")),
            ("studies", "study", "Ladies", Some("lady")),
            ("Bush", "Bush", "iPhone", Some("iPhone")),
            ("running", "run", "Sitting", Some("sit")),
            ("went", "go", "anything", Some("go")),
            ("gegangen", "gehen", "gefangen", None),
            ("geliebt", "lieben", "gelobt", Some("loben")),
            ("BUSH", "Bush", "TONY", Some("Tony")),
            ("nato", "NATO", "fifa", Some("FIFA")),
            ("walked", "walk", "ed", None),
            ("aimées", "aimer", "données", Some("donner")),
        ] {
            let script = Script::between(form, lemma);
            assert_eq!(script.apply(form).as_deref(), Some(lemma), "{script:?}");
            if let Some(expected) = expected {
                assert_eq!(script.apply(other).as_deref(), Some(expected), "{script:?}");
            } else if other == "ed" {
                assert_eq!(script.apply(other), None, "{script:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_script_makes_its_lemma(form in "\\PC{1,8}", lemma in "\\PC{1,8}") {
            let script = Script::between(&form, &lemma);
            prop_assert_eq!(script.apply(&form), Some(lemma));
            let mut bytes = Vec::new();
            script.write(&mut bytes);
            prop_assert_eq!(Script::read(&mut Values::new(&bytes)).unwrap(), script);
        }

        #[test]
        fn words_make_scripts(form in "[a-dA-D]{1,8}", lemma in "[a-dA-D]{1,8}", other in "\\PC{0,8}") {
            let script = Script::between(&form, &lemma);
            prop_assert_eq!(script.apply(&form), Some(lemma));
            let _ = script.apply(&other);
        }
    }
}
