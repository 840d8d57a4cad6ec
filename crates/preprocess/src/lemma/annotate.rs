//! CoNLL-U with lemmas: in, and out again.

use std::io::{BufRead, Write};

use kiln_text::Error;

use super::Lemmatizer;
use super::score::analysed;
use crate::conllu::{Field, Reader, Row};

/// Read sentences and write them with the lemmas of their words, and unless `gold_tags` says that those that are there
/// be believed, with their UPOS. Ranges, empty nodes and all other bytes stay as they are. Returns how many sentences
/// and words there were.
///
/// # Errors
/// What is read is not CoNLL-U, or cannot be read; `to` cannot be written.
pub fn lemmatize_conllu<R: BufRead>(
    from: Reader<R>,
    to: &mut impl Write,
    lemmatizer: &Lemmatizer,
    gold_tags: bool,
) -> Result<(u64, u64), Error> {
    let (mut sentences, mut words) = (0, 0);
    for sentence in from {
        let mut sentence = sentence?;
        let mut edits = Vec::new();
        {
            let rows: Vec<Row<'_>> = sentence.words().collect();
            let found = analysed(lemmatizer, &rows, gold_tags);
            for (row, word) in rows.iter().zip(found) {
                edits.push((row.index(), Field::Lemma, word.lemma));
                if !gold_tags {
                    edits.push((row.index(), Field::Upos, word.upos.to_owned()));
                }
            }
            sentences += 1;
            words += rows.len() as u64;
        }
        sentence.set_all(&edits);
        sentence
            .write(to)
            .map_err(|error| Error::io("output", &error))?;
    }
    Ok((sentences, words))
}
