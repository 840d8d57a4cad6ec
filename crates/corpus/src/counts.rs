//! How much text each part got, and what was left out, so that nothing is lost in silence.

use std::ops::AddAssign;

use kiln_text::Document;
use serde::{Deserialize, Serialize};

use crate::broken::Broken;
use crate::split::Part;

/// How much text one part has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartCounts {
    /// Documents; a long file is as many as it has pieces.
    pub documents: u64,
    /// Unicode scalar values of their texts.
    pub characters: u64,
    /// UTF-8 bytes of their texts.
    pub bytes: u64,
}

impl PartCounts {
    /// Count one more document.
    pub fn add(&mut self, document: &Document) {
        self.add_counted(document, document.text.chars().count() as u64);
    }

    fn add_counted(&mut self, document: &Document, characters: u64) {
        self.documents += 1;
        self.characters += characters;
        self.bytes += document.text.len() as u64;
    }
}

impl AddAssign for PartCounts {
    fn add_assign(&mut self, more: Self) {
        self.documents += more.documents;
        self.characters += more.characters;
        self.bytes += more.bytes;
    }
}

/// What a split has given so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// The part that is trained on.
    pub train: PartCounts,
    /// The part that is held out.
    pub held_out: PartCounts,
    /// What was read and left out.
    pub skipped: Skipped,
    /// Characters U+FFFD in the texts: bytes that are no character in their file's encoding, replaced by this reading
    /// or before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replacement_characters: u64,
    /// The id of the first document with such a character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_replacement: Option<String>,
}

impl Counts {
    /// The counts of one part.
    pub fn of(&self, part: Part) -> &PartCounts {
        match part {
            Part::Train => &self.train,
            Part::HeldOut => &self.held_out,
        }
    }

    /// Documents of both parts.
    pub fn documents(&self) -> u64 {
        self.train.documents + self.held_out.documents
    }

    pub(crate) fn characters(&self) -> u64 {
        self.train.characters + self.held_out.characters
    }

    pub(crate) fn add(&mut self, part: Part, document: &Document, characters: u64) {
        let counts = match part {
            Part::Train => &mut self.train,
            Part::HeldOut => &mut self.held_out,
        };
        counts.add_counted(document, characters);
        let replaced = document.text.matches(char::REPLACEMENT_CHARACTER).count();
        if replaced > 0 {
            self.replacement_characters += replaced as u64;
            self.first_replacement
                .get_or_insert_with(|| document.id.clone());
        }
    }

    /// One warning for each kind of what was left out or replaced.
    pub(crate) fn warn(&self) {
        self.skipped.warn();
        if let Some(first) = &self.first_replacement {
            let characters = counted(self.replacement_characters, "replacement character");
            tracing::warn!(
                "{characters} (U+FFFD) where bytes are not in their file's encoding, the first in {first}"
            );
        }
    }
}

impl AddAssign<&Self> for Counts {
    /// What `more` gave came after this.
    fn add_assign(&mut self, more: &Self) {
        let Self {
            train,
            held_out,
            skipped,
            replacement_characters,
            first_replacement,
        } = more;
        self.train += *train;
        self.held_out += *held_out;
        self.skipped += skipped;
        self.replacement_characters += replacement_characters;
        earlier(&mut self.first_replacement, first_replacement);
    }
}

fn earlier(first: &mut Option<String>, later: &Option<String>) {
    if first.is_none() {
        first.clone_from(later);
    }
}

/// Inputs that became no document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    /// Text files with nothing in them but white space.
    pub empty_files: u64,
    /// The first of those files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_empty_file: Option<String>,
    /// Records (fields, cells, lines) with nothing in them but white space.
    pub empty_texts: u64,
    /// The first of those records, as `file:line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_empty_text: Option<String>,
    /// Pages of a wiki that only lead to another page.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redirects: u64,
    /// Pages of a wiki that are no articles.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub other_pages: u64,
    /// Records of web archives that are neither a page that was delivered (status 200 to 299) nor a text: pictures,
    /// redirections, errors. Those about the archive itself and requests are not counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub other_records: u64,
    /// Records that could not be read and were left out (`broken = "quarantine"`).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub broken_records: u64,
    /// Files that could not be read, or not to their end, and were left out from there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub broken_files: u64,
    /// The first of those records or files with what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_broken: Option<String>,
}

impl AddAssign<&Self> for Skipped {
    fn add_assign(&mut self, more: &Self) {
        let Self {
            empty_files,
            first_empty_file,
            empty_texts,
            first_empty_text,
            redirects,
            other_pages,
            other_records,
            broken_records,
            broken_files,
            first_broken,
        } = more;
        self.empty_files += empty_files;
        earlier(&mut self.first_empty_file, first_empty_file);
        self.empty_texts += empty_texts;
        earlier(&mut self.first_empty_text, first_empty_text);
        self.redirects += redirects;
        self.other_pages += other_pages;
        self.other_records += other_records;
        self.broken_records += broken_records;
        self.broken_files += broken_files;
        earlier(&mut self.first_broken, first_broken);
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Skipped {
    pub(crate) fn empty_file(&mut self, name: &str) {
        self.empty_files += 1;
        self.first_empty_file.get_or_insert_with(|| name.to_owned());
    }

    pub(crate) fn empty_text(&mut self, name: &str, line: u64) {
        self.empty_texts += 1;
        self.first_empty_text
            .get_or_insert_with(|| format!("{name}:{line}"));
    }

    pub(crate) fn broken(&mut self, broken: &Broken) {
        match broken.ends_file {
            true => self.broken_files += 1,
            false => self.broken_records += 1,
        }
        self.first_broken.get_or_insert_with(|| {
            let place = match (broken.line, broken.offset) {
                (Some(line), _) => format!(":{line}"),
                (None, Some(offset)) => format!(": byte {offset}"),
                (None, None) => String::new(),
            };
            format!("{}{place}: {}", broken.file, broken.reason)
        });
    }

    /// One warning for each kind.
    pub(crate) fn warn(&self) {
        if let Some(first) = &self.first_empty_file {
            let files = counted(self.empty_files, "empty file");
            tracing::warn!("skipped: {files}, the first {first}");
        }
        if let Some(first) = &self.first_empty_text {
            let records = counted(self.empty_texts, "record");
            tracing::warn!("skipped: {records} with an empty text, the first {first}");
        }
        if self.redirects + self.other_pages > 0 {
            let redirects = counted(self.redirects, "redirect");
            let others = counted(self.other_pages, "page");
            tracing::info!("skipped: {redirects} and {others} that are no articles");
        }
        if self.other_records > 0 {
            let records = counted(self.other_records, "record");
            tracing::info!("passed over: {records} of web archives that hold no page and no text");
        }
        if let Some(first) = &self.first_broken {
            let records = counted(self.broken_records, "broken record");
            let files = counted(self.broken_files, "broken file");
            tracing::warn!("quarantined: {records} and {files}, the first {first}");
        }
    }
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(count: u64, name: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {name}{ending}")
}
