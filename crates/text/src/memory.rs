//! Amounts of memory as people write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes, written as `"512M"`, `"1G"`, `"1.5GiB"` or a number. The prefixes are powers of 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemorySize(pub u64);

/// What each letter stands for, the greatest first.
const UNITS: [(char, u64); 4] = [
    ('T', 1 << 40),
    ('G', 1 << 30),
    ('M', 1 << 20),
    ('K', 1 << 10),
];

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("`{text}` is no amount of memory; expected one such as \"512M\" or \"2G\"");
        let plain = text.trim();
        let plain = plain.strip_suffix(['B', 'b']).unwrap_or(plain);
        let plain = plain.strip_suffix(['i', 'I']).unwrap_or(plain);
        let unit =
            |&(letter, _): &(char, u64)| plain.ends_with([letter, letter.to_ascii_lowercase()]);
        let (digits, factor) = match UNITS.iter().find(|row| unit(row)) {
            Some((_, factor)) => (&plain[..plain.len() - 1], *factor),
            None => (plain, 1),
        };
        let number: f64 = digits.trim().parse().map_err(|_| expected())?;
        let bytes = number * factor as f64;
        if bytes.is_finite() && (0.0..1e18).contains(&bytes) {
            Ok(Self(bytes as u64))
        } else {
            Err(expected())
        }
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, factor): &&(char, u64)| self.0 != 0 && self.0.is_multiple_of(*factor);
        match UNITS.iter().find(whole) {
            Some((letter, factor)) => write!(f, "{}{letter}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for MemorySize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MemorySize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        for (text, bytes, written) in [
            ("1G", 1 << 30, "1G"),
            ("1.5GiB", 3 << 29, "1536M"),
            ("512 mb", 512 << 20, "512M"),
            ("4096", 4096, "4K"),
            ("1000", 1000, "1000"),
            ("0", 0, "0"),
        ] {
            let size: MemorySize = text.parse().unwrap();
            assert_eq!((size.0, size.to_string().as_str()), (bytes, written));
        }
        for text in ["", "G", "1X", "-1G", "NaN", "1e30"] {
            let error = text.parse::<MemorySize>().unwrap_err();
            assert!(error.contains("expected one such as"), "{error}");
        }
    }
}
