//! What every kind that is trained promises.

use proptest::prelude::*;

use crate::{Error, TokenizerConfig, TrainedTokenizer, train};

const SECTIONS: [&str; 8] = [
    "kind = 'bpe'\nvocabulary_size = 400",
    "kind = 'bpe'\nvocabulary_size = 400\nsplit = 'o200k'",
    "kind = 'bpe'\nvocabulary_size = 400\nbyte_fallback = true\nalphabet_limit = 12",
    "kind = 'wordpiece'\nvocabulary_size = 200",
    "kind = 'unigram'\nvocabulary_size = 400\nalphabet_limit = 12",
    "kind = 'unigram'\nvocabulary_size = 200\nbyte_fallback = false",
    "kind = 'word'\nvocabulary_size = 200",
    "kind = 'word'\nvocabulary_size = 200\nlowercase = true\nsplit = 'spaces'",
];

fn config(section: &str) -> TokenizerConfig {
    toml::from_str(section).unwrap()
}

/// Texts of made-up words, many of them equally frequent.
fn texts() -> Vec<String> {
    let syllables = ["ka", "Lo", "mi", "ne", "tu", "ra", "só", "vi", "日"];
    let mut state = 1u64;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    (0..120)
        .map(|_| {
            let mut text = String::new();
            for _ in 0..40 {
                for _ in 0..1 + draw(4) {
                    text += syllables[draw(9)];
                }
                text += [" ", " ", " ", ", ", ".\n", " 12 "][draw(6)];
            }
            text
        })
        .collect()
}

fn trained(section: &str, texts: &[String], threads: usize) -> Result<TrainedTokenizer, Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(|| {
        let mut texts = texts.iter().cloned().map(Ok);
        train(&config(section), &mut texts)
    })
}

fn check_ids(ours: &TrainedTokenizer, text: &str) {
    let mut library = tokenizers::Tokenizer::from_bytes(ours.json()).unwrap();
    library.set_encode_special_tokens(true);
    let mut ids = Vec::new();
    ours.tokenizer().encode(text, &mut ids).unwrap();
    let expected = library.encode(text, true).unwrap();
    assert_eq!(ids, expected.get_ids(), "{}: {text:?}", ours.kind());
    let decoded = ours.tokenizer().decode(&ids).unwrap();
    assert_eq!(
        String::from_utf8(decoded).unwrap(),
        library.decode(&ids, true).unwrap()
    );
}

#[test]
fn the_file_does_not_depend_on_run_or_threads_or_memory() {
    let texts = texts();
    for section in SECTIONS {
        let first = trained(section, &texts, 1).unwrap();
        assert_eq!(first.kind(), config(section).kind());
        for threads in [1, 2, 5] {
            let again = trained(section, &texts, threads).unwrap();
            assert_eq!(again.json(), first.json(), "{section}: {threads} threads");
            assert_eq!(again.used(), first.used());
        }
        // From very little memory on: first it is too little, then words are left out, at last tables are written down.
        let same = |kilobytes: usize| {
            let little = format!("{section}\nmax_memory = '{kilobytes}K'");
            trained(&little, &texts, 1).is_ok_and(|trained| trained.json() == first.json())
        };
        let sizes: Vec<usize> = (0..6).map(|power| 1 << (3 * power)).collect();
        let enough = sizes.iter().position(|size| same(*size));
        assert!(enough.is_some_and(|first| first > 0), "{section}");
        assert!(same(1 << 17), "{section}");
    }
}

#[test]
fn each_kind_is_known_again_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    for section in SECTIONS {
        let ours = trained(section, &texts(), 1).unwrap();
        ours.save(&path).unwrap();
        let again = TrainedTokenizer::load(&path).unwrap();
        assert_eq!(again.kind(), ours.kind());
        assert_eq!(again.json(), ours.json());
        assert_eq!(again.config_json(), ours.config_json());
        assert_eq!(
            again.tokenizer().vocabulary_size(),
            ours.tokenizer().vocabulary_size()
        );
    }
}

#[test]
fn special_tokens_come_first_and_one_ends_documents() {
    for (section, first, end) in [
        (SECTIONS[0], &["<|endoftext|>"][..], Some(0)),
        (
            SECTIONS[3],
            &["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
            None,
        ),
        (
            SECTIONS[4],
            &["<unk>", "<s>", "</s>", "<0x00>", "<0x01>"],
            Some(2),
        ),
        (SECTIONS[6], &["<unk>", "<eos>"], Some(1)),
    ] {
        let tokenizer = trained(section, &texts(), 1).unwrap().tokenizer();
        for (id, token) in (0..).zip(first) {
            assert_eq!(tokenizer.token(id).as_deref(), Some(*token), "{section}");
        }
        assert_eq!(tokenizer.end_of_text(), end);
    }
}

/// The tokens of a text.
fn cut(section: &str, corpus: &str, text: &str) -> Vec<String> {
    let tokenizer = trained(section, &[corpus.to_owned()], 1)
        .unwrap()
        .tokenizer();
    let mut ids = Vec::new();
    tokenizer.encode(text, &mut ids).unwrap();
    ids.iter().map(|id| tokenizer.token(*id).unwrap()).collect()
}

#[test]
fn texts_are_cut_as_each_kind_should() {
    let corpus = "hug hug hug hug pug pug hugs pun pun bun. ";
    for (section, text, expected) in [
        (
            "kind = 'wordpiece'\nvocabulary_size = 26",
            "Hugs, bug 日",
            &["hug", "##s", "[UNK]", "b", "##ug", "[UNK]"][..],
        ),
        (
            "kind = 'word'\nvocabulary_size = 6",
            "hug pug pun bun.",
            &["hug", "pug", "pun", "<unk>", "."],
        ),
        (
            "kind = 'word'\nvocabulary_size = 99\nsplit = 'spaces'",
            "hug pug pun bun.",
            &["hug", "pug", "pun", "bun."],
        ),
        (
            "kind = 'word'\nvocabulary_size = 99\nminimum_frequency = 61",
            "hug pug pun bun.",
            &["hug", "<unk>", "<unk>", "<unk>", "<unk>"],
        ),
        (
            "kind = 'unigram'\nvocabulary_size = 290",
            " hug pug日",
            &["▁hug", "▁pug", "<0xE6>", "<0x97>", "<0xA5>"],
        ),
        (
            "kind = 'unigram'\nvocabulary_size = 40\nbyte_fallback = false",
            " hug pug日",
            &["▁hug", "▁pug", "<unk>"],
        ),
    ] {
        assert_eq!(
            cut(section, &corpus.repeat(30), text),
            expected,
            "{section}"
        );
    }
}

#[test]
fn mistakes_are_named() {
    for (section, expected) in [
        (
            "kind = 'wordpiece'\nvocabulary_size = 6",
            "vocabulary_size = 6 is below the 7 ids",
        ),
        (
            "kind = 'wordpiece'\nvocabulary_size = 99\nspecial_tokens = ['[UNK]', '##a']",
            "special token \"##a\" could also be a word",
        ),
        (
            "kind = 'wordpiece'\nvocabulary_size = 99\nspecial_tokens = ['[PAD]']",
            "unknown_token = \"[UNK]\" is not among the special_tokens",
        ),
        (
            "kind = 'wordpiece'\nvocabulary_size = 99\nalphabet_limit = 0",
            "alphabet_limit = 0: expected 1 or more",
        ),
        (
            "kind = 'unigram'\nvocabulary_size = 259",
            "below the 260 ids",
        ),
        (
            "kind = 'unigram'\nvocabulary_size = 999\nmaximum_token_length = 33",
            "maximum_token_length = 33: expected 1 to 32",
        ),
        (
            "kind = 'unigram'\nvocabulary_size = 999\nunknown_token = 'x'",
            "unknown_token = \"x\" is not among",
        ),
        ("kind = 'word'\nvocabulary_size = 2", "below the 3 ids"),
        (
            "kind = 'word'\nvocabulary_size = 9\nspecial_tokens = ['unk']\nunknown_token = 'unk'",
            "special token \"unk\" could also be a word",
        ),
        (
            "kind = 'word'\nvocabulary_size = 9\nminimum_frequency = 0",
            "minimum_frequency = 0: expected 1 or more",
        ),
        (
            "kind = 'word'\nvocabulary_size = 9\ntraining_bytes = 0",
            "training_bytes = 0: expected 1 or more",
        ),
        (
            "kind = 'word'\nvocabulary_size = 9\nmax_memory = '10'",
            "max_memory = \"10\" is too small",
        ),
    ] {
        let error = trained(section, &texts(), 1).err().unwrap();
        let message = error.to_string();
        assert!(message.contains(expected), "{section}: {message}");
        assert!(!message.contains('\n'), "{message}");
        assert!(error.is_mistake());
    }
    for section in SECTIONS {
        for none in [&[][..], &[String::new()]] {
            let error = trained(section, none, 1).err().unwrap();
            let message = error.to_string();
            let kind = config(section).kind();
            assert!(
                message.contains(&format!("no text to make a {kind}")),
                "{message}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn ids_are_the_librarys_for_any_text(text in r"(\PC|[ \n\t\r'a-z#\[\]]|kalo|Mine|▁|só|<unk>|\[UNK\]){0,30}") {
        static TRAINED: std::sync::LazyLock<Vec<TrainedTokenizer>> = std::sync::LazyLock::new(|| {
            SECTIONS.map(|section| trained(section, &texts(), 1).unwrap()).into()
        });
        for ours in TRAINED.iter() {
            check_ids(ours, &text);
        }
    }
}
