//! GPT-2's alphabet: a visible character for each byte, so that byte-level vocabularies can be written as JSON text
//! (`bytes_to_unicode` in the `encoder.py` of Radford et al. 2019).

/// The character of each byte: itself for visible Latin-1, else the next one from U+0100 on.
const CHARACTERS: [char; 256] = characters();

/// The least code point above all characters of the alphabet.
const END: usize = 0x144;

/// The byte of each code point below [`END`], if it has one.
const BYTES: [Option<u8>; END] = bytes();

const fn characters() -> [char; 256] {
    let mut table = ['\0'; 256];
    let mut next = 0x100;
    let mut byte = 0;
    while byte < 256 {
        let visible = matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
        table[byte] = if visible {
            byte as u8 as char
        } else {
            next += 1;
            match char::from_u32(next - 1) {
                Some(character) => character,
                None => panic!("no surrogates here"),
            }
        };
        byte += 1;
    }
    table
}

const fn bytes() -> [Option<u8>; END] {
    let mut table = [None; END];
    let mut byte = 0;
    while byte < 256 {
        table[CHARACTERS[byte] as usize] = Some(byte as u8);
        byte += 1;
    }
    table
}

/// The character that stands for a byte.
pub(crate) fn character(byte: u8) -> char {
    CHARACTERS[byte as usize]
}

/// The byte that a character stands for.
pub(crate) fn byte(character: char) -> Option<u8> {
    BYTES.get(character as usize).copied().flatten()
}

/// Bytes as text of the alphabet, appended to `written`.
#[cfg(test)]
pub(crate) fn write(bytes: &[u8], written: &mut String) {
    written.extend(bytes.iter().map(|byte| character(*byte)));
}

/// The bytes that a text of the alphabet stands for; `None` if it holds any other character.
pub(crate) fn read(written: &str) -> Option<Vec<u8>> {
    written.chars().map(byte).collect()
}

/// Bytes as a person would write them: as text where they are that, else each as `<0xE2>`.
pub(crate) fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| format!("<0x{byte:02X}>")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_hold() {
        for (of, character_of) in [
            (b'!', '!'),
            (b' ', 'Ġ'),
            (b'\n', 'Ċ'),
            (0, 'Ā'),
            (0xAD, 'Ń'),
        ] {
            assert_eq!(character(of), character_of);
        }
        assert_eq!(CHARACTERS.iter().max().map(|c| *c as usize + 1), Some(END));
    }

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let mut written = String::new();
        write(&all, &mut written);
        assert_eq!(read(&written).as_deref(), Some(all.as_slice()));
        assert_eq!(read("a b"), None);
        assert_eq!(read("語"), None);
    }
}
