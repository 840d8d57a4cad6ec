//! Which script a text is in: of which its letters are the most.
//!
//! Blocks of Unicode, not the property Script: signs of a block count as its letters, letters of blocks that are not listed count
//! as none, and kana and Chinese characters are three scripts.

use std::cmp::Reverse;
use std::sync::LazyLock;

/// A script and what is known of the languages in it.
pub(super) struct Script {
    /// ISO 15924, of the Japanese scripts their own.
    pub(super) code: &'static str,
    pub(super) languages: Languages,
    /// First and last characters.
    blocks: &'static [(char, char)],
}

/// The languages of a script.
#[derive(Clone, Copy)]
pub(super) enum Languages {
    /// One, by its code of ISO 639-3.
    One(&'static str),
    /// Chinese, or Japanese where kana are among the characters.
    ChineseOrJapanese,
    /// Several, which have profiles.
    Several,
}

use Languages::{ChineseOrJapanese, One, Several};

/// The number of scripts.
const COUNT: usize = 25;

const fn script(
    code: &'static str,
    languages: Languages,
    blocks: &'static [(char, char)],
) -> Script {
    Script {
        code,
        languages,
        blocks,
    }
}

/// The scripts, in the order in which a character is looked for in them at first.
#[rustfmt::skip]
static SCRIPTS: [Script; COUNT] = [
    script("Latn", Several, &[
        ('A', 'Z'), ('a', 'z'), ('\u{80}', '\u{2af}'), ('\u{1d00}', '\u{1dbf}'), ('\u{1e00}', '\u{1eff}'), ('\u{2100}', '\u{214f}'),
        ('\u{2c60}', '\u{2c7f}'), ('\u{a720}', '\u{a7ff}'), ('\u{ab30}', '\u{ab6f}'),
    ]),
    script("Cyrl", Several, &[
        ('\u{400}', '\u{484}'), ('\u{487}', '\u{52f}'), ('\u{1d2b}', '\u{1d2b}'), ('\u{1d78}', '\u{1d78}'), ('\u{2de0}', '\u{2dff}'),
        ('\u{a640}', '\u{a69d}'), ('\u{a69f}', '\u{a69f}'),
    ]),
    script("Arab", Several, &[
        ('\u{600}', '\u{6ff}'), ('\u{750}', '\u{7ff}'), ('\u{8a0}', '\u{8ff}'), ('\u{fb50}', '\u{fdff}'), ('\u{fe70}', '\u{feff}'),
        ('\u{10e60}', '\u{10e7f}'), ('\u{1ee00}', '\u{1eeff}'),
    ]),
    script("Hani", ChineseOrJapanese, &[
        ('\u{2e80}', '\u{2e99}'), ('\u{2e9b}', '\u{2ef3}'), ('\u{2f00}', '\u{2fd5}'), ('\u{3005}', '\u{3005}'), ('\u{3007}', '\u{3007}'),
        ('\u{3021}', '\u{3029}'), ('\u{3038}', '\u{303b}'), ('\u{3400}', '\u{4db5}'), ('\u{4e00}', '\u{9fcc}'), ('\u{f900}', '\u{fa6d}'),
        ('\u{fa70}', '\u{fad9}'),
    ]),
    script("Deva", Several, &[('\u{900}', '\u{97f}'), ('\u{1cd0}', '\u{1cff}'), ('\u{a8e0}', '\u{a8ff}')]),
    script("Hebr", Several, &[('\u{590}', '\u{5ff}')]),
    script("Ethi", One("amh"), &[('\u{1200}', '\u{139f}'), ('\u{2d80}', '\u{2ddf}'), ('\u{ab00}', '\u{ab2f}')]),
    script("Geor", One("kat"), &[('\u{10a0}', '\u{10ff}')]),
    script("Beng", One("ben"), &[('\u{980}', '\u{9ff}')]),
    script("Hang", One("kor"), &[
        ('\u{1100}', '\u{11ff}'), ('\u{3130}', '\u{318f}'), ('\u{3200}', '\u{32ff}'), ('\u{a960}', '\u{a97f}'), ('\u{ac00}', '\u{d7ff}'),
        ('\u{ff00}', '\u{ffef}'),
    ]),
    script("Hira", One("jpn"), &[('\u{3040}', '\u{309f}')]),
    script("Kana", One("jpn"), &[('\u{30a0}', '\u{30ff}')]),
    script("Grek", One("ell"), &[('\u{370}', '\u{3ff}')]),
    script("Knda", One("kan"), &[('\u{c80}', '\u{cff}')]),
    script("Taml", One("tam"), &[('\u{b80}', '\u{bff}')]),
    script("Thai", One("tha"), &[('\u{e00}', '\u{e7f}')]),
    script("Gujr", One("guj"), &[('\u{a80}', '\u{aff}')]),
    script("Guru", One("pan"), &[('\u{a00}', '\u{a7f}')]),
    script("Telu", One("tel"), &[('\u{c00}', '\u{c7f}')]),
    script("Mlym", One("mal"), &[('\u{d00}', '\u{d7f}')]),
    script("Orya", One("ori"), &[('\u{b00}', '\u{b7f}')]),
    script("Mymr", One("mya"), &[('\u{1000}', '\u{109f}')]),
    script("Sinh", One("sin"), &[('\u{d80}', '\u{dff}')]),
    script("Khmr", One("khm"), &[('\u{1780}', '\u{17ff}'), ('\u{19e0}', '\u{19ff}')]),
    script("Armn", One("hye"), &[('\u{530}', '\u{58f}'), ('\u{fb13}', '\u{fb17}')]),
];

/// The number of the Latin script.
const LATIN: u8 = 0;
const NONE: u8 = u8::MAX;
/// Of a character that two scripts have.
const TWO: u8 = NONE - 1;

/// The place of each character's script in the table, up to the last character of all.
static SCRIPT_OF: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let blocks = || SCRIPTS.iter().flat_map(|script| script.blocks);
    let end = blocks().map(|&(_, last)| last as usize + 1).max();
    let mut table = vec![NONE; end.unwrap_or(0)];
    for (number, script) in (0..).zip(&SCRIPTS) {
        for character in script.blocks.iter().flat_map(|&(first, last)| first..=last) {
            let place = &mut table[character as usize];
            *place = if *place == NONE { number } else { TWO };
        }
    }
    table
});

/// How many characters of each script are in a text.
pub(super) struct Census {
    /// The scripts by number, the most frequent first.
    counts: [(u8, usize); COUNT],
}

impl Census {
    pub(super) fn of(text: &str) -> Self {
        let table = SCRIPT_OF.as_slice();
        let mut counts = [0; COUNT];
        // Whatlang looks a character up in one script after the other, and moves the one that has it a place forward. What it
        // says of characters in two scripts, and of texts with as many letters of one as of another, comes of that order.
        let mut order: [u8; COUNT] = std::array::from_fn(|number| number as u8);
        let mut places: [u8; COUNT] = order;
        // Of the script in the first place, counted apart from `counts`, as nearly all characters are of it.
        let mut of_first = 0;
        let mut rest = text;
        loop {
            // While Latin is in the first place a letter of ASCII moves nothing, and a run of them is counted at once.
            if order[0] == LATIN {
                let end = rest.bytes().position(|byte| !byte.is_ascii());
                let (ascii, others) = rest.split_at(end.unwrap_or(rest.len()));
                let letters = |bytes: &[u8]| -> u8 {
                    bytes
                        .iter()
                        .map(|byte| u8::from(byte.is_ascii_alphabetic()))
                        .sum()
                };
                of_first += ascii
                    .as_bytes()
                    .chunks(128)
                    .map(|some| usize::from(letters(some)))
                    .sum::<usize>();
                rest = others;
            }
            let mut characters = rest.chars();
            let Some(character) = characters.next() else {
                break;
            };
            rest = characters.as_str();
            let number = table.get(character as usize).copied().unwrap_or(NONE);
            let number = match number {
                _ if number == order[0] => {
                    of_first += 1;
                    continue;
                }
                NONE => continue,
                TWO => *order
                    .iter()
                    .find(|&&number| has(number, character))
                    .unwrap_or(&order[0]),
                _ => number,
            };
            counts[number as usize] += 1;
            let place = places[number as usize];
            if place > 0 {
                let other = order[place as usize - 1];
                if place == 1 {
                    counts[other as usize] += std::mem::take(&mut of_first);
                }
                order.swap(place as usize - 1, place as usize);
                places[number as usize] = place - 1;
                places[other as usize] = place;
            }
        }
        counts[order[0] as usize] += of_first;
        let mut counts = order.map(|number| (number, counts[number as usize]));
        counts.sort_unstable_by_key(|&(_, count)| Reverse(count));
        Self { counts }
    }

    /// The most frequent script, if there is a letter at all.
    pub(super) fn main(&self) -> Option<&'static Script> {
        let (number, count) = self.counts[0];
        (count > 0).then(|| &SCRIPTS[number as usize])
    }

    /// How many characters are in the script of this code.
    pub(super) fn count(&self, code: &str) -> usize {
        let mut counts = self.counts.iter();
        let found = counts.find(|(number, _)| SCRIPTS[*number as usize].code == code);
        found.map_or(0, |&(_, count)| count)
    }
}

fn has(number: u8, character: char) -> bool {
    let mut blocks = SCRIPTS[number as usize].blocks.iter();
    blocks.any(|&(first, last)| (first..=last).contains(&character))
}
