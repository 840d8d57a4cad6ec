//! Numbers and texts in the bytes of a model file: LEB128, and reading that never runs over the end.

use std::fmt;

/// What a model file should have had, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Offset in bytes from the start of the [`Values`].
    pub byte: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: expected {}", self.byte, self.expected)
    }
}

impl std::error::Error for Broken {}

/// Append a number: seven bits a byte, the lowest first, the eighth bit set on all but the last (LEB128).
pub fn put(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Append a number that may be negative: 0, -1, 1, -2 ... become 0, 1, 2, 3 ...
pub fn put_signed(to: &mut Vec<u8>, number: i64) {
    put(to, (number << 1 ^ number >> 63) as u64);
}

/// Reads what [`put`] and its siblings wrote.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> Values<'a> {
    /// Read from the first byte on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, place: 0 }
    }

    /// Bytes not yet read.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.place
    }

    /// What is wrong here.
    pub fn broken(&self, expected: &'static str) -> Broken {
        Broken {
            byte: self.place,
            expected,
        }
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// There are fewer; so in all that follow.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Broken> {
        if count > self.left() {
            return Err(self.broken("more bytes: the file is cut short"));
        }
        let bytes = &self.bytes[self.place..self.place + count];
        self.place += count;
        Ok(bytes)
    }

    /// A number that [`put`] wrote.
    ///
    /// # Errors
    /// The bytes end, or it has more than 64 bits.
    pub fn number(&mut self) -> Result<u64, Broken> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.bytes(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.broken("a number of at most 64 bits"))
    }

    /// A number that [`put_signed`] wrote.
    ///
    /// # Errors
    /// The bytes end, or it has more than 64 bits.
    pub fn signed(&mut self) -> Result<i64, Broken> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A number of things that take a byte or more each: no more than bytes are left, so that room may be made for
    /// them.
    ///
    /// # Errors
    /// The bytes end, or there are more things than bytes left.
    pub fn count(&mut self) -> Result<usize, Broken> {
        let count = self.number()?;
        usize::try_from(count)
            .ok()
            .filter(|&count| count <= self.left())
            .ok_or_else(|| self.broken("a count of what follows"))
    }

    /// A text with its length in bytes before it.
    ///
    /// # Errors
    /// The bytes end, or are not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Broken> {
        let length = self.count()?;
        let bytes = self.bytes(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.broken("UTF-8"))
    }
}
