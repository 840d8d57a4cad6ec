//! Trains a segmenter on a treebank and says how well it agrees with others:
//! `cargo run --release -p kiln-preprocess --example train_segmenter -- LANGUAGE TRAIN.conllu[.gz] OUT [DEV.conllu ...]`
#![allow(clippy::print_stdout)]

use std::path::Path;

use kiln_preprocess::conllu;
use kiln_preprocess::segment::{Gold, Settings, read_gold, train};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [language, treebank, out, others @ ..] = arguments.as_slice() else {
        return Err("expected LANGUAGE TRAIN OUT [DEV ...]".into());
    };
    let gold = |path: &String| -> Result<Vec<Gold>, kiln_text::Error> {
        read_gold(conllu::open(Path::new(path))?)
    };
    let segmenter = train(language, &gold(treebank)?, &Settings::default());
    segmenter.save(Path::new(out))?;
    for other in others {
        let score = segmenter.score(&gold(other)?);
        for (name, counts) in [("sentences", score.sentences), ("tokens", score.tokens)] {
            let [f1, precision, recall] =
                [counts.f1(), counts.precision(), counts.recall()].map(|share| 100.0 * share);
            println!("{other}: {name} F1 {f1:.2}, precision {precision:.2}, recall {recall:.2}");
        }
    }
    Ok(())
}
