//! A short way from text to ids for vocabularies that split texts into GPT-2's words and change nothing else, as ours
//! do: most words are tokens of the vocabulary and are looked up; the library's model merges the others. The library
//! alone keeps every character's origin, for offsets that nobody reads here, and takes several times as long.

use std::collections::HashMap;

use tokenizers::models::bpe::BPE;
use tokenizers::{Model, ModelWrapper, PreTokenizerWrapper, Tokenizer};

use kiln_tokens::TokenId;

use crate::Error;
use crate::tokenizer::byte_alphabet;
use crate::tokenizer::words::words;

/// Words that are encoded as one token.
pub(crate) struct WordTable {
    ids: HashMap<Box<str>, TokenId>,
}

impl WordTable {
    /// The table of a tokenizer, or `None` if its texts do not go this way.
    pub(crate) fn new(tokenizer: &Tokenizer) -> Result<Option<Self>, Error> {
        let ModelWrapper::BPE(model) = tokenizer.get_model() else {
            return Ok(None);
        };
        if !splits_words_only(tokenizer) {
            return Ok(None);
        }
        let mut model: BPE = model.clone();
        model.resize_cache(0); // It would fill up with what is in this table.
        let mut ids = HashMap::new();
        #[allow(clippy::iter_over_hash_type)] // Only to fill another.
        for token in model.get_vocab().into_keys() {
            let Some(word) = byte_alphabet::read(&token).and_then(|b| String::from_utf8(b).ok())
            else {
                continue;
            };
            let merged = model
                .tokenize(&token)
                .map_err(Error::library("cannot read the tokenizer"))?;
            if let [one] = merged.as_slice() {
                ids.insert(word.into(), one.id);
            }
        }
        Ok(Some(Self { ids }))
    }

    /// Append the ids of a text, with the model that the table was made from.
    pub(crate) fn encode(
        &self,
        model: &ModelWrapper,
        text: &str,
        ids: &mut Vec<TokenId>,
    ) -> tokenizers::Result<()> {
        let mut written = String::new();
        for word in words(text) {
            if let Some(id) = self.ids.get(word) {
                ids.push(*id);
                continue;
            }
            written.clear();
            byte_alphabet::write(word.as_bytes(), &mut written);
            ids.extend(model.tokenize(&written)?.iter().map(|token| token.id));
        }
        Ok(())
    }
}

/// Whether GPT-2's split is all that happens to a text before its words are merged.
fn splits_words_only(tokenizer: &Tokenizer) -> bool {
    let by_words = matches!(
        tokenizer.get_pre_tokenizer(),
        Some(PreTokenizerWrapper::ByteLevel(split)) if split.use_regex && !split.add_prefix_space
    );
    let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder();
    by_words && tokenizer.get_normalizer().is_none() && added.values().all(|token| token.special)
}

#[cfg(test)]
mod tests {
    use tokenizers::AddedToken;
    use tokenizers::models::bpe::Vocab;
    use tokenizers::normalizers::Lowercase;
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;

    use super::*;
    use crate::tokenizer::file::recognise;

    /// Byte-pair encoding that merges a and b, and has a token for "ba" but no merge that makes it.
    fn definition() -> Tokenizer {
        let vocabulary: Vocab = [
            "<|end|>", "a", "b", "ab", "ba", "Ġ", "A", "<", "|", "e", "n", "d", ">",
        ]
        .map(String::from)
        .into_iter()
        .zip(0..)
        .collect();
        let merges = vec![("a".into(), "b".into())];
        let model = BPE::builder().vocab_and_merges(vocabulary, merges).build();
        let mut tokenizer = Tokenizer::new(model.unwrap());
        tokenizer
            .with_pre_tokenizer(Some(ByteLevel::new(false, false, true)))
            .with_decoder(Some(ByteLevel::new(false, false, true)));
        let special = AddedToken::from("<|end|>", true);
        tokenizer.add_special_tokens([special]).unwrap();
        tokenizer
    }

    /// Whether the short way is taken; either way the ids are the library's.
    fn check(change: impl Fn(&mut Tokenizer), short: bool) {
        let mut library = definition();
        change(&mut library);
        library.set_encode_special_tokens(true);
        assert_eq!(WordTable::new(&library).unwrap().is_some(), short);
        let ours = recognise(library.clone()).unwrap().tokenizer();
        for text in ["ab", "ba ab", "abba<|end|> A", " ab ba ba"] {
            let mut ids = Vec::new();
            ours.encode(text, &mut ids).unwrap();
            assert_eq!(
                ids,
                library.encode(text, false).unwrap().get_ids(),
                "{text}"
            );
        }
    }

    #[test]
    fn the_short_way_is_taken_where_it_leads_to_the_same_ids() {
        check(|_| (), true);
        check(
            |tokenizer| {
                tokenizer
                    .add_tokens([AddedToken::from("ba ", false)])
                    .unwrap();
            },
            false,
        );
        check(
            |tokenizer| {
                tokenizer.with_normalizer(Some(Lowercase)).unwrap();
            },
            false,
        );
        check(
            |tokenizer| {
                tokenizer.with_pre_tokenizer(Some(ByteLevel::new(true, false, true)));
            },
            false,
        );
        check(
            |tokenizer| {
                tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, false, false)));
            },
            false,
        );
    }
}
