use std::sync::LazyLock;

use kiln_tokens::{Encoded, TokenId, Tokenizer as _};
use proptest::prelude::*;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder, Vocab};
use tokenizers::normalizers::Lowercase;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split as LibrarySplit, SplitPattern};
use tokenizers::{
    AddedToken, ModelWrapper, PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer,
};

use super::Encoder;
use crate::tokenizer::byte_alphabet;
use crate::tokenizer::hugging_face::HuggingFaceTokenizer;
use crate::tokenizer::words::Split;

const CORPUS: &str = "First Citizen:\nBefore we proceed any further, hear me speak. I'll say it's 12345 or 2026 \
    naïve café — “quoted”\t日本語日本語 привет, привет мир! 🙂🙂 e\u{301} they're   <|end|> HTMLPage aaaaaaaa\r\n\r\n  if x == y:\n        return\n";

/// Byte-level byte-pair encoding with a split, trained on the corpus.
fn definition(split: Split) -> Tokenizer {
    let model = BPE::builder().build().unwrap();
    let mut tokenizer = Tokenizer::new(model);
    let pre_tokenizer: PreTokenizerWrapper = match split {
        Split::Gpt2 => ByteLevel::new(false, false, true).into(),
        other => {
            let pattern = Split::PATTERNS.iter().find(|(_, split)| *split == other);
            let pattern = SplitPattern::Regex(pattern.unwrap().0.into());
            let words = LibrarySplit::new(pattern, SplitDelimiterBehavior::Isolated, false);
            let bytes = ByteLevel::new(false, false, false);
            Sequence::new(vec![words.unwrap().into(), bytes.into()]).into()
        }
    };
    tokenizer
        .with_pre_tokenizer(Some(pre_tokenizer))
        .with_decoder(Some(ByteLevel::new(false, false, true)));
    let trainer = BpeTrainerBuilder::new()
        .vocab_size(420)
        .initial_alphabet((0..=u8::MAX).map(byte_alphabet::character).collect())
        .show_progress(false)
        .special_tokens(vec![AddedToken::from("<|end|>", true)])
        .build();
    tokenizer
        .train(
            &mut TrainerWrapper::BpeTrainer(trainer),
            [CORPUS, CORPUS].into_iter(),
        )
        .unwrap();
    tokenizer
}

/// Its model with something changed.
fn with_model(mut tokenizer: Tokenizer, change: impl Fn(&mut BPE)) -> Tokenizer {
    let ModelWrapper::BPE(model) = tokenizer.get_model() else {
        panic!()
    };
    let mut model = model.clone();
    change(&mut model);
    tokenizer.with_model(model);
    tokenizer
}

struct Pair {
    library: Tokenizer,
    ours: HuggingFaceTokenizer,
}

impl Pair {
    fn new(mut library: Tokenizer) -> Self {
        library.set_encode_special_tokens(true);
        Self {
            ours: HuggingFaceTokenizer::new(library.clone(), String::new()).unwrap(),
            library,
        }
    }

    /// Ids are the library's, whole and cut short; tokens decode to the text, and lie where they are said to.
    fn check(&self, text: &str) {
        let expected = self.library.encode(text, false).unwrap();
        let expected = expected.get_ids();
        for _ in 0..2 {
            let mut ids = vec![7];
            self.ours.encode(text, &mut ids).unwrap();
            assert_eq!(&ids[1..], expected, "{text:?}");
        }
        assert_eq!(self.ours.decode(expected).unwrap(), text.as_bytes());

        let mut tokens = Vec::new();
        self.ours.encode_with_offsets(text, &mut tokens).unwrap();
        let ids: Vec<TokenId> = tokens.iter().map(|token| token.id).collect();
        assert_eq!(ids, expected, "{text:?}");
        let mut at = 0;
        for Encoded { id, start, end } in tokens {
            assert_eq!(start, at);
            let piece = self.ours.decode(&[id]).unwrap();
            assert_eq!(piece, text.as_bytes()[start..end]);
            at = end;
        }
        assert_eq!(at, text.len());

        for most in [0, 1, 2, expected.len() / 2, expected.len(), usize::MAX] {
            let mut ids = vec![7];
            let bytes = self.ours.encode_at_most(text, most, &mut ids).unwrap();
            assert_eq!(ids[1..], expected[..most.min(expected.len())]);
            let decoded = self.ours.decode(&ids[1..]).unwrap();
            assert_eq!(decoded, text.as_bytes()[..bytes], "{text:?} {most}");
        }
    }
}

/// A vocabulary whose merges do not make all of its tokens: "ba" has a token and no merge.
fn unreachable_token(ignore_merges: bool) -> Tokenizer {
    let mut vocabulary: Vocab = (0..=u8::MAX)
        .map(|byte| (byte_alphabet::character(byte).to_string(), byte.into()))
        .collect();
    for (token, id) in ["ab", "ba", "a_long_word_that_is_a_token", "Ġba"]
        .into_iter()
        .zip(256..)
    {
        vocabulary.insert(token.into(), id);
    }
    let model = BPE::builder()
        .vocab_and_merges(vocabulary, vec![("a".into(), "b".into())])
        .ignore_merges(ignore_merges)
        .build()
        .unwrap();
    let mut tokenizer = Tokenizer::new(model);
    tokenizer
        .with_pre_tokenizer(Some(ByteLevel::new(false, false, true)))
        .with_decoder(Some(ByteLevel::new(false, false, true)));
    tokenizer
}

static PAIRS: LazyLock<Vec<Pair>> = LazyLock::new(|| {
    let [gpt2, cl100k, qwen2, o200k] = Split::PATTERNS.map(|(_, split)| definition(split));
    let direct = with_model(cl100k.clone(), |model| model.ignore_merges = true);
    let tokenizers = vec![
        gpt2,
        cl100k,
        qwen2,
        o200k,
        direct,
        unreachable_token(false),
        unreachable_token(true),
    ];
    tokenizers.into_iter().map(Pair::new).collect()
});

fn check(text: &str) {
    PAIRS.iter().for_each(|pair| pair.check(text));
}

#[test]
fn the_short_way_is_taken() {
    for (split, pair) in Split::PATTERNS
        .iter()
        .map(|(_, split)| split)
        .zip(PAIRS.iter())
    {
        let encoder = Encoder::new(&pair.library).unwrap().unwrap();
        assert_eq!(encoder.split, *split);
    }
}

#[test]
fn texts_at_the_edges_have_the_librarys_ids() {
    for text in [
        "",
        " ",
        CORPUS,
        "ba ba ab abba a_long_word_that_is_a_token ba",
        "a<|end|> b",
        "speakspeakspeakspeakspeakspeak speakspeak speak",
        "日本語日本語日本語日本語日本語日本語日本語日本語 привет",
        "🙂🙂🙂🙂🙂🙂🙂\u{10FFFF}\u{0}\u{0}",
        "aaaaaaaaaaaaaaa aaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaa",
    ] {
        check(text);
    }
    check(&"a".repeat(1000));
    check(&"speak ".repeat(1000));
    check(&"日本".repeat(200));
}

#[test]
fn a_megabyte_without_a_space_is_encoded_in_time() {
    let mut ids = Vec::new();
    let text = "a".repeat(1 << 20);
    PAIRS[0].ours.encode(&text, &mut ids).unwrap();
    assert_eq!(PAIRS[0].ours.decode(&ids).unwrap(), text.as_bytes());
}

/// Some tokenizer for which the library encodes.
fn check_long_way(change: impl Fn(&mut Tokenizer)) {
    let mut library = definition(Split::Gpt2);
    change(&mut library);
    library.set_encode_special_tokens(true);
    assert!(Encoder::new(&library).unwrap().is_none());
    let ours = HuggingFaceTokenizer::new(library.clone(), String::new()).unwrap();
    for text in ["ab", "Speak a. b abba<|end|> A", " ab BA ba"] {
        let mut ids = Vec::new();
        ours.encode(text, &mut ids).unwrap();
        let expected = library.encode(text, false).unwrap();
        assert_eq!(ids, expected.get_ids(), "{text}");
        let mut tokens = Vec::new();
        ours.encode_with_offsets(text, &mut tokens).unwrap();
        let parts: Vec<_> = tokens
            .iter()
            .map(|token| (token.start, token.end))
            .collect();
        assert_eq!(parts, expected.get_offsets());
        ids.clear();
        let bytes = ours.encode_at_most(text, 1, &mut ids).unwrap();
        assert_eq!(ids, expected.get_ids()[..1]);
        assert_eq!(
            bytes,
            expected
                .get_offsets()
                .get(1)
                .map_or(text.len(), |part| part.0)
        );
    }
}

#[test]
fn what_changes_the_text_goes_the_long_way() {
    check_long_way(|tokenizer| {
        tokenizer
            .add_tokens([AddedToken::from("ba ", false)])
            .unwrap();
    });
    check_long_way(|tokenizer| {
        tokenizer.with_normalizer(Some(Lowercase)).unwrap();
    });
    check_long_way(|tokenizer| {
        tokenizer.with_pre_tokenizer(Some(ByteLevel::new(true, false, true)));
    });
    check_long_way(|tokenizer| {
        tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, false, false)));
    });
    check_long_way(|tokenizer| {
        let merged = SplitDelimiterBehavior::MergedWithPrevious;
        let pattern = SplitPattern::Regex(Split::PATTERNS[1].0.into());
        let words = LibrarySplit::new(pattern, merged, false).unwrap();
        let bytes = ByteLevel::new(false, false, false);
        let steps = Sequence::new(vec![words.into(), bytes.into()]);
        tokenizer.with_pre_tokenizer(Some(steps));
    });
    check_long_way(|tokenizer| {
        let suffixed = with_model(tokenizer.clone(), |model| {
            model.end_of_word_suffix = Some("!".into());
        });
        *tokenizer = suffixed;
    });
}

proptest! {
    #[test]
    fn ids_are_the_librarys(text in r"(\PC|[ \n\t\r'a-z]|speak|Citizen|日本語| привет|<\|end\|>){0,40}") {
        check(&text);
    }

    #[test]
    fn ids_of_few_letters_are_the_librarys(text in r"[ab ]{0,60}|[speak ]{0,60}|a{0,200}") {
        check(&text);
    }

    #[test]
    fn ids_of_any_characters_are_the_librarys(text in proptest::collection::vec(any::<char>(), 0..40)) {
        check(&text.into_iter().collect::<String>());
    }

    #[test]
    fn ids_of_any_bytes_are_the_librarys(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_ids_decode_to_the_bytes_of_each(ids in proptest::collection::vec(0u32..400, 0..40)) {
        let ours = &PAIRS[0].ours;
        let together = ours.decode(&ids).unwrap();
        let each: Vec<u8> = ids.iter().flat_map(|id| ours.decode(&[*id]).unwrap()).collect();
        prop_assert_eq!(&together, &each);
        prop_assert_eq!(
            String::from_utf8_lossy(&together),
            PAIRS[0].library.decode(&ids, true).unwrap()
        );
    }

    #[test]
    fn any_bytes_are_ids_that_decode_to_them(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let ours = &PAIRS[0].ours;
        let token = |byte: &u8| byte_alphabet::character(*byte).to_string();
        let ids: Vec<TokenId> = bytes
            .iter()
            .map(|byte| PAIRS[0].library.token_to_id(&token(byte)).unwrap())
            .collect();
        prop_assert_eq!(ours.decode(&ids).unwrap(), bytes);
    }
}
