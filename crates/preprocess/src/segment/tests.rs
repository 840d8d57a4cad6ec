use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::{Form, Gold, Segmenter, Segments, Settings, paragraphs, read_gold, stream, train};
use crate::conllu::Reader;

/// Every kind of segmenter.
static SEGMENTERS: LazyLock<Vec<Segmenter>> = LazyLock::new(|| {
    vec![
        Segmenter::unicode(),
        #[cfg(feature = "english")]
        Segmenter::english(),
        #[cfg(feature = "dictionaries")]
        Segmenter::for_language("thai").unwrap(),
        train("toy", &toy(), &Settings::default()),
    ]
});

/// Sentences on lines of their own, tokens parted by spaces or, where none is in the text, by `|`; blank lines part
/// paragraphs.
fn gold(text: &str) -> Vec<Gold> {
    let mut lines = String::new();
    for paragraph in text.split("\n\n") {
        lines.push_str("# newpar\n");
        for sentence in paragraph.lines() {
            let mut number = 0;
            for spaced in sentence.split(' ') {
                let parts: Vec<&str> = spaced.split('|').collect();
                for (place, part) in parts.iter().enumerate() {
                    number += 1;
                    let misc = if place + 1 < parts.len() {
                        "SpaceAfter=No"
                    } else {
                        "_"
                    };
                    lines.push_str(&format!("{number}\t{part}\t_\tX\t_\t_\t_\t_\t_\t{misc}\n"));
                }
            }
            lines.push('\n');
        }
    }
    read_gold(Reader::new(lines.as_bytes(), "toy.conllu")).unwrap()
}

fn toy() -> Vec<Gold> {
    gold(
        &"The cat sat|.\nIt didn't see Dr. Who|,\nwho ran|!\nWhy|?\n\nA dog (|big|) barked|.\nNo|!\n\n"
            .repeat(20),
    )
}

/// The text with its tokens in brackets, and its sentences on lines.
fn drawn(text: &str, segments: &Segments) -> String {
    let sentences = segments.tokens_of_sentences().map(|tokens| {
        let forms: Vec<&str> = segments.tokens[tokens]
            .iter()
            .map(|token| &text[token.clone()])
            .collect();
        forms.join("|")
    });
    sentences.collect::<Vec<_>>().join("\n")
}

fn check(segmenter: &Segmenter, text: &str, expected: &str) {
    let found = segmenter.segment(text);
    whole(text, &found).unwrap();
    assert_eq!(drawn(text, &found), expected, "{text}");
}

/// What holds of every text.
fn whole(text: &str, segments: &Segments) -> Result<(), TestCaseError> {
    let mut covered = vec![false; text.len()];
    for ranges in [&segments.sentences, &segments.tokens] {
        let mut end = 0;
        for range in ranges {
            prop_assert!(range.start >= end && range.end > range.start);
            let part = text.get(range.clone());
            prop_assert!(part.is_some(), "{range:?} cuts a character");
            prop_assert_eq!(part.map(str::trim), part);
            end = range.end;
        }
    }
    for token in &segments.tokens {
        let inside = segments
            .sentences
            .iter()
            .filter(|sentence| sentence.start <= token.start && token.end <= sentence.end);
        prop_assert_eq!(inside.count(), 1, "a token outside of sentences");
        covered[token.clone()].fill(true);
    }
    for (place, character) in text.char_indices() {
        prop_assert!(
            covered[place] || character.is_whitespace(),
            "{character:?} at {place} is lost"
        );
    }
    Ok(())
}

#[cfg(feature = "english")]
#[test]
fn english_is_cut_as_its_treebank_would() {
    let english = Segmenter::english();
    assert_eq!(english.language(), Some("english"));
    for (text, expected) in [
        ("", ""),
        (" \n\t", ""),
        ("Hello", "Hello"),
        (
            "Mr. Smith didn't come. Why not?",
            "Mr.|Smith|didn't|come|.\nWhy|not|?",
        ),
        (
            "It cost $3.50 in the U.S. last year, i.e. too much.",
            "It|cost|$|3.50|in|the|U.S.|last|year|,|i.e.|too|much|.",
        ),
        (
            "Write to me@example.org or see http://example.org/a-b?c=1, please.",
            "Write|to|me@example.org|or|see|http://example.org/a-b?c=1|,|please|.",
        ),
        (
            "The first paragraph ends here\n\nand the second begins.",
            "The|first|paragraph|ends|here\nand|the|second|begins|.",
        ),
        (
            "\"I know,\" she said. \"Do you?\"",
            "\"|I|know|,|\"|she|said|.\n\"|Do|you|?|\"",
        ),
    ] {
        check(&english, text, expected);
    }
}

#[test]
fn the_rules_of_unicode_serve_where_no_model_is() {
    let esperanto = Segmenter::for_language("Esperanto").unwrap();
    assert_eq!(esperanto.language(), None);
    for (text, expected) in [
        (
            "Kie vi estas? Mi ne scias.",
            "Kie|vi|estas|?\nMi|ne|scias|.",
        ),
        ("l'homme, 3.5 %", "l'homme|,|3.5|%"),
        ("a \u{308}b", "a|\u{308}|b"),
        ("один\n \nдва", "один\nдва"),
    ] {
        check(&esperanto, text, expected);
    }
}

#[cfg(feature = "dictionaries")]
#[test]
fn dictionaries_find_words_that_no_space_parts() {
    for (language, text, expected) in [
        ("thai", "สวัสดีครับ", "สวัสดี|ครับ"),
        ("zh", "我爱北京。你呢？", "我|爱|北京|。\n你|呢|？"),
        ("japanese", "東京に行く。", "東京|に|行く|。"),
        ("khm", "ខ្ញុំស្រឡាញ់អ្នក", "ខ្ញុំ|ស្រឡាញ់|អ្នក"),
    ] {
        check(&Segmenter::for_language(language).unwrap(), text, expected);
    }
}

#[test]
fn a_language_is_a_code_or_a_known_name() {
    for known in ["en", "English", "deu", "xx", "thai", "lo", "zh"] {
        Segmenter::for_language(known).unwrap();
    }
    for (given, expected) in [
        (
            "Japanes",
            "no language is known as \"Japanes\" (did you mean japanese?): name it by its code in ISO 639-1 or 639-3, such as `en` or `tha`",
        ),
        (
            "q1",
            "no language is known as \"q1\": name it by its code in ISO 639-1 or 639-3, such as `en` or `tha`",
        ),
    ] {
        assert_eq!(
            Segmenter::for_language(given).unwrap_err().to_string(),
            expected
        );
    }
}

#[test]
fn paragraphs_end_at_blank_lines() {
    for (text, expected) in [
        ("", vec![]),
        ("\n \n", vec![]),
        ("one", vec!["one"]),
        ("one\ntwo\n", vec!["one\ntwo"]),
        ("one\n\ntwo", vec!["one", "two"]),
        (
            "\r\none\r\ntwo\r\n\r\nthree\r\n",
            vec!["one\r\ntwo", "three"],
        ),
        ("one\r\rtwo", vec!["one", "two"]),
        ("one \n \t \n\n  two", vec!["one", "two"]),
        ("one\u{2029}two", vec!["one", "two"]),
    ] {
        let found: Vec<&str> = paragraphs(text).map(|range| &text[range]).collect();
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn a_treebank_gives_text_and_spans() {
    let text = "# newdoc\n1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_\n1\tdo\t_\tAUX\t_\t_\t_\t_\t_\t_\n2\tn't\t_\tPART\t_\t_\t_\t_\t_\t_\n\
        3\tgo\t_\tVERB\t_\t_\t_\t_\t_\tSpaceAfter=No\n4\t!\t_\tPUNCT\t_\t_\t_\t_\t_\t_\n\n1\tÉn\t_\tX\t_\t_\t_\t_\t_\t_\n\n\
        # newpar\n1\tOk\t_\tINTJ\t_\t_\t_\t_\t_\tSpacesAfter=\\n\n\n";
    let gold = read_gold(Reader::new(text.as_bytes(), "a.conllu")).unwrap();
    let texts: Vec<&str> = gold
        .iter()
        .map(|paragraph| paragraph.text.as_str())
        .collect();
    assert_eq!(texts, ["don't go! Én", "Ok"]);
    assert_eq!(gold[0].segments.tokens, [0..5, 6..8, 8..9, 10..13]);
    assert_eq!(gold[0].segments.sentences, [0..9, 10..13]);
    assert_eq!(
        gold[0].segments.in_characters(&gold[0].text).sentences,
        [0..9, 10..12]
    );
    assert_eq!(gold[0].tags, [4, 16, 13, 17]);
}

#[test]
fn scores_count_exact_spans() {
    // The rules part "Dr" from "." and make one sentence of the rest.
    let gold = gold("I saw Dr. Who|.\nWhy\n\nNo|!");
    let score = Segmenter::unicode().score(&gold);
    let counts = |counts: super::Counts| (counts.agreeing, counts.found, counts.gold);
    assert_eq!(counts(score.tokens), (7, 9, 8));
    assert_eq!(counts(score.sentences), (2, 4, 3));
    assert!((score.sentences.precision() - 0.5).abs() < 1e-12);
    assert!((score.sentences.recall() - 2.0 / 3.0).abs() < 1e-12);
    assert!((score.sentences.f1() - 4.0 / 7.0).abs() < 1e-12);
    assert_eq!(Segmenter::unicode().score(&[]), super::Score::default());
}

#[test]
fn training_learns_what_it_saw_and_gives_the_same_bytes() {
    let toy = toy();
    let one = train("toy", &toy, &Settings::default());
    let score = one.score(&toy);
    assert_eq!(score.tokens.agreeing, score.tokens.gold);
    assert_eq!(score.sentences.agreeing, score.sentences.gold);
    assert_eq!(score.sentences.found, score.sentences.gold);
    check(&one, "It sat.\nWhy? No!", "It|sat|.\nWhy|?\nNo|!");
    let other = train("toy", &toy, &Settings::default());
    assert_eq!(one.to_bytes(), other.to_bytes());
    check(
        &train("none", &[], &Settings::default()),
        "As it is. So",
        "As|it|is.|So",
    );
}

#[test]
fn a_file_gives_the_segmenter_back_and_no_other_file_does() {
    let segmenter = train("toy", &toy(), &Settings::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("toy.segmenter");
    segmenter.save(&path).unwrap();
    let loaded = Segmenter::load(&path).unwrap();
    assert_eq!(loaded.language(), Some("toy"));
    assert_eq!(loaded.to_bytes(), segmenter.to_bytes());
    assert!(Segmenter::unicode().save(&path).unwrap_err().is_mistake());

    let bytes = segmenter.to_bytes().unwrap();
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 0x10;
        Segmenter::from_bytes(&changed, Path::new("x")).unwrap_err();
        Segmenter::from_bytes(&bytes[..place], Path::new("x")).unwrap_err();
    }
    let message = |bytes: &[u8]| {
        Segmenter::from_bytes(bytes, Path::new("x"))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message(b"PK\x03\x04"),
        "x: byte 0: not a segmenter: expected a file that `kiln segmenter train` wrote"
    );
    assert_eq!(
        message(b"kilnsegm\x02\0\0\0"),
        "x: byte 8: a segmenter of version 2, expected 1: train it again"
    );
    assert!(message(&bytes[..bytes.len() - 1]).contains("the checksum is not that of the file"));
    // With a right checksum over wrong contents.
    let mut short = bytes[..bytes.len() - 17].to_vec();
    let checksum = blake3::hash(&short);
    short.extend(&checksum.as_bytes()[..16]);
    assert!(
        message(&short).contains("train the segmenter again"),
        "{}",
        message(&short)
    );
}

#[test]
fn a_stream_has_a_line_for_each_paragraph() {
    let run = |form, input: &[u8]| {
        let mut output = Vec::new();
        stream(&Segmenter::unicode(), input, "in", &mut output, form)
            .map(|()| String::from_utf8(output).unwrap())
            .map_err(|error| error.to_string())
    };
    let input = "Ĉu? Jes.\r\n\nNe".as_bytes();
    assert_eq!(
        run(Form::Json, input).unwrap(),
        "{\"sentences\":[[0,3],[4,8]],\"tokens\":[[0,2],[2,3],[4,7],[7,8]]}\n\
         {\"sentences\":[],\"tokens\":[]}\n{\"sentences\":[[0,2]],\"tokens\":[[0,2]]}\n"
    );
    assert_eq!(run(Form::Plain, input).unwrap(), "Ĉu ?\nJes .\n\n\nNe\n\n");
    assert_eq!(
        run(Form::Json, b"a\nb\xff\n").unwrap_err(),
        "in:2: byte 1 of the line is not UTF-8: convert the text to UTF-8"
    );
}

proptest! {
    #[test]
    fn every_character_is_in_one_token_of_one_sentence(
        text in r"(\PC|[ \n\r\t.!?'()a-zA-Z0-9\u{300}\u{200d}\u{2029}\u{a0}]){0,60}"
    ) {
        for segmenter in SEGMENTERS.iter() {
            let segments = segmenter.segment(&text);
            whole(&text, &segments)?;
            let characters = segments.in_characters(&text);
            for (bytes, range) in segments.tokens.iter().zip(&characters.tokens) {
                let token: String = text.chars().skip(range.start).take(range.len()).collect();
                prop_assert_eq!(&text[bytes.clone()], token);
            }
        }
    }
}

#[cfg(feature = "english")]
#[test]
#[ignore = "needs data sets: set KILN_DATA"]
fn english_reaches_its_bars_on_the_development_split() {
    let data = std::env::var_os("KILN_DATA").expect("KILN_DATA is set");
    let folder = Path::new(&data).join("nlp/ud");
    let read = |name: &str| read_gold(crate::conllu::open(&folder.join(name)).unwrap()).unwrap();
    let score = Segmenter::english().score(&read("en_ewt-dev.conllu"));
    assert!(
        score.sentences.f1() >= 0.885 && score.tokens.f1() >= 0.992,
        "{score:?}"
    );
    // The model is what the training split gives.
    let again = train(
        "english",
        &read("en_ewt-train.reduced.conllu.gz"),
        &Settings::default(),
    );
    assert!(
        again.to_bytes() == Segmenter::english().to_bytes(),
        "the model is not that of today's code"
    );
}
