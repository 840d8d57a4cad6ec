//! The file of metrics, one JSON object a line, and its reader.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use crate::tensorboard::EventWriter;
use crate::{Error, Record, atomic};

/// Appends records to `metrics.jsonl` and to a TensorBoard event file in the folder `tensorboard` beside it.
#[derive(Debug)]
pub struct MetricsWriter {
    path: PathBuf,
    file: File,
    events: EventWriter,
}

impl MetricsWriter {
    /// Open the file, or make it. A run that goes on from a checkpoint does steps again that were recorded before:
    /// records after `keep_through_step` are dropped first; at 0 the run begins anew and all are.
    ///
    /// # Errors
    /// The files cannot be written, or the records that are there cannot be read.
    pub fn open(path: &Path, keep_through_step: u64) -> Result<Self, Error> {
        if path.exists() {
            let mut kept = Vec::new();
            if keep_through_step > 0 {
                for record in read_metrics(path)? {
                    if record.step <= keep_through_step {
                        kept.extend(line(path, &record)?);
                    }
                }
            }
            atomic::write(path, &kept)?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| Error::io(path, error))?;
        let first_step = if keep_through_step == 0 {
            0
        } else {
            keep_through_step + 1
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            events: EventWriter::create(&path.with_file_name("tensorboard"), first_step)?,
        })
    }

    /// Add a record. It is in the system's hands when this returns: only a loss of power can lose it.
    ///
    /// # Errors
    /// The record cannot be stored.
    pub fn write(&mut self, record: &Record) -> Result<(), Error> {
        let line = line(&self.path, record)?;
        self.file
            .write_all(&line)
            .map_err(|error| Error::io(&self.path, error))?;
        self.events.write(record)?;
        self.events.flush()
    }

    /// Store what was written for good, as before a checkpoint that counts on it.
    ///
    /// # Errors
    /// The records cannot be stored.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.file
            .sync_data()
            .map_err(|error| Error::io(&self.path, error))
    }
}

fn line(path: &Path, record: &Record) -> Result<Vec<u8>, Error> {
    let mut line =
        serde_json::to_vec(record).map_err(|error| Error::damaged(path, error.to_string()))?;
    line.push(b'\n');
    Ok(line)
}

/// All records of a file of metrics. A last line that a killed process left unfinished does not count.
///
/// # Errors
/// The file cannot be read, or a line before the last is not a record.
pub fn read_metrics(path: &Path) -> Result<Vec<Record>, Error> {
    let mut reader = BufReader::new(File::open(path).map_err(|error| Error::io(path, error))?);
    let mut records = Vec::new();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        reader
            .read_until(b'\n', &mut line)
            .map_err(|error| Error::io(path, error))?;
        if line.last() != Some(&b'\n') {
            break;
        }
        match serde_json::from_slice(&line) {
            Ok(record) => records.push(record),
            Err(error) => {
                return Err(Error::damaged(
                    path,
                    format!("line {number} is not a record of metrics: {error}"),
                ));
            }
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn record(step: u64) -> Record {
        Record {
            step,
            tokens: 10 * step,
            seconds: step as f64,
            train_loss: Some(1.0 / (step + 1) as f64),
            ..Record::default()
        }
    }

    fn steps(path: &Path) -> Vec<u64> {
        read_metrics(path)
            .unwrap()
            .iter()
            .map(|record| record.step)
            .collect()
    }

    #[test]
    fn a_resumed_run_forgets_what_it_does_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut writer = MetricsWriter::open(&path, 0).unwrap();
        for step in 0..=6 {
            writer.write(&record(step)).unwrap();
        }
        writer.sync().unwrap();
        drop(writer);
        // Killed within a line.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"step":7,"tok"#).unwrap();
        assert_eq!(steps(&path), [0, 1, 2, 3, 4, 5, 6]);

        let mut writer = MetricsWriter::open(&path, 4).unwrap();
        writer.write(&record(5)).unwrap();
        drop(writer);
        assert_eq!(steps(&path), [0, 1, 2, 3, 4, 5]);
        assert_eq!(read_metrics(&path).unwrap()[5], record(5));

        drop(MetricsWriter::open(&path, 0).unwrap());
        assert!(steps(&path).is_empty());
        assert_eq!(
            fs::read_dir(folder.path().join("tensorboard"))
                .unwrap()
                .count(),
            3
        );
    }

    #[test]
    fn a_line_that_is_no_record_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        fs::write(
            &path,
            "{\"step\":1,\"tokens\":1,\"seconds\":1}\nnonsense\n{}\n",
        )
        .unwrap();
        let message = read_metrics(&path).unwrap_err().to_string();
        assert!(message.contains("line 2"), "{message}");
    }
}
