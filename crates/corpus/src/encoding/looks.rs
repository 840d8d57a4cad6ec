//! Encodings that the general detector does not know, told by the text that they make: Johab by its Hangul, and the six
//! ways to write Cyrillic by how often each letter comes in Russian.

use super::Encoding;

/// Per mille of the letters of Russian running text, roughly: what matters is which are frequent and which are rare.
const RUSSIAN: [(char, f64); 33] = [
    ('о', 110.0),
    ('е', 85.0),
    ('а', 80.0),
    ('и', 74.0),
    ('н', 67.0),
    ('т', 63.0),
    ('с', 55.0),
    ('р', 47.0),
    ('в', 45.0),
    ('л', 44.0),
    ('к', 35.0),
    ('м', 32.0),
    ('д', 30.0),
    ('п', 28.0),
    ('у', 26.0),
    ('я', 20.0),
    ('ы', 19.0),
    ('ь', 17.0),
    ('г', 17.0),
    ('з', 16.0),
    ('б', 16.0),
    ('ч', 14.0),
    ('й', 12.0),
    ('х', 10.0),
    ('ж', 9.0),
    ('ш', 7.0),
    ('ю', 6.0),
    ('ц', 5.0),
    ('щ', 4.0),
    ('э', 3.0),
    ('ф', 3.0),
    ('ъ', 2.0),
    ('ё', 1.0),
];

/// Natural logarithm of the probability that stands for whatever Russian text does not hold.
const FOREIGN: f64 = -9.0;

/// Added for a small letter followed by a capital, which a wrong table makes of many words.
const CAPITAL_INSIDE: f64 = -4.0;

/// Mean score per letter above which a text is taken for Cyrillic: Russian itself comes to about -3.0, the entropy of its
/// letters, and Bulgarian a little below.
const CYRILLIC: f64 = -3.6;

/// How much better than the general detector's choice another must be.
const MARGIN: f64 = 0.15;

/// Go with `guess`, or with one of those encodings if the text looks right in it.
pub(super) fn choose(bytes: &[u8], guess: Encoding) -> Encoding {
    if looks_like_johab(bytes, guess) {
        return Encoding::Johab;
    }
    if !runs_of_high_bytes(bytes) {
        return guess;
    }
    let candidates = [
        Encoding::Standard(encoding_rs::WINDOWS_1251),
        Encoding::Standard(encoding_rs::KOI8_U),
        Encoding::Standard(encoding_rs::ISO_8859_5),
        Encoding::Standard(encoding_rs::IBM866),
        Encoding::Standard(encoding_rs::X_MAC_CYRILLIC),
        Encoding::Ibm855,
    ];
    let mut best = (guess, cyrillic(&guess.decode(bytes)).max(CYRILLIC) + MARGIN);
    for encoding in candidates {
        let score = cyrillic(&encoding.decode(bytes));
        if score > best.1 {
            best = (encoding, score);
        }
    }
    best.0
}

/// Most bytes above ASCII stand beside another, as where every letter of a word is above ASCII.
fn runs_of_high_bytes(bytes: &[u8]) -> bool {
    let high = |index: usize| bytes.get(index).is_some_and(|&byte| byte >= 0x80);
    let (mut all, mut beside) = (0, 0);
    for index in (0..bytes.len()).filter(|&index| high(index)) {
        all += 1;
        beside += usize::from(high(index + 1) || index.checked_sub(1).is_some_and(high));
    }
    beside * 4 > all * 3
}

/// The mean logarithm of the probability of the characters above ASCII, as letters of Russian text.
fn cyrillic(text: &str) -> f64 {
    let total: f64 = RUSSIAN.iter().map(|(_, often)| often).sum();
    let mut scores = [FOREIGN; 0x60];
    for (letter, often) in RUSSIAN {
        if let Some(score) = scores.get_mut(letter as usize - 0x400) {
            *score = (often / total).ln();
        }
    }
    let (mut count, mut sum, mut after_small) = (0u32, 0.0, false);
    for character in text.chars() {
        if character.is_ascii() {
            after_small = false;
            continue;
        }
        let small = character.to_lowercase().next().unwrap_or(character);
        let index = (small as usize).checked_sub(0x400);
        sum += index
            .and_then(|index| scores.get(index))
            .unwrap_or(&FOREIGN);
        if after_small && small != character {
            sum += CAPITAL_INSIDE;
        }
        after_small = small == character && character.is_alphabetic();
        count += 1;
    }
    match count {
        0 => f64::NEG_INFINITY,
        _ => sum / f64::from(count),
    }
}

/// Johab without an error and nearly all Hangul, where EUC-KR, which uses the same bytes, has errors or was not the guess.
fn looks_like_johab(bytes: &[u8], guess: Encoding) -> bool {
    let text = Encoding::Johab.decode(bytes);
    let (mut above, mut hangul) = (0usize, 0usize);
    for character in text.chars().filter(|character| !character.is_ascii()) {
        if character == char::REPLACEMENT_CHARACTER {
            return false;
        }
        above += 1;
        hangul += usize::from(matches!(character, '가'..='힣'));
    }
    let as_guessed = guess.decode(bytes);
    let sound = guess == Encoding::Standard(encoding_rs::EUC_KR)
        && !as_guessed.contains(char::REPLACEMENT_CHARACTER);
    hangul * 4 > above * 3 && !sound
}

/// EUC-TW throughout, CNS 11643 in two bytes or (behind 0x8E and the number of a plane) in four, with more hanzi than else.
/// Its first plane has hanzi from row 0x44 on and nothing between its radicals and its pictures of control characters
/// (rows 0x2A to 0x41): there GB 2312, EUC-JP and EUC-KR have their most frequent characters.
pub(super) fn looks_like_euc_tw(bytes: &[u8]) -> bool {
    let (mut hanzi, mut others) = (0usize, 0usize);
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        if first.is_ascii() {
            at += 1;
            continue;
        }
        let length = if first == 0x8e { 4 } else { 2 };
        let Some(character) = bytes.get(at..at + length) else {
            // Cut at the end.
            break;
        };
        let is_set = |byte: &u8| matches!(byte, 0xa1..=0xfe);
        match character {
            [0x8e, 0xa1..=0xb0, rest @ ..] if rest.iter().all(is_set) => hanzi += 1,
            [0xc4..=0xfd, second] if is_set(second) => hanzi += 1,
            [0xa1..=0xa9 | 0xc2, second] if is_set(second) => others += 1,
            _ => return false,
        }
        at += length;
    }
    hanzi >= 16 && hanzi > others
}
