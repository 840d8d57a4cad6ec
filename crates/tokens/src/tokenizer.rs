//! The one trait that all tokenizers are behind.

use std::borrow::Cow;

use crate::Error;

/// A token's number in its vocabulary.
pub type TokenId = u32;

/// Text to ids and back.
pub trait Tokenizer: Send + Sync {
    /// How many ids there are: every id is below this.
    fn vocabulary_size(&self) -> usize;

    /// The text that the ids of `text` stand for: itself, unless something is done to texts before they are tokenized.
    fn prepare<'a>(&self, text: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(text)
    }

    /// [`encode`](Self::encode) for a text that [`prepare`](Self::prepare) gave.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encode_prepared(&self, text: &str, ids: &mut Vec<TokenId>) -> Result<(), Error> {
        self.encode(text, ids)
    }

    /// Append the ids of `text` to `ids`. Adds no special tokens, and does not read special tokens' names in the text.
    ///
    /// # Errors
    /// The text holds something that the vocabulary cannot express; the error says what and at which character.
    fn encode(&self, text: &str, ids: &mut Vec<TokenId>) -> Result<(), Error>;

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
