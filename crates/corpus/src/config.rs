//! The `[corpus]` section of a recipe.

use serde::{Deserialize, Serialize};

/// Where the text comes from and which part of it is held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is read, in this order.
    pub sources: Vec<SourceConfig>,
    /// With `split.method = "files"`: what is held out. Nothing of it is trained on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation_sources: Vec<SourceConfig>,
    /// Which part of the sources is held out.
    #[serde(default)]
    pub split: Split,
    /// Bytes of JSON Lines, before compression, in one chunk of the stored documents. What is read after the last
    /// stored chunk is read again when an interrupted ingestion goes on.
    #[serde(default = "default_chunk_bytes")]
    pub chunk_bytes: u64,
}

fn default_chunk_bytes() -> u64 {
    64 << 20
}

/// One source of text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// A file; a folder, with the folders below it, but without names that begin with a dot; or a pattern such as
    /// `data/**/*.txt`. Relative paths begin at the recipe's folder. Files are read in the order of their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `text`, `markdown`, `lines`, `jsonl`, `csv`, `tsv` or `stories`. Without it each file's extension says it, and of
    /// a folder's files those with other extensions are left out (as are text files where the keys below name parts of
    /// records); with it every file is read so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The field (jsonl) or column (csv, tsv) with the text; default `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The field or column with the class of each document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The class of every document of this source, for files that hold one class each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_is: Option<String>,
    /// The field or column with the number to be predicted, or a list of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Names>,
    /// Names for the columns of a csv or tsv file that has no header line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// The character between the columns of a csv file; default `,`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Whether double quotes enclose fields of a csv or tsv file (RFC 4180). Default for csv: true. Left out for tsv, a
    /// field is enclosed if it begins with a quote that is closed at its end on the same line, and any other quote is an
    /// ordinary character, as in the files of the GLUE benchmark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotes: Option<bool>,
    /// How many stories are generated (`format = "stories"`); default 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
    /// Which stories are generated (`format = "stories"`); default 0. Another seed gives other stories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// One name or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a name or a list of names")]
pub enum Names {
    /// `value = "score"`
    One(String),
    /// `value = ["valence", "arousal"]`
    Many(Vec<String>),
}

impl Names {
    /// The names, one or more.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

/// How a file is cut into documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A document a file.
    Text,
    /// A document a file, its markup kept.
    Markdown,
    /// A document a line.
    Lines,
    /// A JSON object a line, with named fields.
    Jsonl,
    /// Comma-separated values with named columns (RFC 4180).
    Csv,
    /// Tab-separated values with named columns.
    Tsv,
    /// Generated: short English stories of exactly known probability.
    Stories,
}

/// What each file extension means where the recipe does not say.
pub(crate) const EXTENSIONS: [(&str, Format); 9] = [
    ("txt", Format::Text),
    ("text", Format::Text),
    ("md", Format::Markdown),
    ("markdown", Format::Markdown),
    ("jsonl", Format::Jsonl),
    ("ndjson", Format::Jsonl),
    ("csv", Format::Csv),
    ("tsv", Format::Tsv),
    ("tab", Format::Tsv),
];

impl Format {
    /// The format that a file's extension stands for, upper or lower case.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        if stem.is_empty() || stem.ends_with('/') {
            return None;
        }
        EXTENSIONS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(extension))
            .map(|&(_, format)| format)
    }

    /// Its name in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Lines => "lines",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Stories => "stories",
        }
    }

    /// A document is running text that may be cut anywhere.
    pub(crate) fn is_running_text(self) -> bool {
        matches!(self, Self::Text | Self::Markdown)
    }

    /// A document is a record whose parts have names.
    pub(crate) fn has_fields(self) -> bool {
        matches!(self, Self::Jsonl | Self::Csv | Self::Tsv)
    }

    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv)
    }
}

/// Which part of the corpus is held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Split {
    /// `auto`, `tail`, `random` or `files`.
    pub method: Method,
    /// The share that is held out, above 0 and below 1. Not read with the method `files`.
    pub validation: f64,
    /// With the method `random`: which documents are held out. Another seed gives another choice.
    pub seed: u64,
}

impl Default for Split {
    fn default() -> Self {
        Self {
            method: Method::Auto,
            validation: 0.1,
            seed: 0,
        }
    }
}

/// How the held-out part is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// `files` where `validation_sources` are given, else `tail` where every source is text or Markdown, else `random`.
    #[default]
    Auto,
    /// The last characters of the corpus. A text is cut at the character; a record is never cut.
    Tail,
    /// Each document by a hash of its text, so that equal texts are never on both sides.
    Random,
    /// `validation_sources` are held out, `sources` are trained on.
    Files,
}

impl Config {
    /// The sources with their keys: `sources[0]`, ..., `validation_sources[0]`, ...
    pub(crate) fn keyed_sources(&self) -> impl Iterator<Item = (String, &SourceConfig)> {
        let keyed = |list: &'static str| {
            move |(index, source)| -> (String, &SourceConfig) {
                (format!("{list}[{index}]"), source)
            }
        };
        let held_out = self.validation_sources.iter().enumerate();
        self.sources
            .iter()
            .enumerate()
            .map(keyed("sources"))
            .chain(held_out.map(keyed("validation_sources")))
    }
}

impl SourceConfig {
    pub(crate) fn story_seed(&self) -> u64 {
        self.seed.unwrap_or(0)
    }

    pub(crate) fn story_count(&self) -> u64 {
        self.documents.unwrap_or(10_000)
    }
}
