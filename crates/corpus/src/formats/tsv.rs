//! Tab-separated values as they are found: a row a line, with quotes that may or may not enclose a field.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use kiln_text::{Document, Error};

use super::Reader;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::input::Lines;
use crate::record::{Columns, Fields, Place};

pub(crate) struct TsvReader {
    lines: Lines,
    name: String,
    path: PathBuf,
    fields: Fields,
    /// `None` for an empty file.
    columns: Option<Columns>,
}

impl TsvReader {
    pub(crate) fn open(
        path: &Path,
        name: &str,
        fields: &Fields,
        start: (u64, u64),
    ) -> Result<Self, Error> {
        let mut lines = Lines::open(path, fields.encoding, 0, 0)?;
        let mut place = Place {
            path,
            name,
            line: 1,
            record: None,
            offset: 0,
        };
        let mut header = fields.columns.clone();
        while header.is_none()
            && let Some(line) = lines.next_line()?
        {
            if !line.text.trim().is_empty() {
                place.line = line.number;
                header = Some(cells(line.text).map(Cow::into_owned).collect());
            }
        }
        let columns = header
            .map(|header| Columns::find(header, fields, place))
            .transpose()?;
        if start.0 > lines.place().0 {
            lines = Lines::open(path, fields.encoding, start.0, start.1)?;
        }
        Ok(Self {
            lines,
            name: name.to_owned(),
            path: path.to_owned(),
            fields: fields.clone(),
            columns,
        })
    }
}

/// The cells of a line. A cell that begins with a double quote which is closed before a tab or the line's end is
/// enclosed (and may hold tabs and doubled quotes); any other quote is an ordinary character.
fn cells(line: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        if let Some((cell, after)) = enclosed(line) {
            rest = after.strip_prefix('\t');
            return Some(match cell.contains('"') {
                true => Cow::Owned(cell.replace("\"\"", "\"")),
                false => Cow::Borrowed(cell),
            });
        }
        match line.split_once('\t') {
            Some((cell, after)) => {
                rest = Some(after);
                Some(Cow::Borrowed(cell))
            }
            None => {
                rest = None;
                Some(Cow::Borrowed(line))
            }
        }
    })
}

/// The inside of the enclosed cell that `line` begins with, and what follows it: a tab or nothing.
fn enclosed(line: &str) -> Option<(&str, &str)> {
    let inside = line.strip_prefix('"')?;
    let mut from = 0;
    loop {
        let quote = from + inside[from..].find('"')?;
        let after = &inside[quote + 1..];
        if after.starts_with('"') {
            from = quote + 2;
        } else if after.is_empty() || after.starts_with('\t') {
            return Some((&inside[..quote], after));
        } else {
            return None;
        }
    }
}

impl Reader for TsvReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        let Some(columns) = &self.columns else {
            return Ok(None);
        };
        while let Some(line) = self.lines.next_line()? {
            if line.text.is_empty() {
                continue;
            }
            let place = Place {
                path: &self.path,
                name: &self.name,
                line: line.number,
                record: None,
                offset: line.offset,
            };
            let row: Vec<Cow<str>> = cells(line.text).collect();
            let cell = |column: usize| row[column].as_ref();
            let document = columns
                .document(row.len(), cell, &self.fields, place, skipped)
                .map_err(|error| Refusal::record(error, line.text.as_bytes()))?;
            if document.is_some() {
                return Ok(document);
            }
        }
        Ok(None)
    }

    fn place(&self) -> (u64, u64) {
        self.lines.place()
    }
}

#[cfg(test)]
mod tests {
    use super::cells;

    #[test]
    fn quotes_enclose_a_cell_only_if_they_are_closed_at_its_end() {
        let cases: [(&str, &[&str]); 10] = [
            ("a\tb", &["a", "b"]),
            ("", &[""]),
            ("a\t", &["a", ""]),
            ("\"a\tb\"\tc", &["a\tb", "c"]),
            ("\"say \"\"hi\"\"\"\t1", &["say \"hi\"", "1"]),
            ("\" never closed\t1", &["\" never closed", "1"]),
            ("\"hello\" he said\t1", &["\"hello\" he said", "1"]),
            ("1\tit 's \"good\"", &["1", "it 's \"good\""]),
            ("\"\"\t\"\"", &["", ""]),
            ("\"é\"", &["é"]),
        ];
        for (line, expected) in cases {
            assert_eq!(cells(line).collect::<Vec<_>>(), expected, "{line}");
        }
    }
}
