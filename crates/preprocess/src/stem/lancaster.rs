//! The Lancaster stemmer: C. Paice, "Another Stemmer", SIGIR Forum 24(3), 1990, also called Paice/Husk.
//!
//! The last letter names a list of rules; the first of them whose ending the word has, and that leaves enough of a
//! word, is applied, and then the next round begins or the work is done. Stems equal those of NLTK's
//! `LancasterStemmer` (of words below its limit of 1,000 characters).

use std::borrow::Cow;

use Next::{Again, Stop};
use On::{Any, Intact};

/// One row of the paper's table.
struct Rule {
    /// What the word must end in.
    ending: &'static str,
    /// Letters cut from the end; none means that this ending is left as it is.
    cut: usize,
    /// What then comes in their place.
    add: &'static str,
    on: On,
    next: Next,
}

/// Which words a rule is for.
#[derive(PartialEq)]
enum On {
    /// All.
    Any,
    /// Those that no rule has changed yet.
    Intact,
}

/// What follows a rule.
#[derive(PartialEq)]
enum Next {
    Again,
    Stop,
}

const fn rule(ending: &'static str, cut: usize, add: &'static str, on: On, next: Next) -> Rule {
    Rule {
        ending,
        cut,
        add,
        on,
        next,
    }
}

/// The paper's appendix, in its order: rules of one last letter stand together.
const RULES: [Rule; 115] = [
    rule("ia", 2, "", Intact, Stop),
    rule("a", 1, "", Intact, Stop),
    rule("bb", 1, "", Any, Stop),
    rule("ytic", 3, "s", Any, Stop),
    rule("ic", 2, "", Any, Again),
    rule("nc", 1, "t", Any, Again),
    rule("dd", 1, "", Any, Stop),
    rule("ied", 3, "y", Any, Again),
    rule("ceed", 2, "ss", Any, Stop),
    rule("eed", 1, "", Any, Stop),
    rule("ed", 2, "", Any, Again),
    rule("hood", 4, "", Any, Again),
    rule("e", 1, "", Any, Again),
    rule("lief", 1, "v", Any, Stop),
    rule("if", 2, "", Any, Again),
    rule("ing", 3, "", Any, Again),
    rule("iag", 3, "y", Any, Stop),
    rule("ag", 2, "", Any, Again),
    rule("gg", 1, "", Any, Stop),
    rule("th", 2, "", Intact, Stop),
    rule("guish", 5, "ct", Any, Stop),
    rule("ish", 3, "", Any, Again),
    rule("i", 1, "", Intact, Stop),
    rule("i", 1, "y", Any, Again),
    rule("ij", 1, "d", Any, Stop),
    rule("fuj", 1, "s", Any, Stop),
    rule("uj", 1, "d", Any, Stop),
    rule("oj", 1, "d", Any, Stop),
    rule("hej", 1, "r", Any, Stop),
    rule("verj", 1, "t", Any, Stop),
    rule("misj", 2, "t", Any, Stop),
    rule("nj", 1, "d", Any, Stop),
    rule("j", 1, "s", Any, Stop),
    rule("ifiabl", 6, "", Any, Stop),
    rule("iabl", 4, "y", Any, Stop),
    rule("abl", 3, "", Any, Again),
    rule("ibl", 3, "", Any, Stop),
    rule("bil", 2, "l", Any, Again),
    rule("cl", 1, "", Any, Stop),
    rule("iful", 4, "y", Any, Stop),
    rule("ful", 3, "", Any, Again),
    rule("ul", 2, "", Any, Stop),
    rule("ial", 3, "", Any, Again),
    rule("ual", 3, "", Any, Again),
    rule("al", 2, "", Any, Again),
    rule("ll", 1, "", Any, Stop),
    rule("ium", 3, "", Any, Stop),
    rule("um", 2, "", Intact, Stop),
    rule("ism", 3, "", Any, Again),
    rule("mm", 1, "", Any, Stop),
    rule("sion", 4, "j", Any, Again),
    rule("xion", 4, "ct", Any, Stop),
    rule("ion", 3, "", Any, Again),
    rule("ian", 3, "", Any, Again),
    rule("an", 2, "", Any, Again),
    rule("een", 0, "", Any, Stop),
    rule("en", 2, "", Any, Again),
    rule("nn", 1, "", Any, Stop),
    rule("ship", 4, "", Any, Again),
    rule("pp", 1, "", Any, Stop),
    rule("er", 2, "", Any, Again),
    rule("ear", 0, "", Any, Stop),
    rule("ar", 2, "", Any, Stop),
    rule("or", 2, "", Any, Again),
    rule("ur", 2, "", Any, Again),
    rule("rr", 1, "", Any, Stop),
    rule("tr", 1, "", Any, Again),
    rule("ier", 3, "y", Any, Again),
    rule("ies", 3, "y", Any, Again),
    rule("sis", 2, "", Any, Stop),
    rule("is", 2, "", Any, Again),
    rule("ness", 4, "", Any, Again),
    rule("ss", 0, "", Any, Stop),
    rule("ous", 3, "", Any, Again),
    rule("us", 2, "", Intact, Stop),
    rule("s", 1, "", Intact, Again),
    rule("s", 0, "", Any, Stop),
    rule("plicat", 4, "y", Any, Stop),
    rule("at", 2, "", Any, Again),
    rule("ment", 4, "", Any, Again),
    rule("ent", 3, "", Any, Again),
    rule("ant", 3, "", Any, Again),
    rule("ript", 2, "b", Any, Stop),
    rule("orpt", 2, "b", Any, Stop),
    rule("duct", 1, "", Any, Stop),
    rule("sumpt", 2, "", Any, Stop),
    rule("cept", 2, "iv", Any, Stop),
    rule("olut", 2, "v", Any, Stop),
    rule("sist", 0, "", Any, Stop),
    rule("ist", 3, "", Any, Again),
    rule("tt", 1, "", Any, Stop),
    rule("iqu", 3, "", Any, Stop),
    rule("ogu", 1, "", Any, Stop),
    rule("siv", 3, "j", Any, Again),
    rule("eiv", 0, "", Any, Stop),
    rule("iv", 2, "", Any, Again),
    rule("bly", 1, "", Any, Again),
    rule("ily", 3, "y", Any, Again),
    rule("ply", 0, "", Any, Stop),
    rule("ly", 2, "", Any, Again),
    rule("ogy", 1, "", Any, Stop),
    rule("phy", 1, "", Any, Stop),
    rule("omy", 1, "", Any, Stop),
    rule("opy", 1, "", Any, Stop),
    rule("ity", 3, "", Any, Again),
    rule("ety", 3, "", Any, Again),
    rule("lty", 2, "", Any, Stop),
    rule("istry", 5, "", Any, Stop),
    rule("ary", 3, "", Any, Again),
    rule("ory", 3, "", Any, Again),
    rule("ify", 3, "", Any, Stop),
    rule("ncy", 2, "t", Any, Again),
    rule("acy", 3, "", Any, Again),
    rule("iz", 2, "", Any, Again),
    rule("yz", 1, "s", Any, Stop),
];

/// Where the rules of a last letter begin and end in [`RULES`].
const SECTIONS: [(u8, u8); 26] = {
    let mut sections = [(0, 0); 26];
    let mut row = 0;
    while row < RULES.len() {
        let ending = RULES[row].ending.as_bytes();
        let section = &mut sections[(ending[ending.len() - 1] - b'a') as usize];
        if section.1 == 0 {
            section.0 = row as u8;
        }
        section.1 = row as u8 + 1;
        row += 1;
    }
    sections
};

/// The stem of a lower-case word.
pub(super) fn stem(word: &str) -> Cow<'_, str> {
    let mut stem = Cow::Borrowed(word);
    let mut length = word.chars().count();
    // The rules of the last letter before the first character that is none: what ends in a digit or a mark stays whole.
    let letters = word
        .find(|character: char| !character.is_alphabetic())
        .unwrap_or(usize::MAX);
    while let Some(rule) = applicable(&stem, length, letters, matches!(stem, Cow::Borrowed(_))) {
        if rule.cut == 0 {
            break;
        }
        let changed = stem.to_mut();
        changed.truncate(changed.len() - rule.cut);
        changed.push_str(rule.add);
        length = length - rule.cut + rule.add.len();
        if rule.next == Stop {
            break;
        }
    }
    stem
}

fn applicable(word: &str, length: usize, letters: usize, intact: bool) -> Option<&'static Rule> {
    let last = *word.as_bytes()[..letters.min(word.len())].last()?;
    if !last.is_ascii_lowercase() {
        return None;
    }
    let (first, end) = SECTIONS[usize::from(last - b'a')];
    RULES[usize::from(first)..usize::from(end)]
        .iter()
        .find(|rule| {
            (rule.on == Any || intact)
                && word.ends_with(rule.ending)
                && leaves_a_word(word, length - rule.cut)
        })
}

/// Two letters must be left of a word that begins with a vowel; of others three, of which the second or third is a vowel.
fn leaves_a_word(word: &str, left: usize) -> bool {
    let mut vowels = word.chars().map(|letter| "aeiouy".contains(letter));
    match vowels.next() {
        Some(true) => left >= 2,
        Some(false) => left >= 3 && vowels.take(2).any(|vowel| vowel),
        None => false,
    }
}
