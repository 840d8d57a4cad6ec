//! What is done to a text before it is tokenized: normalisation and smaller vocabularies.
//!
//! The steps of a recipe's `[preprocessing]` are [fitted](fit) on the documents that are trained on, since some learn from
//! them (which words are rare, which belong together), and kept in one `preprocessing.json` beside the tokenizer. From there
//! on a [`PreprocessedTokenizer`] is a [`Tokenizer`](kiln_tokens::Tokenizer) like any other: whoever encodes a text, at
//! training, evaluation or prediction, encodes what the same steps make of it.
//!
//! ```
//! use kiln_preprocess::{PreprocessingConfig, fit_preprocessing};
//!
//! let config: PreprocessingConfig = toml::from_str(
//!     r#"
//!     [[steps]]
//!     kind = "lowercase"
//!     [[steps]]
//!     kind = "mask"
//!     what = ["url"]
//!     [[steps]]
//!     kind = "rare-words"
//!     minimum_count = 2
//!     "#,
//! )?;
//! let texts = ["The cat, THE DOG: https://a.example/b"];
//! let mut pass = || -> kiln_preprocess::Pass<'_> { Box::new(texts.iter().map(|text| Ok(text.to_string()))) };
//! let preprocessor = fit_preprocessing(&config, &mut pass)?;
//! assert_eq!(preprocessor.apply(texts[0]), "the <rare>, the <rare>: <url>");
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

mod config;
mod count;
mod file;
mod fit;
mod mask;
mod parts;
mod phrases;
mod report;
mod rule;
mod stored;
mod tokenizer;

pub use config::{
    AccentsConfig, DigitsConfig, LemmatizeConfig, LowercaseConfig, MaskConfig, Masked, NormalForm,
    PhrasesConfig, PreprocessingConfig, RareWordsConfig, SpacesConfig, StemConfig, StepConfig,
    StopWordsConfig, UnicodeConfig,
};
pub use file::PREPROCESSING_FILE;
pub use fit::{Pass, fit};
pub use report::{PreprocessingReport, ReportRow};
pub use tokenizer::PreprocessedTokenizer;

use std::borrow::Cow;

use rayon::prelude::*;

use rule::Rule;
use stored::Stored;

/// Steps that know all that they need to know, in their order.
pub struct Preprocessor {
    stored: Vec<Stored>,
    rules: Vec<Rule>,
    report: PreprocessingReport,
}

impl Preprocessor {
    /// What the steps make of a text.
    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        rule::apply_all(&self.rules, text)
    }

    /// What the steps make of each text, in order; on all cores, some megabytes of text at a time.
    pub fn apply_each<'a>(&'a self, mut texts: Pass<'a>) -> Pass<'a> {
        let mut changed = Vec::new().into_iter();
        Box::new(std::iter::from_fn(move || {
            if changed.len() == 0 {
                let batch: Vec<_> = count::next_batch(&mut texts)
                    .into_par_iter()
                    .map(|text| Ok(self.apply(&text?).into_owned()))
                    .collect();
                changed = batch.into_iter();
            }
            changed.next()
        }))
    }

    /// What each step did to the texts that were looked at when the steps were fitted.
    pub fn report(&self) -> &PreprocessingReport {
        &self.report
    }
}
