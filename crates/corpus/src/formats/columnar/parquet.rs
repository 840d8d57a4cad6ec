//! Parquet: row group by row group, the wanted columns only.
//!
//! What is held is a batch of at most 1,024 rows, fewer where 64 MiB of text are reached before by the mean of the row
//! group, beside the pages and dictionaries that the rows lie in. A row group that cannot be decoded is refused as one
//! record, and the next is read.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiln_text::{Document, Error, Position};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use super::cells::{Batch, Wanted, with_views};
use super::guarded;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::formats::Reader;
use crate::record::{Fields, Place};

/// Rows of one batch.
const BATCH_ROWS: usize = 1024;
/// Bytes of one batch, by the mean of its row group.
const BATCH_BYTES: u64 = 64 << 20;
/// The first version of parquet-mr that gives the full lengths of columns.
const FULL_LENGTHS: [u32; 3] = [1, 2, 9];
/// The longest header of a dictionary's page, as Arrow's C++ reader has it.
const LONGEST_HEADER: i64 = 100;

pub(crate) struct ParquetReader {
    path: PathBuf,
    name: String,
    fields: Fields,
    file: File,
    metadata: ArrowReaderMetadata,
    wanted: Wanted,
    mask: ProjectionMask,
    /// The row group that is read, or that is read next if there is no `batches`.
    group: usize,
    /// Rows of the row groups before it.
    rows_before: u64,
    batches: Option<ParquetRecordBatchReader>,
    batch: Option<Batch>,
    /// The next row of `batch`.
    next: usize,
    /// Rows passed, in all.
    row: u64,
}

impl ParquetReader {
    /// Go on behind so many rows; the byte is where their row group lies and not needed.
    pub(crate) fn open(
        path: &Path,
        name: &str,
        fields: &Fields,
        (_, row): (u64, u64),
    ) -> Result<Self, Error> {
        let mistake = |problem: String| Error::mistake(path, Position::Whole, problem);
        let file = File::open(path).map_err(|error| Error::io(path, &error))?;
        // What Arrow wrote of its own types is not needed, and one thing less to be wrong.
        let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata =
            guarded(|| ArrowReaderMetadata::load(&file, options())).map_err(|problem| {
                mistake(format!("is not a Parquet file that can be read: {problem}"))
            })?;
        let wanted = Wanted::find(metadata.schema(), fields).map_err(mistake)?;
        let schema = with_views(metadata.schema(), &wanted);
        let metadata = guarded(|| {
            ArrowReaderMetadata::try_new(
                with_dictionary_headers(&file, metadata.metadata()),
                options().with_schema(schema.into()),
            )
        })
        .map_err(mistake)?;
        let leaves: Vec<String> = wanted.paths().map(|path| path.join(".")).collect();
        let mask =
            ProjectionMask::columns(metadata.parquet_schema(), leaves.iter().map(String::as_str));
        let mut reader = Self {
            path: path.to_owned(),
            name: name.to_owned(),
            fields: fields.clone(),
            file,
            metadata,
            wanted,
            mask,
            group: 0,
            rows_before: 0,
            batches: None,
            batch: None,
            next: 0,
            row,
        };
        while let Some(group) = reader.row_group()
            && reader.rows_before + rows(group) <= row
        {
            reader.rows_before += rows(group);
            reader.group += 1;
        }
        Ok(reader)
    }

    fn row_group(&self) -> Option<&RowGroupMetaData> {
        self.metadata.metadata().row_groups().get(self.group)
    }

    /// Where the row group that is read begins, as far as the file says it.
    fn offset(&self) -> u64 {
        let offset = |group: &RowGroupMetaData| {
            let column = group.columns().first()?;
            let page = column
                .dictionary_page_offset()
                .unwrap_or(i64::MAX)
                .min(column.data_page_offset());
            u64::try_from(page).ok()
        };
        self.row_group().and_then(offset).unwrap_or(0)
    }

    /// Rows of one batch of a row group.
    fn batch_rows(&self, group: &RowGroupMetaData) -> usize {
        let columns = group.columns().iter().enumerate();
        let wanted = columns.filter(|(leaf, _)| self.mask.leaf_included(*leaf));
        let bytes = wanted.fold(0u64, |sum, (_, column)| {
            sum.saturating_add(u64::try_from(column.uncompressed_size()).unwrap_or(0))
        });
        let mean = (bytes / rows(group).max(1)).max(1);
        usize::try_from(BATCH_BYTES / mean).map_or(BATCH_ROWS, |rows| rows.clamp(1, BATCH_ROWS))
    }

    /// Have a row that was not given yet; `false` at the end.
    fn advance(&mut self) -> Result<bool, Refusal> {
        loop {
            if self
                .batch
                .as_ref()
                .is_some_and(|batch| self.next < batch.rows)
            {
                return Ok(true);
            }
            self.batch = None;
            if self.row_group().is_none() {
                return Ok(false);
            }
            match self.next_batch() {
                Ok(Some(batch)) => {
                    self.batch = Some(batch);
                    self.next = 0;
                }
                Ok(None) => self.next_group(),
                Err(problem) => {
                    let group = self.group;
                    let problem = format!(
                        "row group {group}, behind row {}: cannot be decoded: {problem}",
                        self.row
                    );
                    self.next_group();
                    let error = Error::mistake(&self.path, Position::Whole, problem);
                    return Err(Refusal::record(error, b""));
                }
            }
        }
    }

    fn next_group(&mut self) {
        self.rows_before += self.row_group().map_or(0, rows);
        self.group += 1;
        self.row = self.row.max(self.rows_before);
        self.batches = None;
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, String> {
        let Some(group) = self.row_group() else {
            return Ok(None);
        };
        if self.batches.is_none() {
            let file = self.file.try_clone().map_err(|error| error.to_string())?;
            let passed = usize::try_from(self.row - self.rows_before).unwrap_or(usize::MAX);
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                    .with_projection(self.mask.clone())
                    .with_row_groups(vec![self.group])
                    .with_batch_size(self.batch_rows(group))
                    .with_offset(passed);
            self.batches = Some(guarded(|| builder.build())?);
        }
        let Some(batches) = &mut self.batches else {
            return Ok(None);
        };
        match guarded(|| batches.next().transpose())? {
            Some(batch) => self.wanted.of(&batch).map(Some),
            None => Ok(None),
        }
    }
}

/// The metadata with columns that reach to the next: early versions of parquet-mr left the header of the dictionary's page
/// out of a column's length (PARQUET-816), and other readers add the missing bytes, too.
fn with_dictionary_headers(file: &File, metadata: &Arc<ParquetMetaData>) -> Arc<ParquetMetaData> {
    let wrote_short = metadata.file_metadata().created_by().is_some_and(|by| {
        // `parquet-mr`, or `parquet-mr version 1.2.8 (build ...)`.
        let version = by.strip_prefix("parquet-mr").map(str::trim_start);
        version.is_some_and(|version| {
            let version = version.strip_prefix("version ").unwrap_or(version);
            let mut numbers = version
                .split(['.', '-', ' '])
                .map(|number| number.parse::<u32>().ok());
            let mut next = || numbers.next().flatten().unwrap_or(0);
            [next(), next(), next()] < FULL_LENGTHS
        })
    });
    let Some(end) = wrote_short.then(|| end_of_data(file)).flatten() else {
        return metadata.clone();
    };
    let begins = |column: &ColumnChunkMetaData| {
        let dictionary = column.dictionary_page_offset().filter(|&offset| offset > 0);
        dictionary
            .unwrap_or(column.data_page_offset())
            .min(column.data_page_offset())
    };
    let groups = metadata.row_groups().iter();
    let mut starts: Vec<i64> = groups
        .flat_map(|group| group.columns())
        .map(begins)
        .collect();
    starts.push(end);
    starts.sort_unstable();
    let lengthened = |column: &ColumnChunkMetaData| {
        let (start, length) = (begins(column), column.compressed_size());
        let next = starts.iter().copied().find(|&next| next > start);
        let room = next.and_then(|next| next.checked_sub(start)?.checked_sub(length));
        match room {
            Some(missing @ 1..=LONGEST_HEADER) => column
                .clone()
                .into_builder()
                .set_total_compressed_size(length + missing)
                .build(),
            _ => Ok(column.clone()),
        }
    };
    let groups = metadata.row_groups().iter().map(|group| {
        let columns = group
            .columns()
            .iter()
            .map(lengthened)
            .collect::<Result<_, _>>()?;
        group
            .clone()
            .into_builder()
            .set_column_metadata(columns)
            .build()
    });
    match groups.collect::<Result<Vec<_>, ParquetError>>() {
        Ok(groups) => {
            let builder = ParquetMetaData::clone(metadata).into_builder();
            Arc::new(builder.set_row_groups(groups).build())
        }
        Err(_) => metadata.clone(),
    }
}

/// Where the pages end and the description of the file begins: before its length and the mark at the end.
fn end_of_data(mut file: &File) -> Option<i64> {
    let end = file.seek(SeekFrom::End(-8)).ok()?;
    let mut length = [0; 4];
    file.read_exact(&mut length).ok()?;
    i64::try_from(end.checked_sub(u64::from(u32::from_le_bytes(length)))?).ok()
}

fn rows(group: &RowGroupMetaData) -> u64 {
    u64::try_from(group.num_rows()).unwrap_or(0)
}

impl Reader for ParquetReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        while self.advance()? {
            let Some(batch) = &self.batch else { break };
            let row = self.next;
            self.next += 1;
            self.row += 1;
            let place = Place {
                path: &self.path,
                name: &self.name,
                line: self.row,
                record: None,
                offset: self.offset(),
            };
            if let Some(document) = batch.document(row, &self.fields, place, skipped)? {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }

    fn place(&self) -> (u64, u64) {
        (self.offset(), self.row)
    }
}
