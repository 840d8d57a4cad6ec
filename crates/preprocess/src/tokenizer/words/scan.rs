//! Runs of characters of one class, found eight bytes of ASCII at a time.

use crate::tokenizer::words::classes::{Class, Classes, LETTER, NUMBER, SPACE};

/// The highest bit of each byte.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// A byte eight times.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Eight bytes from a place on, the first one lowest; zeros after the end.
#[inline(always)]
pub(crate) fn load(text: &[u8], at: usize) -> u64 {
    match text.get(at..at + 8) {
        Some(bytes) => u64::from_le_bytes(bytes.try_into().unwrap_or_default()),
        None => load_end(text, at),
    }
}

#[cold]
fn load_end(text: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    let left = text.get(at..).unwrap_or_default();
    let count = left.len().min(8);
    bytes[..count].copy_from_slice(&left[..count]);
    u64::from_le_bytes(bytes)
}

/// The bytes of eight that lie between two others, as high bits. Bytes above 127 are in no range.
#[inline(always)]
fn between(bytes: u64, first: u8, last: u8) -> u64 {
    let low = bytes & !HIGH;
    let reaches_first = low + eight(0x80 - first);
    let passes_last = low + eight(0x7F - last);
    reaches_first & !passes_last & !bytes & HIGH
}

/// ASCII letters, as high bits. Setting bit 5 makes small letters of capitals and no letter of anything else.
#[inline(always)]
fn letters(bytes: u64) -> u64 {
    between(bytes | eight(0x20), b'a', b'z')
}

/// How many of eight bytes come before the first one that is not marked.
#[inline(always)]
fn leading(marked: u64) -> usize {
    ((!marked & HIGH).trailing_zeros() / 8) as usize
}

/// The end of the letters that begin at a place: `\p{L}*`.
#[inline(always)]
pub(crate) fn letters_end(classes: Classes, text: &[u8], mut at: usize) -> usize {
    loop {
        let count = leading(letters(load(text, at)));
        at += count;
        if count == 8 {
            continue;
        }
        match text.get(at) {
            Some(byte) if *byte >= 0x80 => {
                at = run_end(classes, text, at, |class| class & LETTER != 0);
                // What stopped it may be no letter, but then the next turn ends here.
                if text.get(at).is_none_or(|byte| *byte >= 0x80) {
                    return at;
                }
            }
            _ => return at,
        }
    }
}

/// The end of the run of characters of a class that begins at a place, of which the first is not ASCII; it may end early
/// at an ASCII character.
#[inline]
fn run_end(classes: Classes, text: &[u8], mut at: usize, belongs: impl Fn(Class) -> bool) -> usize {
    while text.get(at).is_some_and(|byte| *byte >= 0x80) {
        let (class, end) = classes.at(text, at);
        if !belongs(class) {
            break;
        }
        at = end;
    }
    at
}

/// The end of the numbers that begin at a place, of which there are at most so many.
#[inline(always)]
pub(crate) fn numbers_end(classes: Classes, text: &[u8], mut at: usize, most: usize) -> usize {
    for _ in 0..most {
        let (class, end) = classes.at(text, at);
        if class & NUMBER == 0 {
            break;
        }
        at = end;
    }
    at
}

/// The end of what is neither letter, number nor space: `[^\s\p{L}\p{N}]*`.
#[inline(always)]
pub(crate) fn others_end(classes: Classes, text: &[u8], mut at: usize) -> usize {
    loop {
        let (class, end) = classes.at(text, at);
        if class & (LETTER | NUMBER | SPACE) != 0 || end == at {
            return at;
        }
        at = end;
    }
}

/// The white space that begins at a place.
pub(crate) struct Spaces {
    /// Its end.
    pub(crate) end: usize,
    /// Where its last character begins.
    pub(crate) last: usize,
    /// The end of its last line break (`\r` or `\n`), if it has one.
    pub(crate) line_end: Option<usize>,
}

/// The white space from a place on.
#[inline]
pub(crate) fn spaces(classes: Classes, text: &[u8], start: usize) -> Spaces {
    let mut found = Spaces {
        end: start,
        last: start,
        line_end: None,
    };
    loop {
        let (class, end) = classes.at(text, found.end);
        if class & SPACE == 0 {
            return found;
        }
        found.last = found.end;
        found.end = end;
        if matches!(text[found.last], b'\r' | b'\n') {
            found.line_end = Some(end);
        }
    }
}

impl Spaces {
    /// The end of `\s+(?!\S)|\s+`: all of it at the end of the text, else all but the last character, which begins the next
    /// word, unless it is the only one.
    #[inline(always)]
    pub(crate) fn word_end(&self, text: &[u8], start: usize) -> usize {
        if self.end == text.len() || self.last == start {
            self.end
        } else {
            self.last
        }
    }
}

/// The end of `'s|'t|'re|'ve|'m|'ll|'d` at an apostrophe, if it is there. Without regard to case, the long s (U+017F) is
/// an s too.
#[inline]
pub(crate) fn contraction_end(text: &[u8], at: usize, any_case: bool) -> Option<usize> {
    let rest = text.get(at + 1..)?;
    let letter = |place: usize| {
        let byte = *rest.get(place)?;
        Some(if any_case {
            byte.to_ascii_lowercase()
        } else {
            byte
        })
    };
    let length = match (letter(0)?, letter(1)) {
        (b's' | b't' | b'm' | b'd', _) => 1,
        (b'r' | b'v', Some(b'e')) | (b'l', Some(b'l')) => 2,
        (0xC5, Some(0xBF)) if any_case => 2,
        _ => return None,
    };
    Some(at + 1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_at_once_are_each_by_itself() {
        for byte in 0..=255u8 {
            for place in 0..8 {
                for rest in [b'a', b'Z', 0, 0x7F, 0xFF] {
                    let mut bytes = [rest; 8];
                    bytes[place] = byte;
                    let marked = letters(u64::from_le_bytes(bytes));
                    for (place, byte) in bytes.iter().enumerate() {
                        let bit = marked >> (8 * place + 7) & 1 == 1;
                        assert_eq!(bit, byte.is_ascii_alphabetic(), "{bytes:?} {place}");
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_past_the_end_are_zero() {
        assert_eq!(load(b"ab", 1), u64::from(b'b'));
        assert_eq!(load(b"ab", 2), 0);
        assert_eq!(load(b"ab", 9), 0);
        assert_eq!(load(b"abcdefgh", 0).to_le_bytes(), *b"abcdefgh");
    }
}
