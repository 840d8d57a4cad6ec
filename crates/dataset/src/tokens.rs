//! Token shards as one stream of ids.

use std::ops::Range;
use std::path::PathBuf;

use crate::Error;
use crate::shard::{Column, Counts, Dtype, Kind, Shard};
use crate::token_writer::{DOCUMENT_ENDS, IDS};

/// The ids of all shards of a split, in the order of the shards, read in place.
pub struct Tokens {
    split: String,
    shards: Vec<TokenShard>,
    /// Place of each shard's first id in the stream.
    starts: Vec<u64>,
    counts: Counts,
    identity: String,
}

struct TokenShard {
    shard: Shard,
    ids: Column,
    document_ends: Column,
}

impl Tokens {
    /// Open the shards of a split; `split` is what errors call it.
    ///
    /// # Errors
    /// A shard is missing, not a token shard, damaged, or made with another tokenizer than the first; or there is no
    /// token in all of them.
    pub fn open(split: &str, paths: &[PathBuf]) -> Result<Self, Error> {
        let mut shards: Vec<TokenShard> = Vec::with_capacity(paths.len());
        for path in paths {
            let shard = Shard::open_kind(path, Kind::Tokens)?;
            if let Some(first) = shards.first() {
                same_tokenizer(&first.shard, &shard)?;
            }
            shards.push(TokenShard {
                ids: shard.column(IDS, Dtype::for_ids(shard.contents().vocabulary_size), 1)?,
                document_ends: shard.column(DOCUMENT_ENDS, Dtype::U64, 1)?,
                shard,
            });
        }
        let mut starts = Vec::with_capacity(shards.len());
        let mut counts = Counts::default();
        for shard in &shards {
            starts.push(counts.tokens);
            counts += Counts {
                tokens: shard.len() as u64,
                ..shard.shard.contents().counts
            };
        }
        if counts.tokens == 0 {
            return Err(Error::Empty {
                split: split.to_owned(),
                what: "tokens",
            });
        }
        Ok(Self {
            split: split.to_owned(),
            identity: identity_of(shards.iter().map(|shard| &shard.shard)),
            shards,
            starts,
            counts,
        })
    }

    /// Name of the split.
    pub fn split(&self) -> &str {
        &self.split
    }

    /// Number of ids.
    pub fn len(&self) -> u64 {
        self.counts.tokens
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

    /// What went into the shards, summed.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// A hash of the shards' checksums: equal identities mean equal ids.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Append the ids at the places `range` of the stream.
    ///
    /// # Panics
    /// If the range goes beyond [`len`](Self::len).
    pub fn append(&self, range: Range<u64>, out: &mut Vec<i64>) {
        assert!(range.end <= self.len(), "{range:?} of {} ids", self.len());
        let mut at = range.start;
        let mut shard = self.starts.partition_point(|start| *start <= at) - 1;
        while at < range.end {
            let ids = self.shards[shard].ids();
            let from = (at - self.starts[shard]) as usize;
            let count = (ids.len() - from).min((range.end - at) as usize);
            ids.append(from..from + count, out);
            at += count as u64;
            shard += 1;
        }
    }

    /// The place after each document's last id, in order.
    pub fn document_ends(&self) -> impl Iterator<Item = u64> + '_ {
        self.starts
            .iter()
            .zip(&self.shards)
            .flat_map(|(start, shard)| shard.document_ends().iter().map(move |end| start + end))
    }
}

impl TokenShard {
    fn len(&self) -> usize {
        self.ids().len()
    }

    fn ids(&self) -> crate::shard::Ids<'_> {
        self.shard.ids(&self.ids)
    }

    fn document_ends(&self) -> &[u64] {
        self.shard.numbers(&self.document_ends)
    }
}

/// Shards of one split hold one tokenizer's ids.
pub(crate) fn same_tokenizer(first: &Shard, other: &Shard) -> Result<(), Error> {
    let (expected, found) = (first.contents(), other.contents());
    let mixed = |what, found: String, expected: String| Error::Mixed {
        path: other.path().to_owned(),
        other: first.path().to_owned(),
        what,
        found,
        expected,
    };
    if found.tokenizer != expected.tokenizer {
        let (found, expected) = (found.tokenizer.clone(), expected.tokenizer.clone());
        return Err(mixed("the tokenizer", found, expected));
    }
    if found.vocabulary_size != expected.vocabulary_size {
        let (found, expected) = (found.vocabulary_size, expected.vocabulary_size);
        let what = "the vocabulary size";
        return Err(mixed(what, found.to_string(), expected.to_string()));
    }
    if found.answers != expected.answers {
        let text = |answers: &Option<crate::Answers>| match answers {
            Some(answers) => format!("{answers}"),
            None => "none".to_owned(),
        };
        let (found, expected) = (text(&found.answers), text(&expected.answers));
        return Err(mixed("the kind of answer", found, expected));
    }
    Ok(())
}

/// A hash of shards in order.
pub(crate) fn identity_of<'a>(shards: impl Iterator<Item = &'a Shard>) -> String {
    let mut hasher = blake3::Hasher::new();
    for shard in shards {
        hasher.update(shard.checksum());
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{counting, write_tokens};
    use crate::{TokenShardWriter, describe, verify};

    #[test]
    fn documents_keep_their_ends_across_shards() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        write_tokens(&paths[0], 10, &[vec![1, 2], vec![3]]);
        write_tokens(&paths[1], 10, &[vec![4, 5, 6]]);
        let tokens = Tokens::open("train", &paths).unwrap();
        assert_eq!(tokens.document_ends().collect::<Vec<_>>(), [2, 3, 6]);
        assert_eq!(
            tokens.counts(),
            Counts {
                documents: 3,
                tokens: 6,
                text_bytes: 18,
                cut: 0
            }
        );
        assert_eq!(
            (tokens.vocabulary_size(), tokens.tokenizer()),
            (10, "tokenizer")
        );
    }

    #[test]
    fn a_document_may_go_on_in_the_next_shard() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        let mut writer = TokenShardWriter::new(
            std::fs::File::create(&paths[0]).unwrap(),
            &paths[0],
            10,
            "tokenizer",
        )
        .unwrap();
        writer.push(&[1, 2], 2).unwrap();
        writer.finish().unwrap();
        write_tokens(&paths[1], 10, &[vec![3]]);
        let tokens = Tokens::open("train", &paths).unwrap();
        assert_eq!(tokens.document_ends().collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn shards_that_do_not_belong_together_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        write_tokens(&paths[0], 10, &[vec![1, 2]]);
        write_tokens(&paths[1], 11, &[vec![3]]);
        let error = Tokens::open("train", &paths).err().unwrap();
        assert!(error.is_mistake());
        assert!(
            error
                .to_string()
                .contains("the vocabulary size is 11, but 10 in"),
            "{error}"
        );
    }

    #[test]
    fn no_tokens_are_a_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_tokens(&path, 10, &[]);
        assert_eq!(describe(&path).unwrap().lengths, None);
        for paths in [&[][..], &[path]] {
            let error = Tokens::open("validation", paths).err().unwrap();
            assert!(error.is_mistake());
            assert!(
                error
                    .to_string()
                    .starts_with("the validation split has no tokens")
            );
        }
    }

    #[test]
    fn ids_beyond_the_vocabulary_are_refused() {
        let path = std::path::Path::new("a.tokens");
        let mut writer =
            TokenShardWriter::new(std::io::Cursor::new(Vec::new()), path, 10, "tokenizer").unwrap();
        let error = writer.push(&[1, 10], 2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "token id 10 is not below the vocabulary size 10: the ids are another tokenizer's"
        );
        assert_eq!(writer.tokens(), 0);
    }

    #[test]
    fn a_full_disk_is_a_failure_that_names_the_file() {
        struct Full;
        impl std::io::Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        impl std::io::Seek for Full {
            fn seek(&mut self, _: std::io::SeekFrom) -> std::io::Result<u64> {
                Ok(0)
            }
        }
        let path = std::path::Path::new("train.tokens");
        let error = TokenShardWriter::new(Full, path, 10, "tokenizer")
            .err()
            .unwrap();
        assert!(!error.is_mistake());
        assert_eq!(
            error.to_string(),
            "train.tokens: cannot write the shard: no storage space"
        );
    }

    #[test]
    #[should_panic(expected = "5..11 of 10 ids")]
    fn ranges_beyond_the_end_panic() {
        counting(&[10]).append(5..11, &mut Vec::new());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            documents in proptest::collection::vec(proptest::collection::vec(0u32..256, 0..50), 1..20),
            pieces in 1usize..5,
            wide: bool,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let vocabulary_size = if wide { 65_537 } else { 65_536 };
            let documents: Vec<Vec<u32>> = documents
                .into_iter()
                .map(|ids| ids.into_iter().map(|id| vocabulary_size as u32 - 1 - id).collect())
                .collect();
            let paths: Vec<PathBuf> = documents
                .chunks(documents.len().div_ceil(pieces))
                .enumerate()
                .map(|(number, part)| {
                    let path = folder.path().join(number.to_string());
                    write_tokens(&path, vocabulary_size, part);
                    verify(&path).unwrap();
                    path
                })
                .collect();
            let dtype = describe(&paths[0]).unwrap().columns[0].dtype;
            prop_assert_eq!(dtype, if wide { "u32" } else { "u16" });
            let all = documents.concat();
            prop_assume!(!all.is_empty());
            let tokens = Tokens::open("train", &paths).unwrap();
            let mut read = Vec::new();
            tokens.append(0..tokens.len(), &mut read);
            prop_assert!(read.into_iter().eq(all.into_iter().map(i64::from)));
        }
    }
}
