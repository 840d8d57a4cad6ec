//! GPT-2's split of a text into words, within which merges are learnt and applied.

use std::sync::LazyLock;

use tokenizers::utils::SysRegex;

/// As in the `encoder.py` of Radford et al. 2019, and in the `ByteLevel` pre-tokenizer of the `tokenizers` crate.
const PATTERN: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

static REGEX: LazyLock<SysRegex> =
    LazyLock::new(|| SysRegex::new(PATTERN).expect("a constant pattern that a test compiles"));

/// The words of a text in order; together they are the text, since the pattern matches at every character.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    REGEX.find_iter(text).map(|(start, end)| &text[start..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

    use super::words;
    use crate::tokenizer::byte_alphabet;

    /// The split by the library's own pre-tokenizer.
    fn by_library(text: &str) -> Vec<String> {
        let mut split = PreTokenizedString::from(text);
        ByteLevel::new(false, false, true)
            .pre_tokenize(&mut split)
            .unwrap();
        split
            .get_splits(OffsetReferential::Original, OffsetType::Byte)
            .into_iter()
            .map(|(word, _, _)| word.to_owned())
            .filter(|word| !word.is_empty())
            .collect()
    }

    fn ours(text: &str) -> Vec<String> {
        words(text)
            .map(|word| {
                let mut written = String::new();
                byte_alphabet::write(word.as_bytes(), &mut written);
                written
            })
            .collect()
    }

    #[test]
    fn contractions_spaces_and_numbers_are_split() {
        let found: Vec<&str> = words("We'll  see 42nd\n\n doors!").collect();
        assert_eq!(
            found,
            ["We", "'ll", " ", " see", " 42", "nd", "\n\n", " doors", "!"]
        );
        let contractions = "it's don't they're I've I'm we'll he'd";
        assert_eq!(ours(contractions), by_library(contractions));
        assert_eq!(words(contractions).count(), 14);
    }

    proptest! {
        #[test]
        fn the_split_is_the_librarys(text in r"(\PC|[ \n\t\r'0-9a-z]){0,40}") {
            prop_assert_eq!(words(&text).collect::<String>(), text.clone());
            prop_assert_eq!(ours(&text), by_library(&text));
        }
    }
}
