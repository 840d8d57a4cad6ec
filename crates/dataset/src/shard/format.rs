//! Header and footer of a shard as bytes.

use serde::{Deserialize, Serialize};

/// Version of the shard format that is written, and the only one that is read.
pub const FORMAT_VERSION: u32 = 1;

/// First bytes of a shard. As in PNG, the first is not text and the last four are what careless copying changes.
pub(crate) const MAGIC: [u8; 8] = *b"\x89KILN\r\n\x1a";

/// Columns begin at multiples of this, and the header is as long.
pub(crate) const ALIGNMENT: u64 = 64;

/// Length of the checksum at the end.
pub(crate) const CHECKSUM_BYTES: u64 = 32;

/// The least that a shard can be.
pub(crate) const LEAST_BYTES: u64 = ALIGNMENT + CHECKSUM_BYTES;

/// Bytes of the header that its own checksum covers.
const CHECKED: usize = 40;

/// What a shard holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// One stream of ids.
    Tokens,
    /// Rows of ids, each with an answer.
    Examples,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Examples => "examples",
        }
    }
}

/// What is to be predicted of each example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    /// A class number.
    Labels {
        /// How many classes there are.
        classes: usize,
    },
    /// Real numbers.
    Values {
        /// How many each example has.
        width: usize,
    },
}

impl std::fmt::Display for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Labels { classes } => write!(f, "labels of {classes} classes"),
            Self::Values { width } => write!(f, "values of width {width}"),
        }
    }
}

/// What went into a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Documents that end in it; examples.
    pub documents: u64,
    /// Ids.
    pub tokens: u64,
    /// Bytes of the text that the ids stand for, before any was cut.
    pub text_bytes: u64,
    /// Examples that were cut to the context length.
    pub cut: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.documents += other.documents;
        self.tokens += other.tokens;
        self.text_bytes += other.text_bytes;
        self.cut += other.cut;
    }
}

/// Type of a column's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dtype {
    U16,
    U32,
    U64,
    F32,
}

impl Dtype {
    /// The smallest type for the ids of a vocabulary.
    pub(crate) fn for_ids(vocabulary_size: usize) -> Self {
        if vocabulary_size <= 1 << 16 {
            Self::U16
        } else {
            Self::U32
        }
    }

    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::U16 => 2,
            Self::U32 | Self::F32 => 4,
            Self::U64 => 8,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F32 => "f32",
        }
    }
}

/// Where a column lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnEntry {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    /// Numbers in each row.
    pub(crate) width: u64,
    pub(crate) rows: u64,
    /// First byte, from the beginning of the file.
    pub(crate) offset: u64,
}

impl ColumnEntry {
    /// One past its last byte; `None` if that is beyond any file.
    pub(crate) fn end(&self) -> Option<u64> {
        let bytes = self
            .rows
            .checked_mul(self.width)?
            .checked_mul(self.dtype.bytes())?;
        self.offset.checked_add(bytes)
    }
}

/// What a shard says of itself, apart from its columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    pub(crate) kind: Kind,
    pub(crate) vocabulary_size: usize,
    /// Identity of the tokenizer whose ids these are.
    pub(crate) tokenizer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answers: Option<Answers>,
    pub(crate) counts: Counts,
}

/// The document at the end of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Footer {
    #[serde(flatten)]
    pub(crate) contents: Contents,
    pub(crate) columns: Vec<ColumnEntry>,
}

/// The first 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u32,
    /// Length of the whole file; 0 until it is finished.
    pub(crate) file_bytes: u64,
    pub(crate) footer_offset: u64,
    pub(crate) footer_bytes: u64,
}

impl Header {
    /// The header of a shard that is being written.
    pub(crate) const UNFINISHED: Self = Self {
        version: FORMAT_VERSION,
        file_bytes: 0,
        footer_offset: 0,
        footer_bytes: 0,
    };

    /// As bytes, with the checksum over itself and the footer.
    pub(crate) fn write(&self, footer: &[u8]) -> [u8; ALIGNMENT as usize] {
        let mut bytes = [0; ALIGNMENT as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.version.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.file_bytes.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.footer_offset.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.footer_bytes.to_le_bytes());
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes[..CHECKED]).update(footer);
        bytes[CHECKED..].copy_from_slice(&hasher.finalize().as_bytes()[..24]);
        bytes
    }

    /// The numbers of a header whose magic has been checked.
    pub(crate) fn read(bytes: &[u8; ALIGNMENT as usize]) -> Self {
        let number = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(eight)
        };
        Self {
            version: number(8) as u32,
            file_bytes: number(16),
            footer_offset: number(24),
            footer_bytes: number(32),
        }
    }
}
