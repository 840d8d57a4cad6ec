//! Characters that stand for others, or for nothing.

use std::borrow::Cow;
use std::sync::LazyLock;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfkc_quick};

use super::code_page;
use super::config::Unicode;

/// Replace U+0080 to U+009F by what the same bytes are in Windows-1252. The five that Windows-1252 leaves unassigned stay.
pub fn c1_controls(text: &str) -> Cow<'_, str> {
    replace_wide(text, code_page::windows_1252)
}

/// Replace curly quotation marks and apostrophes by straight ones: `“don’t”` by `"don't"`.
pub fn straight_quotes(text: &str) -> Cow<'_, str> {
    replace_wide(text, |char| match char {
        '\u{2bc}' | '\u{2018}'..='\u{201b}' => Some("'"),
        '\u{201c}'..='\u{201f}' => Some("\""),
        _ => None,
    })
}

/// Split Latin ligatures and digraphs that were one character for an encoding's sake: `ﬁ`, `ĳ`, `ǆ`. Letters such as `æ` and
/// `œ` stay, and so do the ligatures of other scripts.
pub fn split_ligatures(text: &str) -> Cow<'_, str> {
    replace_wide(text, |char| {
        let found = LIGATURES.binary_search_by_key(&char, |(ligature, _)| *ligature);
        found.ok().map(|at| LIGATURES[at].1)
    })
}

const LIGATURES: &[(char, &str)] = &[
    ('Ĳ', "IJ"),
    ('ĳ', "ij"),
    ('ŉ', "ʼn"),
    ('Ǆ', "DŽ"),
    ('ǅ', "Dž"),
    ('ǆ', "dž"),
    ('Ǉ', "LJ"),
    ('ǈ', "Lj"),
    ('ǉ', "lj"),
    ('Ǌ', "NJ"),
    ('ǋ', "Nj"),
    ('ǌ', "nj"),
    ('Ǳ', "DZ"),
    ('ǲ', "Dz"),
    ('ǳ', "dz"),
    ('ﬀ', "ff"),
    ('ﬁ', "fi"),
    ('ﬂ', "fl"),
    ('ﬃ', "ffi"),
    ('ﬄ', "ffl"),
    ('ﬅ', "ſt"),
    ('ﬆ', "st"),
];

/// Replace full-width Latin, half-width katakana and hangul, and the ideographic space by their usual forms.
pub fn standard_width(text: &str) -> Cow<'_, str> {
    const FIRST: char = '\u{ff01}';
    static STANDARD: LazyLock<Vec<String>> = LazyLock::new(|| {
        let forms = FIRST..='\u{ffef}';
        forms.map(|form| form.nfkc().collect()).collect()
    });
    replace_wide(text, |char| match char {
        '\u{3000}' => Some(" "),
        FIRST..='\u{ffef}' => {
            let standard = STANDARD[char as usize - FIRST as usize].as_str();
            (!standard.starts_with(char)).then_some(standard)
        }
        _ => None,
    })
}

/// End lines with line feeds: for CR LF, CR, U+0085, U+2028 and U+2029.
pub fn line_feeds(text: &str) -> Cow<'_, str> {
    let text = match text.contains("\r\n") {
        true => Cow::Owned(text.replace("\r\n", "\n")),
        false => Cow::Borrowed(text),
    };
    let ends_line = |char| matches!(char, '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    match text.contains(ends_line) {
        true => Cow::Owned(text.replace(ends_line, "\n")),
        false => text,
    }
}

/// Remove control characters that are not white space, byte order marks, the deprecated format characters U+206A to U+206F,
/// and U+FFF9 to U+FFFC (annotations and objects). U+0080 to U+009F stay: they are traces of mojibake. So do joiners, marks
/// of direction, and tags, which change what is seen.
pub fn remove_control_characters(text: &str) -> Cow<'_, str> {
    replace(text, |char| is_control(char).then_some(""))
}

pub(super) fn is_control(char: char) -> bool {
    matches!(
        char,
        '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}'
    )
}

/// Remove the sequences that colour and move text in a terminal: ESC, `[`, digits and semicolons, a letter (ECMA-48's CSI).
pub fn remove_terminal_escapes(text: &str) -> Cow<'_, str> {
    let (mut out, mut copied, mut from) = (String::new(), 0, 0);
    while let Some(found) = text[from..].find("\x1b[") {
        let start = from + found;
        let parameters =
            text[start + 2..].trim_start_matches(|char: char| char.is_ascii_digit() || char == ';');
        from = text.len() - parameters.len();
        if parameters.starts_with(|char: char| char.is_ascii_alphabetic()) {
            from += 1;
            out.push_str(&text[copied..start]);
            copied = from;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Remove spaces and tabs at the ends of lines.
pub fn remove_trailing_space(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let kept = body.trim_end_matches([' ', '\t']);
        if kept.len() < body.len() {
            out.push_str(&text[copied..at + kept.len()]);
            copied = at + body.len();
        }
        at += line.len();
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Unicode normalisation (Unicode Standard Annex 15).
pub fn normalise(text: &str, form: Unicode) -> Cow<'_, str> {
    let normal = match form {
        Unicode::None => true,
        Unicode::Nfc => {
            text.chars().all(is_composed) || is_nfc_quick(text.chars()) == IsNormalized::Yes
        }
        Unicode::Nfkc => text.is_ascii() || is_nfkc_quick(text.chars()) == IsNormalized::Yes,
    };
    if normal {
        return Cow::Borrowed(text);
    }
    let normalised: String = match form {
        Unicode::Nfkc => text.nfkc().collect(),
        _ => text.nfc().collect(),
    };
    match normalised == text {
        true => Cow::Borrowed(text),
        false => Cow::Owned(normalised),
    }
}

/// Whether NFC leaves this character alone whatever stands beside it, for the ranges that most text is made of. Latin (with no
/// combining mark), Greek, Cyrillic, punctuation, kana, CJK ideographs, hangul syllables, emoji.
pub(super) fn is_composed(char: char) -> bool {
    matches!(
        char,
        '\0'..='\u{2ff}'
            | '\u{388}'..='\u{482}'
            | '\u{48a}'..='\u{52f}'
            | '\u{2010}'..='\u{2069}'
            | '\u{20a0}'..='\u{20c0}'
            | '\u{3001}'..='\u{3029}'
            | '\u{3041}'..='\u{3096}'
            | '\u{309b}'..='\u{30ff}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{ff01}'..='\u{ff60}'
            | '\u{1f300}'..='\u{1faff}'
    )
}

/// Replace characters; the text itself if there is none to replace.
fn replace(text: &str, replacement: impl Fn(char) -> Option<&'static str>) -> Cow<'_, str> {
    replace_from(
        text,
        |text, at| text[at..].chars().next().map(|_| at),
        replacement,
    )
}

/// Replace characters that are not of ASCII; the text itself if there is none to replace.
fn replace_wide(text: &str, replacement: impl Fn(char) -> Option<&'static str>) -> Cow<'_, str> {
    let next = |text: &str, at: usize| {
        let rest = &text.as_bytes()[at..];
        let blocks = rest.chunks_exact(16);
        let plain = blocks.take_while(|block| block.is_ascii()).count() * 16;
        let wide = rest[plain..].iter().position(|byte| !byte.is_ascii());
        wide.map(|wide| at + plain + wide)
    };
    replace_from(text, next, replacement)
}

fn replace_from(
    text: &str,
    next: impl Fn(&str, usize) -> Option<usize>,
    replacement: impl Fn(char) -> Option<&'static str>,
) -> Cow<'_, str> {
    let (mut out, mut copied, mut from) = (String::new(), 0, 0);
    let mut changed = false;
    while let Some(at) = next(text, from) {
        let Some(char) = text[at..].chars().next() else {
            break;
        };
        from = at + char.len_utf8();
        if let Some(new) = replacement(char)
            && new != char.encode_utf8(&mut [0; 4])
        {
            if !changed {
                // What is written is as long as the text, about.
                out.reserve(text.len());
            }
            out.push_str(&text[copied..at]);
            out.push_str(new);
            copied = from;
            changed = true;
        }
    }
    if !changed {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: fn(&str) -> Cow<'_, str>, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let changed = change(text);
            assert_eq!(changed, *expected, "{text:?}");
            assert_eq!(
                matches!(changed, Cow::Owned(_)),
                text != expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn characters_are_replaced() {
        check(
            c1_controls,
            &[("a\u{85}\u{80}", "a…€"), ("\u{81}é", "\u{81}é")],
        );
        check(
            straight_quotes,
            &[
                ("“don’t”", "\"don't\""),
                ("«non»", "«non»"),
                ("‚x‘ „y“", "'x' \"y\""),
            ],
        );
        check(
            split_ligatures,
            &[
                ("ﬂuﬃeﬆ", "fluffiest"),
                ("œuvre, Ærø", "œuvre, Ærø"),
                ("ĳs ŉ", "ijs ʼn"),
            ],
        );
        check(
            standard_width,
            &[
                ("ＬＯＵＤ　ＮＯＩＳＥＳ", "LOUD NOISES"),
                ("Ｕﾀｰﾝ", "Uターン"),
                ("漢字", "漢字"),
            ],
        );
        check(
            line_feeds,
            &[
                ("a\r\nb\rc\u{85}d\u{2028}e\u{2029}", "a\nb\nc\nd\ne\n"),
                ("a\nb", "a\nb"),
            ],
        );
        check(
            remove_control_characters,
            &[
                ("\u{feff}a\0b\u{7f}\tc\n\r", "ab\tc\n\r"),
                ("a\u{200d}b", "a\u{200d}b"),
                ("\u{90}", "\u{90}"),
                ("\u{fffc}\u{206b}", ""),
            ],
        );
        check(
            remove_terminal_escapes,
            &[
                ("\x1b[36;44mblue\x1b[0m", "blue"),
                ("\x1b[", "\x1b["),
                ("\x1b[3é", "\x1b[3é"),
                ("\x1b[\x1b[0mx", "\x1b[x"),
            ],
        );
        check(
            remove_trailing_space,
            &[
                ("a \t\nb\n  \nc ", "a\nb\n\nc"),
                ("a \r\nb", "a\r\nb"),
                (" a", " a"),
                (" ", ""),
            ],
        );
        check(
            |text| normalise(text, Unicode::Nfc),
            &[
                ("e\u{301}", "é"),
                ("é", "é"),
                ("\u{2126}", "Ω"),
                ("①ﬁ", "①ﬁ"),
            ],
        );
        check(
            |text| normalise(text, Unicode::Nfkc),
            &[("①ﬁ10³", "1fi103"), ("é", "é")],
        );
    }

    #[test]
    fn ligatures_are_in_order() {
        assert!(LIGATURES.is_sorted_by_key(|(ligature, _)| *ligature));
    }

    #[test]
    fn composed_characters_stay_beside_any_other() {
        for char in ('\0'..=char::MAX).filter(|char| is_composed(*char)) {
            assert_eq!(
                is_nfc_quick([char].into_iter()),
                IsNormalized::Yes,
                "{char:?}"
            );
        }
    }
}
