//! Which characters are tokens of a vocabulary: the most frequent of the counted words.

use crate::Error;
use crate::tokenizer::train::count::Counts;
use crate::tokenizer::train::merges::Symbol;

/// Characters in the order of their code points, with numbers from 0.
pub(crate) struct Alphabet {
    characters: Vec<char>,
    /// The number of each code point up to the greatest of the characters.
    symbols: Vec<Option<Symbol>>,
}

impl Alphabet {
    /// The `limit` characters that occur most often, of equally frequent ones those of smaller code points, once each is
    /// written as `write` has it.
    pub(crate) fn most_frequent(
        counts: &mut Counts,
        write: fn(char) -> char,
        limit: usize,
    ) -> Result<Self, Error> {
        let mut seen: Vec<u64> = Vec::new();
        counts.each(|word, count| {
            for character in word.chars().map(write) {
                let place = character as usize;
                if place >= seen.len() {
                    seen.resize(place + 1, 0);
                }
                seen[place] += count;
            }
        })?;
        let mut found: Vec<(u64, char)> = (0..)
            .zip(seen)
            .filter(|(_, count)| *count > 0)
            .filter_map(|(code_point, count)| Some((count, char::from_u32(code_point)?)))
            .collect();
        found.sort_by_key(|(count, _)| std::cmp::Reverse(*count)); // Stable: code points ascend.
        found.truncate(limit);
        let mut characters: Vec<char> = found.into_iter().map(|(_, character)| character).collect();
        characters.sort_unstable();
        Ok(Self::new(characters))
    }

    fn new(characters: Vec<char>) -> Self {
        let end = characters.last().map_or(0, |last| *last as usize + 1);
        let mut symbols = vec![None; end];
        for (symbol, character) in (0..).zip(&characters) {
            symbols[*character as usize] = Some(symbol);
        }
        Self {
            characters,
            symbols,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.characters.len()
    }

    pub(crate) fn characters(&self) -> &[char] {
        &self.characters
    }

    pub(crate) fn symbol(&self, character: char) -> Option<Symbol> {
        self.symbols.get(character as usize).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::train::count::WordCounts;

    #[test]
    fn the_most_frequent_characters_are_kept() {
        let words = || {
            let mut words = WordCounts::default();
            for (word, count) in [("ab", 3), ("bé", 2), ("d c", 1), ("▁", 4)] {
                words.add(word, count);
            }
            Counts::Memory(words)
        };
        let space = |character| if character == ' ' { '▁' } else { character };
        for (limit, expected) in [(9, "abcdé▁"), (5, "abcé▁"), (4, "abé▁"), (2, "b▁"), (0, "")]
        {
            let alphabet = Alphabet::most_frequent(&mut words(), space, limit).unwrap();
            let found: String = alphabet.characters().iter().collect();
            assert_eq!(found, expected);
            for (symbol, character) in (0..).zip(expected.chars()) {
                assert_eq!(alphabet.symbol(character), Some(symbol));
            }
            assert_eq!(alphabet.symbol('x'), None);
            assert_eq!(alphabet.symbol('日'), None);
        }
    }
}
