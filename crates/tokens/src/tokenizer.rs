//! The one trait that all tokenizers are behind.

use crate::Error;

/// A token's number in its vocabulary.
pub type TokenId = u32;

/// A token of a text, with the part of the text that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The token.
    pub id: TokenId,
    /// The byte of the text at which its part begins. Tokens of bytes may begin and end within a character.
    pub start: usize,
    /// The byte after its part.
    pub end: usize,
}

/// Text to ids and back.
pub trait Tokenizer: Send + Sync {
    /// How many ids there are: every id is below this.
    fn vocabulary_size(&self) -> usize;

    /// Append the ids of `text` to `ids`. Adds no special tokens, and does not read special tokens' names in the text.
    ///
    /// # Errors
    /// The text holds something that the vocabulary cannot express; the error says what and at which character.
    fn encode(&self, text: &str, ids: &mut Vec<TokenId>) -> Result<(), Error>;

    /// Append the tokens of `text` to `tokens`: the ids of [`encode`](Self::encode), each with its part of the text. Parts
    /// follow one another; there are gaps where the vocabulary leaves out something (white space), and tokens that together
    /// make a character or a normalised form may have the same part.
    ///
    /// As it stands here, for tokenizers whose tokens decode one by one to the text that they were made from.
    ///
    /// # Errors
    /// As of `encode`, or the tokens do not decode to the text.
    fn encode_with_offsets(&self, text: &str, tokens: &mut Vec<Encoded>) -> Result<(), Error> {
        let mut ids = Vec::new();
        self.encode(text, &mut ids)?;
        let before = tokens.len();
        let mut start = 0;
        for id in ids {
            let piece = self.decode(&[id])?;
            let end = start + piece.len();
            if text.as_bytes().get(start..end) != Some(piece.as_slice()) {
                tokens.truncate(before);
                return Err(format!(
                    "token id {id} does not stand for the text at byte {start}: this tokenizer cannot say where its tokens are"
                )
                .into());
            }
            tokens.push(Encoded { id, start, end });
            start = end;
        }
        if start < text.len() {
            tokens.truncate(before);
            return Err(format!(
                "no token stands for the text from byte {start} on: this tokenizer cannot say where its tokens are"
            )
            .into());
        }
        Ok(())
    }

    /// Append at most `most` ids to `ids`, the first of those that [`encode`](Self::encode) gives, and say how many bytes of
    /// the text they stand for: all of it, or up to where the first token begins that was left out, which may be within a
    /// character.
    ///
    /// # Errors
    /// As of [`encode_with_offsets`](Self::encode_with_offsets).
    fn encode_at_most(
        &self,
        text: &str,
        most: usize,
        ids: &mut Vec<TokenId>,
    ) -> Result<usize, Error> {
        let mut tokens = Vec::new();
        self.encode_with_offsets(text, &mut tokens)?;
        ids.extend(tokens.iter().take(most).map(|token| token.id));
        Ok(tokens.get(most).map_or(text.len(), |left| left.start))
    }

    /// The bytes that `ids` stand for, special tokens left out. The bytes of a part of a text may end within a
    /// character; those of a whole text are UTF-8 if the text was.
    ///
    /// # Errors
    /// An id that is not in the vocabulary.
    fn decode(&self, ids: &[TokenId]) -> Result<Vec<u8>, Error>;

    /// The token that ends a document, if the vocabulary has one.
    fn end_of_text(&self) -> Option<TokenId>;

    /// The token as a person would write it: its text, or its name if it is special.
    fn token(&self, id: TokenId) -> Option<String>;

    /// A hash of everything that decides the ids: equal identities give equal ids for every text.
    fn identity(&self) -> &str;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids are bytes; 256 is a token that no text has.
    struct Bytes {
        /// What every text ends with.
        end: Option<TokenId>,
    }

    impl Tokenizer for Bytes {
        fn vocabulary_size(&self) -> usize {
            257
        }

        fn encode(&self, text: &str, ids: &mut Vec<TokenId>) -> Result<(), Error> {
            ids.extend(text.bytes().filter(|byte| *byte != b'?').map(TokenId::from));
            ids.extend(self.end);
            Ok(())
        }

        fn decode(&self, ids: &[TokenId]) -> Result<Vec<u8>, Error> {
            Ok(ids
                .iter()
                .map(|id| u8::try_from(*id).unwrap_or(b'!'))
                .collect())
        }

        fn end_of_text(&self) -> Option<TokenId> {
            None
        }

        fn token(&self, _: TokenId) -> Option<String> {
            None
        }

        fn identity(&self) -> &str {
            ""
        }
    }

    #[test]
    fn parts_are_found_by_decoding() {
        let mut tokens = Vec::new();
        let tokenizer: &dyn Tokenizer = &Bytes { end: None };
        tokenizer.encode_with_offsets("é.", &mut tokens).unwrap();
        let expected = [(0xC3, 0, 1), (0xA9, 1, 2), (0x2E, 2, 3)];
        assert_eq!(
            tokens,
            expected.map(|(id, start, end)| Encoded { id, start, end })
        );
        for (text, most, length, bytes) in [
            ("é.", 1, 1, 1),
            ("é.", 3, 3, 3),
            ("é.", 9, 3, 3),
            ("", 0, 0, 0),
            ("a", 0, 0, 0),
        ] {
            let mut ids = vec![7];
            let consumed = tokenizer.encode_at_most(text, most, &mut ids).unwrap();
            assert_eq!((ids.len() - 1, consumed), (length, bytes), "{text} {most}");
        }
    }

    #[test]
    fn what_does_not_decode_to_the_text_is_refused() {
        for (end, text, expected) in [
            (None, "a?", "from byte 1 on"),
            (None, "?a", "id 97 does not stand for the text at byte 0"),
            (
                Some(256),
                "a",
                "id 256 does not stand for the text at byte 1",
            ),
        ] {
            let mut tokens = Vec::new();
            let error = Bytes { end }
                .encode_with_offsets(text, &mut tokens)
                .unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(tokens.is_empty());
        }
    }
}
