//! One sentence, with the bytes it was read from.

use std::io::{self, Write};
use std::ops::Range;

use super::{Field, Id};

/// A sentence: its lines as they are in the file, and where the fields stand in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence {
    /// Comment lines, rows and the blank lines around them, with their line ends.
    pub(super) text: String,
    pub(super) comments: Vec<Range<usize>>,
    pub(super) rows: Vec<Cut>,
    /// Read rather than pushed together: the blank line behind it is there, or is not to be.
    pub(super) read: bool,
}

/// Where a row stands in the text of its sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) id: Id,
    /// The ten fields.
    pub(super) fields: [(u32, u32); 10],
}

/// A row: a word, a range of words, or an empty node.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    text: &'a str,
    cut: &'a Cut,
    index: usize,
}

/// A token of the text: a word, or a range of words that are written as one.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// The row that has the form and the spacing.
    pub row: Row<'a>,
    /// How many words it stands for.
    pub words: usize,
}

impl<'a> Row<'a> {
    /// What the row is.
    pub fn id(&self) -> Id {
        self.cut.id
    }

    /// Place among the rows of its sentence, from 0: what [`Sentence::set`] takes.
    pub fn index(&self) -> usize {
        self.index
    }

    /// A field as it stands; `_` where there is nothing.
    pub fn field(&self, field: Field) -> &'a str {
        let (start, end) = self.cut.fields[field as usize];
        &self.text[start as usize..end as usize]
    }

    /// The word as it stands in the text.
    pub fn form(&self) -> &'a str {
        self.field(Field::Form)
    }

    /// Its dictionary form.
    pub fn lemma(&self) -> &'a str {
        self.field(Field::Lemma)
    }

    /// Universal part of speech.
    pub fn upos(&self) -> &'a str {
        self.field(Field::Upos)
    }

    /// The treebank's own part of speech.
    pub fn xpos(&self) -> &'a str {
        self.field(Field::Xpos)
    }

    /// Morphological features.
    pub fn feats(&self) -> &'a str {
        self.field(Field::Feats)
    }

    /// Value of one morphological feature.
    pub fn feature(&self, name: &str) -> Option<&'a str> {
        value(self.feats(), name)
    }

    /// Whether white space follows in the text: unless MISC says `SpaceAfter=No`.
    pub fn space_after(&self) -> bool {
        value(self.field(Field::Misc), "SpaceAfter") != Some("No")
    }
}

/// The value of `name` in `Name=Value|Name=Value`.
fn value<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    list.split('|')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

impl Sentence {
    /// A sentence without lines, to push them to. [`write`](Self::write) ends it with a blank line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a comment: `# ` and the words given.
    ///
    /// # Panics
    /// Never; line breaks become spaces.
    pub fn push_comment(&mut self, comment: &str) {
        let start = self.text.len();
        self.text.push_str("# ");
        self.push_clean(comment, &['\n', '\r']);
        self.comments.push(start..self.text.len());
        self.text.push('\n');
    }

    /// Add a row of the nine fields after the id. Tabs and line breaks in a field become spaces, an empty field `_`.
    pub fn push_row(&mut self, id: Id, fields: [&str; 9]) {
        let mut cut = Cut {
            id,
            fields: [(0, 0); 10],
        };
        let start = self.text.len();
        self.text.push_str(&id.to_string());
        cut.fields[0] = (start as u32, self.text.len() as u32);
        for (field, place) in fields.iter().zip(&mut cut.fields[1..]) {
            self.text.push('\t');
            let start = self.text.len();
            self.push_clean(
                if field.is_empty() { "_" } else { field },
                &['\t', '\n', '\r'],
            );
            *place = (start as u32, self.text.len() as u32);
        }
        self.text.push('\n');
        self.rows.push(cut);
    }

    fn push_clean(&mut self, text: &str, breaking: &[char]) {
        let clean = text
            .chars()
            .map(|char| if breaking.contains(&char) { ' ' } else { char });
        self.text.extend(clean);
    }

    /// Comment lines, `#` included.
    pub fn comments(&self) -> impl Iterator<Item = &str> {
        self.comments.iter().map(|range| &self.text[range.clone()])
    }

    /// The value of a comment `# key = value`; a comment `# key` has the value "".
    pub fn comment(&self, key: &str) -> Option<&str> {
        self.comments().find_map(|comment| {
            let rest = comment.trim_start_matches('#').trim().strip_prefix(key)?;
            match rest.trim_start().strip_prefix('=') {
                Some(value) => Some(value.trim()),
                None => rest.is_empty().then_some(rest),
            }
        })
    }

    /// Whether a document begins here: `# newdoc` or `# newdoc id = ...`.
    pub fn begins_document(&self) -> bool {
        self.begins("newdoc")
    }

    /// Whether a paragraph begins here: `# newpar` or `# newpar id = ...`, or a document.
    pub fn begins_paragraph(&self) -> bool {
        self.begins("newpar") || self.begins_document()
    }

    fn begins(&self, mark: &str) -> bool {
        self.comments()
            .any(|comment| comment.trim_start_matches('#').split_whitespace().next() == Some(mark))
    }

    /// All rows, in the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().enumerate().map(|(index, cut)| Row {
            text: &self.text,
            cut,
            index,
        })
    }

    /// Syntactic words: the rows with whole ids.
    pub fn words(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows().filter(|row| matches!(row.id(), Id::Word(_)))
    }

    /// Tokens as they stand in the text: ranges, and the words that are in none.
    pub fn tokens(&self) -> impl Iterator<Item = Token<'_>> {
        let mut covered = 0;
        self.rows().filter_map(move |row| match row.id() {
            Id::Range(first, last) => {
                covered = last;
                Some(Token {
                    row,
                    words: (last - first + 1) as usize,
                })
            }
            Id::Word(word) => (word > covered).then_some(Token { row, words: 1 }),
            Id::Empty(..) => None,
        })
    }

    /// Replace a field of the row at `index` of [`rows`](Self::rows). Tabs and line breaks become spaces, nothing
    /// becomes `_`; an index beyond the last row changes nothing.
    pub fn set(&mut self, index: usize, field: Field, value: &str) {
        let Some(cut) = self.rows.get(index) else {
            return;
        };
        let (start, end) = cut.fields[field as usize];
        let mut clean = value.replace(['\t', '\n', '\r'], " ");
        if clean.is_empty() {
            clean.push('_');
        }
        self.text
            .replace_range(start as usize..end as usize, &clean);
        let moved = clean.len() as i64 - i64::from(end - start);
        let shift = |place: &mut u32| *place = (i64::from(*place) + moved) as u32;
        let cut = &mut self.rows[index];
        shift(&mut cut.fields[field as usize].1);
        for (start, end) in &mut cut.fields[field as usize + 1..] {
            shift(start);
            shift(end);
        }
        for (start, end) in self.rows[index + 1..]
            .iter_mut()
            .flat_map(|cut| &mut cut.fields)
        {
            shift(start);
            shift(end);
        }
        for range in &mut self.comments {
            if range.start >= end as usize {
                range.start = (range.start as i64 + moved) as usize;
                range.end = (range.end as i64 + moved) as usize;
            }
        }
    }

    /// Write the sentence as it was read, with the fields that were set; one that was pushed together ends with a
    /// blank line.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(self.text.as_bytes())?;
        if !self.read {
            to.write_all(b"\n")?;
        }
        Ok(())
    }
}
