//! What is known of languages that share a script: which trigrams each has most, and its letters.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::LazyLock;

use super::trigrams::{self, Trigram};

/// How many trigrams a profile has, and what it costs that one is not there (Cavnar and Trenkle 1994, "N-Gram-Based Text
/// Categorization", section 3.2).
const PROFILE: usize = 300;
/// How many trigrams of a text are compared.
const COMPARED: usize = 2 * PROFILE;

/// The languages of one script.
pub(super) struct Profiles {
    /// Codes of ISO 639-3.
    pub(super) languages: Vec<&'static str>,
    symbols: Symbols,
    ranks: Ranks,
    /// For each symbol whether it is a letter of each language, as 0 or 1; empty for scripts of which no alphabets are known.
    letters: Vec<[u8; LANES]>,
}

/// How a text and each language agree, by the language's number; what is behind the last language says nothing.
pub(super) struct Agreement {
    /// How many different trigrams the text has, at most [`COMPARED`].
    pub(super) trigrams: usize,
    /// How many letters the text has.
    pub(super) letters: usize,
    /// From 0 to 1: 1 less the distance between the ranks of trigrams.
    pub(super) by_trigrams: [f64; LANES],
    /// From 0 to `letters`: those that the alphabet has less those that it has not.
    pub(super) by_letters: [u32; LANES],
}

impl Profiles {
    /// The languages that are written in a script (ISO 15924).
    pub(super) fn of(script: &str) -> Option<&'static Self> {
        let mut all = PROFILES.iter();
        all.find(|(code, _)| *code == script)
            .map(|(_, profiles)| profiles)
    }

    /// Compares a text with all languages.
    pub(super) fn compare(&self, text: &str) -> Agreement {
        // Capitals of ASCII have the symbols of their small letters.
        let lowercase = match text.is_ascii() {
            true => Cow::Borrowed(text),
            false => Cow::Owned(text.to_lowercase()),
        };
        let coded = self.symbols.code(&lowercase);
        let mut ranked = trigrams::ranked(&coded.text, coded.symbols.len());
        ranked.truncate(COMPARED);
        let (letters, by_letters) = self.by_letters(&coded);
        Agreement {
            trigrams: ranked.len(),
            letters,
            by_trigrams: self.by_trigrams(&ranked, &coded.symbols),
            by_letters,
        }
    }

    /// The sum of differences in rank over a profile's trigrams, made a similarity from 0 to 1. What a short text cannot have
    /// does not count against it.
    fn by_trigrams(&self, ranked: &[Trigram], symbols: &[u8]) -> [f64; LANES] {
        // Those that any language has, without a branch: which these are, no processor foresees.
        let mut known = vec![(0, 0); ranked.len()];
        let mut length = 0;
        for (rank, &trigram) in (0..).zip(ranked) {
            let row = self
                .ranks
                .row(trigram.codes().map(|code| symbols[code as usize]));
            known[length] = (row, rank);
            length += usize::from(row != 0);
        }
        let nearness = self.ranks.nearness(&known[..length]);

        let furthest = (PROFILE * ranked.len()) as i32;
        let none_known = (PROFILE * ranked.len().min(PROFILE)) as i32;
        let similarity = |nearness: i32| {
            let distance = (none_known - nearness).clamp(0, (PROFILE * PROFILE) as i32);
            f64::from(furthest - distance) / f64::from(furthest)
        };
        nearness.map(similarity)
    }

    /// How many letters a text has, and for each language how many more of them it has than not, at least 0.
    fn by_letters(&self, coded: &Coded) -> (usize, [u32; LANES]) {
        if self.letters.is_empty() {
            return (1, [1; LANES]);
        }
        let all: u32 = coded.tally[1..].iter().sum();
        let mut known = [0; LANES];
        for (&count, row) in coded.tally.iter().zip(&self.letters) {
            if count > 0 {
                for (sum, &has) in known.iter_mut().zip(row) {
                    *sum += u32::from(has) * count;
                }
            }
        }
        (
            all as usize,
            known.map(|known| (2 * known).saturating_sub(all)),
        )
    }
}

/// The characters that profiles and alphabets of a script have, numbered in their order; 0 is the blank.
struct Symbols {
    characters: Vec<char>,
    /// The number of each character up to the last symbol.
    numbers: Vec<u8>,
}

/// A text in codes: the numbers of its symbols, shifted where unknown characters are among them.
struct Coded {
    text: Vec<u32>,
    /// The symbol of each code.
    symbols: Vec<u8>,
    /// How often each symbol comes.
    tally: [u32; 256],
}

impl Symbols {
    fn new(mut characters: Vec<char>) -> Self {
        characters.sort_unstable();
        characters.dedup();
        let end = characters.last().map_or(0, |&last| last as usize + 1);
        let unknown = characters.len() as u8;
        // Digits and signs of ASCII say nothing of a language and count as blanks.
        let blank = |character: usize| matches!(character, 0..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e);
        let numbers =
            (0..end.max(0x80)).map(|character| if blank(character) { 0 } else { unknown });
        let mut numbers: Vec<u8> = numbers.collect();
        for (number, &character) in (0..).zip(&characters) {
            numbers[character as usize] = number;
        }
        for capital in 'A'..='Z' {
            numbers[capital as usize] = numbers[capital.to_ascii_lowercase() as usize];
        }
        Self {
            characters,
            numbers,
        }
    }

    /// How many there are, one for all that are unknown included.
    fn count(&self) -> usize {
        self.characters.len() + 1
    }

    /// The number of all characters that no profile and no alphabet has.
    fn unknown(&self) -> u8 {
        self.characters.len() as u8
    }

    fn code(&self, lowercase: &str) -> Coded {
        let mut text = Vec::with_capacity(lowercase.len());
        let mut tally = [0; 256];
        let mut unknown = Vec::new();
        for character in lowercase.chars() {
            let number = self
                .numbers
                .get(character as usize)
                .copied()
                .unwrap_or(self.unknown());
            if number == self.unknown() {
                unknown.push((character, text.len()));
            }
            tally[usize::from(number)] += 1;
            text.push(u32::from(number));
        }
        let mut symbols: Vec<u8> = (0..).take(self.characters.len()).collect();
        if !unknown.is_empty() {
            symbols = self.recode(&mut text, unknown);
        }
        Coded {
            text,
            symbols,
            tally,
        }
    }

    /// Makes room for unknown characters in the order of codes. What symbol each code now stands for.
    fn recode(&self, text: &mut [u32], mut unknown: Vec<(char, usize)>) -> Vec<u8> {
        unknown.sort_unstable();
        let mut symbols = Vec::with_capacity(self.characters.len() + unknown.len());
        let mut codes = [0; 256];
        let mut known = (0..).zip(&self.characters).peekable();
        let mut next = |symbols: &mut Vec<u8>, before: Option<char>| {
            while let Some((number, _)) =
                known.next_if(|&(_, &symbol)| before.is_none_or(|before| symbol < before))
            {
                codes[usize::from(number)] = symbols.len() as u32;
                symbols.push(number);
            }
        };
        let mut placed = Vec::with_capacity(unknown.len());
        for run in unknown.chunk_by(|left, right| left.0 == right.0) {
            next(&mut symbols, Some(run[0].0));
            placed.extend(run.iter().map(|&(_, place)| (place, symbols.len() as u32)));
            symbols.push(self.unknown());
        }
        next(&mut symbols, None);
        for code in &mut *text {
            *code = codes[*code as usize];
        }
        for (place, code) in placed {
            text[place] = code;
        }
        symbols
    }
}

/// At least as many as there are languages in a script.
pub(super) const LANES: usize = 40;
/// The rank of a trigram that is not in a profile.
const ABSENT: i16 = i16::MAX;

/// The rank of each trigram in each profile. A row of all languages is worked off at once by the processor's vector unit.
struct Ranks {
    /// For each trigram of a profile its ranks; the first row is that of all others.
    rows: Vec<[i16; LANES]>,
    /// For each pair of symbols where in `slots` the rows of the trigrams begin that begin with it: rows displaced so that none
    /// has its slot where another has one (Tarjan and Yao 1979, "Storing a Sparse Table").
    displacements: Vec<u16>,
    /// The pair that a slot belongs to, and a row.
    slots: Vec<(u16, u16)>,
    symbols: usize,
}

impl Ranks {
    /// From trigrams, languages and ranks there.
    fn new(mut found: Vec<([u8; 3], usize, i16)>, symbols: usize) -> Self {
        found.sort_unstable();
        let mut rows = vec![[ABSENT; LANES]];
        let mut pairs: Vec<(usize, Vec<(usize, u16)>)> = Vec::new();
        for run in found.chunk_by(|left, right| left.0 == right.0) {
            let [first, middle, last] = run[0].0.map(usize::from);
            let pair = first * symbols + middle;
            if pairs.last().is_none_or(|&(other, _)| other != pair) {
                pairs.push((pair, Vec::new()));
            }
            if let Some((_, lasts)) = pairs.last_mut() {
                lasts.push((last, rows.len() as u16));
            }
            let mut row = [ABSENT; LANES];
            for &(_, language, rank) in run {
                row[language] = rank;
            }
            rows.push(row);
        }

        let mut displacements = vec![0; symbols * symbols];
        let mut slots: Vec<Option<(u16, u16)>> = vec![None; symbols];
        pairs.sort_by_key(|(_, lasts)| Reverse(lasts.len()));
        for (pair, lasts) in pairs {
            let free = |displacement: &usize| {
                let taken = |&(last, _): &(usize, u16)| {
                    slots.get(displacement + last).is_some_and(Option::is_some)
                };
                !lasts.iter().any(taken)
            };
            let displacement = (0..).find(free).unwrap_or(slots.len());
            slots.resize(slots.len().max(displacement + symbols), None);
            for (last, row) in lasts {
                slots[displacement + last] = Some((pair as u16, row));
            }
            displacements[pair] = displacement as u16;
        }
        let slots = slots.into_iter().map(|slot| slot.unwrap_or((u16::MAX, 0)));
        Self {
            rows,
            displacements,
            slots: slots.collect(),
            symbols,
        }
    }

    /// The number of a trigram's row, 0 if no profile has it.
    fn row(&self, trigram: [u8; 3]) -> u16 {
        let [first, middle, last] = trigram.map(usize::from);
        let pair = first * self.symbols + middle;
        let (owner, row) = self.slots[usize::from(self.displacements[pair]) + last];
        row * u16::from(usize::from(owner) == pair)
    }

    /// For each language the sum of how much nearer ranks are than that of a trigram which is not there.
    fn nearness(&self, known: &[(u16, i16)]) -> [i32; LANES] {
        let mut sums = [0; LANES];
        // As many as stay within 16 bits, a trigram's being at most 300.
        for some in known.chunks(i16::MAX as usize / PROFILE) {
            let mut sums_of_some = [0; LANES];
            for &(row, rank) in some {
                let row = &self.rows[usize::from(row)];
                for (sum, &its_rank) in sums_of_some.iter_mut().zip(row) {
                    let nearer = PROFILE as i16 - (its_rank - rank).abs();
                    *sum += if its_rank == ABSENT { 0 } else { nearer };
                }
            }
            for (sum, &of_some) in sums.iter_mut().zip(&sums_of_some) {
                *sum += i32::from(of_some);
            }
        }
        sums
    }
}

static PROFILES: LazyLock<Vec<(&str, Profiles)>> = LazyLock::new(|| {
    let rows: Vec<[&str; 4]> = include_str!("profiles.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').collect::<Vec<_>>().try_into().ok())
        .collect();
    let scripts = rows.chunk_by(|left, right| left[0] == right[0]);
    scripts.map(|rows| (rows[0][0], build(rows))).collect()
});

/// From script, language, letters and trigrams of each language of a script.
fn build(rows: &[[&'static str; 4]]) -> Profiles {
    let profiles: Vec<Vec<char>> = rows
        .iter()
        .map(|row| row[3].replace('_', " ").chars().collect())
        .collect();
    let letters = rows.iter().flat_map(|row| row[2].chars());
    let symbols = Symbols::new(letters.chain(profiles.concat()).collect());
    let mut found = Vec::with_capacity(rows.len() * PROFILE);
    for (language, profile) in (0..).zip(&profiles) {
        for (rank, trigram) in (0..).zip(profile.as_chunks::<3>().0) {
            let numbers = trigram.map(|character| symbols.numbers[character as usize]);
            found.push((numbers, language, rank));
        }
    }
    let letters = if rows.iter().all(|row| row[2].is_empty()) {
        Vec::new()
    } else {
        let characters = symbols.characters.iter();
        let row = |&letter: &char| {
            let mut row = [0; LANES];
            for (has, [_, _, letters, _]) in row.iter_mut().zip(rows) {
                *has = u8::from(letters.contains(letter));
            }
            row
        };
        characters.map(row).collect()
    };
    Profiles {
        languages: rows.iter().map(|row| row[1]).collect(),
        ranks: Ranks::new(found, symbols.count()),
        symbols,
        letters,
    }
}
