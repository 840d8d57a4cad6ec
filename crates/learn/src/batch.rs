//! Batches on a device.

use std::collections::BTreeMap;

use kiln_tensor::{Device, Kind, Tensor};
use kiln_tokens::{Batch, column};

use crate::{Error, Result};

/// What a trunk reads.
pub struct Inputs {
    /// Token ids, `[batch, time]`, whole numbers.
    pub ids: Tensor,
    /// Ids of each row that are not padding, `[batch]`; `None` where no row is padded.
    pub lengths: Option<Tensor>,
    /// 1 where the carried state must be forgotten before the row is read, else 0, `[batch]`.
    pub reset: Option<Tensor>,
}

impl Inputs {
    /// Rows without padding that go on from whatever state is given.
    pub fn of(ids: Tensor) -> Self {
        Self {
            ids,
            lengths: None,
            reset: None,
        }
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
        let flat = |name: &str| self.columns.get(name).map(|column| column.view([-1]));
        Ok(Inputs {
            ids: self.column(column::INPUTS)?.shallow_clone(),
            lengths: flat(column::LENGTHS),
            reset: flat(column::RESET),
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
