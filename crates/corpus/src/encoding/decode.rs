//! Decoders that take a text in pieces cut anywhere.

/// Decodes one text, piece by piece.
pub(crate) trait Decode: Send {
    /// Append the characters of `raw` to `out`; what is no character becomes U+FFFD. The beginning of a character at the
    /// end of `raw` is held until the next call, or with `last` is no character.
    fn decode(&mut self, raw: &[u8], last: bool, out: &mut String);
}

pub(super) struct Standard(pub(super) encoding_rs::Decoder);

impl Decode for Standard {
    fn decode(&mut self, mut raw: &[u8], last: bool, out: &mut String) {
        loop {
            let needed = self.0.max_utf8_buffer_length(raw.len());
            out.reserve(needed.unwrap_or(raw.len()).max(16));
            let (result, read, _) = self.0.decode_to_string(raw, out, last);
            raw = &raw[read..];
            if result == encoding_rs::CoderResult::InputEmpty {
                return;
            }
        }
    }
}

/// ASCII below 0x80 and a table above.
pub(super) struct SingleByte(pub(super) &'static [char; 128]);

impl Decode for SingleByte {
    fn decode(&mut self, raw: &[u8], _last: bool, out: &mut String) {
        out.extend(raw.iter().map(|&byte| match byte.checked_sub(0x80) {
            None => char::from(byte),
            Some(index) => self.0[usize::from(index)],
        }));
    }
}

pub(super) struct Utf32 {
    big_endian: bool,
    held: [u8; 4],
    count: usize,
}

impl Utf32 {
    pub(super) fn new(big_endian: bool) -> Self {
        Self {
            big_endian,
            held: [0; 4],
            count: 0,
        }
    }
}

impl Decode for Utf32 {
    fn decode(&mut self, raw: &[u8], last: bool, out: &mut String) {
        for &byte in raw {
            self.held[self.count] = byte;
            self.count += 1;
            if self.count == 4 {
                self.count = 0;
                let code = match self.big_endian {
                    true => u32::from_be_bytes(self.held),
                    false => u32::from_le_bytes(self.held),
                };
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        if last && self.count > 0 {
            self.count = 0;
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// KS X 1001 as EUC-KR has it, but with the high bits off between the shifts SO and SI. The designation `ESC $ ) C` at
/// the beginning is left out.
pub(super) struct Iso2022Kr {
    shifted: bool,
    /// How many bytes of the designation were passed.
    designation: usize,
    decoder: Standard,
    euc: Vec<u8>,
}

const DESIGNATION: &[u8; 4] = b"\x1b$)C";

impl Iso2022Kr {
    pub(super) fn new() -> Self {
        Self {
            shifted: false,
            designation: 0,
            decoder: Standard(encoding_rs::EUC_KR.new_decoder_without_bom_handling()),
            euc: Vec::new(),
        }
    }
}

impl Decode for Iso2022Kr {
    fn decode(&mut self, raw: &[u8], last: bool, out: &mut String) {
        self.euc.clear();
        for &byte in raw {
            if byte == DESIGNATION[self.designation] {
                self.designation = (self.designation + 1) % DESIGNATION.len();
                continue;
            }
            // What began like the designation was ordinary.
            let passed = std::mem::take(&mut self.designation);
            self.euc.extend_from_slice(&DESIGNATION[..passed]);
            match byte {
                0x0e => self.shifted = true,
                0x0f => self.shifted = false,
                0x21..=0x7e if self.shifted => self.euc.push(byte | 0x80),
                // A line end shifts back (RFC 1557).
                b'\n' => {
                    self.shifted = false;
                    self.euc.push(byte);
                }
                _ => self.euc.push(byte),
            }
        }
        if last {
            let passed = std::mem::take(&mut self.designation);
            self.euc.extend_from_slice(&DESIGNATION[..passed]);
        }
        self.decoder.decode(&self.euc, last, out);
    }
}

/// The upper half of the DOS code page 855, as the Unicode Consortium's mapping CP855.TXT has it.
#[rustfmt::skip]
pub(super) const IBM855: [char; 128] = [
    'ђ', 'Ђ', 'ѓ', 'Ѓ', 'ё', 'Ё', 'є', 'Є', 'ѕ', 'Ѕ', 'і', 'І', 'ї', 'Ї', 'ј', 'Ј',
    'љ', 'Љ', 'њ', 'Њ', 'ћ', 'Ћ', 'ќ', 'Ќ', 'ў', 'Ў', 'џ', 'Џ', 'ю', 'Ю', 'ъ', 'Ъ',
    'а', 'А', 'б', 'Б', 'ц', 'Ц', 'д', 'Д', 'е', 'Е', 'ф', 'Ф', 'г', 'Г', '«', '»',
    '░', '▒', '▓', '│', '┤', 'х', 'Х', 'и', 'И', '╣', '║', '╗', '╝', 'й', 'Й', '┐',
    '└', '┴', '┬', '├', '─', '┼', 'к', 'К', '╚', '╔', '╩', '╦', '╠', '═', '╬', '¤',
    'л', 'Л', 'м', 'М', 'н', 'Н', 'о', 'О', 'п', '┘', '┌', '█', '▄', 'П', 'я', '▀',
    'Я', 'р', 'Р', 'с', 'С', 'т', 'Т', 'у', 'У', 'ж', 'Ж', 'в', 'В', 'ь', 'Ь', '№',
    '\u{ad}', 'ы', 'Ы', 'з', 'З', 'ш', 'Ш', 'э', 'Э', 'щ', 'Щ', 'ч', 'Ч', '§', '■', '\u{a0}',
];
