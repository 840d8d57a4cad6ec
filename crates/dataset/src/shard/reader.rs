//! Reading a shard in place.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytemuck::Pod;
use memmap2::Mmap;

use super::format::{
    ALIGNMENT, CHECKSUM_BYTES, ColumnEntry, Contents, Dtype, FORMAT_VERSION, Footer, Header, Kind,
    LEAST_BYTES, MAGIC,
};
use crate::Error;

/// An open shard. Its columns are slices of the file.
pub(crate) struct Shard {
    path: PathBuf,
    map: Mmap,
    contents: Contents,
    columns: Vec<ColumnEntry>,
}

/// A column whose type and place have been checked.
pub(crate) struct Column {
    bytes: Range<usize>,
    dtype: Dtype,
}

/// Ids of either type.
#[derive(Clone, Copy)]
pub(crate) enum Ids<'a> {
    U16(&'a [u16]),
    U32(&'a [u32]),
}

impl Ids<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::U16(ids) => ids.len(),
            Self::U32(ids) => ids.len(),
        }
    }

    /// Append a part of them.
    pub(crate) fn append(&self, range: Range<usize>, out: &mut Vec<i64>) {
        match self {
            Self::U16(ids) => out.extend(ids[range].iter().map(|id| i64::from(*id))),
            Self::U32(ids) => out.extend(ids[range].iter().map(|id| i64::from(*id))),
        }
    }
}

impl Shard {
    /// Map a file and check all of it but the columns' numbers.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let io = |doing| {
            move |source| Error::Io {
                path: path.to_owned(),
                doing,
                source,
            }
        };
        let mut file = File::open(path).map_err(io("open the shard"))?;
        let bytes = file.metadata().map_err(io("open the shard"))?.len();
        let mut beginning = Vec::new();
        file.by_ref()
            .take(ALIGNMENT)
            .read_to_end(&mut beginning)
            .map_err(io("read the shard"))?;
        let header = check_header(path, &beginning, bytes)?;
        // SAFETY: the map is only read. Shards are renamed into place when they are whole and never changed after that;
        // whoever shortens one while it is open breaks this, and the process ends with a bus error.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(&file) }.map_err(io("map the shard"))?;
        let footer = read_footer(path, &map, header)?;
        Ok(Self {
            path: path.to_owned(),
            map,
            contents: footer.contents,
            columns: footer.columns,
        })
    }

    /// Open one of a kind.
    pub(crate) fn open_kind(path: &Path, kind: Kind) -> Result<Self, Error> {
        let shard = Self::open(path)?;
        let found = shard.contents.kind;
        if found != kind {
            return Err(Error::Kind {
                path: path.to_owned(),
                found: found.name().into(),
                expected: kind.name().into(),
            });
        }
        Ok(shard)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn contents(&self) -> &Contents {
        &self.contents
    }

    pub(crate) fn columns(&self) -> &[ColumnEntry] {
        &self.columns
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.map.len() as u64
    }

    /// The checksum that it was written with.
    pub(crate) fn checksum(&self) -> &[u8] {
        &self.map[self.map.len() - CHECKSUM_BYTES as usize..]
    }

    /// The same as lower-case hex.
    pub(crate) fn checksum_hex(&self) -> String {
        let bytes = self.checksum().iter();
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    /// Compute the checksum anew.
    pub(crate) fn verify(&self) -> Result<(), Error> {
        let (rest, written) = self.map.split_at(self.map.len() - CHECKSUM_BYTES as usize);
        let (header, body) = rest.split_at(ALIGNMENT as usize);
        let mut hasher = blake3::Hasher::new();
        let found = hasher.update(body).update(header).finalize();
        if found.as_bytes() == written {
            return Ok(());
        }
        let written = self.checksum_hex();
        Err(self.damaged(format!(
            "its checksum is {found}, but {written} was written"
        )))
    }

    /// A column that must be there.
    pub(crate) fn column(&self, name: &str, dtype: Dtype, width: u64) -> Result<Column, Error> {
        let Some(entry) = self.columns.iter().find(|entry| entry.name == name) else {
            return Err(self.damaged(format!("it has no column {name:?}")));
        };
        if (entry.dtype, entry.width) != (dtype, width) {
            let (found, expected) = (entry.dtype.name(), dtype.name());
            return Err(self.damaged(format!(
                "column {name:?} is {found} of width {}, expected {expected} of width {width}",
                entry.width
            )));
        }
        let end = entry.end().unwrap_or(u64::MAX);
        Ok(Column {
            bytes: entry.offset as usize..end as usize,
            dtype,
        })
    }

    /// The numbers of a column, of the type that it was asked for with.
    pub(crate) fn numbers<T: Pod>(&self, column: &Column) -> &[T] {
        debug_assert_eq!(column.dtype.bytes(), size_of::<T>() as u64);
        bytemuck::cast_slice(&self.map[column.bytes.clone()])
    }

    /// The numbers of a column of ids.
    pub(crate) fn ids(&self, column: &Column) -> Ids<'_> {
        match column.dtype {
            Dtype::U16 => Ids::U16(self.numbers(column)),
            _ => Ids::U32(self.numbers(column)),
        }
    }

    /// That it is not what was written.
    pub(crate) fn damaged(&self, problem: String) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            problem,
        }
    }
}

/// Whether this is a shard, whole, of a version that is known; in that order, so that the error is the true one.
fn check_header(path: &Path, beginning: &[u8], bytes: u64) -> Result<Header, Error> {
    let path = path.to_owned();
    if !beginning.starts_with(&MAGIC) {
        let beginning = match beginning {
            [] => "nothing (it is empty)".into(),
            some => format!("\"{}\"", some[..some.len().min(8)].escape_ascii()),
        };
        let expected = format!("\"{}\"", MAGIC.escape_ascii());
        return Err(Error::Foreign {
            path,
            beginning,
            expected,
        });
    }
    let Ok(beginning) = beginning.try_into() else {
        return Err(Error::Unfinished { path, bytes });
    };
    let header = Header::read(beginning);
    if header.version != FORMAT_VERSION {
        return Err(Error::Version {
            path,
            version: header.version,
            known: FORMAT_VERSION,
        });
    }
    if header.file_bytes == 0 {
        return Err(Error::Unfinished { path, bytes });
    }
    if header.file_bytes != bytes {
        return Err(Error::Length {
            path,
            bytes,
            expected: header.file_bytes,
        });
    }
    Ok(header)
}

/// The footer, if header and footer are what was written and every column lies before it.
fn read_footer(path: &Path, map: &[u8], header: Header) -> Result<Footer, Error> {
    let damaged = |problem: String| Error::Damaged {
        path: path.to_owned(),
        problem,
    };
    let end = header.footer_offset.checked_add(header.footer_bytes);
    let end_of_footer = (map.len() as u64).checked_sub(CHECKSUM_BYTES);
    if map.len() < LEAST_BYTES as usize || end != end_of_footer {
        return Err(damaged(
            "its header places the footer elsewhere than before the checksum".into(),
        ));
    }
    let footer = &map[header.footer_offset as usize..map.len() - CHECKSUM_BYTES as usize];
    if map[..ALIGNMENT as usize] != header.write(footer) {
        return Err(damaged(
            "header and footer do not agree with their checksum".into(),
        ));
    }
    let footer: Footer = serde_json::from_slice(footer)
        .map_err(|error| damaged(format!("its footer cannot be read ({error})")))?;
    for column in &footer.columns {
        let inside = column.end().is_some_and(|end| end <= header.footer_offset);
        if !inside || column.offset % ALIGNMENT != 0 || column.width == 0 {
            return Err(damaged(format!(
                "column {:?} lies outside of it",
                column.name
            )));
        }
    }
    Ok(footer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{write_examples, write_tokens};
    use crate::{Answers, describe, verify};

    /// The file of a small token shard.
    fn whole() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whole.tokens");
        write_tokens(&path, 300, &[vec![1, 2, 3], vec![299]]);
        std::fs::read(path).unwrap()
    }

    /// What comes of reading all of a file with these bytes.
    fn read(bytes: &[u8]) -> Result<(), Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hostile.tokens");
        std::fs::write(&path, bytes).unwrap();
        describe(&path)?;
        verify(&path)
    }

    fn check(bytes: &[u8], expected: &str, mistake: bool) {
        let error = read(bytes).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(expected), "{expected}: {message}");
        assert!(message.contains("hostile.tokens"), "{message}");
        assert!(!message.contains('\n'), "{message}");
        assert_eq!(error.is_mistake(), mistake, "{message}");
    }

    #[test]
    fn a_whole_shard_is_read() {
        read(&whole()).unwrap();
    }

    #[test]
    fn a_truncated_shard_says_how_much_is_there() {
        let whole = whole();
        for cut in 64..whole.len() {
            let expected = format!(
                "has {cut} bytes, but {} were written: it is truncated",
                whole.len()
            );
            check(&whole[..cut], &expected, false);
        }
        for cut in 8..64 {
            check(&whole[..cut], "was never finished", false);
        }
        let longer = [&whole[..], b"!"].concat();
        check(&longer, "it is followed by something else", false);
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let whole = whole();
        for byte in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[byte] ^= 1 << (byte % 8);
            assert!(read(&flipped).is_err(), "byte {byte}");
        }
        let mut flipped = whole;
        flipped[64] ^= 1;
        check(&flipped, "is damaged: its checksum is", false);
        flipped[41] ^= 1;
        check(&flipped, "header and footer do not agree", false);
    }

    #[test]
    fn foreign_files_are_named() {
        check(b"", "it begins with nothing", true);
        check(
            b"PK\x03\x04 a zip file, long enough to have a header of 64 bytes, were it one of ours",
            "begins with \"PK",
            true,
        );
        check(&[0; 200], "not a kiln shard", true);
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut newer = whole();
        newer[8] = 2;
        check(&newer, "shard format 2, but this kiln reads format 1", true);
    }

    #[test]
    fn an_unfinished_shard_is_named() {
        let mut unfinished = Header::UNFINISHED.write(&[]).to_vec();
        unfinished.extend([1; 500]);
        check(&unfinished, "was never finished (564 bytes)", false);
    }

    #[test]
    fn a_missing_file_is_a_mistake() {
        let error = describe(Path::new("nowhere.tokens")).unwrap_err();
        assert!(error.is_mistake());
        assert!(error.to_string().starts_with("nowhere.tokens: cannot open"));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "").unwrap();
        for path in [folder.path().to_owned(), folder.path().join("a/b")] {
            assert!(describe(&path).unwrap_err().is_mistake());
        }
    }

    #[test]
    fn places_outside_the_file_are_refused_even_with_a_right_checksum() {
        let whole = whole();
        let header = Header::read(whole[..64].try_into().unwrap());
        let footer_at = header.footer_offset as usize;
        let footer = String::from_utf8(whole[footer_at..whole.len() - 32].to_vec()).unwrap();
        for (from, to) in [
            ("\"offset\":64", "\"offset\":63"),
            ("\"offset\":64", "\"offset\":640000"),
            ("\"rows\":4", "\"rows\":9223372036854775808"),
            ("\"width\":1", "\"width\":0"),
            ("\"ids\"", "\"ibs\""),
            ("\"u16\"", "\"u32\""),
            ("\"u16\"", "\"u17\""),
        ] {
            let changed = footer.replacen(from, to, 1);
            assert_ne!(changed, footer);
            let header = Header {
                footer_bytes: changed.len() as u64,
                file_bytes: header.footer_offset + changed.len() as u64 + 32,
                ..header
            };
            let mut bytes = whole[..footer_at].to_vec();
            bytes[..64].copy_from_slice(&header.write(changed.as_bytes()));
            bytes.extend(changed.as_bytes());
            bytes.extend([0; 32]);
            check(&bytes, "is damaged", false);
        }
    }

    #[test]
    fn the_other_kind_of_shard_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_examples(&path, &[(0, 1)], Answers::Labels { classes: 2 });
        let paths = [path.clone()];
        let error = crate::Tokens::open("train", &paths).err().unwrap();
        assert!(
            error
                .to_string()
                .contains("holds examples, expected tokens")
        );
        assert!(error.is_mistake());
        write_tokens(&path, 10, &[vec![1]]);
        let error = crate::Examples::open("train", &paths).err().unwrap();
        assert!(
            error
                .to_string()
                .contains("holds tokens, expected examples")
        );
    }
}
