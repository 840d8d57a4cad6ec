//! Trains and scores lemmatizers; this is how the model in `models/` was made:
//!
//! ```text
//! cargo run --release -p kiln-preprocess --no-default-features --example lemmatizer -- \
//!     train en_ewt-train.conllu crates/preprocess/models/english.lemmatizer "NOTICE"
//! cargo run --release -p kiln-preprocess --example lemmatizer -- score MODEL en_ewt-dev.conllu [LEXICON]
//! ```
#![allow(clippy::print_stdout)]

use std::path::Path;

use kiln_preprocess::{Lemmatizer, Lexicon, TrainingConfig, conllu, score, train_lemmatizer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["train", ref sentences @ .., model, notice] if !sentences.is_empty() => {
            let config = TrainingConfig {
                notice: notice.to_owned(),
                ..TrainingConfig::default()
            };
            let mut readers = Vec::new();
            for path in sentences {
                readers.push(conllu::open(Path::new(path))?);
            }
            let trained = train_lemmatizer(&config, readers.into_iter().flatten())?;
            trained.save(model)?;
            println!(
                "{}; {} bytes",
                trained.summary(),
                std::fs::metadata(model)?.len()
            );
        }
        ["score", model, sentences, ref lexicon @ ..] => {
            let mut lemmatizer = Lemmatizer::load(model)?;
            if let Some(path) = lexicon.first() {
                lemmatizer = lemmatizer.with_lexicon(Lexicon::open(path)?);
            }
            println!("{}", lemmatizer.notice());
            for gold_tags in [false, true] {
                let sentences = conllu::open(Path::new(sentences))?;
                let score = score(&lemmatizer, sentences, gold_tags, |_, _| {})?;
                let tags = if gold_tags { "gold" } else { "predicted" };
                println!("{tags} tags: {score}");
            }
        }
        _ => {
            println!("train SENTENCES... MODEL NOTICE, or score MODEL SENTENCES [LEXICON]");
        }
    }
    Ok(())
}
