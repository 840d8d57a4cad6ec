//! The split of a text into words, within which merges are learnt and applied.
//!
//! Byte-level vocabularies come with a regular expression that cuts their texts. The few that are in use are matched by
//! hand here, several times as fast as by a regular expression engine; with any other the library cuts. It knows no
//! vocabulary.

mod cl100k;
mod classes;
mod gpt2;
mod o200k;
mod scan;

use cl100k::Cl100k;
use classes::Classes;
use gpt2::Gpt2;
use o200k::O200k;
pub(crate) use scan::load;

/// Finds the words of a text, one after the other.
pub(crate) trait Scanner: Copy {
    /// The end of the word that begins at a byte of a UTF-8 text, which must be within it and the beginning of a character.
    fn word_end(self, text: &[u8], start: usize) -> usize;
}

/// A pattern that cuts texts into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// GPT-2's.
    Gpt2,
    /// That of `cl100k_base` and Llama 3, with up to three numbers a word.
    Cl100k,
    /// Qwen2's: the same with one number a word.
    Qwen2,
    /// That of `o200k_base`.
    O200k,
}

/// What is done with the words of a text, by whichever scanner its split has.
pub(crate) trait WithScanner {
    /// What comes of it.
    type Output;

    /// Do it.
    fn run(self, scanner: impl Scanner) -> Self::Output;
}

impl Split {
    pub(crate) const PATTERNS: [(&'static str, Self); 4] = [
        (gpt2::PATTERN, Self::Gpt2),
        (cl100k::PATTERN, Self::Cl100k),
        (cl100k::ONE_NUMBER, Self::Qwen2),
        (o200k::PATTERN, Self::O200k),
    ];

    /// The split that a regular expression makes, if it is a known one.
    pub(crate) fn of_pattern(pattern: &str) -> Option<Self> {
        let known = Self::PATTERNS.iter().find(|known| known.0 == pattern);
        known.map(|(_, split)| *split)
    }

    /// The regular expression that makes the same split.
    pub(crate) fn pattern(self) -> &'static str {
        let known = Self::PATTERNS.iter().find(|known| known.1 == self);
        known.map_or(gpt2::PATTERN, |(pattern, _)| pattern)
    }

    /// Do something with its scanner, compiled for each apart.
    #[inline]
    pub(crate) fn with<W: WithScanner>(self, work: W) -> W::Output {
        let classes = Classes::get();
        match self {
            Self::Gpt2 => work.run(Gpt2(classes)),
            Self::Cl100k => work.run(Cl100k {
                classes,
                numbers: 3,
            }),
            Self::Qwen2 => work.run(Cl100k {
                classes,
                numbers: 1,
            }),
            Self::O200k => work.run(O200k(classes)),
        }
    }
}

/// The words of a text in order by GPT-2's pattern; together they are the text, since it matches at every character.
#[cfg(test)]
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    Words {
        scanner: Gpt2(Classes::get()),
        text,
        at: 0,
    }
}

#[cfg(test)]
struct Words<'a, S> {
    scanner: S,
    text: &'a str,
    at: usize,
}

#[cfg(test)]
impl<'a, S: Scanner> Iterator for Words<'a, S> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        if self.at >= self.text.len() {
            return None;
        }
        let start = self.at;
        self.at = self.scanner.word_end(self.text.as_bytes(), start);
        self.text.get(start..self.at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokenizers::pre_tokenizers::split::{Split as LibrarySplit, SplitPattern};
    use tokenizers::{
        OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, SplitDelimiterBehavior,
    };

    use super::*;

    /// The split by the library's own pre-tokenizer.
    fn by_library(pre_tokenizer: &impl PreTokenizer, text: &str) -> Vec<String> {
        let mut split = PreTokenizedString::from(text);
        pre_tokenizer.pre_tokenize(&mut split).unwrap();
        split
            .get_splits(OffsetReferential::Original, OffsetType::Byte)
            .into_iter()
            .map(|(word, _, _)| word.to_owned())
            .filter(|word| !word.is_empty())
            .collect()
    }

    struct Collect<'a>(&'a str);

    impl WithScanner for Collect<'_> {
        type Output = Vec<String>;

        fn run(self, scanner: impl Scanner) -> Vec<String> {
            let words = Words {
                scanner,
                text: self.0,
                at: 0,
            };
            words.map(str::to_owned).collect()
        }
    }

    thread_local! {
        static LIBRARY: Vec<(LibrarySplit, Split)> = Split::PATTERNS
            .iter()
            .map(|(pattern, split)| {
                let pattern = SplitPattern::Regex((*pattern).into());
                let library = LibrarySplit::new(pattern, SplitDelimiterBehavior::Isolated, false);
                (library.unwrap(), *split)
            })
            .collect();
    }

    /// Each split of a text is the library's.
    fn check(text: &str) {
        LIBRARY.with(|all| {
            for (library, split) in all {
                let ours = split.with(Collect(text));
                assert_eq!(ours, by_library(library, text), "{split:?} {text:?}");
                assert_eq!(ours.concat(), text);
            }
        });
        let gpt2: Vec<&str> = words(text).collect();
        assert_eq!(gpt2, Split::Gpt2.with(Collect(text)));
    }

    #[test]
    fn contractions_spaces_and_numbers_are_split() {
        let found: Vec<&str> = words("We'll  see 42nd\n\n doors!").collect();
        assert_eq!(
            found,
            ["We", "'ll", " ", " see", " 42", "nd", "\n\n", " doors", "!"]
        );
        let contractions = "it's don't they're I've I'm we'll he'd";
        assert_eq!(words(contractions).count(), 14);
        assert_eq!(
            Split::Cl100k.with(Collect("I'M 12345 (ok)\n\n  x")),
            ["I", "'M", " ", "123", "45", " (", "ok", ")\n\n", " ", " x"]
        );
        assert_eq!(
            Split::Qwen2.with(Collect("12 a\tb")),
            ["1", "2", " a", "\tb"]
        );
        assert_eq!(
            Split::O200k.with(Collect("HTMLPage don't a//\nb")),
            ["HTMLPage", " don't", " a", "//\n", "b"]
        );
    }

    #[test]
    fn texts_at_the_edges_are_split_as_the_library_does() {
        for text in [
            "",
            " ",
            "  ",
            "\n",
            " a",
            "  a",
            "a ",
            "a  ",
            "\r\n\r\n",
            " \r\n x",
            "\u{85}x",
            "\u{A0}\u{A0}é",
            "'",
            "''s",
            "'S 's 'ſ 'ſt 'RE 'rE 'Ve",
            " 's",
            "a'ſb",
            "\u{301}\u{301}A\u{301}b",
            "ÀÉa ǅx ʰA ʰ A\u{301}B",
            "x\u{1D7D8}\u{1D7D9}1२३४५",
            "日本語日本語ab漢字9",
            "abcdefgh",
            "abcdefghé",
            "abcdefgéhijklmnopqrstuvw",
            "é\u{301}x",
            "\u{0}\u{0}a\u{0}",
            "🙂🙂\n/\r",
            "a\u{3000} \u{3000}b",
        ] {
            check(text);
        }
    }

    #[test]
    fn an_unknown_pattern_has_no_split() {
        assert_eq!(Split::of_pattern(r"\s+"), None);
        assert_eq!(Split::of_pattern(gpt2::PATTERN), Some(Split::Gpt2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_split_is_the_librarys(text in r"(\PC|[ \n\t\r'0-9a-zA-Z/!ſǅʰ\u{301}\u{85}\u{A0}]){0,40}") {
            check(&text);
        }

        #[test]
        fn the_split_of_few_characters_is_the_librarys(text in r"[ \n\r'sSreLl1A/!ſǅʰ日\u{301}\u{A0}]{0,24}") {
            check(&text);
        }

        #[test]
        fn the_split_of_any_characters_is_the_librarys(text in proptest::collection::vec(any::<char>(), 0..40)) {
            check(&text.into_iter().collect::<String>());
        }

        #[test]
        fn the_split_of_any_bytes_is_the_librarys(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            check(&String::from_utf8_lossy(&bytes));
        }
    }
}
