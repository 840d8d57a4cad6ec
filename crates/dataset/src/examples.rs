//! Example shards as one list of examples.

use std::path::PathBuf;

use crate::Error;
use crate::example_writer::{ENDS, LABELS, VALUES};
use crate::shard::{Answers, Column, Counts, Dtype, Ids, Kind, Shard};
use crate::token_writer::IDS;
use crate::tokens::{identity_of, same_tokenizer};

/// The examples of all shards of a split, in the order of the shards, read in place.
pub struct Examples {
    shards: Vec<ExampleShard>,
    /// Number of each shard's first example.
    starts: Vec<u64>,
    answers: Answers,
    counts: Counts,
    identity: String,
}

struct ExampleShard {
    shard: Shard,
    ids: Column,
    ends: Column,
    answers: Column,
}

impl Examples {
    /// Open the shards of a split; `split` is what errors call it.
    ///
    /// # Errors
    /// A shard is missing, not an example shard, damaged, or differs from the first in tokenizer or kind of answer; or
    /// there is no example in all of them.
    pub fn open(split: &str, paths: &[PathBuf]) -> Result<Self, Error> {
        let mut shards: Vec<ExampleShard> = Vec::with_capacity(paths.len());
        for path in paths {
            let shard = Shard::open_kind(path, Kind::Examples)?;
            if let Some(first) = shards.first() {
                same_tokenizer(&first.shard, &shard)?;
            }
            shards.push(ExampleShard::new(shard)?);
        }
        let mut starts = Vec::with_capacity(shards.len());
        let mut counts = Counts::default();
        for shard in &shards {
            starts.push(counts.documents);
            counts += Counts {
                documents: shard.ends().len() as u64,
                ..shard.shard.contents().counts
            };
        }
        let answers = shards
            .first()
            .and_then(|first| first.shard.contents().answers);
        match answers {
            Some(answers) if counts.documents > 0 => Ok(Self {
                identity: identity_of(shards.iter().map(|shard| &shard.shard)),
                shards,
                starts,
                answers,
                counts,
            }),
            _ => Err(Error::Empty {
                split: split.to_owned(),
                what: "examples",
            }),
        }
    }

    /// Number of examples.
    pub fn len(&self) -> u64 {
        self.counts.documents
    }

    /// Whether there are none; never so once opened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every id is below this.
    pub fn vocabulary_size(&self) -> usize {
        self.shards[0].shard.contents().vocabulary_size
    }

    /// Identity of the tokenizer whose ids these are.
    pub fn tokenizer(&self) -> &str {
        &self.shards[0].shard.contents().tokenizer
    }

    /// What each example has to be predicted.
    pub fn answers(&self) -> Answers {
        self.answers
    }

    /// What went into the shards, summed.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// A hash of the shards' checksums: equal identities mean equal examples.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Append the ids of an example, and say how many they are.
    ///
    /// # Panics
    /// If there is no such example.
    pub fn append(&self, example: u64, out: &mut Vec<i64>) -> usize {
        let (shard, row) = self.locate(example);
        let range = shard.range(row);
        let length = range.len();
        shard.ids().append(range, out);
        length
    }

    /// The class of an example, if examples have one.
    ///
    /// # Panics
    /// If there is no such example.
    pub fn label(&self, example: u64) -> Option<u32> {
        let (shard, row) = self.locate(example);
        matches!(self.answers, Answers::Labels { .. }).then(|| shard.labels()[row])
    }

    /// The numbers to be predicted of an example, if examples have any.
    ///
    /// # Panics
    /// If there is no such example.
    pub fn values(&self, example: u64) -> Option<&[f32]> {
        let (shard, row) = self.locate(example);
        match self.answers {
            Answers::Values { width } => Some(&shard.values()[row * width..(row + 1) * width]),
            Answers::Labels { .. } => None,
        }
    }

    /// How many ids an example has.
    ///
    /// # Panics
    /// If there is no such example.
    pub fn length(&self, example: u64) -> usize {
        let (shard, row) = self.locate(example);
        shard.range(row).len()
    }

    fn locate(&self, example: u64) -> (&ExampleShard, usize) {
        assert!(example < self.len(), "example {example} of {}", self.len());
        let shard = self.starts.partition_point(|start| *start <= example) - 1;
        let row = (example - self.starts[shard]) as usize;
        (&self.shards[shard], row)
    }
}

impl ExampleShard {
    /// The columns of a shard, with all that rows are found by checked.
    fn new(shard: Shard) -> Result<Self, Error> {
        let contents = shard.contents();
        let answers = match contents.answers {
            Some(Answers::Labels { .. }) => shard.column(LABELS, Dtype::U32, 1)?,
            Some(Answers::Values { width }) => shard.column(VALUES, Dtype::F32, width as u64)?,
            None => return Err(shard.damaged("its examples have no answers".into())),
        };
        let opened = Self {
            ids: shard.column(IDS, Dtype::for_ids(contents.vocabulary_size), 1)?,
            ends: shard.column(ENDS, Dtype::U64, 1)?,
            answers,
            shard,
        };
        opened.check()?;
        Ok(opened)
    }

    fn check(&self) -> Result<(), Error> {
        let ends = self.ends();
        let rising = ends.is_sorted_by(|one, next| one < next) && ends.first() != Some(&0);
        if !rising || ends.last().copied().unwrap_or(0) != self.ids().len() as u64 {
            return Err(self.shard.damaged("its rows do not cover its ids".into()));
        }
        let (answers, wanted) = match self.shard.contents().answers {
            Some(Answers::Labels { classes }) => {
                let labels = self.labels();
                if let Some(label) = labels.iter().find(|label| **label as usize >= classes) {
                    let problem = format!("label {label} is not below {classes}");
                    return Err(self.shard.damaged(problem));
                }
                (labels.len(), ends.len())
            }
            Some(Answers::Values { width }) => (self.values().len(), ends.len() * width),
            None => (0, 0),
        };
        if answers != wanted {
            let problem = format!("it has {answers} answers where {wanted} are expected");
            return Err(self.shard.damaged(problem));
        }
        Ok(())
    }

    fn ids(&self) -> Ids<'_> {
        self.shard.ids(&self.ids)
    }

    fn ends(&self) -> &[u64] {
        self.shard.numbers(&self.ends)
    }

    fn labels(&self) -> &[u32] {
        self.shard.numbers(&self.answers)
    }

    fn values(&self) -> &[f32] {
        self.shard.numbers(&self.answers)
    }

    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let ends = self.ends();
        let start = row.checked_sub(1).map_or(0, |before| ends[before]);
        start as usize..ends[row] as usize
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{VOCABULARY, examples, write_examples};
    use crate::{Answer, ExampleShardWriter, describe};

    fn writer(context_length: usize, answers: Answers) -> ExampleShardWriter<Cursor<Vec<u8>>> {
        let path = Path::new("a.examples");
        let out = Cursor::new(Vec::new());
        ExampleShardWriter::new(out, path, 10, "tokenizer", context_length, answers).unwrap()
    }

    #[test]
    fn longer_rows_are_cut_and_counted() {
        let mut writer = writer(3, Answers::Labels { classes: 2 });
        assert!(!writer.push(&[1, 2, 3], Answer::Label(0), 5).unwrap());
        assert!(writer.push(&[1, 2, 3, 4], Answer::Label(1), 7).unwrap());
        assert_eq!((writer.examples(), writer.tokens()), (2, 6));
        let (out, summary) = writer.finish().unwrap();
        let expected = Counts {
            documents: 2,
            tokens: 6,
            text_bytes: 12,
            cut: 1,
        };
        assert_eq!(summary.counts, expected);
        assert_eq!(out.into_inner().len() as u64, summary.bytes);
    }

    #[test]
    fn what_cannot_be_an_example_is_refused() {
        let labels = Answers::Labels { classes: 2 };
        let values = Answers::Values { width: 2 };
        for (answers, ids, answer, expected) in [
            (labels, &[][..], Answer::Label(0), "no tokens"),
            (
                labels,
                &[1],
                Answer::Label(2),
                "label 2, expected a label below 2",
            ),
            (labels, &[1], Answer::Values(&[1.0]), "expected a label"),
            (labels, &[10], Answer::Label(0), "token id 10"),
            (
                values,
                &[1],
                Answer::Label(1),
                "expected finite numbers, 2 of them",
            ),
            (
                values,
                &[1],
                Answer::Values(&[1.0]),
                "expected finite numbers, 2",
            ),
            (values, &[1], Answer::Values(&[1.0, f32::NAN]), "NaN"),
        ] {
            let mut writer = writer(5, answers);
            let error = writer.push(ids, answer, 1).unwrap_err();
            assert!(error.to_string().contains(expected), "{expected}: {error}");
            assert!(error.is_mistake());
            assert_eq!((writer.examples(), writer.tokens()), (0, 0));
        }
        let path = Path::new("a");
        for (context_length, answers) in [(0, labels), (1, Answers::Values { width: 0 })] {
            let out = Cursor::new(Vec::new());
            let made = ExampleShardWriter::new(out, path, 10, "t", context_length, answers);
            assert!(made.err().unwrap().is_mistake());
        }
    }

    #[test]
    fn shards_with_other_answers_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        write_examples(&paths[0], &[(0, 1)], Answers::Labels { classes: 2 });
        write_examples(&paths[1], &[(0, 1)], Answers::Labels { classes: 3 });
        let error = Examples::open("train", &paths).err().unwrap();
        assert!(
            error
                .to_string()
                .contains("the kind of answer is labels of 3 classes, but labels of 2 classes in"),
            "{error}"
        );
    }

    #[test]
    fn no_examples_are_a_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_examples(&path, &[], Answers::Values { width: 1 });
        assert_eq!(describe(&path).unwrap().counts, Counts::default());
        let error = Examples::open("train", &[path]).err().unwrap();
        assert!(error.is_mistake());
        assert!(
            error
                .to_string()
                .starts_with("the train split has no examples")
        );
    }

    #[test]
    fn damaged_tables_are_found_before_rows_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_examples(&path, &[(0, 2), (1, 3)], Answers::Labels { classes: 2 });
        let whole = std::fs::read(&path).unwrap();
        // Columns of 5 ids, 2 ends and 2 labels, each at the next multiple of 64.
        for (byte, expected) in [
            (128, "do not cover"),
            (136, "do not cover"),
            (192, "label 4"),
        ] {
            let mut changed = whole.clone();
            changed[byte] ^= 4;
            std::fs::write(&path, changed).unwrap();
            let error = Examples::open("train", std::slice::from_ref(&path))
                .err()
                .unwrap();
            assert!(error.to_string().contains(expected), "{byte}: {error}");
            assert!(!error.is_mistake());
        }
    }

    #[test]
    fn a_description_counts_lengths_and_labels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_examples(
            &path,
            &[(0, 1), (2, 5), (2, 3)],
            Answers::Labels { classes: 3 },
        );
        let description = describe(&path).unwrap();
        let lengths = description.lengths.unwrap();
        assert_eq!(
            (lengths.shortest, lengths.mean, lengths.longest),
            (1, 3.0, 5)
        );
        assert_eq!(description.labels.as_deref(), Some(&[1, 0, 2][..]));
        assert_eq!(description.vocabulary_size, VOCABULARY);
        let json = serde_json::to_value(&description).unwrap();
        assert_eq!(json["kind"], "examples");
        assert_eq!(json["counts"]["documents"], 3);
        assert_eq!(json["answers"]["labels"]["classes"], 3);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(lengths in proptest::collection::vec(1usize..30, 1..20), width in 0usize..4) {
            let answers = match width {
                0 => Answers::Labels { classes: 20 },
                width => Answers::Values { width },
            };
            let examples = examples(&lengths, answers);
            prop_assert_eq!(examples.len(), lengths.len() as u64);
            prop_assert_eq!(examples.answers(), answers);
            for (number, length) in (0..).zip(lengths) {
                let mut ids = Vec::new();
                prop_assert_eq!(examples.append(number, &mut ids), length);
                prop_assert_eq!(examples.length(number), length);
                prop_assert_eq!(ids, vec![number as i64; length]);
                prop_assert_eq!(examples.label(number), (width == 0).then_some(number as u32));
                let values = examples.values(number);
                prop_assert_eq!(values.map(<[f32]>::len), (width > 0).then_some(width));
                prop_assert_eq!(values.is_none_or(|values| values[0] == number as f32), true);
            }
        }
    }
}
