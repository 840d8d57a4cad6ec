use proptest::prelude::*;
use serde::Deserialize;

use crate::words::{Words, sentence_count};

#[derive(Deserialize)]
struct Reference {
    text: String,
    words: Vec<String>,
    sentences: usize,
}

// Written by `python scripts/reference/spacy_words.py golden`.
#[test]
fn words_and_sentences_are_spacys() {
    let lines = include_str!("golden.jsonl").lines();
    assert_eq!(lines.clone().count(), 275);
    for line in lines {
        let reference: Reference = serde_json::from_str(line).unwrap();
        let text = &reference.text;
        assert_eq!(Words::Spacy.split(text), reference.words, "{text:?}");
        assert_eq!(
            sentence_count(Words::Spacy, text),
            reference.sentences,
            "{text:?}"
        );
    }
}

proptest! {
    #[test]
    fn words_are_the_text_without_white_space(text in any::<String>(), odd in "[a.'’:)(\\-@/ \n0-9A-C]{0,40}") {
        for text in [&text, &odd] {
            let bare: String = crate::words::python::split(text).collect();
            prop_assert_eq!(Words::Spacy.split(text).concat(), bare);
            prop_assert!(sentence_count(Words::Spacy, text) <= Words::Spacy.split(text).len());
        }
    }
}

#[test]
fn long_chunks_take_linear_time() {
    // Quadratic work over these would take minutes.
    for unit in ["@", "a@", "a.", ".", "(", "a-", ":)", "1,", "°", "x"] {
        let text = unit.repeat(200_000);
        assert_eq!(Words::Spacy.split(&text).concat(), text);
    }
}
