//! The file of metrics, one JSON object a line, and its reader.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::tensorboard::EventWriter;
use crate::{Error, Record};

/// Appends records to `metrics.jsonl` and to a TensorBoard event file in the folder `tensorboard` beside it.
#[derive(Debug)]
pub struct MetricsWriter {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines in the file.
    length: u64,
    /// Lines that a full disk did not take yet.
    waiting: Vec<u8>,
    events: EventWriter,
}

impl MetricsWriter {
    /// Open the file, or make it. A run that goes on from a checkpoint does steps again that were recorded before:
    /// records after `keep_through_step` are cut off first; at 0 the run begins anew and all are. Only the end of the file is read.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn open(path: &Path, keep_through_step: u64) -> Result<Self, Error> {
        let failed = |error| Error::io(path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(failed)?;
        let whole = file.metadata().map_err(failed)?.len();
        let length = end_through(&mut file, keep_through_step).map_err(failed)?;
        if length < whole {
            file.set_len(length).map_err(failed)?;
            file.sync_data().map_err(failed)?;
        }
        let first_step = if keep_through_step == 0 {
            0
        } else {
            keep_through_step + 1
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            waiting: Vec::new(),
            events: EventWriter::create(&path.with_file_name("tensorboard"), first_step)?,
        })
    }

    /// Add a record. It is in the system's hands when this returns: only a loss of power can lose it.
    ///
    /// # Errors
    /// The record cannot be stored. It waits in memory, and the next call tries again: where [`Error::is_out_of_space`], one may go on.
    pub fn write(&mut self, record: &Record) -> Result<(), Error> {
        self.waiting.extend(line(&self.path, record)?);
        let lines = self.file.write_all(&self.waiting);
        if lines.is_ok() {
            self.length += self.waiting.len() as u64;
            self.waiting.clear();
        } else {
            // Half a line may be there.
            let _ = self.file.set_len(self.length);
        }
        let points = self.events.write(record).and_then(|()| self.events.flush());
        lines.map_err(|error| Error::io(&self.path, error))?;
        points
    }

    /// Something that stores for good what was written until now, as before a checkpoint that counts on it. It may be called
    /// on another thread, while further records are written.
    ///
    /// # Errors
    /// The system gives no second handle of the file. When called: the records cannot be stored.
    pub fn syncing(
        &self,
    ) -> Result<Box<dyn FnOnce() -> Result<(), Error> + Send + 'static>, Error> {
        let path = self.path.clone();
        let file = self
            .file
            .try_clone()
            .map_err(|error| Error::io(&path, error))?;
        let all = self.waiting.is_empty();
        Ok(Box::new(move || {
            let synced = match all {
                true => file.sync_data(),
                false => Err(std::io::ErrorKind::StorageFull.into()),
            };
            synced.map_err(|error| Error::io(&path, error))
        }))
    }
}

fn line(path: &Path, record: &Record) -> Result<Vec<u8>, Error> {
    let mut line =
        serde_json::to_vec(record).map_err(|error| Error::damaged(path, error.to_string()))?;
    line.push(b'\n');
    Ok(line)
}

/// What decides whether a record stays.
#[derive(Deserialize)]
struct Step {
    step: u64,
}

/// Where the last line ends whose step is not above `step`: 0 at step 0, or if there is none. Read from the end, since steps only
/// grow: a line that was not finished, or that a loss of power made unreadable, belongs to what is cut off.
fn end_through(file: &mut (impl Read + Seek), step: u64) -> std::io::Result<u64> {
    const BLOCK: u64 = 1 << 16;
    if step == 0 {
        return Ok(0);
    }
    let mut start = file.seek(SeekFrom::End(0))?;
    let mut bytes: Vec<u8> = Vec::new(); // of the file from `start` on, up to where lines have been judged
    loop {
        let ends = bytes.iter().rposition(|byte| *byte == b'\n');
        let line = ends.and_then(|end| {
            let begin = bytes[..end].iter().rposition(|byte| *byte == b'\n');
            match begin {
                Some(begin) => Some((begin + 1, end)),
                None if start == 0 => Some((0, end)),
                None => None,
            }
        });
        if let Some((begin, end)) = line {
            let record: Option<Step> = serde_json::from_slice(&bytes[begin..end]).ok();
            if record.is_some_and(|record| record.step <= step) {
                return Ok(start + end as u64 + 1);
            }
            bytes.truncate(begin);
            continue;
        }
        if start == 0 {
            return Ok(0);
        }
        let length = start.min(BLOCK);
        start -= length;
        file.seek(SeekFrom::Start(start))?;
        let mut block = vec![0; length as usize];
        file.read_exact(&mut block)?;
        block.append(&mut bytes);
        bytes = block;
    }
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
        writer.syncing().unwrap()().unwrap();
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

    /// Lines of 32 bytes for the steps from 1 on, made as they are read.
    struct Long {
        lines: u64,
        at: u64,
        read: u64,
    }

    impl Read for Long {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let end = (32 * self.lines).min(self.at + buffer.len() as u64);
            let count = (end - self.at) as usize;
            for byte in &mut buffer[..count] {
                let text = format!("{{\"step\": {:>21}}}\n", self.at / 32 + 1);
                *byte = text.as_bytes()[(self.at % 32) as usize];
                self.at += 1;
            }
            self.read += count as u64;
            Ok(count)
        }
    }

    impl Seek for Long {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.at = match to {
                SeekFrom::Start(at) => at,
                SeekFrom::End(back) => (32 * self.lines).saturating_add_signed(back),
                SeekFrom::Current(on) => self.at.saturating_add_signed(on),
            };
            Ok(self.at)
        }
    }

    #[test]
    fn ten_million_records_are_not_read_to_cut_off_the_last() {
        let mut file = Long {
            lines: 10_000_000,
            at: 0,
            read: 0,
        };
        for (step, kept) in [
            (10_000_000, 10_000_000),
            (20_000_000, 10_000_000),
            (9_999_000, 9_999_000),
            (9_990_001, 9_990_001),
            (0, 0),
        ] {
            assert_eq!(end_through(&mut file, step).unwrap(), 32 * kept);
        }
        assert!(file.read < 1 << 20, "{} bytes were read", file.read);
    }

    #[test]
    fn what_cannot_be_read_is_cut_off_with_the_records_after_the_checkpoint() {
        let check = |text: &[u8], step, kept: u64| {
            let mut file = std::io::Cursor::new(text.to_vec());
            assert_eq!(end_through(&mut file, step).unwrap(), kept);
        };
        let two = b"{\"step\":1}\n{\"step\":2}\n";
        check(two, 2, 22);
        check(two, 1, 11);
        check(b"{\"step\":3}\n", 2, 0);
        check(b"", 5, 0);
        check(b"no end of a line", 5, 0);
        check(b"{\"step\":1}\n\0\0\0\0\n{\"ste", 9, 11);
        check(b"{\"step\":1}\nnonsense\n{\"step\":2}\n", 1, 11);
        let long = [
            b"{\"step\":1}\n".to_vec(),
            vec![b'x'; 200_000],
            b"\n".to_vec(),
        ]
        .concat();
        check(&long, 4, 11);
    }

    #[test]
    fn a_full_disk_loses_no_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut writer = MetricsWriter::open(&path, 0).unwrap();
        writer.write(&record(1)).unwrap();
        // A file that is open for reading alone takes no line, as a full disk.
        let good = std::mem::replace(&mut writer.file, File::open(&path).unwrap());
        assert!(writer.write(&record(2)).is_err());
        let sync = writer.syncing().unwrap();
        let error = sync().unwrap_err();
        assert!(error.is_out_of_space(), "{error}");
        assert_eq!(steps(&path), [1]);
        writer.file = good;
        writer.write(&record(3)).unwrap();
        writer.syncing().unwrap()().unwrap();
        assert_eq!(steps(&path), [1, 2, 3]);
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
