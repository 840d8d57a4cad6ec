//! Text in other encodings than UTF-8: which one a file is in, and how it is decoded.
//!
//! Those of the WHATWG standard come from `encoding_rs`. UTF-32, ISO-2022-KR, Johab and the DOS code page 855, which the
//! standard leaves out, are decoded here.

mod decode;
mod detect;
mod johab;
mod looks;

pub(crate) use decode::Decode;
pub(crate) use detect::{Detected, binary, detect, detect_legacy, mark};

/// A way to write text as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// One of the WHATWG standard, UTF-8 among them.
    Standard(&'static encoding_rs::Encoding),
    /// UTF-32 with its bytes in this order.
    Utf32 { big_endian: bool },
    /// KS X 1001 in seven bits, between shifts (RFC 1557).
    Iso2022Kr,
    /// The combining code of KS X 1001, annex 3: Windows code page 1361.
    Johab,
    /// The DOS code page of Cyrillic before 866.
    Ibm855,
}

/// The names of what the standard lacks, in lower case.
const LABELS: [(&str, Encoding); 12] = [
    ("utf-32", Encoding::Utf32 { big_endian: false }),
    ("utf32", Encoding::Utf32 { big_endian: false }),
    ("utf-32le", Encoding::Utf32 { big_endian: false }),
    ("utf-32be", Encoding::Utf32 { big_endian: true }),
    ("iso-2022-kr", Encoding::Iso2022Kr),
    ("johab", Encoding::Johab),
    ("cp1361", Encoding::Johab),
    ("windows-1361", Encoding::Johab),
    ("ibm855", Encoding::Ibm855),
    ("cp855", Encoding::Ibm855),
    ("855", Encoding::Ibm855),
    ("csibm855", Encoding::Ibm855),
];

/// Names in use that the standard does not list.
const ALIASES: [(&str, &str); 8] = [
    ("cp932", "shift_jis"),
    ("cp949", "euc-kr"),
    ("uhc", "euc-kr"),
    ("cp936", "gbk"),
    ("cp950", "big5"),
    ("tis-620", "windows-874"),
    ("maccyrillic", "x-mac-cyrillic"),
    ("utf-8-sig", "utf-8"),
];

impl Encoding {
    pub(crate) const UTF_8: Self = Self::Standard(encoding_rs::UTF_8);

    /// The encoding of a label as recipes, HTTP headers and web pages write it, upper or lower case.
    pub(crate) fn of_label(label: &str) -> Option<Self> {
        let label = label.trim().to_ascii_lowercase();
        if let Some((_, encoding)) = LABELS.iter().find(|(known, _)| *known == label) {
            return Some(*encoding);
        }
        let alias = ALIASES.iter().find(|(known, _)| *known == label);
        let label = alias.map_or(&*label, |(_, standard)| *standard);
        // For browsers, `replacement` stands for what they refuse to read.
        encoding_rs::Encoding::for_label(label.as_bytes())
            .filter(|&encoding| encoding != encoding_rs::REPLACEMENT)
            .map(Self::Standard)
    }

    #[cfg(test)]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standard(encoding) => encoding.name(),
            Self::Utf32 { big_endian: false } => "UTF-32LE",
            Self::Utf32 { big_endian: true } => "UTF-32BE",
            Self::Iso2022Kr => "ISO-2022-KR",
            Self::Johab => "Johab",
            Self::Ibm855 => "IBM855",
        }
    }

    /// A decoder for bytes without a byte order mark.
    pub(crate) fn decoder(self) -> Box<dyn Decode> {
        match self {
            Self::Standard(encoding) => Box::new(decode::Standard(
                encoding.new_decoder_without_bom_handling(),
            )),
            Self::Utf32 { big_endian } => Box::new(decode::Utf32::new(big_endian)),
            Self::Iso2022Kr => Box::new(decode::Iso2022Kr::new()),
            Self::Johab => Box::new(johab::Johab::default()),
            Self::Ibm855 => Box::new(decode::SingleByte(&decode::IBM855)),
        }
    }

    /// All of `bytes`, without a byte order mark; what is no character becomes U+FFFD.
    pub(crate) fn decode(self, bytes: &[u8]) -> String {
        let (encoding, length) = match mark(bytes) {
            Some((marked, length)) if marked.goes_with(self) => (marked, length),
            _ => (self, 0),
        };
        let mut text = String::new();
        encoding.decoder().decode(&bytes[length..], true, &mut text);
        text
    }

    /// Whether a file declared to be in `declared` may begin with this encoding's byte order mark: the same, or the same
    /// family in the other byte order.
    pub(crate) fn goes_with(self, declared: Self) -> bool {
        let sixteen = |encoding: Self| {
            encoding == Self::Standard(encoding_rs::UTF_16LE)
                || encoding == Self::Standard(encoding_rs::UTF_16BE)
        };
        let thirty_two = |encoding: Self| matches!(encoding, Self::Utf32 { .. });
        self == declared
            || (sixteen(self) && sixteen(declared))
            || (thirty_two(self) && thirty_two(declared))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        for (label, expected) in [
            ("UTF-8", Some("UTF-8")),
            ("latin1", Some("windows-1252")),
            (" Shift_JIS ", Some("Shift_JIS")),
            ("CP949", Some("EUC-KR")),
            ("utf-32BE", Some("UTF-32BE")),
            ("iso-2022-kr", Some("ISO-2022-KR")),
            ("hz-gb-2312", None),
            ("klingon", None),
            ("auto", None),
        ] {
            assert_eq!(
                Encoding::of_label(label).map(Encoding::name),
                expected,
                "{label}"
            );
        }
    }
}
