//! Whether a text looks wrongly decoded: the heuristic of python-ftfy 6 (its documentation, "How it works").
//!
//! A few hundred characters are what bytes of UTF-8 become in other encodings. They fall into classes, and some of them
//! side by side hardly ever mean themselves: an accented capital behind an accented small letter, a currency sign behind
//! an accented letter, a box-drawing character beside a letter. It knows no language and no frequency of words.
//!
//! The rules are python-ftfy's (Copyright 2023 Robyn Speer, Apache License 2.0) in another notation, as are the classes.

use std::sync::LazyLock;

use regex::Regex;

use super::tables::CLASSES;

/// Classes of characters without one of which, or of [`ANCHORS`], no rule matches.
const ANCHOR_CLASSES: &[&str] = &[
    "c1",
    "bad",
    "law",
    "currency",
    "start_punctuation",
    "end_punctuation",
    "numeric",
    "upper_accented",
    "box",
];

/// The others.
const ANCHORS: &str = "ÙŒœЂ°";

/// Sequences that hardly ever mean themselves. A name in braces stands for the characters of that class.
const RULES: &[&str] = &[
    "[{c1}]",
    "[{bad}{lower_accented}{upper_accented}{box}{start_punctuation}{end_punctuation}{currency}{numeric}{law}][{bad}]",
    "[a-zA-Z][{lower_common}{upper_common}][{bad}]",
    "[{bad}][{lower_accented}{upper_accented}{box}{start_punctuation}{end_punctuation}{currency}{numeric}{law}]",
    "[{lower_accented}{lower_common}{box}{end_punctuation}{currency}{numeric}][{upper_accented}]",
    "[{box}{end_punctuation}{currency}{numeric}][{lower_accented}]",
    "[{lower_accented}{box}{end_punctuation}][{currency}]",
    r"\s[{upper_accented}][{currency}]",
    "[{upper_accented}{box}][{numeric}{law}]",
    "[{lower_accented}{upper_accented}{box}{currency}{end_punctuation}][{start_punctuation}][{numeric}]",
    "[{lower_accented}{upper_accented}{currency}{numeric}{box}{law}][{end_punctuation}][{start_punctuation}]",
    "[{currency}{numeric}{box}][{start_punctuation}]",
    "[a-z][{upper_accented}][{start_punctuation}{currency}]",
    "[{box}][{kaomoji}]",
    "[{lower_accented}{upper_accented}{currency}{numeric}{start_punctuation}{end_punctuation}{law}][{box}]",
    "[{box}][{end_punctuation}]",
    r"[{lower_accented}{upper_accented}][{start_punctuation}{end_punctuation}]\w",
    // The ligature of French words stands before another letter of them.
    "[Œœ][^A-Za-z]",
    "[{upper_accented}]°",
    // Two characters of Windows-1252: Latin-1's letters, Greek and Cyrillic, with what is common behind them.
    r"[ÂÃÎÐ][€œŠš¢£Ÿž\u{a0}\u{ad}®©°·»{start_punctuation}{end_punctuation}–—´]",
    "×[²³]",
    // Arabic: its second characters are common ones, so two pairs must stand side by side.
    "[ØÙ][{common}{currency}{bad}{numeric}{start_punctuation}ŸŠ®°µ»][ØÙ][{common}{currency}{bad}{numeric}{start_punctuation}ŸŠ®°µ»]",
    // Scripts of South Asia begin with E0.
    "à[²µ¹¼½¾]",
    // Macintosh.
    "√[±∂†≠®™´≤≥¥µø]",
    "≈[°¢]",
    "‚Ä[ìîïòôúùû†°¢π]",
    "‚[âó][àä°ê]",
    // Windows-1251: punctuation (U+2000 and up), then Latin-1's letters and Cyrillic, then that twice over.
    "вЂ",
    "[ВГРС][{c1}{bad}{start_punctuation}{end_punctuation}{currency}°µ][ВГРС]",
    "ГўВЂВ.[A-Za-z ]",
    // The letters à and á, and the no-break space, in Windows-1252, also where that space became an ordinary one.
    r"Ã[\u{a0}¡]",
    r"[a-z]\s?[ÃÂ] ",
    "^[ÃÂ] ",
    "[a-z.,?!{end_punctuation}]Â[ {start_punctuation}{end_punctuation}]",
    // Windows-1253: punctuation, then Latin-1's letters and Greek.
    r"β€[™\u{a0}Ά\u{ad}®°]",
    "[ΒΓΞΟ][{c1}{bad}{start_punctuation}{end_punctuation}{currency}°][ΒΓΞΟ]",
    // Windows-1257: punctuation.
    "ā€",
];

/// Whether there is a sequence in `text`, which is one line, that hardly ever means itself.
pub(super) fn is_bad(text: &str) -> bool {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let mut pattern = RULES.join("|");
        for (name, characters) in CLASSES {
            pattern = pattern.replace(&format!("{{{name}}}"), characters);
        }
        Regex::new(&pattern).ok()
    });
    PATTERN
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

/// Whether a text without such characters is never bad. Most letters of most languages are not among them.
pub(super) fn is_anchor(char: char) -> bool {
    static ALL: LazyLock<Vec<char>> = LazyLock::new(|| {
        let classes = CLASSES
            .iter()
            .filter(|(name, _)| ANCHOR_CLASSES.contains(name));
        let mut all: Vec<char> = classes.flat_map(|(_, body)| members(body)).collect();
        all.extend(ANCHORS.chars());
        all.sort_unstable();
        all
    });
    ALL.binary_search(&char).is_ok()
}

/// The characters of the inside of a bracket expression.
pub(super) fn members(body: &str) -> Vec<char> {
    let all: Vec<char> = body.chars().collect();
    let mut members: Vec<char> = all.iter().copied().filter(|char| *char != '-').collect();
    for range in all.windows(3).filter(|range| range[1] == '-') {
        members.extend(range[0]..=range[2]);
    }
    members
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Generated by scripts/reference/ftfy-tables.py.
    const REFERENCE: &str = include_str!("reference/badness.jsonl");

    #[test]
    fn it_agrees_with_ftfy() {
        #[derive(serde::Deserialize)]
        struct Case {
            text: String,
            bad: bool,
        }
        let mut bad = 0;
        for line in REFERENCE.lines() {
            let case: Case = serde_json::from_str(line).unwrap();
            assert_eq!(is_bad(&case.text), case.bad, "{:?}", case.text);
            bad += usize::from(case.bad);
        }
        assert_eq!((bad, REFERENCE.lines().count()), (400, 800));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn nothing_is_bad_without_an_anchor(text in without_anchors()) {
            prop_assert!(!is_bad(&text));
        }
    }

    fn without_anchors() -> impl Strategy<Value = String> {
        let rules = RULES.iter().flat_map(|rule| rule.chars());
        let classes = CLASSES.iter().flat_map(|(_, body)| members(body));
        let mut harmless: Vec<char> = rules
            .chain(classes)
            .filter(|char| !is_anchor(*char))
            .collect();
        harmless.sort_unstable();
        harmless.dedup();
        prop::collection::vec(prop::sample::select(harmless), 2..40).prop_map(String::from_iter)
    }
}
