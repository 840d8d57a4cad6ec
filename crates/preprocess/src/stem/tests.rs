//! Stems of others' lists.

use std::path::PathBuf;

use proptest::prelude::*;

use super::{Algorithm, Error, LANGUAGES, Stemmer};

/// `language<TAB>word<TAB>stem`, cut by `scripts/reference/snowball_sample.py`.
const SNOWBALL: &str = include_str!("snowball.tsv");
/// `word<TAB>stem`, by `scripts/reference/lancaster.py`.
const LANCASTER: &str = include_str!("lancaster.tsv");

/// Words of the vocabulary whose stem a later release of Snowball's Finnish changed: PyStemmer 3.1.0 gives these too.
const FINNISH_SINCE: [(&str, &str); 9] = [
    ("akashin", "akash"),
    ("balakshin", "balaksh"),
    ("barhin", "barh"),
    ("carneilhan", "carneilh"),
    ("cashin", "cash"),
    ("cucchin", "cucch"),
    ("goghin", "gogh"),
    ("hoxhan", "hoxh"),
    ("hughin", "hugh"),
];

/// The stemmer that a list of snowball-data is for.
fn of_list(name: &str) -> Stemmer {
    let stemmer = match name {
        "porter" => Stemmer::with_algorithm("english", Algorithm::Porter),
        "lovins" => Stemmer::with_algorithm("english", Algorithm::Lovins),
        "dutch_porter" => Stemmer::with_algorithm("dutch", Algorithm::Porter),
        language => Stemmer::new(language),
    };
    stemmer.unwrap()
}

fn check(stemmer: Stemmer, word: &str, expected: &str) {
    assert_eq!(stemmer.stem(word), expected, "{stemmer:?} of {word:?}");
}

#[test]
fn stems_are_those_of_snowballs_lists() {
    let mut lines = 0;
    for line in SNOWBALL.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        check(of_list(fields[0]), fields[1], fields[2]);
        lines += 1;
    }
    assert!(lines > 1000, "{lines}");
}

#[test]
fn lancaster_stems_are_nltks() {
    let stemmer = Stemmer::with_algorithm("english", Algorithm::Lancaster).unwrap();
    for line in LANCASTER.lines() {
        let (word, stem) = line.split_once('\t').unwrap();
        check(stemmer, word, stem);
    }
}

#[test]
fn capitals_and_separate_accents_make_no_difference() {
    for (language, word, expected) in [
        ("english", "RUNNING", "run"),
        ("german", "HA\u{308}USER", "haus"),
        ("french", "e\u{301}lectricite\u{301}", "électr"),
        ("turkish", "ISI", "ıs"),
        ("turkish", "İSTANBUL", "istanbul"),
        ("turkish", "I\u{307}STANBUL", "istanbul"),
        ("russian", "КНИГИ", "книг"),
        ("greek", "ΔΡΟΜΟΣ", "δρομ"),
        ("irish", "ÉIREANN", "éireann"),
        ("irish", "Über", "Über"),
        ("english", "", ""),
        ("english", "42", "42"),
        ("english", "...", "..."),
    ] {
        check(Stemmer::new(language).unwrap(), word, expected);
    }
}

#[test]
fn names_and_codes_name_one_language() {
    for (given, expected) in [
        ("English", "english"),
        (" en ", "english"),
        ("deu", "german"),
        ("GER", "german"),
        ("nb", "norwegian"),
        ("Early Modern English", "early_modern_english"),
    ] {
        assert_eq!(Stemmer::new(given).unwrap().language(), expected);
    }
    let mut names: Vec<&str> = Vec::new();
    for language in &LANGUAGES {
        names.push(language.name);
        names.extend(language.codes);
        for code in language.codes {
            assert!([2, 3].contains(&code.len()), "{code}");
            assert_eq!(Stemmer::new(code).unwrap().language(), language.name);
        }
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a name twice");
}

#[test]
fn every_snowball_algorithm_can_be_had() {
    let mut algorithms: Vec<&str> = LANGUAGES
        .iter()
        .map(|language| language.snowball.name())
        .chain(["porter", "lovins", "dutch_porter"])
        .collect();
    algorithms.sort_unstable();
    let library: Vec<&str> = frostem::Algorithm::all()
        .iter()
        .map(|algorithm| algorithm.name())
        .collect();
    assert_eq!(algorithms, library);
}

#[test]
fn what_is_not_there_is_one_line_that_says_what_is() {
    for (language, algorithm, expected) in [
        (
            "englsh",
            Algorithm::Snowball,
            r#"no stemmer for the language "englsh" (did you mean english?): `kiln stem --languages` lists those that have one"#,
        ),
        (
            "zh",
            Algorithm::Snowball,
            r#"no stemmer for the language "zh": `kiln stem --languages` lists those that have one"#,
        ),
        (
            "german",
            Algorithm::Lancaster,
            "the lancaster algorithm has no rules for german: it is for english; the default, snowball, has them",
        ),
        (
            "de",
            Algorithm::Porter,
            "the porter algorithm has no rules for german: it is for english and dutch; the default, snowball, has them",
        ),
    ] {
        let error = Stemmer::with_algorithm(language, algorithm).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!("Porter".parse(), Ok(Algorithm::Porter));
    assert_eq!(
        "krovetz".parse::<Algorithm>(),
        Err(Error::UnknownAlgorithm("krovetz".into()))
    );
}

proptest! {
    #[test]
    fn any_text_has_a_stem_and_case_does_not_count(word in r"\PC{0,12}|[a-zA-Z']{0,12}|[äöüßèéêа-яα-ωअ-ह]{0,12}") {
        for language in &LANGUAGES {
            Stemmer::new(language.name).unwrap().stem(&word);
        }
        for algorithm in Algorithm::ALL {
            let stemmer = Stemmer::with_algorithm("en", algorithm).unwrap();
            let lower = word.to_lowercase();
            prop_assert_eq!(stemmer.stem(&word), stemmer.stem(&lower));
        }
    }
}

/// Whole vocabularies: all but Finnish equal Snowball's output, and Finnish equals the release that follows it.
#[test]
#[ignore = "needs data sets: set KILN_DATA"]
fn stems_are_those_of_whole_vocabularies() {
    let folder = PathBuf::from(std::env::var_os("KILN_DATA").expect("KILN_DATA is set"))
        .join("nlp/snowball");
    let mut lists: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    lists.sort();
    let mut wrong = Vec::new();
    for list in &lists {
        let file = list.file_name().unwrap().to_str().unwrap();
        let (name, _) = file.split_once('.').unwrap();
        let stemmer = of_list(name);
        for line in std::fs::read_to_string(list).unwrap().lines() {
            let (word, mut stem) = line.split_once('\t').unwrap();
            if name == "finnish" {
                let since = FINNISH_SINCE.iter().find(|(changed, _)| *changed == word);
                stem = since.map_or(stem, |(_, stem)| stem);
            }
            let found = stemmer.stem(word);
            if found != stem {
                wrong.push(format!("{name}: {word} -> {found}, expected {stem}"));
            }
        }
    }
    assert!(
        lists.len() > 30 && wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(60)].join("\n")
    );
}
