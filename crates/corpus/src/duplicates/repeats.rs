//! Parts of documents that stand elsewhere too, of any kind, by the section `[corpus.repeats]`.

use std::path::Path;

use kiln_text::Error;

use super::config::RepeatsConfig;
use super::exact::{DocumentRanges, PartSorter, Repeats, Unit};
use super::substrings::{Cuts, SubstringFinder, SubstringSecondPass};

impl RepeatsConfig {
    /// What can be said against it before any work.
    pub(crate) fn check(&self) -> Result<(), crate::Error> {
        match self {
            Self::Lines(_) | Self::Paragraphs(_) => Ok(()),
            Self::Substrings(config) => config.check(),
        }
    }
}

/// Looks for repeated parts: all documents once, then, if [`RepeatSearch::end_pass`] says so, all of them again.
///
/// Which copy stays depends on the numbers of the documents alone.
///
/// ```
/// use kiln_corpus::duplicates::{EndedPass, RepeatSearch, RepeatsConfig, without_ranges};
///
/// # let folder = tempfile::tempdir()?;
/// let config: RepeatsConfig = serde_json::from_str(r#"{"kind": "lines", "min_bytes": 8}"#)?;
/// let texts = ["All rights reserved.\nOne.", "Two.\nAll rights reserved.\n"];
/// let mut search = RepeatSearch::new(&config, folder.path(), 64 << 20)?;
/// let found = loop {
///     for (number, text) in (0..).zip(texts) {
///         search.add(number, text)?;
///     }
///     match search.end_pass()? {
///         EndedPass::Again(again) => search = again,
///         EndedPass::Found(found) => break found,
///     }
/// };
/// let found: Vec<_> = found.collect::<Result<_, _>>()?;
/// assert_eq!(found.len(), 1);
/// let (number, ranges) = &found[0];
/// assert_eq!((*number, without_ranges(texts[1], ranges).as_str()), (1, "Two.\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RepeatSearch(Pass);

enum Pass {
    Parts(Box<PartSorter>),
    Substrings(Box<SubstringFinder>),
    SubstringsAgain(Box<SubstringSecondPass>),
}

/// What a pass over all documents ends with.
pub enum EndedPass {
    /// The same documents must be added again under the same numbers, in increasing order.
    Again(RepeatSearch),
    /// What goes.
    Found(FoundRepeats),
}

/// Documents in increasing order, each with the byte ranges that go: in order and apart, between characters.
pub struct FoundRepeats(Found);

enum Found {
    Parts(Box<Repeats>),
    Substrings(Box<Cuts>),
}

impl RepeatSearch {
    /// Hold at most `max_memory` bytes of records (though never fewer than 32 KiB of buffers while runs are merged),
    /// however many documents there are; what is more lies in `folder` until this and what came of it are dropped. Disk:
    /// 32 bytes for each part; for substrings 24 for about one place in `min_bytes` / 4, then 40 for each byte of what comes
    /// twice and about it.
    ///
    /// # Errors
    /// A key asks for something that cannot be.
    pub fn new(
        config: &RepeatsConfig,
        folder: &Path,
        max_memory: u64,
    ) -> Result<Self, crate::Error> {
        let parts = |unit, config| {
            let sorter = PartSorter::new(unit, config, folder, max_memory);
            Pass::Parts(Box::new(sorter))
        };
        Ok(Self(match config {
            RepeatsConfig::Lines(config) => parts(Unit::Line, config),
            RepeatsConfig::Paragraphs(config) => parts(Unit::Paragraph, config),
            RepeatsConfig::Substrings(config) => {
                let finder = SubstringFinder::new(config, folder, max_memory)?;
                Pass::Substrings(Box::new(finder))
            }
        }))
    }

    /// Look at a document.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn add(&mut self, document: u64, text: &str) -> Result<(), Error> {
        match &mut self.0 {
            Pass::Parts(sorter) => sorter.add(document, text),
            Pass::Substrings(finder) => finder.add(document, text),
            Pass::SubstringsAgain(second) => second.add(document, text),
        }
    }

    /// All documents were added.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn end_pass(self) -> Result<EndedPass, Error> {
        let found = match self.0 {
            Pass::Parts(sorter) => Found::Parts(Box::new(sorter.into_repeats()?)),
            Pass::Substrings(finder) => {
                let second = Pass::SubstringsAgain(Box::new(finder.into_second_pass()?));
                return Ok(EndedPass::Again(Self(second)));
            }
            Pass::SubstringsAgain(second) => Found::Substrings(Box::new(second.finish()?)),
        };
        Ok(EndedPass::Found(FoundRepeats(found)))
    }
}

impl Iterator for FoundRepeats {
    type Item = Result<DocumentRanges, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Found::Parts(repeats) => repeats.next(),
            Found::Substrings(cuts) => cuts.next(),
        }
    }
}
