//! Bytes to characters as they come.

/// Collects bytes and gives them out as text, never half a character.
#[derive(Debug, Default)]
pub struct Characters {
    pending: Vec<u8>,
}

impl Characters {
    /// The text that is complete with these bytes. Bytes that can belong to no character become U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        let mut rest = self.pending.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(whole) => {
                    text.push_str(whole);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (whole, tail) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(whole));
                    rest = tail;
                    let Some(wrong) = error.error_len() else {
                        break;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &rest[wrong..];
                }
            }
        }
        self.pending = rest.to_vec();
        text
    }

    /// What is left at the end: a character that was begun and not finished becomes U+FFFD.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::Characters;

    #[test]
    fn any_cut_of_a_text_gives_whole_characters() {
        let text = "Ärger, naïve, 日本語, 🦀!";
        for size in 1..8 {
            let mut characters = Characters::default();
            let mut joined = String::new();
            for part in text.as_bytes().chunks(size) {
                let piece = characters.push(part);
                assert!(!piece.contains(char::REPLACEMENT_CHARACTER));
                joined += &piece;
            }
            assert_eq!(joined + &characters.finish(), text);
        }
    }

    #[test]
    fn wrong_bytes_are_shown_and_passed() {
        let mut characters = Characters::default();
        assert_eq!(characters.push(b"a\xffb\xe6\x97"), "a\u{fffd}b");
        assert_eq!(characters.push(b"x"), "\u{fffd}x");
        assert_eq!(characters.push(b"\xe6"), "");
        assert_eq!(characters.finish(), "\u{fffd}");
    }
}
