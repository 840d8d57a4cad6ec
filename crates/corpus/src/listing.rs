//! Which files the sources name, in an order that does not depend on the file system.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::config::{Config, Format, OnBroken};
use crate::record::Fields;
use crate::remote::{Object, Remote};
use crate::search::Search;

/// Everything that will be read, nothing of it opened yet.
#[derive(Clone)]
pub(crate) struct Listing {
    base: PathBuf,
    pub(crate) remote: Arc<Remote>,
    /// What the recipe says of broken records.
    pub(crate) on_broken: Option<OnBroken>,
    /// Whether it is but a shard of what the recipe names.
    pub(crate) partial: bool,
    pub(crate) sources: Vec<ListedSource>,
}

#[derive(Clone)]
pub(crate) struct ListedSource {
    /// `sources[0]`
    pub(crate) key: String,
    /// Named under `validation_sources`.
    pub(crate) held_out: bool,
    pub(crate) fields: Fields,
    pub(crate) label_is: Option<String>,
    pub(crate) inputs: Inputs,
}

#[derive(Clone)]
pub(crate) enum Inputs {
    Files(Vec<ListedFile>),
    Stories { seed: u64, count: u64 },
}

/// Kept small: there may be millions.
#[derive(Clone)]
pub(crate) struct ListedFile {
    /// The path as the recipe names it (its folder, for what was found in one).
    pub(crate) name: Box<str>,
    pub(crate) bytes: u64,
    pub(crate) format: Format,
    /// What it is fetched from, if it is not a file of this machine.
    pub(crate) object: Option<Box<Object>>,
}

impl Listing {
    /// Look at every path of the recipe; relative ones begin at `base`.
    pub(crate) fn new(config: &Config, base: &Path) -> Result<Self, Error> {
        let mut sources = Vec::new();
        let remote = Remote::default();
        for (key, source) in config.keyed_sources() {
            let held_out = key.starts_with("validation_sources");
            let inputs = match source.format {
                Some(Format::Stories) => Inputs::Stories {
                    seed: source.story_seed(),
                    count: source.story_count(),
                },
                _ => Inputs::Files(
                    Search {
                        key: &key,
                        source,
                        base,
                        remote: &remote,
                    }
                    .files()?,
                ),
            };
            sources.push(ListedSource {
                held_out,
                fields: Fields::of(source),
                label_is: source.label_is.clone(),
                inputs,
                key,
            });
        }
        refuse_overlaps(&mut sources)?;
        refuse_leaks(&sources, base)?;
        Ok(Self {
            base: base.to_owned(),
            remote: Arc::new(remote),
            on_broken: config.broken,
            partial: false,
            sources,
        })
    }

    /// The shard `index` of `count`: of all files in their order those whose middle byte lies in that share of all bytes.
    /// Every source stays, with or without files; generated stories count as a file without bytes.
    pub(crate) fn shard(&self, index: u32, count: u32) -> Self {
        let bytes_of = |inputs: &Inputs| match inputs {
            Inputs::Files(files) => files.iter().map(|file| file.bytes).sum(),
            Inputs::Stories { .. } => 0u64,
        };
        let total: u64 = self.sources.iter().map(|one| bytes_of(&one.inputs)).sum();
        let mut before = 0;
        let mut is_in = |bytes: u64| {
            let middle = u128::from(before + bytes / 2);
            before += bytes;
            let shard = middle * u128::from(count) / u128::from(total.max(1));
            shard.min(u128::from(count - 1)) == u128::from(index)
        };
        let mut shard = self.clone();
        shard.partial = true;
        for source in &mut shard.sources {
            match &mut source.inputs {
                Inputs::Files(files) => files.retain(|file| is_in(file.bytes)),
                Inputs::Stories { count, .. } => {
                    if !is_in(0) {
                        *count = 0;
                    }
                }
            }
        }
        shard
    }

    pub(crate) fn path_of(&self, file: &ListedFile) -> PathBuf {
        match &file.object {
            Some(object) => self.remote.path(object),
            None => self.base.join(&*file.name),
        }
    }
}

/// A file that is held out must not be trained on under another name either: another spelling of its path, a link.
fn refuse_leaks(sources: &[ListedSource], base: &Path) -> Result<(), Error> {
    if sources.iter().all(|source| !source.held_out) {
        return Ok(());
    }
    let files = |held_out: bool| {
        sources
            .iter()
            .filter(move |source| source.held_out == held_out)
            .flat_map(|source| {
                match &source.inputs {
                    Inputs::Files(files) => files.iter(),
                    Inputs::Stories { .. } => [].iter(),
                }
                .map(move |file| (source, file))
            })
    };
    // What cannot be resolved is told when it is read.
    let whole = |file: &ListedFile| base.join(&*file.name).canonicalize().ok();
    let trained: HashMap<PathBuf, &ListedSource> = files(false)
        .filter_map(|(source, file)| Some((whole(file)?, source)))
        .collect();
    for (source, file) in files(true) {
        if let Some(other) = whole(file).and_then(|path| trained.get(&path)) {
            return Err(Error::config(
                format!("{}.path", source.key),
                format!(
                    "`{}` is also in {}, under another name; what is held out must not be trained on",
                    file.name, other.key
                ),
            ));
        }
    }
    Ok(())
}

/// A file may be read twice only for two different texts in it, and never for both sides of the split.
fn refuse_overlaps(sources: &mut [ListedSource]) -> Result<(), Error> {
    if sources.len() < 2 {
        return Ok(());
    }
    let mut owners: HashMap<&str, usize> = HashMap::new();
    // The texts of files that have several; those files are few.
    let mut further: HashMap<(&str, &str), usize> = HashMap::new();
    let mut suffixed = vec![false; sources.len()];
    for (index, source) in sources.iter().enumerate() {
        let Inputs::Files(files) = &source.inputs else {
            continue;
        };
        for file in files {
            let (name, text) = (&*file.name, &*source.fields.text);
            let Some(&first) = owners.get(name) else {
                owners.insert(name, index);
                continue;
            };
            let refuse = |problem| Error::config(format!("{}.path", source.key), problem);
            if sources[first].held_out != source.held_out {
                return Err(refuse(format!(
                    "`{name}` is also in {}; what is held out must not be trained on",
                    sources[first].key
                )));
            }
            let same_text = sources[first].fields.text == text || !file.format.has_fields();
            let same = match same_text {
                true => Some(first),
                false => further.insert((name, text), index),
            };
            if let Some(other) = same {
                return Err(refuse(format!(
                    "`{name}` is also in {}; name it once",
                    sources[other].key
                )));
            }
            suffixed[index] = true;
        }
    }
    for (source, suffixed) in sources.iter_mut().zip(suffixed) {
        if suffixed {
            source.fields.id_suffix = format!("/{}", source.fields.text);
        }
    }
    Ok(())
}
