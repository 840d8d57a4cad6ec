//! The `[corpus]` section of a recipe.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use crate::compression::Compression;
use crate::duplicates::{
    DecontaminationConfig, DuplicatesConfig, Marker, MinHashConfig, RepeatsConfig,
};
use crate::encoding::Encoding;
use crate::extract;
use crate::filters::FilterConfig;
use crate::remote;
use crate::repair;
use crate::words::Words;
use kiln_text::MemorySize;

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
    /// `stop` or `quarantine`: what becomes of records that cannot be read. Left out, web formats (`html`, `warc`)
    /// quarantine them and the others stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<OnBroken>,
    /// What is taken from documents with markup: of web pages the main text, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extraction: Option<extract::Config>,
    /// What is mended in every text, before it is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<repair::Config>,
    /// Which documents are good enough. Each filter judges every document; those that all keep go on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<FilterConfig>,
    /// Documents that hold text of evaluation sets go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decontamination: Option<Decontaminate>,
    /// Copies go, and the ledger names the document that stays for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<DuplicatesConfig>,
    /// Of the documents that stay, parts that stand elsewhere too are struck; one of which nothing is left goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<RepeatsConfig>,
    /// Memory that the searches for copies and for repeated parts may take, about: `"1G"`. What does not fit goes to the disk. Default `"2G"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<MemorySize>,
}

/// What models are to be tested with, and what of it a document must not share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decontaminate {
    /// The evaluation sets: files as under `sources`. Each file is a set.
    pub sources: Vec<SourceConfig>,
    /// Words in a run: 13 as for GPT-3 (Brown et al. 2020, arXiv:2005.14165, appendix C); datatrove has 12.
    #[serde(default = "default_n_grams")]
    pub n_grams: NonZeroU16,
    /// Evaluation texts with fewer words are looked for as a whole if they have at least so many; default 5.
    #[serde(default = "default_min_words")]
    pub min_words: NonZeroU16,
    /// What a word is: `whitespace` or `spacy`.
    #[serde(default)]
    pub words: Words,
}

fn default_n_grams() -> NonZeroU16 {
    DecontaminationConfig::default().n_grams
}

fn default_min_words() -> NonZeroU16 {
    DecontaminationConfig::default().min_words
}

/// Where the recipe does not say how much memory may be taken.
const DEFAULT_MEMORY: u64 = 2 << 30;

fn default_chunk_bytes() -> u64 {
    64 << 20
}

/// One source of text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// A file; a folder, with the folders below it, but without names that begin with a dot; or a pattern such as
    /// `data/**/*.txt`. Relative paths begin at the recipe's folder. Files are read in the order of their names.
    ///
    /// With the feature `remote`, an address: `https://HOST/FILE`, `s3://BUCKET/PREFIX/`, `gs://`, `az://`, or
    /// `hf://datasets/OWNER/NAME[@REVISION]/PATH`, of which all but the first may be patterns. Written out, it has `***` for
    /// the values behind its `?`, which may be secrets.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "remote::serialize_path"
    )]
    pub path: Option<String>,
    /// `text`, `markdown`, `html`, `lines`, `jsonl`, `json`, `csv`, `tsv`, `warc` or `stories`. Without it each file's
    /// extension says it (before `.gz`, `.zst`, `.xz` or `.bz2`, which are unpacked), and of a folder's files those with
    /// other extensions are left out (as are text files where the keys below name parts of records); a single file
    /// without a known extension is recognised by its first bytes where they tell. With the key every file is read so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The encoding of the files' texts: `auto`, or a label such as `utf-8`, `windows-1252` or `shift_jis`. Default
    /// `auto`: a file that is not UTF-8 is decoded by what its bytes look like. With `utf-8` such a file is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The field (json, jsonl) or column (csv, tsv) with the text; default `text`.
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

/// What becomes of a record, or a file, that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBroken {
    /// The reading stops with its place and what is wrong.
    Stop,
    /// It is left out, counted and kept for [`Documents::take_broken`](crate::Documents::take_broken); the reading goes
    /// on with the next record, or with the next file where none can be found.
    Quarantine,
}

/// How a file is cut into documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A document a file.
    Text,
    /// A document a file, its markup kept.
    Markdown,
    /// A document a file: a web page as it stands, with the metadata `content_type` = `text/html`.
    Html,
    /// A document a line.
    Lines,
    /// A JSON object a line, with named fields.
    Jsonl,
    /// JSON objects with named fields, one after another or in one array.
    Json,
    /// Comma-separated values with named columns (RFC 4180).
    Csv,
    /// Tab-separated values with named columns.
    Tsv,
    /// Tables kept by columns (Apache Parquet), with named columns.
    Parquet,
    /// Tables kept by columns (Apache Arrow, as a file or a stream), with named columns.
    Arrow,
    /// The articles of a MediaWiki dump, their markup removed.
    Wikipedia,
    /// The chapters of a book.
    Epub,
    /// The pages of a PDF file.
    Pdf,
    /// Records of a web archive (WARC, WET or the older ARC): pages as HTML, and texts that were extracted from pages.
    Warc,
    /// Generated: short English stories of exactly known probability.
    Stories,
}

/// What a document of a format is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Running text that may be cut anywhere.
    RunningText,
    /// One of a row of texts without further parts.
    Texts,
    /// A record whose parts have names.
    Fields,
    /// A record whose parts have names, given once for all by a header line or the recipe.
    Table,
    /// Something from the web, where a broken record is usual and is quarantined unless the recipe says otherwise.
    Web,
    /// Made, not read.
    Generated,
}

/// A format with its name in a recipe, the file extensions that mean it where the recipe does not say, and its kind.
struct Row(Format, &'static str, &'static [&'static str], Kind);

const FORMATS: [Row; 15] = [
    Row(Format::Text, "text", &["txt", "text"], Kind::RunningText),
    Row(
        Format::Markdown,
        "markdown",
        &["md", "markdown"],
        Kind::RunningText,
    ),
    Row(Format::Html, "html", &["html", "htm", "xhtml"], Kind::Web),
    Row(Format::Lines, "lines", &[], Kind::Texts),
    Row(Format::Jsonl, "jsonl", &["jsonl", "ndjson"], Kind::Fields),
    Row(Format::Json, "json", &["json"], Kind::Fields),
    Row(Format::Csv, "csv", &["csv"], Kind::Table),
    Row(Format::Tsv, "tsv", &["tsv", "tab"], Kind::Table),
    Row(Format::Parquet, "parquet", &["parquet"], Kind::Fields),
    Row(
        Format::Arrow,
        "arrow",
        &["arrow", "arrows", "feather", "ipc"],
        Kind::Fields,
    ),
    Row(Format::Wikipedia, "wikipedia", &[], Kind::Texts),
    Row(Format::Epub, "epub", &["epub"], Kind::Texts),
    Row(Format::Pdf, "pdf", &["pdf"], Kind::Texts),
    Row(Format::Warc, "warc", &["warc", "wet", "arc"], Kind::Web),
    Row(Format::Stories, "stories", &[], Kind::Generated),
];

impl Format {
    /// The format that a file's extension stands for, upper or lower case. What says that the file is compressed is
    /// passed over: `a.jsonl.gz` is JSON Lines.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let name = Compression::strip_extension(name);
        let (stem, extension) = name.rsplit_once('.')?;
        if stem.is_empty() || stem.ends_with('/') {
            return None;
        }
        FORMATS
            .iter()
            .find(|row| {
                row.2
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(extension))
            })
            .map(|row| row.0)
    }

    fn row(self) -> &'static Row {
        // Every format has its row: a test goes through them.
        FORMATS
            .iter()
            .find(|row| row.0 == self)
            .unwrap_or(&FORMATS[0])
    }

    /// Its name in a recipe.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The names of all formats that are read from files.
    pub(crate) fn names_of_files() -> impl Iterator<Item = &'static str> {
        let read = FORMATS.iter().filter(|row| row.3 != Kind::Generated);
        read.map(|row| row.1)
    }

    /// The file extensions of the formats that are `wanted`.
    pub(crate) fn extensions(wanted: impl Fn(Self) -> bool) -> impl Iterator<Item = &'static str> {
        let rows = FORMATS.iter().filter(move |row| wanted(row.0));
        rows.flat_map(|row| row.2.iter().copied())
    }

    pub(crate) fn kind(self) -> Kind {
        self.row().3
    }

    /// A document is running text that may be cut anywhere.
    pub(crate) fn is_running_text(self) -> bool {
        self.kind() == Kind::RunningText
    }

    /// A document is a record whose parts have names.
    pub(crate) fn has_fields(self) -> bool {
        matches!(self.kind(), Kind::Fields | Kind::Table)
    }

    pub(crate) fn is_table(self) -> bool {
        self.kind() == Kind::Table
    }

    /// What happens to broken records where the recipe does not say.
    pub(crate) fn on_broken(self) -> OnBroken {
        match self.kind() {
            Kind::Web => OnBroken::Quarantine,
            _ => OnBroken::Stop,
        }
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
    /// As `random`, but near copies (by MinHash) go to the same side, whether they are removed or not.
    Cluster,
    /// Nothing is held out: a corpus for other tools.
    None,
}

impl Config {
    /// What makes the marks by which copies of documents are found; `None` if nothing asks for them.
    ///
    /// # Errors
    /// A key of `duplicates` asks for something that cannot be.
    pub fn marker(&self) -> Result<Option<Marker>, crate::Error> {
        match &self.duplicates {
            Some(duplicates) => Marker::new(duplicates).map(Some),
            None if self.split.method == Method::Cluster => {
                Marker::near(&MinHashConfig::default()).map(Some)
            }
            None => Ok(None),
        }
    }

    /// Whether copies of whole documents go.
    pub fn removes_copies(&self) -> bool {
        self.duplicates.is_some()
    }

    /// The runs or corpora of earlier documents of which none of this corpus may be a copy, as the recipe names them.
    pub fn against(&self) -> &[String] {
        self.duplicates
            .as_ref()
            .map_or(&[], DuplicatesConfig::against)
    }

    /// A corpus of these sources, everything else as it is where the recipe says nothing.
    pub fn of_sources(sources: Vec<SourceConfig>) -> Self {
        Self {
            sources,
            validation_sources: Vec::new(),
            split: Split::default(),
            chunk_bytes: default_chunk_bytes(),
            broken: None,
            extraction: None,
            repair: None,
            filters: Vec::new(),
            decontamination: None,
            duplicates: None,
            repeats: None,
            max_memory: None,
        }
    }

    /// `max_memory` in bytes.
    pub fn memory(&self) -> u64 {
        self.max_memory.map_or(DEFAULT_MEMORY, |size| size.0)
    }

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

    /// What `encoding` says; `None` for `auto`.
    pub(crate) fn encoding(&self) -> Option<Encoding> {
        self.encoding.as_deref().and_then(Encoding::of_label)
    }

    pub(crate) fn story_count(&self) -> u64 {
        self.documents.unwrap_or(10_000)
    }
}
