//! Reading a `tokenizer.json`, and telling from it which tokenizer it is.

use std::path::Path;
use std::sync::Arc;

use kiln_text::Position;
use kiln_tokens::Tokenizer;
use tokenizers::Model;
use tokenizers::ModelWrapper;

use crate::tokenizer::byte::ByteTokenizer;
use crate::tokenizer::character::CharacterTokenizer;
use crate::tokenizer::hugging_face::HuggingFaceTokenizer;
use crate::tokenizer::{byte, character, file_check};
use crate::{Error, PREPROCESSING_FILE, PreprocessedTokenizer, Preprocessor, TrainedTokenizer};

/// Load a tokenizer of any kind from its `tokenizer.json`. If a `preprocessing.json` lies beside it, its steps stand before
/// the tokenizer, as they did when it was trained.
///
/// # Errors
/// There is no such file, or it is not a tokenizer; a mistake.
pub fn load(path: &Path) -> Result<Arc<dyn Tokenizer>, Error> {
    let tokenizer = read(path)?.tokenizer();
    let steps = path.with_file_name(PREPROCESSING_FILE);
    if !steps.exists() {
        return Ok(tokenizer);
    }
    let preprocessor = Preprocessor::load(&steps)?;
    Ok(Arc::new(PreprocessedTokenizer::new(
        preprocessor,
        tokenizer,
    )?))
}

/// The tokenizer in a file.
pub(crate) fn read(path: &Path) -> Result<TrainedTokenizer, Error> {
    let bytes = std::fs::read(path).map_err(|error| kiln_text::Error::io(path, &error))?;
    let wrong = |(position, problem)| kiln_text::Error::mistake(path, position, problem);
    let added = file_check::check(&bytes).map_err(wrong)?;
    // The library panics at some definitions that are JSON and no tokenizer.
    let read = std::panic::catch_unwind(|| tokenizers::Tokenizer::from_bytes(&bytes));
    let definition = read
        .unwrap_or_else(|_| Err("the tokenizers library gave up on it".into()))
        .map_err(|error| {
            let problem = format!("not a tokenizer.json that can be read here: {error}");
            kiln_text::Error::mistake(path, Position::Whole, problem)
        })?;
    file_check::check_ids(&added, &definition).map_err(wrong)?;
    recognise(definition)
}

/// The tokenizer that a definition stands for: one of ours if writing ours down gives the same file, else the library's.
pub(crate) fn recognise(mut definition: tokenizers::Tokenizer) -> Result<TrainedTokenizer, Error> {
    make_deterministic(&mut definition)?;
    let json = written(&definition)?;
    let identity = blake3::hash(json.as_bytes()).to_hex().to_string();
    let (kind, tokenizer): (_, Arc<dyn Tokenizer>) =
        if let Some(characters) = as_characters(&definition, &json)? {
            let tokenizer = CharacterTokenizer::new(characters, identity);
            ("character", Arc::new(tokenizer))
        } else if written(&byte::definition()?)? == json {
            ("byte", Arc::new(ByteTokenizer::new(identity)))
        } else {
            let tokenizer = HuggingFaceTokenizer::new(definition, identity)?;
            (tokenizer.kind(), Arc::new(tokenizer))
        };
    Ok(TrainedTokenizer::new(kind, tokenizer, json))
}

/// Take out what is not the tokenizer's own: cutting and padding belong to whoever makes batches, and dropping merges at
/// random (Provilkov et al. 2020) would give other ids at each call.
fn make_deterministic(definition: &mut tokenizers::Tokenizer) -> Result<(), Error> {
    definition
        .with_truncation(None)
        .map_err(Error::library("cannot read the tokenizer"))?
        .with_padding(None);
    if let ModelWrapper::BPE(model) = definition.get_model()
        && model.dropout.is_some()
    {
        let mut model = model.clone();
        model.dropout = None;
        definition.with_model(model);
    }
    Ok(())
}

fn as_characters(
    definition: &tokenizers::Tokenizer,
    json: &str,
) -> Result<Option<Vec<char>>, Error> {
    let ModelWrapper::WordLevel(model) = definition.get_model() else {
        return Ok(None);
    };
    let Some(characters) = character::characters_of(model.get_vocab().into_iter()) else {
        return Ok(None);
    };
    let same = written(&character::definition(&characters)?)? == json;
    Ok(same.then_some(characters))
}

/// The one form in which a definition is kept and hashed.
fn written(definition: &tokenizers::Tokenizer) -> Result<String, Error> {
    definition
        .to_string(true)
        .map_err(Error::library("cannot write the tokenizer"))
}

#[cfg(test)]
mod tests {
    use kiln_tokens::TokenId;
    use proptest::prelude::*;
    use tokenizers::models::wordpiece::WordPiece;
    use tokenizers::pre_tokenizers::whitespace::Whitespace;

    use super::*;
    use crate::{BpeConfig, ByteConfig, CharacterConfig, FileConfig, TokenizerConfig, train};

    const CORPUS: &str = "First Citizen:\nBefore we proceed any further, hear me speak.\r\n\nAll:\nSpeak, speak. \
        naïve café — “quoted”\t日本語 🙂 e\u{301} 12 345 we'll they're   <|endoftext|> end\u{0}\n\n";

    fn configs() -> [TokenizerConfig; 3] {
        [
            TokenizerConfig::Character(CharacterConfig {}),
            TokenizerConfig::Byte(ByteConfig {}),
            TokenizerConfig::Bpe(BpeConfig {
                special_tokens: vec!["<|endoftext|>".into(), "<|user|>".into()],
                ..BpeConfig::new(320)
            }),
        ]
    }

    fn trained(config: &TokenizerConfig) -> TrainedTokenizer {
        let texts = [CORPUS, "Speak, speak, all of the Citizens."].map(|text| Ok(text.to_owned()));
        train(config, &mut texts.into_iter()).unwrap()
    }

    fn encode(tokenizer: &dyn Tokenizer, text: &str) -> Vec<TokenId> {
        let mut ids = Vec::new();
        tokenizer.encode(text, &mut ids).unwrap();
        ids
    }

    /// Our ids and our text are the library's, which has read nothing but our file.
    fn check_against_library(ours: &TrainedTokenizer, text: &str) {
        let mut library = tokenizers::Tokenizer::from_bytes(ours.json()).unwrap();
        library.set_encode_special_tokens(true);
        let ids = encode(ours.tokenizer().as_ref(), text);
        let kind = ours.kind();
        assert_eq!(
            ids,
            library.encode(text, false).unwrap().get_ids(),
            "{kind}: {text:?}"
        );
        let bytes = ours.tokenizer().decode(&ids).unwrap();
        assert_eq!(bytes, text.as_bytes(), "{kind}: {text:?}");
        assert_eq!(library.decode(&ids, true).unwrap(), text, "{kind}");
    }

    #[test]
    fn each_kind_is_known_again_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        for config in configs() {
            let ours = trained(&config);
            assert_eq!(ours.kind(), config.kind());
            check_against_library(&ours, CORPUS);

            let path = folder.path().join("tokenizer.json");
            ours.save(&path).unwrap();
            let again = TrainedTokenizer::load(&path).unwrap();
            assert_eq!(again.kind(), config.kind());
            assert_eq!(again.json(), ours.json());
            let (one, other) = (ours.tokenizer(), again.tokenizer());
            assert_eq!(one.identity(), other.identity());
            assert_eq!(one.vocabulary_size(), other.vocabulary_size());
            assert_eq!(one.end_of_text(), other.end_of_text());
            assert_eq!(encode(one.as_ref(), CORPUS), encode(other.as_ref(), CORPUS));

            let named = TokenizerConfig::File(FileConfig {
                path: path.to_str().unwrap().into(),
            });
            let copied = train(&named, &mut std::iter::empty()).unwrap();
            assert_eq!(copied.tokenizer().identity(), one.identity());
        }
    }

    #[test]
    fn other_files_are_read_by_the_library() {
        let vocabulary = ["[UNK]", "hear", "me", "##ar", "he", "[SEP]"];
        let model = WordPiece::builder()
            .vocab(std::array::from_fn::<_, 6, _>(|id| {
                (vocabulary[id].to_owned(), id as u32)
            }))
            .unk_token("[UNK]".into())
            .build()
            .unwrap();
        let mut definition = tokenizers::Tokenizer::new(model);
        definition
            .with_pre_tokenizer(Some(Whitespace {}))
            .with_truncation(Some(tokenizers::TruncationParams {
                max_length: 1,
                ..Default::default()
            }))
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        definition.save(&path, false).unwrap();
        let tokenizer = TrainedTokenizer::load(&path).unwrap();
        assert_eq!(tokenizer.kind(), "wordpiece");
        let tokenizer = tokenizer.tokenizer();
        // The file asks for texts cut to one token; a tokenizer that cuts would lose text in silence.
        assert_eq!(encode(tokenizer.as_ref(), "hear me hex"), [1, 2, 0]);
        assert_eq!(tokenizer.decode(&[1, 2]).unwrap(), b"hear me");
        assert_eq!(tokenizer.token(3).as_deref(), Some("##ar"));
        assert_eq!(tokenizer.vocabulary_size(), 6);
        let error = tokenizer.decode(&[1, 6]).unwrap_err().to_string();
        assert_eq!(
            error,
            "token id 6 is not in this tokenizer's vocabulary of 6"
        );
    }

    #[test]
    fn merges_are_not_dropped_at_random() {
        let json = trained(&configs()[2]).json().to_owned();
        let random = json.replace("\"dropout\": null", "\"dropout\": 0.5");
        assert_ne!(random, json);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        std::fs::write(&path, random).unwrap();
        assert_eq!(TrainedTokenizer::load(&path).unwrap().json(), json);
    }

    #[test]
    fn what_is_no_tokenizer_is_refused_in_one_line() {
        let whole = trained(&configs()[2]).json().to_owned();
        let huge = r#"{"version": "1.0", "model": {"type": "WordLevel", "vocab": {"a": 4294967295}, "unk_token": "u"}}"#;
        let none =
            r#"{"version": "1.0", "model": {"type": "WordLevel", "vocab": {}, "unk_token": "u"}}"#;
        let newer = whole.replacen("\"1.0\"", "\"2.0\"", 1);
        for (contents, expected) in [
            (&b"{\"a\": 1}"[..], "it has no `model`"),
            (b"[1, 2]", "it has no `model`"),
            (b"once upon a time", "not JSON at column"),
            (b"", "ends in the middle"),
            (b"\xff\xfe", "not JSON"),
            (huge.as_bytes(), "id 4294967295"),
            (none.as_bytes(), "no ids"),
            (newer.as_bytes(), "'2.0'"),
        ] {
            check_refused(contents, expected);
        }
        let model = |of: &str| format!(r#"{{"version": "1.0", "model": {{"type": "BPE", {of}}}}}"#);
        let words = |of: &str| {
            format!(
                r#"{{"version": "1.0", "model": {{"type": "WordLevel", {of}, "unk_token": "u"}}}}"#
            )
        };
        for (contents, expected) in [
            (
                words("\"vocab\": {\"a\": 0,\n\"b\": 0}"),
                "2: not a usable tokenizer.json: tokens \"a\" and \"b\" have the same id 0",
            ),
            (words(r#""vocab": {"a": 0, "a": 1}"#), "1: not a usable tokenizer.json: token \"a\" has two ids, 0 and 1"),
            (words(r#""vocab": {"a": -1}"#), ".json:1: "),
            (words(r#""vocab": {"a": "0"}"#), ".json:1: "),
            (words(r#""vocab": {"a": 16777216}"#), "token \"a\" has id 16777216: expected ids below 16777216"),
            (
                words(r#""vocab": {"a": 0, "b": 1, "c": 4}"#),
                "no token has id 2, and 2 of the ids up to 4 have none",
            ),
            (model(r#""vocab": {"a": 0, "b": 1}, "merges": ["a b"]"#), "merge 1 of \"a\" and \"b\" makes \"ab\", which is no token"),
            (
                model(r#""vocab": {"a": 0, "ab": 1, "b": 2}, "merges": [["a", "b"], ["ab", "c"]]"#),
                "merge 2 is of \"ab\" and \"c\", but there is no token \"c\"",
            ),
            (model(r#""vocab": {"a": 0}, "merges": ["a"]"#), "merge 1 is \"a\": expected two tokens"),
            (model(r#""vocab": {"a": 0}, "merges": ["a a a"]"#), "merge 1 is \"a a a\""),
            (model(r#""vocab": {"a": 0}, "merges": [7]"#), ".json:1: "),
            (
                model(r###""continuing_subword_prefix": "##", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]"###),
                "merge 1 has \"b\" on its right, which does not begin with the prefix \"##\"",
            ),
            (model(r#""vocab": 7, "merges": []"#), ".json:1: "),
            (
                words(r#""vocab": {"a": 0}"#).replacen('{', r#"{"added_tokens": [{"id": 4, "content": "b", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}], "#, 1),
                "the added token \"b\" has id 4, but the library gives it 1",
            ),
        ] {
            check_refused(contents.as_bytes(), expected);
        }
        for cut in [1, 10, whole.len() / 3, whole.len() / 2, whole.len() - 2] {
            check_refused(&whole.as_bytes()[..cut], "it is truncated");
        }
    }

    proptest! {
        /// Whatever was done to a file, it is read or refused in one line.
        #[test]
        fn changed_files_never_panic(at in 0.0..1.0f64, bytes in proptest::collection::vec(any::<u8>(), 0..4), cut in 0usize..40) {
            use std::sync::LazyLock;
            static WHOLE: LazyLock<String> =
                LazyLock::new(|| trained(&configs()[2]).json().to_owned());
            let mut contents = WHOLE.clone().into_bytes();
            let at = (at * contents.len() as f64) as usize;
            let end = (at + cut).min(contents.len());
            contents.splice(at..end, bytes);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("tokenizer.json");
            std::fs::write(&path, contents).unwrap();
            match load(&path) {
                Ok(tokenizer) => drop(tokenizer.encode("Speak, speak", &mut Vec::new())),
                Err(error) => prop_assert!(!error.to_string().contains('\n'), "{}", error),
            }
        }
    }

    fn check_refused(contents: &[u8], expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        std::fs::write(&path, contents).unwrap();
        let error = load(&path).err().unwrap();
        let message = error.to_string();
        assert!(message.contains(expected), "{expected}: {message}");
        assert!(message.contains("tokenizer.json"), "{message}");
        assert!(!message.contains('\n'), "{message}");
        assert!(error.is_mistake());
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = load(Path::new("nowhere/tokenizer.json")).err().unwrap();
        assert!(error.to_string().starts_with("nowhere/tokenizer.json: "));
        assert!(error.is_mistake());
    }

    proptest! {
        #[test]
        fn ids_are_the_librarys_for_any_text(text in r"(\PC|[ \n\t\r'a-z]|speak|Citizen|<\|user\|>){0,30}") {
            static TRAINED: std::sync::LazyLock<[TrainedTokenizer; 2]> = std::sync::LazyLock::new(|| {
                let [_, byte, bpe] = configs();
                [trained(&byte), trained(&bpe)]
            });
            for ours in TRAINED.iter() {
                check_against_library(ours, &text);
            }
        }

        #[test]
        fn characters_are_the_librarys(places in proptest::collection::vec(0usize..90, 0..60)) {
            let known: Vec<char> = CORPUS.chars().collect();
            let text: String = places.iter().map(|place| known[place % known.len()]).collect();
            check_against_library(&trained(&configs()[0]), &text);
        }
    }
}
