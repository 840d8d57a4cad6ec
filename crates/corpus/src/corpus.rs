//! A corpus: the files that a recipe names, ready to be read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::config::{Config, Method, Split};
use crate::counts::Counts;
use crate::documents::Documents;
use crate::listing::{Inputs, Listing};
use crate::remote::Object;
use crate::split::{self, Cursor, SplitDocuments};

/// The sources of a recipe: checked and listed, none of them read yet.
pub struct Corpus {
    listing: Arc<Listing>,
    split: Split,
}

/// A file that will be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile<'a> {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name in documents: as the recipe writes it, or the recipe's folder and the path below it.
    pub name: &'a str,
    /// Its size when it was listed. If it has another when it is read, reading fails.
    pub bytes: u64,
    /// It is at an address, and lies at `path` once it is [fetched](Corpus::fetch).
    pub is_remote: bool,
    /// Of a file at an address: what changes whenever its contents do, if the server tells it.
    pub version: Option<&'a str>,
    /// Which file of which source.
    place: (usize, usize),
}

impl Corpus {
    /// Check the configuration and list the files. Relative paths begin at `base`, the recipe's folder.
    ///
    /// # Errors
    /// A key that asks for something that cannot be, a path that leads to nothing, a folder that cannot be listed.
    pub fn open(config: &Config, base: &Path) -> Result<Self, Error> {
        config.check()?;
        Ok(Self {
            listing: Arc::new(Listing::new(config, base)?),
            split: config.split.clone(),
        })
    }

    /// One of `count` shards of this corpus, counted from 0: a share of its files, about equally many bytes each, which can be
    /// read elsewhere. All shards one after another give the documents of the whole, in the same order and with the same
    /// parts. A shard may be without documents, or without held-out ones.
    ///
    /// # Errors
    /// The split `tail`, for which the length of the whole has to be known.
    ///
    /// # Panics
    /// If there is no such shard.
    pub fn shard(&self, index: u32, count: u32) -> Result<Self, Error> {
        assert!(index < count, "there is no shard {index} of {count}");
        let method = self.split_method();
        if method == Method::Tail {
            return Err(Error::config(
                "split.method",
                "`tail` holds out the end of the whole corpus, which no shard can tell; choose random, cluster, files or none",
            ));
        }
        Ok(Self {
            listing: Arc::new(self.listing.shard(index, count)),
            split: Split {
                // What `auto` is for the whole.
                method,
                ..self.split.clone()
            },
        })
    }

    /// The point after all documents, when `counts` were given: for one whose shards were all read.
    pub fn end(&self, counts: Counts) -> Cursor {
        Cursor::at_end(&self.listing, counts)
    }

    /// The files, in the order in which they are read.
    pub fn files(&self) -> impl Iterator<Item = InputFile<'_>> {
        let sources = self.listing.sources.iter().enumerate();
        sources.flat_map(move |(source, listed)| {
            let files = match &listed.inputs {
                Inputs::Files(files) => files.as_slice(),
                Inputs::Stories { .. } => &[],
            };
            let files = files.iter().enumerate();
            files.map(move |(index, file)| InputFile {
                path: self.listing.path_of(file),
                name: &file.name,
                bytes: file.bytes,
                is_remote: file.object.is_some(),
                version: file.object.as_ref().and_then(|object| object.version()),
                place: (source, index),
            })
        })
    }

    fn object(&self, file: &InputFile<'_>) -> Option<&Object> {
        let (source, index) = file.place;
        match &self.listing.sources.get(source)?.inputs {
            Inputs::Files(files) => files.get(index)?.object.as_deref(),
            Inputs::Stories { .. } => None,
        }
    }

    /// Whether a file is here: of one at an address, whether the cache has it.
    pub fn holds(&self, file: &InputFile<'_>) -> bool {
        let object = self.object(file);
        object.is_none_or(|object| self.listing.remote.holds(object))
    }

    /// Have a file here. What is at an address is fetched if the cache does not have it; reading would do that too, but
    /// in silence. `advance` is told how many bytes are there; if `keep_going` answers `false`, so does this.
    ///
    /// # Errors
    /// The object is gone, has changed or is damaged, access is refused, or the connection breaks again and again.
    pub fn fetch(
        &self,
        file: &InputFile<'_>,
        advance: &mut dyn FnMut(u64),
        keep_going: &dyn Fn() -> bool,
    ) -> Result<bool, Error> {
        match self.object(file) {
            Some(object) => Ok(self.listing.remote.fetch(object, advance, keep_going)?),
            None => Ok(true),
        }
    }

    /// Bytes of all files: what [`SplitDocuments::bytes_read`] comes to.
    pub fn bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    /// How many stories are generated.
    pub fn stories(&self) -> u64 {
        let sources = self.listing.sources.iter();
        sources
            .map(|source| match source.inputs {
                Inputs::Stories { count, .. } => count,
                Inputs::Files(_) => 0,
            })
            .sum()
    }

    /// How the held-out part is chosen; never [`Method::Auto`].
    pub fn split_method(&self) -> Method {
        split::method(&self.split, &self.listing)
    }

    /// All documents in their order, not split.
    pub fn documents(&self) -> Documents {
        Documents::new(Arc::clone(&self.listing))
    }

    /// All documents in their order, each with its part.
    ///
    /// The method `tail` first reads everything once to count its characters. After each document of that reading,
    /// `keep_going` is told how many bytes of the files were read; if it answers `false`, the result is `None`.
    ///
    /// # Errors
    /// An input that cannot be read.
    pub fn split(
        &self,
        keep_going: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Option<SplitDocuments>, Error> {
        SplitDocuments::begin(Arc::clone(&self.listing), &self.split, keep_going)
    }

    /// Go on where an interrupted reading of the same, unchanged corpus took `cursor`. Nothing before it is taken apart again.
    ///
    /// # Errors
    /// [`Error::Cursor`] if it cannot have been taken in this corpus.
    pub fn resume(&self, cursor: &Cursor) -> Result<SplitDocuments, Error> {
        SplitDocuments::resume(Arc::clone(&self.listing), &self.split, cursor)
    }
}
