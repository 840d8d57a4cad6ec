//! A tokenizer that the `tokenizers` crate encodes with: our `bpe`, and any file.

use kiln_tokens::{TokenId, Tokenizer};
use tokenizers::decoders::DecoderWrapper;
use tokenizers::{Model, ModelWrapper};

use crate::Error;
use crate::tokenizer::byte_alphabet;
use crate::tokenizer::word_table::WordTable;

/// Names under which vocabularies have the token that ends a document, most telling first.
const END_OF_TEXT: [&str; 4] = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>"];

pub(crate) struct HuggingFaceTokenizer {
    tokenizer: tokenizers::Tokenizer,
    vocabulary_size: usize,
    end_of_text: Option<TokenId>,
    /// What each id stands for, if the vocabulary is byte-level; the library's decoder would make U+FFFD of the halves
    /// of a character.
    bytes: Option<Vec<Piece>>,
    /// The short way from text to ids, where there is one.
    word_table: Option<WordTable>,
    identity: String,
}

/// What an id of a byte-level vocabulary stands for.
enum Piece {
    Bytes(Box<[u8]>),
    Special,
    Unused,
}

impl HuggingFaceTokenizer {
    /// With the hash of the definition as it was written down.
    pub(crate) fn new(
        mut tokenizer: tokenizers::Tokenizer,
        identity: String,
    ) -> Result<Self, Error> {
        // What looks like a special token in a text is text.
        tokenizer.set_encode_special_tokens(true);
        let vocabulary = tokenizer.get_vocab(true);
        let last = vocabulary.values().max();
        let vocabulary_size = last.map_or(0, |last| *last as usize + 1);
        let end_of_text = END_OF_TEXT
            .iter()
            .find(|name| tokenizer.get_added_vocabulary().is_special_token(name))
            .and_then(|name| tokenizer.token_to_id(name));
        let byte_level = matches!(tokenizer.get_decoder(), Some(DecoderWrapper::ByteLevel(_)));
        Ok(Self {
            bytes: byte_level.then(|| pieces(&tokenizer, vocabulary_size)),
            word_table: WordTable::new(&tokenizer)?,
            tokenizer,
            vocabulary_size,
            end_of_text,
            identity,
        })
    }

    /// Whether it is byte-level byte-pair encoding.
    pub(crate) fn is_byte_level_bpe(&self) -> bool {
        self.bytes.is_some() && matches!(self.tokenizer.get_model(), ModelWrapper::BPE(_))
    }

    fn unknown(&self, id: TokenId) -> Error {
        Error::UnknownId {
            id,
            vocabulary_size: self.vocabulary_size,
        }
    }
}

/// What each id stands for, by id.
fn pieces(tokenizer: &tokenizers::Tokenizer, vocabulary_size: usize) -> Vec<Piece> {
    let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder();
    (0..vocabulary_size as TokenId)
        .map(
            |id| match (added.get(&id), tokenizer.get_model().id_to_token(id)) {
                (Some(token), _) if token.special => Piece::Special,
                (Some(token), _) => Piece::Bytes(token.content.as_bytes().into()),
                (None, Some(token)) => {
                    let bytes = byte_alphabet::read(&token).unwrap_or_else(|| token.into_bytes());
                    Piece::Bytes(bytes.into())
                }
                (None, None) => Piece::Unused,
            },
        )
        .collect()
}

impl Tokenizer for HuggingFaceTokenizer {
    fn vocabulary_size(&self) -> usize {
        self.vocabulary_size
    }

    fn encode(&self, text: &str, ids: &mut Vec<TokenId>) -> Result<(), kiln_tokens::Error> {
        let doing = Error::library("cannot encode the text");
        if let Some(table) = &self.word_table {
            table
                .encode(self.tokenizer.get_model(), text, ids)
                .map_err(doing)?;
        } else {
            let encoding = self.tokenizer.encode_fast(text, false).map_err(doing)?;
            ids.extend_from_slice(encoding.get_ids());
        }
        Ok(())
    }

    fn decode(&self, ids: &[TokenId]) -> Result<Vec<u8>, kiln_tokens::Error> {
        let Some(pieces) = &self.bytes else {
            // The library leaves out what it does not know.
            let known = |id: &TokenId| self.tokenizer.id_to_token(*id).is_some();
            if let Some(id) = ids.iter().find(|id| !known(id)) {
                return Err(self.unknown(*id).into());
            }
            return Ok(self.tokenizer.decode(ids, true)?.into_bytes());
        };
        let mut bytes = Vec::with_capacity(4 * ids.len());
        for &id in ids {
            match pieces.get(id as usize) {
                Some(Piece::Bytes(piece)) => bytes.extend_from_slice(piece),
                Some(Piece::Special) => {}
                Some(Piece::Unused) | None => return Err(self.unknown(id).into()),
            }
        }
        Ok(bytes)
    }

    fn end_of_text(&self) -> Option<TokenId> {
        self.end_of_text
    }

    fn token(&self, id: TokenId) -> Option<String> {
        match self.bytes.as_ref().and_then(|all| all.get(id as usize)) {
            Some(Piece::Bytes(piece)) => Some(byte_alphabet::readable(piece)),
            _ => self.tokenizer.id_to_token(id),
        }
    }

    fn identity(&self) -> &str {
        &self.identity
    }
}
