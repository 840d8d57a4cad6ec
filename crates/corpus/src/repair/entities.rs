//! HTML's character references, where text is not HTML any more.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::code_page;

/// The longest name, and more digits than any number needs.
const LONGEST: usize = 24;

/// Replace character references by their characters: names of HTML 5 (`&eacute;`), the same in capitals where that is no
/// other name (`&EACUTE;`, É), and numbers (`&#233;`, `&#xE9;`), each with its semicolon. Anything else stays: `AT&T`, `a&b;`.
pub fn decode_entities(text: &str) -> Cow<'_, str> {
    let (mut out, mut copied, mut from) = (String::new(), 0, 0);
    while let Some(found) = text[from..].find('&') {
        let start = from + found;
        from = start + 1;
        let Some(name) = name(&text[from..]) else {
            continue;
        };
        let Some(characters) = characters(name) else {
            continue;
        };
        out.push_str(&text[copied..start]);
        out.push_str(&characters);
        from += name.len() + 1;
        copied = from;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// What stands between the ampersand and the semicolon.
fn name(rest: &str) -> Option<&str> {
    let bytes = rest.as_bytes();
    let hash = usize::from(bytes.first() == Some(&b'#'));
    let letters = bytes[hash..]
        .iter()
        .take(LONGEST + 1)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let end = hash + letters;
    let complete = (1..=LONGEST).contains(&letters) && bytes.get(end) == Some(&b';');
    complete.then(|| &rest[..end])
}

fn characters(name: &str) -> Option<Cow<'static, str>> {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        // A number of so many digits that it does not fit is no character either.
        return numbered(number.unwrap_or(u32::MAX), name);
    }
    NAMED.get(name).cloned()
}

/// The character of a number, as browsers read it (HTML Standard, "numeric character reference end state").
fn numbered(number: u32, name: &str) -> Option<Cow<'static, str>> {
    let digits = name.trim_start_matches(['#', 'x', 'X']);
    let hexadecimal = name[1..].starts_with(['x', 'X']);
    let digit = |byte: u8| byte.is_ascii_digit() || (hexadecimal && byte.is_ascii_hexdigit());
    if digits.is_empty() || !digits.bytes().all(digit) {
        return None;
    }
    let char = match char::from_u32(number) {
        None | Some('\0') => char::REPLACEMENT_CHARACTER,
        Some(char) => char,
    };
    Some(match char {
        '\u{80}'..='\u{9f}' => Cow::Borrowed(code_page::windows_1252(char)?),
        // Controls and noncharacters mean nothing.
        '\u{1}'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{fdd0}'..='\u{fdef}' => {
            Cow::Borrowed("")
        }
        char if u32::from(char) & 0xfffe == 0xfffe => Cow::Borrowed(""),
        char => Cow::Owned(char.to_string()),
    })
}

/// The names without `&` and `;`.
static NAMED: LazyLock<HashMap<Cow<'static, str>, Cow<'static, str>>> = LazyLock::new(|| {
    let complete = |entity: &'static entities::Entity| {
        let name = entity.entity.strip_prefix('&')?.strip_suffix(';')?;
        Some((name, entity.characters))
    };
    let mut names: HashMap<Cow<'_, str>, Cow<'_, str>> = entities::ENTITIES
        .iter()
        .filter_map(complete)
        .map(|(name, characters)| (name.into(), characters.into()))
        .collect();
    // Names that HTML knows without a semicolon too: where capitals begin with one (`&LTBIS;`) they are ambiguous.
    let open: Vec<&str> = entities::ENTITIES
        .iter()
        .filter(|entity| !entity.entity.ends_with(';'))
        .map(|entity| &entity.entity[1..])
        .collect();
    for (name, characters) in entities::ENTITIES.iter().filter_map(complete) {
        let capitals = name.to_uppercase();
        let ambiguous = open.iter().any(|open| capitals.starts_with(open));
        if name == name.to_lowercase() && !ambiguous && !names.contains_key(capitals.as_str()) {
            names.insert(capitals.into(), characters.to_uppercase().into());
        }
    }
    names
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_characters() {
        let check =
            |text: &str, expected: &str| assert_eq!(decode_entities(text), expected, "{text}");
        check("&lt;tag&gt; &amp;amp;", "<tag> &amp;");
        check("P&eacute;rez P&EACUTE;REZ", "Pérez PÉREZ");
        check("BUNDESSTRA&SZLIG;E", "BUNDESSTRASSE");
        check("&ntilde; &Ntilde; &NTILDE; &nTILDE;", "ñ Ñ Ñ &nTILDE;");
        check(
            "&Jscr;ohn &HilbertSpace;ancock &checkmark;",
            "𝒥ohn ℋancock ✓",
        );
        check("&#233;&#xE9;&#XE9;", "ééé");
        check("&#128;&#x99;", "€™");
        check(
            "&#0;&#xD800;&#x110000;&#99999999999999;",
            "\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
        );
        check("a&#1;b&#xFFFE;c", "abc");
        check(
            "AT&T; this&not that &copy 2 &; &#; &#x; &#12ab; &unknown;",
            "AT&T; this&not that &copy 2 &; &#; &#x; &#12ab; &unknown;",
        );
        check("&", "&");
        check("&&amp;&", "&&&");
        check("é&é;&eacute;", "é&é;é");
        check("&NotEqualTilde;", "≂̸");
    }

    #[test]
    fn text_without_references_is_not_copied() {
        assert!(matches!(decode_entities("R&D &c."), Cow::Borrowed(_)));
    }
}
