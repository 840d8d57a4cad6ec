//! What spaCy's English rules take off the ends of a chunk and where they cut inside it.
//!
//! The rules are those of `spacy/lang/punctuation.py` and `spacy/lang/en/punctuation.py` (spaCy 3.8). A chunk has no white
//! space in it, so that the `$` of a suffix rule is its end.

use std::sync::LazyLock;

use crate::words::classes::{
    ALPHA, BEFORE_STOP, CLASSES, Classes, INFIX, LOWER, PREFIX, QUOTE, SUFFIX, UPPER,
};

/// `UNITS` and `CURRENCY`: suffixes behind a digit. (`тбكم` is one unit, as a blank is missing in spaCy's list.)
const AFTER_DIGIT: &str = "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz \
    m/s km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ \
    нм кг г мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ тбكم كم² كم³ م م² م³ سم سم² سم³ مم مم² مم³ كم غرام \
    جرام جم كغ ملغ كوب اكواب \
    $ £ € ¥ ฿ US$ C$ A$ ₽ ﷼ ₴ ₠ ₡ ₢ ₣ ₤ ₥ ₦ ₧ ₨ ₩ ₪ ₫ ₭ ₮ ₯ ₰ ₱ ₲ ₳ ₵ ₶ ₷ ₸ ₹ ₺ ₻ ₼ ₾ ₿";

/// The bytes of the longest of them.
const LONGEST_AFTER_DIGIT: usize = 10;

/// These suffixes in order, and which bytes they begin with: most of what stands behind digits begins with none of them.
static UNITS: LazyLock<(Vec<&str>, [bool; 256])> = LazyLock::new(|| {
    let mut units: Vec<&str> = AFTER_DIGIT.split(' ').collect();
    units.sort_unstable();
    let mut begins = [false; 256];
    for first in units.iter().filter_map(|unit| unit.bytes().next()) {
        begins[usize::from(first)] = true;
    }
    (units, begins)
});

fn is_digit(character: Option<char>) -> bool {
    character.is_some_and(|c| c.is_ascii_digit())
}

fn is(classes: &Classes, character: Option<char>, class: u32) -> bool {
    character.is_some_and(|c| classes.is(c, class))
}

fn is_alpha_or_digit(classes: &Classes, character: Option<char>) -> bool {
    is_digit(character) || is(classes, character, ALPHA)
}

fn leading_stops(text: &str) -> usize {
    text.bytes().take_while(|byte| *byte == b'.').count()
}

/// The bytes of the prefix of a chunk, 0 if it has none.
pub(super) fn prefix(chunk: &str) -> usize {
    let mut characters = chunk.chars();
    let Some(first) = characters.next() else {
        return 0;
    };
    match first {
        '.' => match leading_stops(chunk) {
            1 => 0,
            stops => stops,
        },
        '+' => usize::from(!is_digit(characters.next())),
        'U' if chunk.starts_with("US$") => 3,
        'C' | 'A' if characters.next() == Some('$') => 2,
        _ if CLASSES.is(first, PREFIX) => first.len_utf8(),
        _ => 0,
    }
}

/// The bytes of the suffix of a chunk, 0 if it has none. Of several, spaCy finds the longest, as it searches from the left.
pub(super) fn suffix(chunk: &str) -> usize {
    let mut backwards = chunk.chars().rev();
    let Some(last) = backwards.next() else {
        return 0;
    };
    let classes = &*CLASSES;
    let before = backwards.next();
    let alone = match last {
        's' | 'S' => match before {
            Some(quote @ ('\'' | '’')) => 1 + quote.len_utf8(),
            _ => 0,
        },
        '.' if before == Some('.') => chunk.len() - chunk.trim_end_matches('.').len(),
        '.' => usize::from(
            is(classes, before, BEFORE_STOP)
                || is(classes, before, UPPER) && is(classes, backwards.next(), UPPER)
                // Degrees: of the six letters, the small ones are in the class above.
                || matches!(before, Some('F' | 'C' | 'K')) && chunk[..chunk.len() - 2].ends_with('°'),
        ),
        '…' if before == Some('…') => 2 * last.len_utf8(),
        '+' => usize::from(is_digit(before)),
        '—' | '–' => last.len_utf8(),
        _ if classes.is(last, SUFFIX) => last.len_utf8(),
        _ => 0,
    };
    alone.max(after_digit(chunk))
}

/// The bytes behind the last digit if they are a unit or a currency.
fn after_digit(chunk: &str) -> usize {
    let bytes = chunk.as_bytes();
    if bytes.last().is_none_or(u8::is_ascii_digit) {
        return 0;
    }
    let searched = &bytes[bytes.len().saturating_sub(LONGEST_AFTER_DIGIT + 1)..];
    let Some(tail) = searched.iter().rev().position(u8::is_ascii_digit) else {
        return 0;
    };
    let (units, begins) = &*UNITS;
    let first = bytes[bytes.len() - tail];
    let is_unit = || units.binary_search(&&chunk[chunk.len() - tail..]).is_ok();
    match begins[usize::from(first)] && is_unit() {
        true => tail,
        false => 0,
    }
}

/// The infixes of a chunk from left to right, as the bytes where they begin and end.
pub(super) fn infixes(chunk: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    let mut before = None;
    std::iter::from_fn(move || {
        let bytes = chunk.as_bytes();
        while let Some(byte) = bytes.get(at) {
            if byte.is_ascii_alphanumeric() {
                before = Some(char::from(*byte));
                at += 1;
                continue;
            }
            let rest = &chunk[at..];
            let first = rest.chars().next()?;
            let length = infix(before, first, rest);
            let begin = at;
            at += length.max(first.len_utf8());
            if length > 0 {
                before = chunk[..at].chars().next_back();
                return Some((begin, at));
            }
            before = Some(first);
        }
        None
    })
}

/// The bytes of the infix that begins `rest`, which begins with `first` and stands behind `before`. 0 if there is none.
fn infix(before: Option<char>, first: char, rest: &str) -> usize {
    let classes = &*CLASSES;
    let length = first.len_utf8();
    let next = rest[length..].chars().next();
    let either = |fits: bool| if fits { length } else { 0 };
    match first {
        '.' => match leading_stops(rest) {
            1 => either(is(classes, before, LOWER | QUOTE) && is(classes, next, UPPER | QUOTE)),
            stops => stops,
        },
        ',' => either(is(classes, before, ALPHA) && is(classes, next, ALPHA)),
        ':' | '<' | '>' | '=' | '/' => {
            either(is_alpha_or_digit(classes, before) && is(classes, next, ALPHA))
        }
        '+' | '*' | '^' => either(is_digit(before) && (is_digit(next) || next == Some('-'))),
        '-' if is_digit(before) && (is_digit(next) || next == Some('-')) => 1,
        '-' | '–' | '—' | '~' if is_alpha_or_digit(classes, before) => hyphens(first, rest),
        _ => either(classes.is(first, INFIX)),
    }
}

/// The bytes of `HYPHENS` (`- – — -- --- —— ~`) before a letter.
fn hyphens(hyphen: char, rest: &str) -> usize {
    let longest = match hyphen {
        '-' => 3,
        '—' => 2,
        _ => 1,
    };
    let behind = rest.trim_start_matches(hyphen);
    let length = rest.len() - behind.len();
    let fits = length <= longest * hyphen.len_utf8() && is(&CLASSES, behind.chars().next(), ALPHA);
    if fits { length } else { 0 }
}
