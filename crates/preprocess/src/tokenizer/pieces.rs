//! The bytes that each id of a byte-level vocabulary stands for.

use kiln_tokens::TokenId;
use tokenizers::Model;

use crate::tokenizer::byte_alphabet;

/// What an id stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Bytes(&'a [u8]),
    Special,
    Unused,
}

/// What each id stands for.
pub(crate) struct Pieces {
    /// All bytes, those of each id after those of the one before it.
    bytes: Vec<u8>,
    /// The end of each id's bytes, after a 0. An id that is not text has none.
    ends: Vec<u32>,
    /// The special tokens, which have no bytes, in order.
    special: Vec<TokenId>,
    /// The ids that have no token, in order.
    unused: Vec<TokenId>,
}

impl Pieces {
    pub(crate) fn new(tokenizer: &tokenizers::Tokenizer, vocabulary_size: usize) -> Self {
        let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder();
        let mut all = Self {
            bytes: Vec::new(),
            ends: vec![0],
            special: Vec::new(),
            unused: Vec::new(),
        };
        for id in 0..vocabulary_size as TokenId {
            match (added.get(&id), tokenizer.get_model().id_to_token(id)) {
                (Some(token), _) if token.special => all.special.push(id),
                (Some(token), _) => all.bytes.extend_from_slice(token.content.as_bytes()),
                (None, Some(token)) => {
                    let bytes = byte_alphabet::read(&token).unwrap_or_else(|| token.into_bytes());
                    all.bytes.extend_from_slice(&bytes);
                }
                (None, None) => all.unused.push(id),
            }
            all.ends.push(all.bytes.len() as u32);
        }
        all
    }

    /// The bytes of an id, or `None` past the last one.
    #[inline]
    fn bytes(&self, id: TokenId) -> Option<&[u8]> {
        let id = id as usize;
        match self.ends.get(id..id + 2)? {
            &[start, end] => self.bytes.get(start as usize..end as usize),
            _ => None,
        }
    }

    /// How many bytes an id stands for.
    #[inline]
    pub(crate) fn length(&self, id: TokenId) -> usize {
        self.bytes(id).map_or(0, <[u8]>::len)
    }

    /// What an id stands for.
    pub(crate) fn get(&self, id: TokenId) -> Piece<'_> {
        match self.bytes(id) {
            Some([]) if self.special.binary_search(&id).is_ok() => Piece::Special,
            Some([]) if self.unused.binary_search(&id).is_ok() => Piece::Unused,
            Some(bytes) => Piece::Bytes(bytes),
            None => Piece::Unused,
        }
    }

    /// The bytes of all ids, special tokens left out, or the first id that stands for nothing.
    pub(crate) fn decode(&self, ids: &[TokenId]) -> Result<Vec<u8>, TokenId> {
        let mut bytes = Vec::with_capacity(4 * ids.len());
        for &id in ids {
            match self.bytes(id) {
                Some(piece) if !piece.is_empty() => bytes.extend_from_slice(piece),
                _ if self.get(id) == Piece::Unused => return Err(id),
                _ => {}
            }
        }
        Ok(bytes)
    }
}
