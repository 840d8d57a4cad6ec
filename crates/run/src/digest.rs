//! BLAKE3 digests: checksums of files, identities of inputs, keys of stages.

use std::fmt;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// A BLAKE3 hash of 32 bytes; as text, 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of a file's contents, read in pieces.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_file(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let mut hasher = blake3::Hasher::new();
        hasher
            .update_reader(file)
            .map_err(|error| Error::io(path, error))?;
        Ok(Self(*hasher.finalize().as_bytes()))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a BLAKE3 digest is 64 hexadecimal digits")]
pub struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(NotADigest);
        }
        let value = |digit: u8| char::from(digit).to_digit(16).ok_or(NotADigest);
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            // Two digits of 4 bits fill the byte exactly.
            *byte = (value(pair[0])? << 4 | value(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A digest in the making.
#[derive(Clone, Debug, Default)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Nothing hashed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add bytes. Where one call ends and the next begins makes no difference.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// Add a named value with its lengths, so that no two different lists of fields give the same digest.
    pub fn field(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        for part in [name.as_bytes(), value.as_ref()] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
        self
    }

    /// The digest of everything added so far.
    pub fn digest(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

/// Writes through to another writer and hashes what passes.
#[derive(Debug)]
pub struct DigestWriter<W> {
    inner: W,
    hasher: Hasher,
    bytes: u64,
}

impl<W: Write> DigestWriter<W> {
    /// Hash what is written to `inner` from here on.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Hasher::new(),
            bytes: 0,
        }
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The writer that is written through to.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// The writer, the number of bytes written to it and their digest.
    pub fn finish(self) -> (W, u64, Digest) {
        (self.inner, self.bytes, self.hasher.digest())
    }
}

impl<W: Write> Write for DigestWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write + Seek> Seek for DigestWriter<W> {
    /// Only the present place may be asked for: what was hashed cannot be changed.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Current(0) => Ok(self.bytes),
            _ => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a hashed stream is written from front to back",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test vectors of the BLAKE3 specification: the digest of no bytes.
    const EMPTY: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    #[test]
    fn equals_the_published_vector_and_reads_its_own_text() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse(), Ok(Digest::of(b"")));
        assert_eq!(EMPTY.to_uppercase().parse(), Ok(Digest::of(b"")));
        for wrong in ["", &EMPTY[1..], &EMPTY.replace('a', "g")] {
            assert_eq!(wrong.parse::<Digest>(), Err(NotADigest));
        }
        let json = serde_json::to_string(&Digest::of(b"x")).unwrap();
        assert_eq!(
            serde_json::from_str::<Digest>(&json).unwrap(),
            Digest::of(b"x")
        );
    }

    #[test]
    fn streaming_equals_whole_and_fields_do_not_run_together() {
        let mut writer = DigestWriter::new(Vec::new());
        writer.write_all(b"He").unwrap();
        writer.write_all(b"llo").unwrap();
        let (inner, bytes, digest) = writer.finish();
        assert_eq!((inner.as_slice(), bytes), (b"Hello".as_slice(), 5));
        assert_eq!(digest, Digest::of(b"Hello"));
        let of = |fields: &[(&str, &str)]| {
            let mut hasher = Hasher::new();
            for (name, value) in fields {
                hasher.field(name, value);
            }
            hasher.digest()
        };
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
        assert_ne!(of(&[("a", "b"), ("", "")]), of(&[("a", "b")]));
    }
}
