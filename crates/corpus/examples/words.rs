//! Compare words and sentences with what spaCy makes of the same texts, and time the cutting.
//!
//! The files are written by `scripts/reference/spacy_words.py`: JSON lines of a text, its words and the number of its
//! sentences. Texts that differ are shown, up to twenty.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::time::Instant;

use kiln_corpus::words::{Words, sentence_count};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    text: String,
    words: Vec<String>,
    sentences: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    for path in std::env::args().skip(1) {
        let mut references: Vec<Reference> = Vec::new();
        for line in BufReader::new(File::open(&path)?).lines() {
            references.push(serde_json::from_str(&line?)?);
        }
        let mut differ = 0;
        for reference in &references {
            let words = Words::Spacy.split(&reference.text);
            let sentences = sentence_count(Words::Spacy, &reference.text);
            if words == reference.words && sentences == reference.sentences {
                continue;
            }
            differ += 1;
            if differ > 20 {
                continue;
            }
            let pairs = words.iter().zip(&reference.words);
            let at = pairs.take_while(|(ours, theirs)| ours == theirs).count();
            let near = at.saturating_sub(3)..at + 5;
            writeln!(
                out,
                "word {at}: {:?}, spaCy {:?}; sentences {sentences}, spaCy {}",
                words.get(near.start..near.end.min(words.len())),
                reference
                    .words
                    .get(near.start..near.end.min(reference.words.len())),
                reference.sentences
            )?;
        }
        let bytes: usize = references
            .iter()
            .map(|reference| reference.text.len())
            .sum();
        let rounds = (20_000_000 / bytes.max(1)).clamp(1, 200);
        let speed = |work: &dyn Fn(&str) -> usize| {
            let start = Instant::now();
            let mut sum = 0;
            for _ in 0..rounds {
                sum += references
                    .iter()
                    .map(|reference| work(&reference.text))
                    .sum::<usize>();
            }
            let speed = (bytes * rounds) as f64 / 1e6 / start.elapsed().as_secs_f64();
            (sum / rounds, speed)
        };
        let (words, words_speed) = speed(&|text| Words::Spacy.split(text).len());
        let (sentences, sentences_speed) = speed(&|text| sentence_count(Words::Spacy, text));
        writeln!(
            out,
            "{path}: {} texts, {bytes} bytes, {differ} differ; {words} words at {words_speed:.0} MB/s, {sentences} sentences at \
             {sentences_speed:.0} MB/s",
            references.len()
        )?;
    }
    Ok(())
}
