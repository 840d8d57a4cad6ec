//! What is known of languages that share a script: which trigrams each has most, and its letters.

use std::sync::LazyLock;

use super::trigrams::{self, Trigram, is_blank, trigram};

/// How many trigrams a profile has, and what it costs that one is not there (Cavnar and Trenkle 1994, "N-Gram-Based Text
/// Categorization", section 3.2).
const PROFILE: usize = 300;
/// How many trigrams of a text are compared.
const COMPARED: usize = 2 * PROFILE;

/// The languages of one script.
pub(super) struct Profiles {
    /// Codes of ISO 639-3.
    pub(super) languages: Vec<&'static str>,
    trigrams: Places,
    /// None for scripts of which no alphabets are known.
    letters: Option<Letters>,
}

/// How a text and each language agree, by the language's number.
pub(super) struct Agreement {
    /// How many different trigrams the text has, at most [`COMPARED`].
    pub(super) trigrams: usize,
    /// The letters of the text, which [`Agreement::by_letters`] says is how much of.
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
        let lowercase = text.to_lowercase();
        let ranked = trigrams::ranked(&lowercase, COMPARED);
        let (letters, by_letters) = match &self.letters {
            Some(letters) => letters.compare(&lowercase, self.languages.len()),
            None => (1, vec![1; self.languages.len()]),
        };
        Agreement {
            trigrams: ranked.len(),
            letters,
            by_trigrams: self.similarities(&ranked),
            by_letters,
        }
    }

    /// The sum of differences in rank over a profile's trigrams, made a similarity from 0 to 1. What a short text cannot have
    /// does not count against it.
    fn similarities(&self, ranked: &[Trigram]) -> Vec<f64> {
        let mut distances =
            vec![(PROFILE * ranked.len().min(PROFILE)) as i64; self.languages.len()];
        for (rank, &trigram) in (0..).zip(ranked) {
            for &(language, its_rank) in self.trigrams.of(trigram) {
                let difference = i64::from(its_rank).abs_diff(rank) as i64;
                distances[usize::from(language)] += difference - PROFILE as i64;
            }
        }
        let furthest = (PROFILE * ranked.len()) as i64;
        let similarity = |distance: i64| {
            let distance = distance.clamp(0, (PROFILE * PROFILE) as i64);
            (furthest - distance) as f64 / furthest as f64
        };
        distances.into_iter().map(similarity).collect()
    }
}

/// Where the profiles have which trigram: an open-addressed table, as one text looks up some hundreds.
struct Places {
    /// 0 where none is, which is no trigram.
    slots: Vec<Trigram>,
    /// For each slot where its places begin; they end where `count` says.
    spans: Vec<(u16, u16)>,
    /// Language and rank in its profile.
    places: Vec<(u8, u16)>,
    shift: u32,
}

impl Places {
    fn new(mut found: Vec<(Trigram, u8, u16)>) -> Self {
        found.sort_unstable();
        let runs = || found.chunk_by(|left, right| left.0 == right.0);
        let bits = (2 * runs().count()).next_power_of_two().ilog2();
        let mut table = Self {
            slots: vec![0; 1 << bits],
            spans: vec![(0, 0); 1 << bits],
            places: Vec::with_capacity(found.len()),
            shift: Trigram::BITS - bits,
        };
        for run in runs() {
            let slot = table.slot(run[0].0);
            let start = table.places.len();
            table
                .places
                .extend(run.iter().map(|&(_, language, rank)| (language, rank)));
            table.slots[slot] = run[0].0;
            table.spans[slot] = (start as u16, table.places.len() as u16);
        }
        table
    }

    /// The slot that has the trigram, or the one that would get it.
    fn slot(&self, trigram: Trigram) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (trigram.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize;
        while self.slots[slot & mask] != trigram && self.slots[slot & mask] != 0 {
            slot += 1;
        }
        slot & mask
    }

    fn of(&self, trigram: Trigram) -> &[(u8, u16)] {
        let (start, end) = self.spans[self.slot(trigram)];
        &self.places[usize::from(start)..usize::from(end)]
    }
}

/// The letters of a script, and which language has which.
struct Letters {
    /// The number of each character among the letters, 0 where it is none, up to the last letter.
    numbers: Vec<u8>,
    /// For each letter from number 1 on whether each language has it, as 0 or 1.
    known: Vec<u32>,
}

impl Letters {
    fn new(alphabets: &[&str]) -> Self {
        let mut letters: Vec<char> = alphabets
            .iter()
            .flat_map(|alphabet| alphabet.chars())
            .collect();
        letters.sort_unstable();
        letters.dedup();
        let end = letters.last().map_or(0, |&last| last as usize + 1);
        let mut numbers = vec![0; end];
        let mut known = Vec::with_capacity(letters.len() * alphabets.len());
        for (number, &letter) in (1..).zip(&letters) {
            numbers[letter as usize] = number;
            known.extend(
                alphabets
                    .iter()
                    .map(|alphabet| u32::from(alphabet.contains(letter))),
            );
        }
        Self { numbers, known }
    }

    /// How many letters a text has, and for each language how many more of them it has than not, at least 0.
    fn compare(&self, lowercase: &str, languages: usize) -> (usize, Vec<usize>) {
        let mut tally = [0u32; 256];
        let mut all = 0;
        for character in lowercase.chars().filter(|&character| !is_blank(character)) {
            let number = self.numbers.get(character as usize).copied().unwrap_or(0);
            tally[usize::from(number)] += 1;
            all += 1;
        }
        let mut known = vec![0; languages];
        for (&count, row) in tally[1..].iter().zip(self.known.chunks(languages)) {
            if count > 0 {
                for (sum, &has) in known.iter_mut().zip(row) {
                    *sum += has * count;
                }
            }
        }
        let more = |known: u32| (2 * known as usize).saturating_sub(all);
        (all, known.into_iter().map(more).collect())
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

fn build(rows: &[[&'static str; 4]]) -> Profiles {
    let mut found = Vec::with_capacity(rows.len() * PROFILE);
    for (language, row) in (0..).zip(rows) {
        let mut characters = row[3].chars().map(|character| match character {
            '_' => ' ',
            other => other,
        });
        for rank in 0.. {
            let next = [(); 3].map(|()| characters.next());
            let [Some(first), Some(second), Some(third)] = next else {
                break;
            };
            found.push((trigram([first, second, third]), language, rank));
        }
    }
    let alphabets: Vec<&str> = rows.iter().map(|row| row[2]).collect();
    Profiles {
        languages: rows.iter().map(|row| row[1]).collect(),
        trigrams: Places::new(found),
        letters: alphabets
            .iter()
            .any(|alphabet| !alphabet.is_empty())
            .then(|| Letters::new(&alphabets)),
    }
}
