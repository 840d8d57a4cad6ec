//! `kind = "byte"`: an id for each byte.

use kiln_tokens::{Encoded, TokenId, Tokenizer};
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use crate::Error;
use crate::tokenizer::byte_alphabet;

const VOCABULARY_SIZE: usize = 256;

/// Ids are the bytes themselves.
pub(crate) struct ByteTokenizer {
    identity: String,
}

impl ByteTokenizer {
    /// With the hash of its [`definition`].
    pub(crate) fn new(identity: String) -> Self {
        Self { identity }
    }
}

/// The same as a Hugging Face tokenizer: byte-pair encoding with no pairs.
pub(crate) fn definition() -> Result<tokenizers::Tokenizer, Error> {
    let vocabulary: Vocab = (0..=u8::MAX)
        .map(|byte| (byte_alphabet::character(byte).to_string(), byte.into()))
        .collect();
    let model = BPE::builder()
        .vocab_and_merges(vocabulary, vec![])
        .build()
        .map_err(Error::library("cannot write the byte tokenizer"))?;
    let whole_text = ByteLevel::new(false, false, false);
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer
        .with_pre_tokenizer(Some(whole_text))
        .with_decoder(Some(whole_text));
    Ok(tokenizer)
}

impl Tokenizer for ByteTokenizer {
    fn vocabulary_size(&self) -> usize {
        VOCABULARY_SIZE
    }

    fn encode(&self, text: &str, ids: &mut Vec<TokenId>) -> Result<(), kiln_tokens::Error> {
        ids.extend(text.bytes().map(TokenId::from));
        Ok(())
    }

    fn encode_with_offsets(
        &self,
        text: &str,
        tokens: &mut Vec<Encoded>,
    ) -> Result<(), kiln_tokens::Error> {
        tokens.extend(text.bytes().enumerate().map(|(start, byte)| Encoded {
            id: byte.into(),
            start,
            end: start + 1,
        }));
        Ok(())
    }

    fn encode_at_most(
        &self,
        text: &str,
        most: usize,
        ids: &mut Vec<TokenId>,
    ) -> Result<usize, kiln_tokens::Error> {
        ids.extend(text.bytes().take(most).map(TokenId::from));
        Ok(most.min(text.len()))
    }

    fn decode(&self, ids: &[TokenId]) -> Result<Vec<u8>, kiln_tokens::Error> {
        ids.iter()
            .map(|&id| {
                u8::try_from(id).map_err(|_| {
                    let vocabulary_size = VOCABULARY_SIZE;
                    Error::UnknownId {
                        id,
                        vocabulary_size,
                    }
                    .into()
                })
            })
            .collect()
    }

    fn end_of_text(&self) -> Option<TokenId> {
        None
    }

    fn token(&self, id: TokenId) -> Option<String> {
        u8::try_from(id)
            .ok()
            .map(|byte| byte_alphabet::readable(&[byte]))
    }

    fn identity(&self) -> &str {
        &self.identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bytes_and_half_characters_stream() {
        let tokenizer = ByteTokenizer::new(String::new());
        let mut ids = Vec::new();
        tokenizer.encode("é\n", &mut ids).unwrap();
        assert_eq!(ids, [0xC3, 0xA9, 0x0A]);
        assert_eq!(tokenizer.decode(&ids[..1]).unwrap(), [0xC3]);
        assert_eq!(tokenizer.token(0x0A).as_deref(), Some("\n"));
        assert_eq!(tokenizer.token(0xC3).as_deref(), Some("<0xC3>"));
        assert_eq!(tokenizer.token(256), None);
        assert!(tokenizer.decode(&[256]).is_err());
        let mut tokens = Vec::new();
        tokenizer.encode_with_offsets("é\n", &mut tokens).unwrap();
        let (id, start, end) = (0xA9, 1, 2);
        assert_eq!(tokens[1], Encoded { id, start, end });
        assert_eq!(tokenizer.encode_at_most("é\n", 1, &mut ids).unwrap(), 1);
        assert_eq!(tokenizer.encode_at_most("é\n", 9, &mut ids).unwrap(), 3);
        assert_eq!(ids, [0xC3, 0xA9, 0x0A, 0xC3, 0xC3, 0xA9, 0x0A]);
    }
}
