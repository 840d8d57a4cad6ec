//! `kind = "character"`: an id for each distinct character, as nanoGPT's character data has it.

use kiln_tokens::{Encoded, TokenId, Tokenizer};
use tokenizers::SplitDelimiterBehavior;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};

use crate::Error;
use crate::tokenizer::train::{Texts, Used};

/// One past the greatest code point.
const CODE_POINTS: usize = char::MAX as usize + 1;

/// Place in the table of a character that is not in the vocabulary.
const ABSENT: TokenId = TokenId::MAX;

/// Ids in the order of the characters' code points.
pub(crate) struct CharacterTokenizer {
    characters: Vec<char>,
    /// The id of each code point up to the greatest known one, or [`ABSENT`].
    ids: Vec<TokenId>,
    identity: String,
}

impl CharacterTokenizer {
    /// With the hash of its [`definition`].
    pub(crate) fn new(characters: Vec<char>, identity: String) -> Self {
        let end = characters.iter().max().map_or(0, |last| *last as usize + 1);
        let mut ids = vec![ABSENT; end];
        for (id, character) in (0..).zip(&characters) {
            ids[*character as usize] = id;
        }
        Self {
            characters,
            ids,
            identity,
        }
    }

    fn id(&self, character: char) -> Option<TokenId> {
        let id = *self.ids.get(character as usize)?;
        (id != ABSENT).then_some(id)
    }

    fn unknown_character(&self, character: char, place: usize) -> Error {
        Error::UnknownCharacter {
            character,
            place,
            vocabulary_size: self.characters.len(),
        }
    }
}

/// The distinct characters of all texts, sorted.
pub(crate) fn vocabulary(texts: &mut Texts<'_>) -> Result<(Vec<char>, Used), Error> {
    let mut seen = vec![false; CODE_POINTS];
    let mut used = Used::default();
    for text in texts {
        let text = text?;
        used.add(&text);
        for character in text.chars() {
            seen[character as usize] = true;
        }
    }
    let characters: Vec<char> = (0..)
        .zip(seen)
        .filter(|(_, seen)| *seen)
        .filter_map(|(code_point, _)| char::from_u32(code_point))
        .collect();
    if characters.is_empty() {
        return Err(Error::EmptyCorpus { kind: "character" });
    }
    Ok((characters, used))
}

/// The same as a Hugging Face tokenizer: words of one character each. An unknown character is an error there too: the
/// vocabulary has no token for the unknown, and `<unk>` cannot be one of its characters.
pub(crate) fn definition(characters: &[char]) -> Result<tokenizers::Tokenizer, Error> {
    let doing = "cannot write the character tokenizer";
    let vocabulary = characters.iter().map(char::to_string).zip(0..).collect();
    let model = WordLevel::builder()
        .vocab(vocabulary)
        .build()
        .map_err(Error::library(doing))?;
    let each_character = Split::new(
        SplitPattern::Regex(r"[\s\S]".into()),
        SplitDelimiterBehavior::Isolated,
        false,
    )
    .map_err(Error::library(doing))?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer
        .with_pre_tokenizer(Some(each_character))
        .with_decoder(Some(Fuse::new()));
    Ok(tokenizer)
}

/// The characters by id, if a vocabulary holds nothing but single characters in the order of their code points.
pub(crate) fn characters_of(vocabulary: impl Iterator<Item = (String, u32)>) -> Option<Vec<char>> {
    let mut tokens: Vec<(u32, char)> = vocabulary
        .map(|(token, id)| {
            let mut characters = token.chars();
            let first = characters.next()?;
            characters.next().is_none().then_some((id, first))
        })
        .collect::<Option<_>>()?;
    tokens.sort_unstable();
    let in_order = (0..).zip(&tokens).all(|(id, token)| token.0 == id)
        && tokens.is_sorted_by_key(|(_, character)| *character);
    in_order.then(|| tokens.into_iter().map(|(_, character)| character).collect())
}

impl Tokenizer for CharacterTokenizer {
    fn vocabulary_size(&self) -> usize {
        self.characters.len()
    }

    fn encode(&self, text: &str, ids: &mut Vec<TokenId>) -> Result<(), kiln_tokens::Error> {
        let before = ids.len();
        ids.reserve(text.len());
        for (place, character) in text.chars().enumerate() {
            let Some(id) = self.id(character) else {
                ids.truncate(before);
                return Err(self.unknown_character(character, place).into());
            };
            ids.push(id);
        }
        Ok(())
    }

    fn encode_with_offsets(
        &self,
        text: &str,
        tokens: &mut Vec<Encoded>,
    ) -> Result<(), kiln_tokens::Error> {
        let before = tokens.len();
        for (place, (start, character)) in text.char_indices().enumerate() {
            let Some(id) = self.id(character) else {
                tokens.truncate(before);
                return Err(self.unknown_character(character, place).into());
            };
            let end = start + character.len_utf8();
            tokens.push(Encoded { id, start, end });
        }
        Ok(())
    }

    fn decode(&self, ids: &[TokenId]) -> Result<Vec<u8>, kiln_tokens::Error> {
        let mut text = String::with_capacity(ids.len());
        for &id in ids {
            let character = self.characters.get(id as usize).ok_or(Error::UnknownId {
                id,
                vocabulary_size: self.vocabulary_size(),
            })?;
            text.push(*character);
        }
        Ok(text.into_bytes())
    }

    fn end_of_text(&self) -> Option<TokenId> {
        None
    }

    fn token(&self, id: TokenId) -> Option<String> {
        self.characters.get(id as usize).map(char::to_string)
    }

    fn identity(&self) -> &str {
        &self.identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CharacterConfig, TokenizerConfig, train};

    fn trained(texts: &[&str]) -> Result<std::sync::Arc<dyn Tokenizer>, Error> {
        let config = TokenizerConfig::Character(CharacterConfig {});
        let mut texts = texts.iter().map(|text| Ok(text.to_string()));
        Ok(train(&config, &mut texts)?.tokenizer())
    }

    #[test]
    fn ids_follow_the_code_points_of_all_texts() {
        let tokenizer = trained(&["hello", "zebra\n", "é"]).unwrap();
        let tokens: String = (0..tokenizer.vocabulary_size() as u32)
            .map(|id| tokenizer.token(id).unwrap())
            .collect();
        assert_eq!(tokens, "\nabehlorzé");
        assert_eq!(tokenizer.end_of_text(), None);
        assert_eq!(tokenizer.token(10), None);
    }

    #[test]
    fn an_unknown_character_is_named_with_its_place() {
        let tokenizer = trained(&["aé"]).unwrap();
        let mut ids = vec![7];
        let error = tokenizer.encode("aéaxa", &mut ids).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("character 'x' (U+0078) at character 3 of the text"),
            "{error}"
        );
        assert_eq!(ids, [7], "nothing is left of a text that was refused");
        let mut tokens = Vec::new();
        let same = tokenizer
            .encode_with_offsets("aéaxa", &mut tokens)
            .unwrap_err();
        assert_eq!(same.to_string(), error.to_string());
        assert!(tokens.is_empty());
        tokenizer.encode_with_offsets("éa", &mut tokens).unwrap();
        let parts: Vec<_> = tokens
            .iter()
            .map(|token| (token.start, token.end))
            .collect();
        assert_eq!(parts, [(0, 2), (2, 3)]);
        assert_eq!(tokenizer.encode_at_most("éa", 1, &mut ids).unwrap(), 2);
        assert!(error.downcast::<Error>().unwrap().is_mistake());
        assert!(tokenizer.encode("日", &mut ids).is_err());
        assert!(tokenizer.decode(&[0, 2]).is_err());
    }

    #[test]
    fn no_text_is_a_mistake() {
        for texts in [&[][..], &["", ""]] {
            let error = trained(texts).err().unwrap();
            assert!(error.is_mistake());
            assert!(error.to_string().contains("no text"), "{error}");
        }
    }
}
