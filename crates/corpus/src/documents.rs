//! All documents of the sources, one after another.

mod ahead;

use std::collections::VecDeque;
use std::sync::Arc;

use kiln_text::{Document, Error, Position, Source};
use serde::{Deserialize, Serialize};

use crate::broken::{Broken, Refusal};
use crate::config::OnBroken;
use crate::counts::Skipped;
use crate::formats::{self, Reader, StoryReader};
use crate::listing::{Inputs, ListedFile, ListedSource, Listing};

use ahead::FileAhead;

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
/// Holds one file open at a time, of it one document (of running text: at most a piece of 1 MiB; of JSON Lines 1 MiB of
/// lines); where small files follow each other, as many of them as come to 1 MiB for each thread.
pub struct Documents {
    listing: Arc<Listing>,
    place: Place,
    reader: Option<Box<dyn Reader>>,
    /// Files of the source at `place` that were read before their turn, each with its number in it.
    ahead: VecDeque<(usize, Option<FileAhead>)>,
    skipped: Skipped,
    broken: Vec<Broken>,
    /// Bytes of the files before the one at `place`.
    bytes_before: u64,
}

/// So many broken records are kept for [`Documents::take_broken`]; those behind them are counted.
const KEPT_BROKEN: usize = 1000;

impl Documents {
    pub(crate) fn new(listing: Arc<Listing>) -> Self {
        Self {
            listing,
            place: Place::default(),
            reader: None,
            ahead: VecDeque::new(),
            skipped: Skipped::default(),
            broken: Vec::new(),
            bytes_before: 0,
        }
    }

    /// What was left out so far.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// What was quarantined since this was last asked: the first 1000 of it. All of it is counted in
    /// [`skipped`](Self::skipped).
    pub fn take_broken(&mut self) -> Vec<Broken> {
        std::mem::take(&mut self.broken)
    }

    /// How many bytes of the files were read so far. A file that is not plain UTF-8 counts as read to its end once as
    /// many bytes of its text were given.
    pub fn bytes_read(&self) -> u64 {
        let file = self.file().map_or(0, |file| file.bytes);
        self.bytes_before + self.place.byte.min(file)
    }

    /// The file that is read.
    fn file(&self) -> Option<&ListedFile> {
        match &self.listing.sources.get(self.place.source)?.inputs {
            Inputs::Files(files) => files.get(self.place.file),
            Inputs::Stories { .. } => None,
        }
    }

    /// Whether this is but a shard of what the recipe names.
    pub(crate) fn is_partial(&self) -> bool {
        self.listing.partial
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
        self.ahead.clear();
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
        let mut document = loop {
            if self.place.source >= self.listing.sources.len() {
                return Ok(None);
            }
            if self.reader.is_none() {
                self.take_ahead();
            }
            if self.reader.is_none()
                && let Some(file) = self.file()
            {
                make_ready(&self.listing, file)?;
            }
            match self.step() {
                Ok(Step::Document(document)) => break *document,
                Ok(Step::NextFile) => self.next_file(),
                Ok(Step::NextSource) => {
                    self.ahead.clear();
                    self.place = Place {
                        source: self.place.source + 1,
                        ..Place::default()
                    };
                }
                Err(refusal) => self.quarantine(refusal)?,
            }
        };
        let source = &self.listing.sources[self.place.source];
        if let Some(label) = &source.label_is {
            document.set_label(label.trim());
        }
        let running = self
            .file()
            .is_some_and(|file| file.format.is_running_text());
        Ok(Some((document, source, running)))
    }

    fn step(&mut self) -> Result<Step, Refusal> {
        self.open()?;
        let Some(reader) = &mut self.reader else {
            return Ok(Step::NextSource);
        };
        let document = reader.next_document(&mut self.skipped);
        (self.place.byte, self.place.line) = reader.place();
        Ok(document?.map_or(Step::NextFile, |document| {
            Step::Document(Box::new(document))
        }))
    }

    /// Have what was read of the file at `place` before its turn, if it was; at its beginning see what can be.
    fn take_ahead(&mut self) {
        if (self.place.byte, self.place.line) != (0, 0) {
            return;
        }
        let file = self.place.file;
        while self
            .ahead
            .pop_front_if(|(number, _)| *number < file)
            .is_some()
        {}
        let source = self.listing.sources.get(self.place.source);
        if self.ahead.is_empty()
            && let Some(source) = source
            && let Inputs::Files(files) = &source.inputs
            && let Some(files) = files.get(file..)
        {
            let count = ahead::count(files);
            if count > 1 {
                let read = ahead::read(&self.listing, source, &files[..count]);
                self.ahead = (file..).zip(read).collect();
            }
        }
        if let Some((_, Some(read))) = self.ahead.pop_front_if(|(number, _)| *number == file) {
            self.reader = Some(Box::new(read));
        }
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
                    Some(file) => {
                        let start = (place.byte, place.line);
                        Some(open_file(&self.listing, source, file, start)?)
                    }
                    None => None,
                },
            };
        }
        Ok(())
    }

    /// Leave out what is broken and go on behind it, or stop there.
    fn quarantine(&mut self, refusal: Refusal) -> Result<(), Error> {
        let file = self.file();
        let usual = file.map_or(OnBroken::Stop, |file| file.format.on_broken());
        let (Some(file), OnBroken::Quarantine, true) = (
            file,
            self.listing.on_broken.unwrap_or(usual),
            refusal.error().is_mistake(),
        ) else {
            let error = refusal.into_error();
            return Err(match file {
                // Nobody knows it by where it lies in the cache.
                Some(file) if file.object.is_some() => error.named(&*file.name),
                _ => error,
            });
        };
        let broken = refusal.into_broken(&file.name);
        self.skipped.broken(&broken);
        if broken.ends_file {
            self.next_file();
        }
        if self.broken.len() < KEPT_BROKEN {
            self.broken.push(broken);
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

enum Step {
    Document(Box<Document>),
    NextFile,
    NextSource,
}

/// The reader of a file at a place in it.
fn open_file(
    listing: &Listing,
    source: &ListedSource,
    file: &ListedFile,
    place: (u64, u64),
) -> Result<Box<dyn Reader>, Error> {
    let path = listing.path_of(file);
    formats::open(file.format, &path, &file.name, &source.fields, place)
}

/// Have the file here, as it was listed.
fn make_ready(listing: &Listing, file: &ListedFile) -> Result<(), Error> {
    if let Some(object) = &file.object {
        let fetched = listing.remote.fetch(object, &mut |_| {}, &|| true);
        // The problem names the address itself.
        fetched.map_err(|refusal| {
            let problem = refusal.problem;
            let name = &*file.name;
            let problem = problem
                .strip_prefix(&format!("{name}: "))
                .unwrap_or(&problem);
            match refusal.is_mistake {
                true => Error::mistake(name, Position::Whole, problem),
                false => Error::failure(name, Position::Whole, problem),
            }
        })?;
    }
    let path = listing.path_of(file);
    let bytes = std::fs::metadata(&path)
        .map_err(|error| Error::io(&path, &error))?
        .len();
    if bytes == file.bytes {
        return Ok(());
    }
    let problem = format!(
        "changed while the corpus was read (from {} to {bytes} bytes); run again when it is complete",
        file.bytes
    );
    Err(Error::mistake(&path, Position::Whole, problem))
}

impl Source for Documents {
    fn next_document(&mut self) -> Result<Option<Document>, Error> {
        Ok(self.next_from()?.map(|(document, ..)| document))
    }
}
