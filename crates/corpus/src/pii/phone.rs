//! Telephone numbers: digits in groups, in a form that numbers have and little else has, or after a word that announces them.
//!
//! International numbers begin with `+` or `00` and a calling code (ITU-T E.164). Of national forms those are found without a
//! word before them whose grouping tells them apart: North American (3-3-4), French (five pairs), British (a leading 0 and ten or
//! eleven digits), Russian (8 and the area in brackets), and an area code in brackets or before a slash.

use std::ops::Range;

use super::{before, is_word};

/// The number whose first digit this is, the first of a run; the range takes in a `+` or bracket before it.
pub(super) fn at(text: &str, digit: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let number = Number::read(text, digit)?;
    if number.digits() < 7 || !begins_cleanly(bytes, number.start) {
        return None;
    }
    let forms: [fn(&Number<'_>) -> Option<usize>; 8] = [
        international,
        north_american,
        french,
        british,
        area_apart,
        russian,
        abroad,
        announced,
    ];
    let end = forms.iter().find_map(|form| form(&number))?;
    Some(number.start..end)
}

/// Groups of digits with what stands between them. Ten groups are more than any number has.
struct Number<'a> {
    text: &'a str,
    start: usize,
    plus: bool,
    bracket: bool,
    groups: Vec<Range<usize>>,
}

const GROUPS: usize = 10;

/// What may stand between two groups.
const BETWEEN: [&str; 14] = [
    " ", "-", ".", "/", "\u{A0}", "\u{2011}", "(", ")", " (", ") ", ")-", ")/", " / ", ").",
];

impl<'a> Number<'a> {
    fn read(text: &'a str, digit: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut groups = Vec::with_capacity(GROUPS);
        let mut at = digit;
        while groups.len() < GROUPS {
            let length = bytes[at..]
                .iter()
                .take(16)
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if length > 15 {
                break;
            }
            groups.push(at..at + length);
            match next_group(bytes, at + length) {
                Some(next) => at = next,
                None => break,
            }
        }
        let first = groups.first()?.clone();
        let earlier = digit.checked_sub(1).map(|at| bytes[at]);
        let plus = earlier == Some(b'+');
        let bracket = earlier == Some(b'(') && bytes.get(first.end) == Some(&b')');
        Some(Self {
            text,
            start: digit - usize::from(plus || bracket),
            plus,
            bracket,
            groups,
        })
    }

    fn digits(&self) -> usize {
        self.groups.iter().map(|group| group.len()).sum()
    }

    /// Whether the first groups have these lengths.
    fn begins(&self, lengths: &[usize]) -> bool {
        self.groups.len() >= lengths.len()
            && self
                .groups
                .iter()
                .zip(lengths)
                .all(|(group, &length)| group.len() == length)
    }

    fn group(&self, index: usize) -> &[u8] {
        self.text[self.groups[index].clone()].as_bytes()
    }

    /// What stands before a group other than the first.
    fn mark(&self, index: usize) -> &str {
        &self.text[self.groups[index - 1].end..self.groups[index].start]
    }

    fn is_space(&self, index: usize) -> bool {
        matches!(self.mark(index), " " | "\u{A0}")
    }

    /// The end of the first `count` groups, if the number can end there.
    fn end(&self, count: usize) -> Option<usize> {
        let end = self.groups[count - 1].end;
        let bytes = self.text.as_bytes();
        let clean = match bytes.get(end) {
            None => true,
            Some(b'-' | b'.' | b',' | b'/' | b':') => {
                !bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
            }
            Some(&byte) => !is_word(byte) && byte != b'%',
        };
        clean.then_some(end)
    }

    /// Whether the first `count` groups stand among other numbers, as in a table.
    fn is_among_numbers(&self, count: usize) -> bool {
        let bytes = self.text.as_bytes();
        let before = self.start >= 2
            && bytes[self.start - 1] == b' '
            && bytes[self.start - 2].is_ascii_digit();
        before || (self.groups.len() > count && self.is_space(count))
    }

    /// Whether one of the words just before announces a telephone number.
    fn is_announced(&self) -> bool {
        let window = before(self.text, self.start, 48).to_lowercase();
        let words = window
            .rsplit(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty());
        let by_word = words.take(3).any(|word| {
            ANNOUNCING.contains(&word) || STEMS.iter().any(|stem| word.starts_with(stem))
        });
        by_word || UNSPACED.iter().any(|word| window.contains(word))
    }
}

/// Where the next group of digits begins after the end of one.
fn next_group(bytes: &[u8], end: usize) -> Option<usize> {
    let rest = &bytes[end..];
    let length = rest.iter().take(4).position(u8::is_ascii_digit)?;
    let known = BETWEEN
        .iter()
        .any(|between| between.as_bytes() == &rest[..length]);
    known.then_some(end + length)
}

fn begins_cleanly(bytes: &[u8], start: usize) -> bool {
    let Some(before) = start.checked_sub(1) else {
        return true;
    };
    let earlier = before.checked_sub(1).map(|at| bytes[at]);
    match bytes[before] {
        b'.' | b',' | b'/' | b':' => !earlier.is_some_and(|byte| byte.is_ascii_digit()),
        b'-' => !earlier.is_some_and(is_word),
        b'#' | b'$' | b'+' => false,
        byte => !is_word(byte),
    }
}

/// Words after which a number is taken for a telephone number, in lower case, ...
const ANNOUNCING: [&str; 42] = [
    "tel",
    "tél",
    "tlf",
    "tfno",
    "tfn",
    "tf",
    "ph",
    "fax",
    "call",
    "calling",
    "ring",
    "dial",
    "text",
    "sms",
    "cell",
    "cel",
    "mob",
    "gsm",
    "handy",
    "hotline",
    "whatsapp",
    "appelez",
    "portable",
    "anrufen",
    "rufen",
    "rufnummer",
    "unter",
    "llame",
    "llámame",
    "llamar",
    "llamando",
    "chiamare",
    "chiama",
    "bel",
    "bellen",
    "ligue",
    "ligar",
    "zadzwoń",
    "volejte",
    "звоните",
    "звонить",
    "тел",
];
/// ... such words by their beginning, ...
const STEMS: [&str; 14] = [
    "telefon",
    "telephon",
    "téléphon",
    "teléfon",
    "telefoon",
    "telefax",
    "phone",
    "mobil",
    "móvil",
    "cellul",
    "celular",
    "puhelin",
    "телефон",
    "τηλ",
];
/// ... and those of languages that do not part words by spaces or join others to them.
const UNSPACED: [&str; 7] = ["電話", "电话", "手机", "携帯", "전화", "هاتف", "फ़ोन"];

/// How many digits numbers have with their calling code, where the country has a fixed plan. Others have 8 to 15 (E.164, 6.1).
const PLANS: [(u32, usize, usize); 40] = [
    (1, 11, 11),
    (7, 11, 11),
    (20, 11, 12),
    (27, 11, 11),
    (30, 12, 12),
    (31, 11, 11),
    (32, 10, 11),
    (33, 11, 11),
    (34, 11, 11),
    (36, 10, 11),
    (39, 8, 13),
    (40, 11, 11),
    (41, 11, 11),
    (44, 11, 12),
    (45, 10, 10),
    (46, 9, 12),
    (47, 10, 10),
    (48, 11, 11),
    (49, 9, 13),
    (52, 12, 13),
    (54, 12, 13),
    (55, 12, 13),
    (61, 11, 11),
    (64, 10, 12),
    (65, 10, 10),
    (81, 11, 12),
    (82, 10, 12),
    (86, 12, 13),
    (90, 12, 12),
    (91, 12, 12),
    (351, 12, 12),
    (352, 8, 12),
    (353, 10, 12),
    (358, 8, 13),
    (380, 12, 12),
    (385, 11, 12),
    (420, 12, 12),
    (421, 12, 12),
    (971, 11, 12),
    (972, 11, 12),
];

/// The length of the calling code at the beginning of these digits: one digit for zones 1 and 7, else two where the plan of
/// E.164 gives a country two, else three.
fn calling_code(digits: &[u8]) -> Option<usize> {
    let two = (digits.first()? - b'0') * 10 + (digits.get(1)? - b'0');
    match two {
        10..=19 | 70..=79 => Some(1),
        20
        | 27
        | 30..=34
        | 36
        | 39..=41
        | 43..=49
        | 51..=58
        | 60..=66
        | 81
        | 82
        | 84
        | 86
        | 90..=95
        | 98 => Some(2),
        21..=26 | 29 | 35 | 37 | 38 | 42 | 50 | 59 | 67..=69 | 80 | 85 | 87 | 88 | 96 | 97 | 99 => {
            Some(3)
        }
        _ => None,
    }
}

/// `+44 20 7946 0018`, `+49 (0) 30 23125 123`
fn international(number: &Number<'_>) -> Option<usize> {
    if !number.plus {
        return None;
    }
    with_calling_code(number, 0)
}

/// `0049 30 23125 123`
fn abroad(number: &Number<'_>) -> Option<usize> {
    if number.plus || !number.group(0).starts_with(b"00") || number.groups.len() < 3 {
        return None;
    }
    with_calling_code(number, 2)
}

fn with_calling_code(number: &Number<'_>, skip: usize) -> Option<usize> {
    (1..=number.groups.len()).rev().find_map(|count| {
        let digits = significant(number, count, skip);
        let code = calling_code(&digits)?;
        let value = digits[..code]
            .iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        let plan = PLANS.iter().find(|plan| plan.0 == value);
        let (shortest, longest) = plan.map_or((8, 15), |plan| (plan.1, plan.2));
        let national = &digits[code..];
        let points = (1..count)
            .filter(|&index| number.mark(index) == ".")
            .count();
        let fits = (shortest..=longest).contains(&digits.len())
            && !national.starts_with(b"00")
            && (count > 1 || digits.len() >= 10)
            // +40.712776 is a coordinate, +62 500 000 a count.
            && points != 1
            && !(digits.len() <= 9 && is_thousands(number, count))
            && (value != 1 || (national[0] >= b'2' && national[3] >= b'2'));
        if fits { number.end(count) } else { None }
    })
}

/// The digits of the first groups, without the `(0)` that is left out when one calls from abroad.
fn significant(number: &Number<'_>, count: usize, skip: usize) -> Vec<u8> {
    let mut digits = Vec::with_capacity(20);
    for index in 0..count {
        let optional =
            index > 0 && number.group(index) == b"0" && number.mark(index).ends_with('(');
        if !optional {
            digits.extend_from_slice(number.group(index));
        }
    }
    digits.drain(..skip.min(digits.len()));
    digits
}

fn is_thousands(number: &Number<'_>, count: usize) -> bool {
    count > 1 && (1..count).all(|index| number.group(index).len() == 3)
}

/// `(202) 555-0143`, `1-800-555-0199`, `202.555.0128`
fn north_american(number: &Number<'_>) -> Option<usize> {
    let first = if number.begins(&[1, 3, 3, 4]) && number.group(0) == b"1" {
        1
    } else if number.begins(&[3, 3, 4]) {
        0
    } else {
        return None;
    };
    let area = number.group(first);
    let exchange = number.group(first + 1);
    if number.plus || area[0] < b'2' || &area[1..] == b"11" || exchange[0] < b'2' {
        return None;
    }
    let count = first + 3;
    let spaces = number.is_space(first + 1) && number.is_space(first + 2);
    if spaces && !number.bracket && number.is_among_numbers(count) {
        return None;
    }
    number.end(count)
}

/// `01 99 00 12 34`
fn french(number: &Number<'_>) -> Option<usize> {
    let first = number.group(0);
    let fits = number.begins(&[2, 2, 2, 2, 2])
        && !number.plus
        && first[0] == b'0'
        && first[1] != b'0'
        && (2..5).all(|index| number.mark(index) == number.mark(1))
        && !number.is_among_numbers(5);
    if fits { number.end(5) } else { None }
}

/// `020 7946 0018`, `07700 900123`, `(0117) 496 0123`
fn british(number: &Number<'_>) -> Option<usize> {
    const FORMS: [&[usize]; 4] = [&[3, 4, 4], &[4, 3, 4], &[5, 6], &[5, 3, 3]];
    let first = number.group(0);
    if number.plus
        || first[0] != b'0'
        || !matches!(first.get(1), Some(b'1' | b'2' | b'3' | b'7' | b'8'))
    {
        return None;
    }
    let form = FORMS.iter().find(|form| number.begins(form))?;
    let between = (1..form.len())
        .all(|index| matches!(number.mark(index), " " | "-" | "\u{A0}" | ") " | ")"));
    if !between || number.is_among_numbers(form.len()) {
        return None;
    }
    number.end(form.len())
}

/// `(0221) 4710 123`, `030/23125-456`: the area code, which begins with 0, in brackets or before a slash.
fn area_apart(number: &Number<'_>) -> Option<usize> {
    let first = number.group(0);
    let slash = number.groups.len() > 1 && matches!(number.mark(1), "/" | " / ");
    if !(first[0] == b'0' && first.len() >= 3 && first[1] != b'0' && (number.bracket || slash)) {
        return None;
    }
    (2..=number.groups.len()).rev().find_map(|count| {
        let digits = significant(number, count, 0).len();
        if (9..=12).contains(&digits) {
            number.end(count)
        } else {
            None
        }
    })
}

/// `8 (495) 123-45-67`
fn russian(number: &Number<'_>) -> Option<usize> {
    let fits = number.begins(&[1, 3, 3, 2, 2])
        && number.group(0) == b"8"
        && number.mark(1).ends_with('(')
        && number.mark(2).starts_with(')');
    if fits { number.end(5) } else { None }
}

/// Seven to twelve digits after a word for telephones.
fn announced(number: &Number<'_>) -> Option<usize> {
    if number.plus || is_date(number) || number.digits() < 7 || !number.is_announced() {
        return None;
    }
    (1..=number.groups.len()).rev().find_map(|count| {
        let digits = significant(number, count, 0).len();
        // Numbers with a digit here and there are the steps of a list.
        if (7..=12).contains(&digits) && digits >= 2 * count {
            number.end(count)
        } else {
            None
        }
    })
}

/// `2024-03-15`, `15.03.2024`, `1914-1918`
fn is_date(number: &Number<'_>) -> bool {
    let is_year =
        |group: &[u8]| group.len() == 4 && (group.starts_with(b"19") || group.starts_with(b"20"));
    let lengths: Vec<usize> = number
        .groups
        .iter()
        .take(3)
        .map(|group| group.len())
        .collect();
    match lengths[..] {
        [4, 1..=2, 1..=2] => is_year(number.group(0)),
        [1..=2, 1..=2, 4] => is_year(number.group(2)),
        [4, 4, ..] => is_year(number.group(0)) && is_year(number.group(1)),
        _ => false,
    }
}
