//! datatrove's punctuation marks (version 0.10.1, `utils/text.py`, Apache-2.0).

use super::classes::{CLASSES, PUNCTUATION, SIMPLIFIED, TERMINAL};

/// Whether a character is in `PUNCTUATION_SET`: marks of Latin and East Asian script, the control characters except tab
/// and line feed, and every terminal mark.
///
/// ```
/// use kiln_corpus::words::punctuation::is_punctuation;
///
/// assert!(is_punctuation('—') && is_punctuation('\r') && is_punctuation('။'));
/// assert!(!is_punctuation('\n') && !is_punctuation('€'));
/// ```
#[inline]
pub fn is_punctuation(character: char) -> bool {
    CLASSES.is(character, PUNCTUATION)
}

/// Whether a character is in `TERMINAL_PUNCTUATION`: some 150 marks of all scripts that end a sentence. Quotation marks
/// do not.
#[inline]
pub fn is_terminal_punctuation(character: char) -> bool {
    CLASSES.is(character, TERMINAL)
}

/// Whether a character is in `PUNCTUATION`, which `simplify_text` makes blanks: [`is_punctuation`] without the terminal
/// marks of other scripts.
#[inline]
pub fn is_simplified_punctuation(character: char) -> bool {
    CLASSES.is(character, SIMPLIFIED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_those_of_datatrove() {
        // character, in PUNCTUATION_SET, in TERMINAL_PUNCTUATION, in PUNCTUATION; counts by len() in Python
        let cases = [
            ('.', true, true, true),
            ('"', true, false, true),
            ('…', true, false, true),
            ('？', true, true, true),
            ('།', false, false, false),
            ('։', true, true, false),
            ('\u{11F43}', true, true, false),
            ('１', true, false, true),
            ('1', false, false, false),
            ('\t', false, false, false),
            ('\n', false, false, false),
            ('\r', true, false, true),
            ('\u{9F}', true, false, true),
            ('\u{A0}', false, false, false),
        ];
        for (mark, punctuation, terminal, simplified) in cases {
            assert_eq!(is_punctuation(mark), punctuation, "{mark:?}");
            assert_eq!(is_terminal_punctuation(mark), terminal, "{mark:?}");
            assert_eq!(is_simplified_punctuation(mark), simplified, "{mark:?}");
        }
        let count = |class: fn(char) -> bool| ('\0'..=char::MAX).filter(|c| class(*c)).count();
        assert_eq!(
            [
                is_punctuation,
                is_terminal_punctuation,
                is_simplified_punctuation
            ]
            .map(count),
            [281, 159, 129]
        );
    }
}
