//! All documents of the sources, one after another.

use std::sync::Arc;

use kiln_text::{Document, Error, Position, Source};
use serde::{Deserialize, Serialize};

use crate::counts::Skipped;
use crate::formats::{self, Reader, StoryReader};
use crate::listing::{Inputs, ListedFile, ListedSource, Listing};

/// Where a reading stands: what comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// Which source, counted over `sources` and then `validation_sources`.
    pub(crate) source: usize,
    /// Which file of it.
    pub(crate) file: usize,
    /// Which byte of that file.
    pub(crate) byte: u64,
    /// How many lines of that file lie before it; of generated stories, how many stories.
    pub(crate) line: u64,
}

/// The documents of a corpus in their order, not split.
///
/// Holds one file open and one document (of running text: at most a piece of 1 MiB) at a time.
pub struct Documents {
    listing: Arc<Listing>,
    place: Place,
    reader: Option<Box<dyn Reader>>,
    skipped: Skipped,
    /// Bytes of the files before the one at `place`.
    bytes_before: u64,
}

impl Documents {
    pub(crate) fn new(listing: Arc<Listing>) -> Self {
        Self {
            listing,
            place: Place::default(),
            reader: None,
            skipped: Skipped::default(),
            bytes_before: 0,
        }
    }

    /// What was left out so far.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// How many bytes of the files were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_before + self.place.byte
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn restore_skipped(&mut self, skipped: Skipped) {
        self.skipped = skipped;
    }

    /// Go on at a place that a reading of the same listing gave, or at a byte within running text.
    pub(crate) fn seek(&mut self, place: Place) {
        self.reader = None;
        self.place = place;
        let files = |source: &ListedSource, count: usize| match &source.inputs {
            Inputs::Files(files) => files.iter().take(count).map(|file| file.bytes).sum(),
            Inputs::Stories { .. } => 0u64,
        };
        let sources = self.listing.sources.iter().take(place.source);
        let before: u64 = sources.map(|source| files(source, usize::MAX)).sum();
        let within = self.listing.sources.get(place.source);
        self.bytes_before = before + within.map_or(0, |source| files(source, place.file));
    }

    /// The next document, with the source it is from and whether it is running text.
    pub(crate) fn next_from(&mut self) -> Result<Option<(Document, &ListedSource, bool)>, Error> {
        while self.place.source < self.listing.sources.len() {
            self.open()?;
            let Some(reader) = &mut self.reader else {
                self.place = Place {
                    source: self.place.source + 1,
                    ..Place::default()
                };
                continue;
            };
            let document = reader.next_document(&mut self.skipped)?;
            (self.place.byte, self.place.line) = reader.place();
            let Some(mut document) = document else {
                self.next_file();
                continue;
            };
            let source = &self.listing.sources[self.place.source];
            if let Some(label) = &source.label_is {
                document.set_label(label.trim());
            }
            let running = match &source.inputs {
                Inputs::Files(files) => files[self.place.file].format.is_running_text(),
                Inputs::Stories { .. } => false,
            };
            return Ok(Some((document, source, running)));
        }
        Ok(None)
    }

    /// Have the reader at `place`, or none if its source has nothing more.
    fn open(&mut self) -> Result<(), Error> {
        if self.reader.is_none() {
            let place = self.place;
            let source = &self.listing.sources[place.source];
            self.reader = match &source.inputs {
                Inputs::Stories { seed, count } if place.file == 0 => {
                    Some(Box::new(StoryReader::open(*seed, place.line, *count)))
                }
                Inputs::Stories { .. } => None,
                Inputs::Files(files) => match files.get(place.file) {
                    Some(file) => Some(open_file(&self.listing, source, file, place)?),
                    None => None,
                },
            };
        }
        Ok(())
    }

    fn next_file(&mut self) {
        self.reader = None;
        if let Inputs::Files(files) = &self.listing.sources[self.place.source].inputs {
            self.bytes_before += files[self.place.file].bytes;
        }
        self.place = Place {
            source: self.place.source,
            file: self.place.file + 1,
            ..Place::default()
        };
    }
}

fn open_file(
    listing: &Listing,
    source: &ListedSource,
    file: &ListedFile,
    place: Place,
) -> Result<Box<dyn Reader>, Error> {
    let path = listing.path_of(file);
    let bytes = std::fs::metadata(&path)
        .map_err(|error| Error::io(&path, &error))?
        .len();
    if bytes != file.bytes {
        let problem = format!(
            "changed while the corpus was read (from {} to {bytes} bytes); run again when it is complete",
            file.bytes
        );
        return Err(Error::mistake(&path, Position::Whole, problem));
    }
    let start = (place.byte, place.line);
    formats::open(file.format, &path, &file.name, &source.fields, start)
}

impl Source for Documents {
    fn next_document(&mut self) -> Result<Option<Document>, Error> {
        Ok(self.next_from()?.map(|(document, ..)| document))
    }
}
