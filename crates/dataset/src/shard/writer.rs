//! Writing a shard from front to back.

use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use bytemuck::Pod;

use super::format::{
    ALIGNMENT, CHECKSUM_BYTES, ColumnEntry, Contents, Counts, Dtype, Footer, Header,
};
use crate::Error;

/// Bytes are hashed and written in pieces of this size.
const BUFFER_BYTES: usize = 1 << 20;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardSummary {
    /// Length of the file.
    pub bytes: u64,
    /// What went into it.
    pub counts: Counts,
    /// The shard's own BLAKE3 checksum, as lower-case hex.
    pub checksum: String,
}

/// Columns written one after the other. Memory holds one buffer; a table that is not known until the end is its
/// owner's.
pub(crate) struct ShardWriter<W> {
    out: W,
    path: PathBuf,
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
    /// Bytes of the file so far, those in the buffer included.
    position: u64,
    columns: Vec<ColumnEntry>,
}

impl<W: Write + Seek> ShardWriter<W> {
    /// Begin at the beginning of `out`; `path` is what errors name.
    pub(crate) fn new(mut out: W, path: &Path) -> Result<Self, Error> {
        let header = Header::UNFINISHED.write(&[]);
        out.write_all(&header)
            .map_err(|source| failed(path, source))?;
        Ok(Self {
            out,
            path: path.to_owned(),
            hasher: blake3::Hasher::new(),
            buffer: Vec::with_capacity(BUFFER_BYTES),
            position: ALIGNMENT,
            columns: Vec::new(),
        })
    }

    /// Begin a column; what is pushed from here on is in it.
    pub(crate) fn begin(&mut self, name: &str, dtype: Dtype, width: u64) -> Result<(), Error> {
        self.align()?;
        self.columns.push(ColumnEntry {
            name: name.to_owned(),
            dtype,
            width,
            rows: 0,
            offset: self.position,
        });
        Ok(())
    }

    /// More rows of the column.
    pub(crate) fn push<T: Pod>(&mut self, numbers: &[T]) -> Result<(), Error> {
        if let Some(column) = self.columns.last_mut() {
            debug_assert_eq!(column.dtype.bytes(), size_of::<T>() as u64);
            column.rows += numbers.len() as u64 / column.width;
        }
        self.write(bytemuck::cast_slice(numbers))
    }

    /// A whole column.
    pub(crate) fn column<T: Pod>(
        &mut self,
        name: &str,
        dtype: Dtype,
        width: u64,
        numbers: &[T],
    ) -> Result<(), Error> {
        self.begin(name, dtype, width)?;
        self.push(numbers)
    }

    /// Write the footer, the checksum and at last the header. The bytes are with the operating system when this
    /// returns; making them last is up to whoever opened the file.
    pub(crate) fn finish(mut self, contents: Contents) -> Result<(W, ShardSummary), Error> {
        self.align()?;
        let counts = contents.counts;
        let columns = std::mem::take(&mut self.columns);
        let footer = serde_json::to_vec(&Footer { contents, columns })
            .map_err(|error| failed(&self.path, error.into()))?;
        let header = Header {
            footer_offset: self.position,
            footer_bytes: footer.len() as u64,
            file_bytes: self.position + footer.len() as u64 + CHECKSUM_BYTES,
            ..Header::UNFINISHED
        };
        self.write(&footer)?;
        self.flush()?;
        let header_bytes = header.write(&footer);
        let checksum = self.hasher.update(&header_bytes).finalize();
        let Self { mut out, path, .. } = self;
        let mut end = || {
            out.write_all(checksum.as_bytes())?;
            out.rewind()?;
            out.write_all(&header_bytes)?;
            out.flush()
        };
        end().map_err(|source| failed(&path, source))?;
        let summary = ShardSummary {
            bytes: header.file_bytes,
            counts,
            checksum: checksum.to_hex().to_string(),
        };
        Ok((out, summary))
    }

    /// Zeros up to the next multiple of the alignment.
    fn align(&mut self) -> Result<(), Error> {
        let missing = self.position.next_multiple_of(ALIGNMENT) - self.position;
        self.write(&[0; ALIGNMENT as usize][..missing as usize])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.position += bytes.len() as u64;
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() > BUFFER_BYTES {
            return self.pass_on(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let buffer = std::mem::take(&mut self.buffer);
        self.pass_on(&buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    fn pass_on(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        self.out
            .write_all(bytes)
            .map_err(|source| failed(&self.path, source))
    }
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        doing: "write the shard",
        source,
    }
}
