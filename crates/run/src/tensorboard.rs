//! TensorBoard event files: TFRecord frames around `Event` messages with scalar summaries.
//!
//! The messages are those of TensorBoard's `event.proto` and `summary.proto`; the few fields that curves need are
//! written by hand.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Error, Record, crc32c};

/// Field numbers of `event.proto` and `summary.proto`.
mod field {
    pub(super) const EVENT_WALL_TIME: u32 = 1;
    pub(super) const EVENT_STEP: u32 = 2;
    pub(super) const EVENT_FILE_VERSION: u32 = 3;
    pub(super) const EVENT_SUMMARY: u32 = 5;
    pub(super) const EVENT_SESSION_LOG: u32 = 7;
    pub(super) const SESSION_LOG_STATUS: u32 = 1;
    pub(super) const SUMMARY_VALUE: u32 = 1;
    pub(super) const VALUE_TAG: u32 = 1;
    pub(super) const VALUE_SIMPLE: u32 = 2;
}

/// `SessionLog.START`: TensorBoard drops the points of earlier files at this step and after it.
const SESSION_START: u64 = 1;

/// One event file, new for each process that works on the run.
#[derive(Debug)]
pub(crate) struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventWriter {
    /// Begin a file in the folder; earlier files' points at `first_step` and after it no longer count.
    pub(crate) fn create(folder: &Path, first_step: u64) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        let (path, file) = new_file(folder)?;
        let mut writer = Self {
            path,
            file: BufWriter::new(file),
        };
        let mut version = event(0);
        bytes(&mut version, field::EVENT_FILE_VERSION, b"brain.Event:2");
        writer.frame(&version)?;
        let mut start = event(first_step);
        let mut log = Vec::new();
        varint_field(&mut log, field::SESSION_LOG_STATUS, SESSION_START);
        bytes(&mut start, field::EVENT_SESSION_LOG, &log);
        writer.frame(&start)?;
        writer.flush()?;
        Ok(writer)
    }

    /// Add every metric of a record as a point at its step.
    pub(crate) fn write(&mut self, record: &Record) -> Result<(), Error> {
        let mut summary = Vec::new();
        for (tag, number) in record.scalars() {
            let mut value = Vec::new();
            bytes(&mut value, field::VALUE_TAG, tag.as_bytes());
            fixed32(&mut value, field::VALUE_SIMPLE, number as f32);
            bytes(&mut summary, field::SUMMARY_VALUE, &value);
        }
        let mut message = event(record.step);
        bytes(&mut message, field::EVENT_SUMMARY, &summary);
        self.frame(&message)
    }

    /// Hand what is written to the system.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.file
            .flush()
            .map_err(|error| Error::io(&self.path, error))
    }

    /// TFRecord: length, its checksum, data, its checksum; all numbers little-endian.
    fn frame(&mut self, data: &[u8]) -> Result<(), Error> {
        let length = (data.len() as u64).to_le_bytes();
        let mut frame = Vec::with_capacity(data.len() + 16);
        frame.extend_from_slice(&length);
        frame.extend_from_slice(&crc32c::masked(&length).to_le_bytes());
        frame.extend_from_slice(data);
        frame.extend_from_slice(&crc32c::masked(data).to_le_bytes());
        self.file
            .write_all(&frame)
            .map_err(|error| Error::io(&self.path, error))
    }
}

/// TensorBoard reads files in the order of their names, which therefore begin with the time; a clock that was set back does not
/// put a new file before an old one.
fn new_file(folder: &Path) -> Result<(PathBuf, File), Error> {
    let (mut seconds, mut number) = fs::read_dir(folder)
        .map_err(|error| Error::io(folder, error))?
        .filter_map(|entry| place(entry.ok()?.file_name().to_str()?))
        .max()
        .map_or((0, 0), |(seconds, number)| (seconds, number + 1));
    if seconds < wall_time() as u64 {
        (seconds, number) = (wall_time() as u64, 0);
    }
    loop {
        let path = folder.join(format!("{PREFIX}{seconds:010}.{number:03}.kiln"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(Error::io(path, error)),
        }
    }
}

const PREFIX: &str = "events.out.tfevents.";

/// The time and the number in the name of an event file.
fn place(name: &str) -> Option<(u64, u64)> {
    let mut parts = name.strip_prefix(PREFIX)?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn wall_time() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

fn event(step: u64) -> Vec<u8> {
    let mut message = Vec::new();
    key(&mut message, field::EVENT_WALL_TIME, 1);
    message.extend_from_slice(&wall_time().to_le_bytes());
    varint_field(&mut message, field::EVENT_STEP, step);
    message
}

fn key(message: &mut Vec<u8>, field: u32, wire_type: u32) {
    varint(message, u64::from(field << 3 | wire_type));
}

fn varint_field(message: &mut Vec<u8>, field: u32, value: u64) {
    key(message, field, 0);
    varint(message, value);
}

fn bytes(message: &mut Vec<u8>, field: u32, value: &[u8]) {
    key(message, field, 2);
    varint(message, value.len() as u64);
    message.extend_from_slice(value);
}

fn fixed32(message: &mut Vec<u8>, field: u32, value: f32) {
    key(message, field, 5);
    message.extend_from_slice(&value.to_le_bytes());
}

fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A message taken apart by the rules of the wire format, not by our constants.
    #[derive(Debug, PartialEq)]
    enum Wire<'a> {
        Varint(u64),
        Fixed64([u8; 8]),
        Bytes(&'a [u8]),
        Fixed32([u8; 4]),
    }

    fn take<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
        let (head, tail) = input.split_at(count);
        *input = tail;
        head
    }

    fn read_varint(input: &mut &[u8]) -> u64 {
        let mut value = 0;
        for place in 0.. {
            let byte = take(input, 1)[0];
            value |= u64::from(byte & 0x7F) << (7 * place);
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    fn read_message(mut input: &[u8]) -> Vec<(u64, Wire<'_>)> {
        let mut fields = Vec::new();
        while !input.is_empty() {
            let key = read_varint(&mut input);
            let value = match key & 7 {
                0 => Wire::Varint(read_varint(&mut input)),
                1 => Wire::Fixed64(take(&mut input, 8).try_into().unwrap()),
                2 => {
                    let length = read_varint(&mut input) as usize;
                    Wire::Bytes(take(&mut input, length))
                }
                5 => Wire::Fixed32(take(&mut input, 4).try_into().unwrap()),
                other => panic!("wire type {other}"),
            };
            fields.push((key >> 3, value));
        }
        fields
    }

    fn read_frames(mut input: &[u8]) -> Vec<&[u8]> {
        let unmask = |stored: &[u8]| {
            let stored = u32::from_le_bytes(stored.try_into().unwrap());
            stored.wrapping_sub(0xA282_EAD8).rotate_left(15)
        };
        let mut frames = Vec::new();
        while !input.is_empty() {
            let length = take(&mut input, 8);
            assert_eq!(unmask(take(&mut input, 4)), crc32c::crc32c(length));
            let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
            let data = take(&mut input, length);
            assert_eq!(unmask(take(&mut input, 4)), crc32c::crc32c(data));
            frames.push(data);
        }
        frames
    }

    #[test]
    fn an_independent_reader_finds_every_point() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path(), 301).unwrap();
        let record = Record {
            step: 300_000,
            tokens: 5,
            train_loss: Some(1.5),
            extra: BTreeMap::from([("accuracy".into(), 0.25)]),
            ..Record::default()
        };
        writer.write(&record).unwrap();
        writer.flush().unwrap();
        let contents = fs::read(&writer.path).unwrap();
        let frames = read_frames(&contents);
        assert_eq!(frames.len(), 3);

        let version = read_message(frames[0]);
        assert!(version.contains(&(3, Wire::Bytes(b"brain.Event:2"))));
        let start = read_message(frames[1]);
        assert_eq!(start[1], (2, Wire::Varint(301)));
        assert_eq!(start[2], (7, Wire::Bytes(&[0x08, 0x01])));

        let event = read_message(frames[2]);
        let (1, Wire::Fixed64(time)) = event[0] else {
            panic!("no wall time in {event:?}")
        };
        assert!(f64::from_le_bytes(time) > 1.7e9);
        assert_eq!(event[1], (2, Wire::Varint(300_000)));
        let (5, Wire::Bytes(summary)) = event[2] else {
            panic!("no summary in {event:?}")
        };
        let points: BTreeMap<_, _> = read_message(summary)
            .into_iter()
            .map(|(_, value)| {
                let Wire::Bytes(value) = value else { panic!() };
                match read_message(value)[..] {
                    [(1, Wire::Bytes(tag)), (2, Wire::Fixed32(number))] => (
                        std::str::from_utf8(tag).unwrap().to_owned(),
                        f32::from_le_bytes(number),
                    ),
                    ref other => panic!("{other:?}"),
                }
            })
            .collect();
        let expected = [
            ("accuracy", 0.25),
            ("seconds", 0.0),
            ("tokens", 5.0),
            ("train_loss", 1.5),
        ];
        assert_eq!(
            points,
            expected.map(|(tag, value)| (tag.to_owned(), value)).into()
        );
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_change_the_order_of_files() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = folder
            .path()
            .join("events.out.tfevents.9000000000.004.kiln");
        fs::write(&earlier, "").unwrap();
        let writer = EventWriter::create(folder.path(), 0).unwrap();
        assert!(writer.path > earlier, "{}", writer.path.display());
        let again = EventWriter::create(folder.path(), 0).unwrap();
        assert!(again.path > writer.path, "{}", again.path.display());
    }

    #[test]
    fn two_files_of_one_second_do_not_collide() {
        let folder = tempfile::tempdir().unwrap();
        let _one = EventWriter::create(folder.path(), 0).unwrap();
        let _two = EventWriter::create(folder.path(), 0).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
