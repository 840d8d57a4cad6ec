//! Documents to ids: in parallel, in order, with a bounded amount of text in memory.

use std::borrow::Cow;

use kiln_run::StopFlag;
use kiln_text::{Document, Source};
use kiln_tokens::{TokenId, Tokenizer};
use rayon::prelude::*;

use crate::Error;

/// Text that is encoded at a time: enough for every core to have a share, little against a machine's memory.
const BATCH_BYTES: usize = 8 << 20;
/// Short documents weigh more than their text.
const BATCH_DOCUMENTS: usize = 8192;

/// What is done with a document and its ids.
pub(crate) type Take<'a> = dyn FnMut(&Document, &[TokenId]) -> Result<(), Error> + 'a;

/// Give every document of a source, as it is prepared for the tokenizer and with its ids, to `take`, in the source's order.
pub(crate) fn for_each_encoded(
    source: &mut dyn Source,
    tokenizer: &dyn Tokenizer,
    stop: &StopFlag,
    take: &mut Take<'_>,
) -> Result<(), Error> {
    let mut batch: Vec<Document> = read_batch(source)?;
    while !batch.is_empty() {
        if stop.requested() {
            return Err(Error::Interrupted);
        }
        let (next, encoded) = rayon::join(
            || read_batch(source),
            || -> Vec<Result<Vec<TokenId>, Error>> {
                batch
                    .par_iter_mut()
                    .map(|document| encode(tokenizer, document))
                    .collect()
            },
        );
        for (document, ids) in batch.iter().zip(encoded) {
            take(document, &ids?)?;
        }
        batch = next?;
    }
    Ok(())
}

fn read_batch(source: &mut dyn Source) -> Result<Vec<Document>, Error> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES && batch.len() < BATCH_DOCUMENTS {
        let Some(document) = source.next_document()? else {
            break;
        };
        bytes += document.text.len();
        batch.push(document);
    }
    Ok(batch)
}

fn encode(tokenizer: &dyn Tokenizer, document: &mut Document) -> Result<Vec<TokenId>, Error> {
    let changed = match tokenizer.prepare(&document.text) {
        Cow::Owned(changed) => Some(changed),
        Cow::Borrowed(_) => None,
    };
    if let Some(changed) = changed {
        document.replace_text(changed);
    }
    let mut ids = Vec::new();
    tokenizer
        .encode_prepared(&document.text, &mut ids)
        .map_err(|error| Error::Encode {
            document: document.id.clone(),
            problem: error.to_string(),
            mistake: is_mistake(&error),
        })?;
    Ok(ids)
}

/// Whether a tokenizer's refusal is the fault of the text.
pub(crate) fn is_mistake(error: &kiln_tokens::Error) -> bool {
    error
        .downcast_ref::<kiln_preprocess::Error>()
        .is_some_and(kiln_preprocess::Error::is_mistake)
}
