//! The classes of characters that words are cut by.

use std::sync::LazyLock;

/// A set of classes, a bit each; a character has one of them or none.
pub(crate) type Class = u8;

/// `\p{Lu}` and `\p{Lt}`.
pub(crate) const UPPER: Class = 1;
/// `\p{Ll}`.
pub(crate) const LOWER: Class = 2;
/// `\p{Lm}` and `\p{Lo}`: letters without case.
pub(crate) const CASELESS: Class = 4;
/// `\p{L}`.
pub(crate) const LETTER: Class = UPPER | LOWER | CASELESS;
/// `\p{M}`.
pub(crate) const MARK: Class = 8;
/// `\p{N}`.
pub(crate) const NUMBER: Class = 16;
/// `\s`.
pub(crate) const SPACE: Class = 32;

/// As the regular expressions of the `tokenizers` crate have them.
const RANGES: &str = include_str!("classes.txt");

/// One past the greatest code point.
const CODE_POINTS: usize = char::MAX as usize + 1;

static TABLE: LazyLock<Vec<Class>> = LazyLock::new(|| {
    let mut table = vec![0; CODE_POINTS];
    for line in RANGES.lines() {
        let mut fields = line.split(' ');
        let class = match fields.next() {
            Some("upper") => UPPER,
            Some("lower") => LOWER,
            Some("letter") => CASELESS,
            Some("mark") => MARK,
            Some("number") => NUMBER,
            Some("space") => SPACE,
            _ => continue,
        };
        let mut code_point = || usize::from_str_radix(fields.next()?, 16).ok();
        if let (Some(first), Some(last)) = (code_point(), code_point())
            && let Some(range) = table.get_mut(first..=last)
        {
            range.fill(class);
        }
    }
    table
});

/// The class of each code point.
#[derive(Clone, Copy)]
pub(crate) struct Classes(&'static [Class]);

impl Classes {
    /// The table, which is made at the first call.
    pub(crate) fn get() -> Self {
        Self(&TABLE)
    }

    /// The class of the character that begins at a byte of a UTF-8 text, and the byte after it; no class at its end.
    #[inline(always)]
    pub(crate) fn at(self, text: &[u8], at: usize) -> (Class, usize) {
        let Some(&lead) = text.get(at) else {
            return (0, at);
        };
        if lead < 0x80 {
            return (self.0[usize::from(lead)], at + 1);
        }
        let (character, bytes) = decode(text, at, lead);
        (self.0.get(character).copied().unwrap_or(0), at + bytes)
    }
}

/// The character of more than one byte at a place of a UTF-8 text, and its length.
#[inline]
fn decode(text: &[u8], at: usize, lead: u8) -> (usize, usize) {
    let lead = usize::from(lead);
    let next = |distance: usize| usize::from(text.get(at + distance).copied().unwrap_or(0) & 0x3F);
    if lead < 0xE0 {
        ((lead & 0x1F) << 6 | next(1), 2)
    } else if lead < 0xF0 {
        ((lead & 0x0F) << 12 | next(1) << 6 | next(2), 3)
    } else {
        let character = (lead & 0x07) << 18 | next(1) << 12 | next(2) << 6 | next(3);
        (character, 4)
    }
}

#[cfg(test)]
mod tests {
    use tokenizers::utils::SysRegex;

    use super::*;

    /// Whether each code point's class is what a pattern of the library says of it.
    fn check(pattern: &str, classes: Class) {
        let all: String = (0..CODE_POINTS as u32).filter_map(char::from_u32).collect();
        let mut matched = vec![false; CODE_POINTS];
        for (start, end) in SysRegex::new(pattern).unwrap().find_iter(&all) {
            for character in all[start..end].chars() {
                matched[character as usize] = true;
            }
        }
        let mut buffer = [0; 4];
        for character in all.chars() {
            let text = character.encode_utf8(&mut buffer).as_bytes();
            let (class, end) = Classes::get().at(text, 0);
            assert_eq!(end, text.len());
            let ours = class & classes != 0;
            assert_eq!(ours, matched[character as usize], "{character:?} {pattern}");
        }
    }

    #[test]
    fn every_code_point_has_the_librarys_classes() {
        for (pattern, classes) in [
            (r"[\p{Lu}\p{Lt}]+", UPPER),
            (r"\p{Ll}+", LOWER),
            (r"[\p{Lm}\p{Lo}]+", CASELESS),
            (r"\p{L}+", LETTER),
            (r"\p{M}+", MARK),
            (r"\p{N}+", NUMBER),
            (r"\s+", SPACE),
        ] {
            check(pattern, classes);
        }
    }
}
