//! Documents as a Parquet file that pyarrow, pandas, DuckDB and the readers of other trainers open.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{StringBuilder, UInt64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use kiln_text::{Document, Error, Position, Sink};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// Stores documents in a Parquet file, compressed with zstd.
///
/// The columns: `id` and `text`; `source_path`, `source_offset`, `source_url` and `source_licence`; `language`; and
/// `metadata`, a JSON object as text. `source_url`, `source_licence`, `language` and `metadata` are null where nothing
/// is known. Until [`Sink::finish`] the file has the ending `.partial`.
///
/// ```
/// use kiln_corpus::ParquetWriter;
/// use kiln_text::{Document, Provenance, Sink};
///
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("documents.parquet");
/// let mut writer = Box::new(ParquetWriter::create(&path, 64 << 20)?);
/// writer.accept(&Document::new("a.txt", "Hello.", Provenance::at("a.txt", 0)))?;
/// writer.finish()?;
/// assert!(path.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ParquetWriter {
    path: PathBuf,
    partial: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    row_group_bytes: usize,
    texts: [StringBuilder; 7],
    offsets: UInt64Builder,
    /// Bytes in the builders.
    bytes: usize,
}

/// The columns in their order: name and whether a document may lack it. `source_offset` stands in third place.
const TEXTS: [(&str, bool); 7] = [
    ("id", false),
    ("text", false),
    ("source_path", false),
    ("source_url", true),
    ("source_licence", true),
    ("language", true),
    ("metadata", true),
];

/// The place of the column of numbers among the texts.
const OFFSET_AT: usize = 3;

/// A column of texts is indexed by 32 bits.
const LONGEST_TEXT: usize = 1 << 30;

impl ParquetWriter {
    /// A new file, in row groups of about `row_group_bytes` bytes of text before compression (at least one document, and
    /// at most 1 GiB). That much is held in memory.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path, row_group_bytes: usize) -> Result<Self, Error> {
        let mut fields: Vec<Field> = TEXTS
            .iter()
            .map(|&(name, nullable)| Field::new(name, DataType::Utf8, nullable))
            .collect();
        fields.insert(
            OFFSET_AT,
            Field::new("source_offset", DataType::UInt64, false),
        );
        let schema = Arc::new(Schema::new(fields));
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let file = File::create(&partial).map_err(|error| Error::io(&partial, &error))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(None)
            .build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties));
        Ok(Self {
            writer: writer.map_err(|error| failed(&partial, &error))?,
            path: path.to_owned(),
            partial,
            schema,
            row_group_bytes: row_group_bytes.min(LONGEST_TEXT),
            texts: std::array::from_fn(|_| StringBuilder::new()),
            offsets: UInt64Builder::new(),
            bytes: 0,
        })
    }

    fn write_row_group(&mut self) -> Result<(), Error> {
        if self.bytes == 0 {
            return Ok(());
        }
        self.bytes = 0;
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(TEXTS.len() + 1);
        for builder in &mut self.texts {
            columns.push(Arc::new(builder.finish()));
        }
        columns.insert(OFFSET_AT, Arc::new(self.offsets.finish()));
        let rows = RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|error| Error::failure(&self.partial, Position::Whole, error.to_string()))?;
        let written = self.writer.write(&rows).and_then(|()| self.writer.flush());
        written.map_err(|error| failed(&self.partial, &error))
    }
}

impl Sink for ParquetWriter {
    fn accept(&mut self, document: &Document) -> Result<(), Error> {
        let metadata = match document.metadata.is_empty() {
            true => None,
            false => Some(serde_json::to_string(&document.metadata).map_err(|error| {
                Error::failure(&self.partial, Position::Whole, error.to_string())
            })?),
        };
        let source = &document.source;
        let row: [Option<&str>; 7] = [
            Some(&document.id),
            Some(&document.text),
            Some(&source.path),
            source.url.as_deref(),
            source.licence.as_deref(),
            document.language.as_deref(),
            metadata.as_deref(),
        ];
        let lengths = row.map(|text| text.map_or(0, str::len));
        if lengths.iter().any(|&length| length > LONGEST_TEXT) {
            let limit = LONGEST_TEXT >> 20;
            let problem = format!(
                "`{}` has a text of more than {limit} MiB; cut it",
                document.id
            );
            return Err(Error::mistake(&self.path, Position::Whole, problem));
        }
        let bytes: usize = lengths.iter().sum();
        if self.bytes > 0 && self.bytes + bytes > self.row_group_bytes {
            self.write_row_group()?;
        }
        for (builder, text) in self.texts.iter_mut().zip(row) {
            builder.append_option(text);
        }
        self.offsets.append_value(source.offset);
        // A document without a text counts too.
        self.bytes += bytes.max(1);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.write_row_group()?;
        let Self {
            writer,
            partial,
            path,
            ..
        } = *self;
        let file = writer
            .into_inner()
            .map_err(|error| failed(&partial, &error))?;
        file.sync_all()
            .map_err(|error| Error::io(&partial, &error))?;
        std::fs::rename(&partial, &path).map_err(|error| Error::io(&path, &error))
    }
}

fn failed(path: &Path, error: &parquet::errors::ParquetError) -> Error {
    let problem = error.to_string().replace('\n', " ");
    Error::failure(path, Position::Whole, problem)
}
