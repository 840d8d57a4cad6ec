//! The built-in identifier says of every text what the crate whatlang says.

use proptest::prelude::*;

use super::built_in;
use super::script::Census;
use super::tests::{declarations, sentences, texts};

/// Names of scripts by their codes.
const NAMES: [(&str, &str); 25] = [
    ("Arab", "Arabic"),
    ("Armn", "Armenian"),
    ("Beng", "Bengali"),
    ("Cyrl", "Cyrillic"),
    ("Deva", "Devanagari"),
    ("Ethi", "Ethiopic"),
    ("Geor", "Georgian"),
    ("Grek", "Greek"),
    ("Gujr", "Gujarati"),
    ("Guru", "Gurmukhi"),
    ("Hang", "Hangul"),
    ("Hani", "Mandarin"),
    ("Hebr", "Hebrew"),
    ("Hira", "Hiragana"),
    ("Kana", "Katakana"),
    ("Khmr", "Khmer"),
    ("Knda", "Kannada"),
    ("Latn", "Latin"),
    ("Mlym", "Malayalam"),
    ("Mymr", "Myanmar"),
    ("Orya", "Oriya"),
    ("Sinh", "Sinhala"),
    ("Taml", "Tamil"),
    ("Telu", "Telugu"),
    ("Thai", "Thai"),
];

fn check(text: &str) {
    let ours = built_in::detect(text).map(|found| {
        let script = Census::of(text).main().unwrap().code;
        let name = NAMES.iter().find(|(code, _)| *code == script).unwrap().1;
        (name.parse().unwrap(), found.language, found.confidence)
    });
    let theirs = whatlang::detect(text)
        .map(|found| (found.script(), found.lang().code(), found.confidence()));
    assert_eq!(ours, theirs, "{text:?}");
}

#[test]
fn of_single_characters() {
    for character in ('\0'..'\u{20000}').chain(['\u{e0041}', '\u{10ffff}']) {
        check(character.encode_utf8(&mut [0; 4]));
    }
}

#[test]
fn of_short_texts() {
    for text in texts() {
        check(&text);
        for line in text.lines() {
            check(line);
        }
        for word in text.split_whitespace() {
            check(word);
        }
        check(&text.to_uppercase());
    }
}

#[test]
fn of_unusual_texts() {
    let texts = [
        "",
        " ",
        "a",
        "a b",
        "\u{7f}a\u{7f}",
        "ΌΣΟΣ ΣΟΦΟΣ aΣ",
        "İSTANBUL İ",
        "\u{212a}elvin",
        "я\u{1d2b}\u{1d78}",
        "\u{1d2b}a я",
        "aя",
        "яa",
        "abяю",
        "日本語ひ",
        "水水水水水水水水水水水水水水水水水水水水水水水水水水水水水水水水水ひ",
        "no\u{a0}break",
    ];
    for text in texts {
        check(text);
        check(&text.repeat(40));
    }
}

/// Characters of one or two scripts, blanks and digits among them.
fn characters() -> impl Strategy<Value = String> {
    let run = prop_oneof![
        "[a-z ]{1,40}",
        "[a-eA-E ,.0-9]{1,40}",
        "[ a-zß-ÿĀ-ſ]{1,40}",
        "[ \u{80}-\u{2af}\u{1d00}-\u{1eff}]{1,40}",
        "[ а-яёѐ-џ]{1,40}",
        "[ \u{400}-\u{52f}\u{1d2b}\u{1d78}]{1,40}",
        "[ \u{600}-\u{6ff}]{1,40}",
        "[ \u{900}-\u{97f}]{1,40}",
        "[ \u{590}-\u{5ff}]{1,40}",
        "[ぁ-んァ-ン一-三]{1,40}",
        "[ \u{a00}-\u{dff}\u{1000}-\u{17ff}]{1,40}",
        "[ \u{370}-\u{3ff}가-깋ａ-ｚ]{1,40}",
    ];
    prop::collection::vec(run, 1..4).prop_map(|runs| runs.concat())
}

/// The trigrams of each profile.
fn profiles() -> Vec<Vec<String>> {
    let trigrams = |line: &str| -> Vec<String> {
        let characters = line.rsplit('\t').next().unwrap().replace('_', " ");
        let characters: Vec<char> = characters.chars().collect();
        characters.chunks(3).map(String::from_iter).collect()
    };
    include_str!("profiles.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(trigrams)
        .collect()
}

/// No text agrees more with a language.
#[test]
fn of_whole_profiles() {
    for profile in profiles() {
        let text = |most: usize| -> String {
            let runs = (0..).zip(&profile);
            runs.map(|(rank, trigram)| format!("{trigram}0").repeat(1 + most * (300 - rank) / 300))
                .collect()
        };
        for most in [0, 10, 60] {
            check(&text(most));
        }
    }
}

/// Words of one or several languages: trigrams of profiles, one after the other.
fn words() -> impl Strategy<Value = String> {
    let profiles = profiles();
    let of_one = (0..profiles.len(), 1..150usize).prop_flat_map(|(profile, length)| {
        prop::collection::vec((Just(profile), 0..300usize), length)
    });
    prop::collection::vec(of_one, 1..5).prop_map(move |parts| {
        let trigrams = parts.into_iter().flatten();
        trigrams
            .map(|(profile, rank)| profiles[profile][rank].as_str())
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn of_any_string(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn of_any_characters(text in characters(), times in 1usize..4) {
        check(&text.repeat(times));
    }

    #[test]
    fn of_any_words(text in words()) {
        check(&text);
    }
}

#[test]
#[ignore = "needs data sets: set KILN_DATA"]
fn of_declarations_and_treebanks() {
    for (_, text) in declarations().into_iter().chain(sentences()) {
        check(&text);
        check(&super::sample(&text));
        for line in text.lines() {
            check(line);
            check(&line.chars().take(20).collect::<String>());
        }
    }
}
