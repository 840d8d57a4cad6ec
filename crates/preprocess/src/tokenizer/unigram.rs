//! placeholder
use crate::tokenizer::train::{Texts, Used};
use crate::{Error, UnigramConfig};
pub(crate) fn train(
    _: &UnigramConfig,
    _: &mut Texts<'_>,
) -> Result<(tokenizers::Tokenizer, Used), Error> {
    Err(Error::EmptyCorpus { kind: "unigram" })
}
