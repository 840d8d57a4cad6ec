//! A tokenizer that the `tokenizers` crate encodes with: our `bpe`, and any file.

use kiln_tokens::{Encoded, TokenId, Tokenizer};
use tokenizers::ModelWrapper;
use tokenizers::decoders::DecoderWrapper;

use crate::Error;
use crate::tokenizer::byte_alphabet;
use crate::tokenizer::encoder::Encoder;
use crate::tokenizer::pieces::{Piece, Pieces};

/// Names under which vocabularies have the token that ends a document, most telling first.
const END_OF_TEXT: [&str; 4] = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>"];

const DOING: &str = "cannot encode the text";

pub(crate) struct HuggingFaceTokenizer {
    tokenizer: tokenizers::Tokenizer,
    vocabulary_size: usize,
    end_of_text: Option<TokenId>,
    /// What each id stands for, if the vocabulary is byte-level; the library's decoder would make U+FFFD of the halves
    /// of a character.
    pieces: Option<Pieces>,
    /// The short way from text to ids, where there is one.
    encoder: Option<Encoder>,
    identity: String,
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
            pieces: byte_level.then(|| Pieces::new(&tokenizer, vocabulary_size)),
            encoder: Encoder::new(&tokenizer)?,
            tokenizer,
            vocabulary_size,
            end_of_text,
            identity,
        })
    }

    /// The kind of its model as a section names it.
    pub(crate) fn kind(&self) -> &'static str {
        match self.tokenizer.get_model() {
            ModelWrapper::BPE(model) if self.pieces.is_some() || model.byte_fallback => "bpe",
            ModelWrapper::BPE(_) => "file",
            ModelWrapper::WordPiece(_) => "wordpiece",
            ModelWrapper::Unigram(_) => "unigram",
            ModelWrapper::WordLevel(_) => "word",
        }
    }

    fn unknown(&self, id: TokenId) -> Error {
        Error::UnknownId {
            id,
            vocabulary_size: self.vocabulary_size,
        }
    }
}

impl Tokenizer for HuggingFaceTokenizer {
    fn vocabulary_size(&self) -> usize {
        self.vocabulary_size
    }

    fn encode(&self, text: &str, ids: &mut Vec<TokenId>) -> Result<(), kiln_tokens::Error> {
        if let Some(encoder) = &self.encoder {
            encoder.encode(text, usize::MAX, ids);
        } else {
            let encoding = self
                .tokenizer
                .encode_fast(text, false)
                .map_err(Error::library(DOING))?;
            ids.extend_from_slice(encoding.get_ids());
        }
        Ok(())
    }

    fn encode_with_offsets(
        &self,
        text: &str,
        tokens: &mut Vec<Encoded>,
    ) -> Result<(), kiln_tokens::Error> {
        if let (Some(encoder), Some(pieces)) = (&self.encoder, &self.pieces) {
            let mut ids = Vec::new();
            encoder.encode(text, usize::MAX, &mut ids);
            let mut start = 0;
            tokens.extend(ids.into_iter().map(|id| {
                let end = start + pieces.length(id);
                let token = Encoded { id, start, end };
                start = end;
                token
            }));
            return Ok(());
        }
        let encoding = self
            .tokenizer
            .encode(text, false)
            .map_err(Error::library(DOING))?;
        let offsets = encoding.get_offsets().iter();
        let both = encoding.get_ids().iter().zip(offsets);
        tokens.extend(both.map(|(&id, &(start, end))| Encoded { id, start, end }));
        Ok(())
    }

    fn encode_at_most(
        &self,
        text: &str,
        most: usize,
        ids: &mut Vec<TokenId>,
    ) -> Result<usize, kiln_tokens::Error> {
        if let (Some(encoder), Some(pieces)) = (&self.encoder, &self.pieces) {
            let before = ids.len();
            encoder.encode(text, most, ids);
            ids.truncate(before.saturating_add(most));
            return Ok(ids[before..].iter().map(|id| pieces.length(*id)).sum());
        }
        let mut tokens = Vec::new();
        self.encode_with_offsets(text, &mut tokens)?;
        ids.extend(tokens.iter().take(most).map(|token| token.id));
        Ok(tokens.get(most).map_or(text.len(), |left| left.start))
    }

    fn decode(&self, ids: &[TokenId]) -> Result<Vec<u8>, kiln_tokens::Error> {
        let Some(pieces) = &self.pieces else {
            // The library leaves out what it does not know.
            let known = |id: &TokenId| self.tokenizer.id_to_token(*id).is_some();
            if let Some(id) = ids.iter().find(|id| !known(id)) {
                return Err(self.unknown(*id).into());
            }
            return Ok(self.tokenizer.decode(ids, true)?.into_bytes());
        };
        pieces
            .decode(ids)
            .map_err(|unknown| self.unknown(unknown).into())
    }

    fn end_of_text(&self) -> Option<TokenId> {
        self.end_of_text
    }

    fn token(&self, id: TokenId) -> Option<String> {
        match self.pieces.as_ref().map(|pieces| pieces.get(id)) {
            Some(Piece::Bytes(piece)) => Some(byte_alphabet::readable(piece)),
            _ => self.tokenizer.id_to_token(id),
        }
    }

    fn identity(&self) -> &str {
        &self.identity
    }
}
