//! Single-byte encodings, backwards: which of them have all characters of a text, and the bytes they have for it.
//!
//! They are lenient in the way of python-ftfy's "sloppy" codecs: an unassigned byte is the C1 control character of its
//! number, and the Windows code pages have U+FFFD, for a byte that was lost, as byte 1A (SUBSTITUTE).

use std::sync::LazyLock;

use super::tables::CODE_PAGES;

/// A code page, by its place among [`CODE_PAGES`], which is the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CodePage(usize);

/// The byte for a character that was lost.
pub(super) const SUBSTITUTE: u8 = 0x1a;

/// No code page has a character from here on, but for the few that [`slot`] names.
const END: usize = 0x2600;

/// One bit for each code page.
type Set = u16;

#[derive(Clone, Copy, Default)]
struct Entry {
    pages: Set,
    bytes: [u8; CODE_PAGES.len()],
}

impl CodePage {
    pub(super) fn name(self) -> &'static str {
        CODE_PAGES[self.0].0
    }

    /// Whether it is one of those in which U+FFFD is [`SUBSTITUTE`].
    pub(super) fn marks_losses(self) -> bool {
        self.name().starts_with("windows-")
    }

    /// The bytes of a text all of whose characters it has, as [`having`] says.
    pub(super) fn encode(self, text: &str, bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.extend(text.chars().map(|char| match ascii(char) {
            Some(byte) => byte,
            None => entry(char).bytes[self.0],
        }));
    }
}

/// The code pages that have every character of `text`.
pub(super) fn having(text: &str) -> impl Iterator<Item = CodePage> + use<> {
    let mut pages: Set = (1 << CODE_PAGES.len()) - 1;
    for char in text.chars().filter(|char| ascii(*char).is_none()) {
        pages &= entry(char).pages;
        if pages == 0 {
            break;
        }
    }
    (0..CODE_PAGES.len())
        .filter(move |page| pages & (1 << page) != 0)
        .map(CodePage)
}

/// The characters of bytes 80 to 9F in Windows-1252.
pub(super) fn windows_1252(c1: char) -> Option<&'static str> {
    static CHARACTERS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let page = CODE_PAGES.iter().find(|(name, _)| *name == "windows-1252");
        let characters = page.map_or("", |(_, characters)| characters);
        let ends = characters.char_indices().take(32);
        ends.map(|(start, char)| &characters[start..start + char.len_utf8()])
            .collect()
    });
    let number = u32::from(c1).checked_sub(0x80)?;
    CHARACTERS.get(number as usize).copied()
}

/// The byte of an ASCII character other than [`SUBSTITUTE`]: the same in every code page.
fn ascii(char: char) -> Option<u8> {
    (char.is_ascii() && char != char::from(SUBSTITUTE)).then_some(char as u8)
}

fn entry(char: char) -> &'static Entry {
    static ENTRIES: LazyLock<(Vec<u16>, Vec<Entry>)> = LazyLock::new(|| {
        // The first entry is that of the characters which no code page has.
        let (mut slots, mut entries) = (vec![0; END + 4], vec![Entry::default()]);
        let mut add = |char: char, page: usize, byte: u8| {
            let slot = &mut slots[slot(char)];
            if *slot == 0 {
                *slot = entries.len() as u16;
                entries.push(Entry::default());
            }
            let entry = &mut entries[usize::from(*slot)];
            entry.pages |= 1 << page;
            entry.bytes[page] = byte;
        };
        for (page, (_, characters)) in CODE_PAGES.iter().enumerate() {
            for (byte, char) in (0x80..=0xff).zip(characters.chars()) {
                add(char, page, byte);
            }
            let lost = if CodePage(page).marks_losses() {
                char::REPLACEMENT_CHARACTER
            } else {
                char::from(SUBSTITUTE)
            };
            add(lost, page, SUBSTITUTE);
        }
        (slots, entries)
    });
    let (slots, entries) = &*ENTRIES;
    match slots.get(slot(char)) {
        Some(entry) => &entries[usize::from(*entry)],
        None => &entries[0],
    }
}

/// Where a character's entry is found: at its number, or for the few beyond [`END`] behind all others.
fn slot(char: char) -> usize {
    match char {
        '\u{f8ff}' => END,
        '\u{fb01}' => END + 1,
        '\u{fb02}' => END + 2,
        char::REPLACEMENT_CHARACTER => END + 3,
        char if (char as usize) < END => char as usize,
        _ => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_a_code_page_is_its_byte() {
        for (page, (name, characters)) in CODE_PAGES.iter().enumerate() {
            assert!(having(characters).any(|found| found == CodePage(page)));
            let mut bytes = Vec::new();
            CodePage(page).encode(characters, &mut bytes);
            assert_eq!(bytes, (0x80..=0xff).collect::<Vec<u8>>(), "{name}");
        }
    }

    #[test]
    fn a_text_has_the_code_pages_that_all_its_characters_have() {
        let check = |text: &str, expected: &[&str]| {
            let names: Vec<&str> = having(text).map(CodePage::name).collect();
            assert_eq!(names, expected, "{text:?}");
        };
        let western = ["latin-1", "windows-1252", "windows-1254", "macintosh"];
        check("Ã©", &western);
        check("├⌐", &["cp437"]);
        check("√©", &["macintosh"]);
        check("п»ї", &["windows-1251"]);
        check(
            "a\u{fffd}ž",
            &["windows-1252", "windows-1250", "windows-1257"],
        );
        check("漢", &[]);
        check("🎉", &[]);
        assert_eq!(having("ascii").count(), CODE_PAGES.len());
        check("\u{1a}", &["latin-1", "iso-8859-2", "macintosh", "cp437"]);
    }

    #[test]
    fn c1_controls_are_characters_of_windows_1252() {
        assert_eq!(windows_1252('\u{80}'), Some("€"));
        assert_eq!(windows_1252('\u{9f}'), Some("Ÿ"));
        assert_eq!(windows_1252('\u{81}'), Some("\u{81}"));
        assert_eq!(windows_1252('\u{a0}'), None);
        assert_eq!(windows_1252('a'), None);
    }
}
