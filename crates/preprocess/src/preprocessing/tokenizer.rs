//! A tokenizer that sees what the steps make of a text.

use std::borrow::Cow;
use std::sync::Arc;

use kiln_tokens::{TokenId, Tokenizer};

use super::Preprocessor;
use crate::Error;

/// A tokenizer behind a [`Preprocessor`]: its ids are those of the changed text, and so are the bytes that it decodes to.
pub struct PreprocessedTokenizer {
    preprocessor: Preprocessor,
    tokenizer: Arc<dyn Tokenizer>,
    identity: String,
}

impl PreprocessedTokenizer {
    /// Put the steps before a tokenizer.
    ///
    /// # Errors
    /// The steps cannot be written down; a failure.
    pub fn new(preprocessor: Preprocessor, tokenizer: Arc<dyn Tokenizer>) -> Result<Self, Error> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(preprocessor.identity()?.as_bytes());
        hasher.update(tokenizer.identity().as_bytes());
        Ok(Self {
            preprocessor,
            tokenizer,
            identity: hasher.finalize().to_hex().to_string(),
        })
    }
}

impl Tokenizer for PreprocessedTokenizer {
    fn vocabulary_size(&self) -> usize {
        self.tokenizer.vocabulary_size()
    }

    fn prepare<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.preprocessor.apply(text)
    }

    fn encode(&self, text: &str, ids: &mut Vec<TokenId>) -> Result<(), kiln_tokens::Error> {
        self.encode_prepared(&self.prepare(text), ids)
    }

    fn encode_prepared(
        &self,
        text: &str,
        ids: &mut Vec<TokenId>,
    ) -> Result<(), kiln_tokens::Error> {
        self.tokenizer.encode(text, ids)
    }

    fn decode(&self, ids: &[TokenId]) -> Result<Vec<u8>, kiln_tokens::Error> {
        self.tokenizer.decode(ids)
    }

    fn end_of_text(&self) -> Option<TokenId> {
        self.tokenizer.end_of_text()
    }

    fn token(&self, id: TokenId) -> Option<String> {
        self.tokenizer.token(id)
    }

    fn identity(&self) -> &str {
        &self.identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ByteConfig, PREPROCESSING_FILE, TokenizerConfig, fit_preprocessing, load, train};

    fn preprocessor(config: &str) -> Preprocessor {
        let config = toml::from_str(config).unwrap();
        let texts = ["The new york of new york is NOT the new york"];
        fit_preprocessing(&config, &mut || {
            Box::new(texts.iter().map(|text| Ok(text.to_string())))
        })
        .unwrap()
    }

    /// Every kind of step.
    const STEPS: &str = r#"
        steps = [
            { kind = "unicode", form = "nfc" },
            { kind = "spaces" },
            { kind = "lowercase" },
            { kind = "accents" },
            { kind = "mask", what = ["url", "number"] },
            { kind = "digits" },
            { kind = "stop-words", words = ["of"] },
            { kind = "phrases", minimum_count = 1, threshold = 2.0 },
            { kind = "rare-words", minimum_count = 2 },
            { kind = "stem", language = "english" },
            { kind = "lemmatize", language = "english" },
        ]
    "#;

    #[test]
    fn a_stored_tokenizer_encodes_what_the_steps_make_of_a_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        let trained = train(
            &TokenizerConfig::Byte(ByteConfig {}),
            &mut std::iter::empty(),
        )
        .unwrap();
        trained.save(&path).unwrap();
        let plain = load(&path).unwrap();

        let preprocessor = preprocessor(STEPS);
        let text = "Of  NEW York, café 5 https://a.example";
        let expected = "new_york, <rare> <number> <url>";
        assert_eq!(preprocessor.apply(text), expected);
        let file = folder.path().join(PREPROCESSING_FILE);
        std::fs::write(&file, preprocessor.json().unwrap()).unwrap();
        let tokenizer = load(&path).unwrap();
        assert_eq!(tokenizer.prepare(text), expected);
        let mut ids = Vec::new();
        tokenizer.encode(text, &mut ids).unwrap();
        assert_eq!(tokenizer.decode(&ids).unwrap(), expected.as_bytes());
        let mut again = Vec::new();
        tokenizer.encode_prepared(expected, &mut again).unwrap();
        assert_eq!(again, ids);
        assert_eq!(tokenizer.vocabulary_size(), 256);
        assert_ne!(tokenizer.identity(), plain.identity());
        let made = PreprocessedTokenizer::new(preprocessor, plain).unwrap();
        assert_eq!(tokenizer.identity(), made.identity());

        for (damaged, expected) in [
            ("{", "preprocessing.json:1: not a preprocessing.json"),
            (
                r#"{"format_version": 2, "steps": [], "report": {"rows": []}}"#,
                "format_version is 2",
            ),
            (
                r#"{"format_version": 1, "steps": [{"kind": "stem", "language": "en", "algorithm": "porter", "version": "x"}], "report": {"rows": []}}"#,
                "stems are those of stemmer x",
            ),
            (
                r#"{"format_version": 1, "steps": [{"kind": "lemmatize", "language": "en", "model": null, "identity": "x"}], "report": {"rows": []}}"#,
                "lemmatizer of this program is another",
            ),
            (
                r#"{"format_version": 1, "steps": [{"kind": "x"}], "report": {"rows": []}}"#,
                "unknown variant `x`",
            ),
        ] {
            std::fs::write(&file, damaged).unwrap();
            let error = load(&path).err().unwrap();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.is_mistake());
        }
    }

    #[test]
    fn texts_are_changed_in_their_order() {
        let preprocessor = preprocessor(r#"steps = [{ kind = "lowercase" }]"#);
        let long = "A".repeat(5 << 20);
        let texts = ["B", &long, &long, "C"];
        let pass: crate::Pass<'_> = Box::new(texts.iter().map(|text| Ok(text.to_string())));
        let changed: Vec<_> = preprocessor.apply_each(pass).map(Result::unwrap).collect();
        assert_eq!(changed, texts.map(str::to_lowercase));
    }

    #[test]
    fn another_step_is_another_tokenizer() {
        let identity = |config: &str| preprocessor(config).identity().unwrap();
        let lower = identity(r#"steps = [{ kind = "lowercase" }]"#);
        assert_eq!(lower, identity(r#"steps = [{ kind = "lowercase" }]"#));
        assert_ne!(lower, identity(r#"steps = [{ kind = "accents" }]"#));
        let rare = |count| {
            identity(&format!(
                "steps = [{{ kind = \"rare-words\", minimum_count = {count} }}]"
            ))
        };
        assert_ne!(rare(1), rare(3));
    }
}
