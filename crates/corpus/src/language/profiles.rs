//! What is known of languages that share a script: which trigrams each has most, and its letters.

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
    places: Places,
    /// For each symbol whether it is a letter of each language, as 0 or 1; empty for scripts of which no alphabets are known.
    letters: Vec<u32>,
}

/// How a text and each language agree, by the language's number.
pub(super) struct Agreement {
    /// How many different trigrams the text has, at most [`COMPARED`].
    pub(super) trigrams: usize,
    /// How many letters the text has.
    pub(super) letters: usize,
    /// From 0 to 1: 1 less the distance between the ranks of trigrams.
    pub(super) by_trigrams: Vec<f64>,
    /// From 0 to `letters`: those that the alphabet has less those that it has not.
    pub(super) by_letters: Vec<usize>,
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
        let coded = self.symbols.code(&text.to_lowercase());
        let ranked = trigrams::ranked(&coded.text, coded.symbols.len());
        let (letters, by_letters) = self.by_letters(&coded);
        Agreement {
            trigrams: ranked.len().min(COMPARED),
            letters,
            by_trigrams: self.by_trigrams(&ranked, &coded.symbols),
            by_letters,
        }
    }

    /// The sum of differences in rank over a profile's trigrams, made a similarity from 0 to 1. What a short text cannot have
    /// does not count against it.
    fn by_trigrams(&self, ranked: &[(Trigram, u32)], symbols: &[u8]) -> Vec<f64> {
        let compared = ranked.len().min(COMPARED);
        let mut distances = [(PROFILE * compared.min(PROFILE)) as i32; Place::LANGUAGES];
        for &(trigram, rank) in ranked.iter().filter(|&&(_, rank)| rank < COMPARED as u32) {
            let key = Places::key(trigram.codes().map(|code| symbols[code as usize]));
            for place in self.places.of(key) {
                let difference = place.rank().abs_diff(rank as i32) as i32;
                distances[place.language()] += difference - PROFILE as i32;
            }
        }
        let furthest = (PROFILE * compared) as i32;
        let similarity = |&distance: &i32| {
            let distance = distance.clamp(0, (PROFILE * PROFILE) as i32);
            f64::from(furthest - distance) / f64::from(furthest)
        };
        let distances = distances[..self.languages.len()].iter();
        distances.map(similarity).collect()
    }

    /// How many letters a text has, and for each language how many more of them it has than not, at least 0.
    fn by_letters(&self, coded: &Coded) -> (usize, Vec<usize>) {
        let languages = self.languages.len();
        if self.letters.is_empty() {
            return (1, vec![1; languages]);
        }
        let all: u32 = coded.tally[1..].iter().sum();
        let mut known = vec![0; languages];
        for (&count, row) in coded.tally.iter().zip(self.letters.chunks_exact(languages)) {
            if count > 0 {
                for (sum, &has) in known.iter_mut().zip(row) {
                    *sum += has * count;
                }
            }
        }
        let more = |known: u32| (2 * known).saturating_sub(all) as usize;
        (all as usize, known.into_iter().map(more).collect())
    }
}

/// The characters that profiles and alphabets of a script have, numbered in their order; 0 is the blank.
struct Symbols {
    characters: Vec<char>,
    /// The number of each character up to the last symbol.
    numbers: Vec<u8>,
}

/// The number of a character that no profile and no alphabet has.
const UNKNOWN: u8 = u8::MAX;

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
        // Digits and signs of ASCII say nothing of a language and count as blanks.
        let blank = |character: usize| matches!(character, 0..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e);
        let numbers =
            (0..end.max(0x80)).map(|character| if blank(character) { 0 } else { UNKNOWN });
        let mut numbers: Vec<u8> = numbers.collect();
        for (number, &character) in (0..).zip(&characters) {
            numbers[character as usize] = number;
        }
        Self {
            characters,
            numbers,
        }
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
                .unwrap_or(UNKNOWN);
            if number == UNKNOWN {
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
            symbols.push(UNKNOWN);
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

/// A language that has a trigram in its profile, and the trigram's rank there.
#[derive(Clone, Copy)]
struct Place(u16);

impl Place {
    /// More than there are languages: as many as the bits beside the rank can tell apart.
    const LANGUAGES: usize = 1 << (16 - Self::RANK);
    const RANK: u32 = 9;

    fn new(language: u16, rank: u16) -> Self {
        Self(language << Self::RANK | rank)
    }

    fn language(self) -> usize {
        usize::from(self.0 >> Self::RANK)
    }

    fn rank(self) -> i32 {
        i32::from(self.0 & ((1 << Self::RANK) - 1))
    }
}

/// Where the profiles have which trigram: a table with open addresses, as one text looks up some hundreds.
struct Places {
    slots: Vec<Slot>,
    places: Vec<Place>,
    shift: u32,
}

/// A trigram and where its places begin and end.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// 0 in an empty slot.
    key: u32,
    start: u16,
    end: u16,
}

impl Places {
    /// The symbols of a trigram in one number. It is not 0: there is no trigram of blanks.
    fn key([first, middle, last]: [u8; 3]) -> u32 {
        u32::from(first) << 16 | u32::from(middle) << 8 | u32::from(last)
    }

    fn new(mut found: Vec<(u32, u16, u16)>) -> Self {
        found.sort_unstable();
        let runs = || found.chunk_by(|left, right| left.0 == right.0);
        let bits = (2 * runs().count()).next_power_of_two().ilog2();
        let mut table = Self {
            slots: vec![Slot::default(); 1 << bits],
            places: Vec::with_capacity(found.len()),
            shift: u32::BITS - bits,
        };
        for run in runs() {
            let slot = table.slot(run[0].0);
            let start = table.places.len() as u16;
            let places = run
                .iter()
                .map(|&(_, language, rank)| Place::new(language, rank));
            table.places.extend(places);
            table.slots[slot] = Slot {
                key: run[0].0,
                start,
                end: table.places.len() as u16,
            };
        }
        table
    }

    /// The slot that has the key, or the one that would get it.
    fn slot(&self, key: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (key.wrapping_mul(0x9e37_79b9) >> self.shift) as usize;
        while (self.slots[slot & mask].key != key) & (self.slots[slot & mask].key != 0) {
            slot += 1;
        }
        slot & mask
    }

    fn of(&self, key: u32) -> &[Place] {
        let slot = self.slots[self.slot(key)];
        &self.places[usize::from(slot.start)..usize::from(slot.end)]
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
            found.push((Places::key(numbers), language, rank));
        }
    }
    let letters = if rows.iter().all(|row| row[2].is_empty()) {
        Vec::new()
    } else {
        let characters = symbols.characters.iter();
        let row = |&letter: &char| {
            rows.iter()
                .map(move |row| u32::from(row[2].contains(letter)))
        };
        characters.flat_map(row).collect()
    };
    Profiles {
        languages: rows.iter().map(|row| row[1]).collect(),
        symbols,
        places: Places::new(found),
        letters,
    }
}
