//! A stream, line by line: in parallel, in order, in bounded memory.

use std::io::{BufRead, Write};

use rayon::prelude::*;

use crate::Error;

/// Lines that are worked on at a time, each at most so many, so that memory does not grow with the stream.
pub(crate) const BATCH_LINES: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

/// The name of the stream in messages.
pub(crate) const INPUT: &str = "input";

/// Write what `change` makes of each line, with its number from 1, a line for a line.
pub(crate) fn each_line(
    reader: &mut impl BufRead,
    writer: &mut impl Write,
    change: impl Fn(&[u8], u64) -> Result<Vec<u8>, Error> + Sync,
) -> Result<(), Error> {
    let mut first = 1;
    loop {
        let batch = read_batch(reader, first)?;
        if batch.is_empty() {
            return writer.flush().map_err(Error::Output);
        }
        let changed: Vec<Result<Vec<u8>, Error>> = batch
            .par_iter()
            .enumerate()
            .map(|(index, line)| change(line, first + index as u64))
            .collect();
        for line in changed {
            let mut line = line?;
            line.push(b'\n');
            writer.write_all(&line).map_err(Error::Output)?;
        }
        first += batch.len() as u64;
    }
}

fn read_batch(reader: &mut impl BufRead, first: u64) -> Result<Vec<Vec<u8>>, Error> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES && batch.len() < BATCH_LINES {
        let mut line = Vec::new();
        let read = reader
            .read_until(b'\n', &mut line)
            .map_err(|error| refused(first + batch.len() as u64, error.to_string(), false))?;
        if read == 0 {
            break;
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        bytes += read;
        batch.push(line);
    }
    Ok(batch)
}

/// A line as text.
pub(crate) fn text(line: &[u8], number: u64) -> Result<&str, Error> {
    std::str::from_utf8(line).map_err(|error| {
        let problem = format!("not UTF-8 at byte {} of the line", error.valid_up_to());
        refused(number, problem, true)
    })
}

pub(crate) fn refused(line: u64, problem: String, mistake: bool) -> Error {
    Error::Line {
        name: INPUT,
        line,
        problem,
        mistake,
    }
}
