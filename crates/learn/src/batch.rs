//! Batches on a device.

use std::collections::BTreeMap;

use kiln_tensor::{Device, Kind, Tensor};
use kiln_tokens::{Batch, column};

use crate::{Error, Result};

/// What a trunk reads.
#[derive(Debug)]
pub struct Inputs {
    /// Token ids, `[batch, time]`, whole numbers.
    pub ids: Tensor,
    /// Ids of each row that are not padding, `[batch]`; `None` where no row is padded. Padding stands at a row's end.
    pub lengths: Option<Tensor>,
    /// 1 where the carried state must be forgotten before the row is read, else 0, `[batch]`.
    pub reset: Option<Tensor>,
    /// Number of the document of each id, `[batch, time]`, for rows that several documents were packed into: none sees another.
    /// The ids of a document stand together; the numbers never fall along a row.
    pub documents: Option<Tensor>,
    /// Which part of a pair each id belongs to, `[batch, time]`: 0 for the first text, 1 for the second.
    pub segments: Option<Tensor>,
    /// What an encoder reads before a decoder reads `ids`.
    pub source: Option<Source>,
}

/// The rows that an encoder reads.
#[derive(Debug)]
pub struct Source {
    /// Token ids, `[batch, source time]`.
    pub ids: Tensor,
    /// Ids of each row that are not padding, `[batch]`; `None` where no row is padded.
    pub lengths: Option<Tensor>,
}

impl Inputs {
    /// Rows without padding that go on from whatever state is given.
    pub fn of(ids: Tensor) -> Self {
        Self {
            ids,
            lengths: None,
            reset: None,
            documents: None,
            segments: None,
            source: None,
        }
    }

    /// The same with padded rows: ids of each row that are not padding, `[batch]`.
    pub fn with_lengths(self, lengths: Tensor) -> Self {
        let lengths = Some(lengths);
        Self { lengths, ..self }
    }
}

/// The rows of one micro-batch on a device.
pub struct DeviceBatch {
    columns: BTreeMap<&'static str, Tensor>,
    rows: usize,
    targets: u64,
}

impl DeviceBatch {
    /// Copy a batch to a device.
    ///
    /// # Errors
    /// The device has no memory for it.
    pub fn new(batch: &Batch, device: Device) -> Result<Self> {
        let rows = i64::try_from(batch.rows()).unwrap_or(i64::MAX);
        let mut columns = BTreeMap::new();
        for (name, column) in batch.columns() {
            let values = match (column.as_ids(), column.as_floats()) {
                (Some(ids), _) => Tensor::f_from_slice(ids),
                (_, Some(floats)) => Tensor::f_from_slice(floats),
                (None, None) => continue,
            };
            let values = values?;
            let placed = values
                .view([rows, i64::try_from(column.width()).unwrap_or(i64::MAX)])
                .f_to_device(device)?;
            columns.insert(name, placed);
        }
        Ok(Self {
            columns,
            rows: batch.rows(),
            targets: batch.targets(),
        })
    }

    /// A column, `[rows, width]`.
    ///
    /// # Errors
    /// The batch has no such column.
    pub fn column(&self, name: &str) -> Result<&Tensor> {
        self.columns.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.columns.keys().copied().collect();
            Error::Batch(format!(
                "it has no column `{name}`, only {}",
                known.join(", ")
            ))
        })
    }

    /// What the trunk reads of it.
    ///
    /// # Errors
    /// The batch has no ids.
    pub fn inputs(&self) -> Result<Inputs> {
        let whole = |name: &str| self.columns.get(name).map(Tensor::shallow_clone);
        let flat = |name: &str| self.columns.get(name).map(|column| column.view([-1]));
        Ok(Inputs {
            ids: self.column(column::INPUTS)?.shallow_clone(),
            lengths: flat(column::LENGTHS),
            reset: flat(column::RESET),
            documents: whole(column::DOCUMENTS),
            segments: whole(column::SEGMENTS),
            source: whole(column::SOURCE).map(|ids| Source {
                ids,
                lengths: flat(column::SOURCE_LENGTHS),
            }),
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of scored targets.
    pub fn targets(&self) -> u64 {
        self.targets
    }

    /// Whole numbers as the kind that losses take.
    ///
    /// # Errors
    /// The batch has no such column.
    pub fn ids(&self, name: &str) -> Result<Tensor> {
        let column = self.column(name)?;
        if column.kind() == Kind::Int64 {
            Ok(column.shallow_clone())
        } else {
            Err(Error::Batch(format!(
                "column `{name}` holds no whole numbers"
            )))
        }
    }
}
