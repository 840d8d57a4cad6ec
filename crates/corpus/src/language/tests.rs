use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: &str) {
    assert_eq!(identify(text).language, expected, "{text}");
}

#[test]
fn tells_languages_without_a_model() {
    check(
        "The rain fell all day on the roofs of the little town, and nobody went outside.",
        "en",
    );
    check(
        "Der Regen fiel den ganzen Tag auf die Dächer der kleinen Stadt.",
        "de",
    );
    check(
        "La pluie tombait toute la journée sur les toits de la petite ville.",
        "fr",
    );
    check(
        "La lluvia cayó todo el día sobre los tejados de la pequeña ciudad, y nadie salió.",
        "es",
    );
    check("Весь день шёл дождь, и никто не выходил на улицу.", "ru");
    check("雨下了一整天，没有人出门。", "zh");
    check("一日中雨が降っていて、誰も外に出なかった。", "ja");
    check("하루 종일 비가 내려서 아무도 밖에 나가지 않았다.", "ko");
    check("", UNDETERMINED);
    check("3.14 -- 2.72", UNDETERMINED);
}

/// Pieces are looked at from the beginning to the end, and none is cut within a character.
#[test]
fn long_texts_are_looked_at_in_pieces() {
    let english =
        "The rain fell all day on the roofs of the little town, and nobody went outside. ";
    let menu = "Home | About | Contact | ";
    for (head, tail) in [(0, 40), (3, 40), (40, 40), (0, 4000)] {
        let text = menu.repeat(head) + &english.repeat(tail);
        check(&text, "en");
        let text = english.repeat(tail) + &menu.repeat(head);
        check(&text, "en");
    }
    for shift in 0..3 {
        check(
            &("x".repeat(shift) + &"мир и счастье для всех людей ".repeat(99)),
            "ru",
        );
        check(
            &("x".repeat(shift) + &"今日は天気がいいですね。".repeat(99)),
            "ja",
        );
    }
    let sample = super::sample(&"0123456789abcdef".repeat(100)).into_owned();
    let ends = ["0123456789abcdef", "0123456789abcdef "];
    assert!(
        sample.starts_with(ends[0]) && sample.ends_with(ends[1]),
        "{sample}"
    );
}

proptest! {
    #[test]
    fn any_text_has_a_tag_and_a_score(text in any::<String>(), times in 1usize..90) {
        let text = text.repeat(times);
        let guess = identify(&text);
        prop_assert!((2..=3).contains(&guess.language.len()));
        prop_assert!((0.0..=1.0).contains(&guess.score));
    }
}

/// The texts that `scripts/reference/language.py` reads, as it makes them.
pub(super) fn texts() -> Vec<String> {
    let cases = include_str!("../pii/cases.tsv").lines();
    let texts = cases.map(|line| {
        let text = line
            .split_once('\t')
            .unwrap()
            .1
            .replace("~~", "")
            .replace("\\n", "\n");
        let mut plain = String::new();
        for (index, part) in text.split("{{").enumerate() {
            match part.split_once('|') {
                Some((_, marked)) if index > 0 => plain.push_str(&marked.replacen("}}", "", 1)),
                _ => plain.push_str(part),
            }
        }
        plain
    });
    texts.collect()
}

fn model() -> Option<Identifier> {
    let path = PathBuf::from(std::env::var_os("KILN_LANGUAGE_MODEL")?);
    Some(Identifier::open(&path).unwrap())
}

/// The languages of the C++ tool, which `scripts/reference/language.py` asked: the same label, the score within 0.02.
#[test]
#[ignore = "needs a model: set KILN_LANGUAGE_MODEL to lid.176.ftz"]
fn a_model_says_what_it_says_to_the_original_tool() {
    let model = model().unwrap();
    let expected: Vec<&str> = include_str!("../../tests/reference/lid176.tsv")
        .lines()
        .collect();
    let texts = texts();
    assert_eq!((texts.len(), expected.len()), (500, 500));
    let mut furthest: f64 = 0.0;
    for (text, expected) in texts.iter().zip(expected) {
        let (label, score) = expected.split_once('\t').unwrap();
        let guess = model.identify(text);
        assert_eq!(guess.language, tags::from_label(label), "{text:?}");
        furthest = furthest.max((guess.score - score.parse::<f64>().unwrap()).abs());
    }
    assert!(furthest < 0.02, "{furthest}");
}

/// The declarations by the code in their file's name.
pub(super) fn declarations() -> Vec<(String, String)> {
    let path = PathBuf::from(std::env::var_os("KILN_DATA").unwrap()).join("udhr/udhr2.zip");
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut texts = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let name = file.name().unwrap().into_owned();
        let Some(stem) = name.strip_suffix(".txt") else {
            continue;
        };
        let stem = stem.rsplit('/').next().unwrap().to_owned();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        texts.push((stem, text));
    }
    texts.sort();
    texts
}

/// Tags that say the same of a text: Norwegian Bokmål is what is mostly meant by Norwegian.
fn same(left: &str, right: &str) -> bool {
    let one = |tag: &str| match tag {
        "nb" => "no".to_owned(),
        other => other.to_owned(),
    };
    one(left) == one(right)
}

/// Sentences of treebanks by their languages: text that no profile was made of.
pub(super) fn sentences() -> Vec<(String, String)> {
    let folder = PathBuf::from(std::env::var_os("KILN_DATA").unwrap()).join("nlp/ud");
    let names = [
        "de_gsd",
        "en_ewt",
        "es_gsd",
        "fr_gsd",
        "nl_alpino",
        "pt_gsd",
        "ru_gsd",
    ];
    let texts = names.map(|name| {
        let treebank = std::fs::read_to_string(folder.join(format!("{name}-dev.conllu"))).unwrap();
        let sentences: Vec<&str> = treebank
            .lines()
            .filter_map(|line| line.strip_prefix("# text = "))
            .collect();
        (name[..2].to_owned(), sentences.join("\n"))
    });
    texts.into()
}

/// The texts of the declarations by the tags of their languages.
fn tagged(declarations: Vec<(String, String)>) -> Vec<(String, String)> {
    let tag = |stem: &str| from_iso639_3(stem.split('_').next().unwrap()).to_owned();
    declarations
        .into_iter()
        .map(|(stem, text)| (tag(&stem), text))
        .collect()
}

/// Of the lines of 40 characters or more of each text whose language `claims` has, how many are given it, and whether the whole
/// text is: by tag, right lines, lines, right texts, texts.
fn accuracy(
    identifier: &Identifier,
    claims: &BTreeSet<String>,
    texts: &[(String, String)],
) -> BTreeMap<String, [usize; 4]> {
    let mut table: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    for (tag, text) in texts {
        if !claims.iter().any(|claimed| same(claimed, tag)) {
            continue;
        }
        let row = table.entry(tag.clone()).or_default();
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| line.chars().count() >= 40)
        {
            row[0] += usize::from(same(&identifier.identify(line).language, tag));
            row[1] += 1;
        }
        row[2] += usize::from(same(&identifier.identify(text).language, tag));
        row[3] += 1;
    }
    table
}

fn mean(table: &BTreeMap<String, [usize; 4]>, right: usize) -> f64 {
    let shares = table
        .values()
        .map(|row| row[right] as f64 / row[right + 1] as f64);
    shares.sum::<f64>() / table.len() as f64
}

/// Prints the tables of `docs/languages.md`. With a model named in KILN_LANGUAGE_MODEL for that too.
#[test]
#[ignore = "needs data sets: set KILN_DATA"]
fn accuracy_on_declarations_and_treebanks() {
    let built_in = whatlang::Lang::all()
        .iter()
        .map(|language| from_iso639_3(language.code()).to_owned());
    let mut columns = vec![(
        "built in",
        Identifier::built_in(),
        built_in.collect::<BTreeSet<_>>(),
        0.95,
        0.93,
    )];
    if let Some(model) = model() {
        let Inner::Model(inner) = &model.0 else {
            panic!("a model was opened")
        };
        let labels = inner.predict("any text", 10_000, 0.0).unwrap();
        let claims = labels
            .iter()
            .map(|label| tags::from_label(&label.label))
            .collect();
        columns.push(("model", model, claims, 0.74, 0.98));
    }
    let declarations = tagged(declarations());
    let sentences = sentences();
    let mut out = String::new();
    for (name, identifier, claims, least, least_of_sentences) in &columns {
        for (texts, least) in [(&declarations, least), (&sentences, least_of_sentences)] {
            let table = accuracy(identifier, claims, texts);
            let (lines, texts) = (mean(&table, 0), mean(&table, 2));
            out += &format!(
                "{name}: {} languages claimed, {} tried, mean of lines {lines:.3}, of texts {texts:.3}\n",
                claims.len(),
                table.len()
            );
            for (tag, [right, lines, right_texts, texts]) in &table {
                let share = *right as f64 / *lines as f64;
                out += &format!("| {tag} | {share:.3} | {lines} | {right_texts}/{texts} |\n");
            }
            assert!(lines > *least, "{out}");
        }
    }
    std::io::stdout().write_all(out.as_bytes()).unwrap();
}
