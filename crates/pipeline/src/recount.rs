//! What a corpus's ledger says, added up: how many documents each reason dropped, what the measures look like, and what other
//! thresholds would do, without reading the corpus again.

use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::path::Path;

use kiln_corpus::filters::{Filter, Measure, Values, Verdict};
use kiln_recipe::Recipe;
use kiln_run::{Digest, Manifest, RunFolder};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ingest::{CORPUS, DUPLICATE};
use crate::inspect::ledgers;
use crate::ledger::for_each_line;
use crate::plan::{in_recipe, read_corpus};
use crate::stage::finished;

/// So many documents of a kind are named.
const SAMPLES: usize = 3;

/// Quantiles are taken from at most so many documents, those whose ids have the least hashes: the same ones whenever it is
/// asked, and not those of one file.
const MEASURED: usize = 5000;

/// A ledger, added up.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Recount {
    /// Documents that were read.
    pub documents: u64,
    /// Of them, those that are kept.
    pub kept: u64,
    /// Those that are not, by reason, the most frequent first.
    pub dropped: Vec<Dropped>,
    /// Of those that are dropped, copies of documents of earlier corpora, by corpus.
    pub earlier: BTreeMap<String, u64>,
    /// Kept by these thresholds and dropped by the run's. They have not been compared with other documents.
    pub newly_kept: u64,
    /// Dropped by these thresholds and kept by the run's.
    pub newly_dropped: u64,
    /// What documents lost of parts that stand elsewhere too.
    pub repeats: RepeatsReport,
    /// How the measures of each filter are distributed.
    pub filters: BTreeMap<String, FilterReport>,
}

/// Repeated parts that were struck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RepeatsReport {
    /// Documents that lost parts, those of which nothing was left included.
    pub documents: u64,
    /// How many parts: lines, paragraphs or passages.
    pub parts: u64,
    /// Their bytes of UTF-8.
    pub bytes: u64,
}

/// One filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FilterReport {
    /// What it compares with, under the names of the recipe's keys.
    pub thresholds: Values,
    /// What it measured.
    pub measures: BTreeMap<String, Distribution>,
}

/// What one reason dropped.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Dropped {
    /// `gopher_short_doc`, `duplicate`, ...
    pub reason: String,
    /// How many documents.
    pub documents: u64,
    /// The first of them.
    pub samples: Vec<Sample>,
}

/// A document that was dropped.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Its id.
    pub id: String,
    /// How its text begins.
    pub excerpt: String,
}

/// The values of one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Distribution {
    /// Numbers: the quantiles 0, 0.1, 0.5, 0.9 and 1.
    Numbers([f64; 5]),
    /// Names: how many documents have each, of those that were looked at.
    Names(BTreeMap<String, u64>),
}

/// A line as it is read back.
#[derive(Deserialize)]
struct Line {
    id: String,
    kept: bool,
    reason: Option<String>,
    filters: BTreeMap<String, Said>,
    #[serde(default)]
    duplicate_of: Option<CopyOf>,
    #[serde(default)]
    repeats: Option<Lost>,
    #[serde(default)]
    excerpt: Option<String>,
}

#[derive(Deserialize)]
struct Lost {
    parts: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct CopyOf {
    corpus: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    kept: bool,
    values: Values,
}

/// Add up the ledger of a run, judged anew by its recipe with `overrides`: `corpus.filters.0.min_words=30`.
///
/// # Errors
/// `path` is no run with an ingested corpus; an override does not fit; the ledger is damaged.
pub fn recount(path: &Path, overrides: &[String]) -> Result<Recount, Error> {
    let run = RunFolder::open(path)?;
    let recipe = Recipe::load(&run.path().join("recipe.toml"), overrides)?;
    let (_, config) = read_corpus(&recipe)?;
    let filters: Vec<Box<dyn Filter>> = config
        .build_filters(recipe.folder())
        .map_err(|error| in_recipe(error, &recipe))?;
    let names = kiln_corpus::filters::names(filters.iter().map(|filter| filter.kind()));
    let folder = run.corpus();
    let manifest = finished(&folder)?.filter(|manifest| manifest.kind == CORPUS);
    let Some(manifest) = manifest else {
        return Err(Error::NotPrepared {
            folder,
            run: run.path().to_owned(),
        });
    };
    let mut count = Counting::default();
    let judges: Vec<(&str, &dyn Filter)> = names
        .iter()
        .map(String::as_str)
        .zip(filters.iter().map(AsRef::as_ref))
        .collect();
    for_each_entry(&folder, &manifest, &mut |line| {
        count.add(line, &judges);
        Ok(())
    })?;
    Ok(count.finish(&judges))
}

fn for_each_entry(
    folder: &Path,
    manifest: &Manifest,
    take: &mut dyn FnMut(Line) -> Result<(), Error>,
) -> Result<(), Error> {
    for file in ledgers(manifest) {
        let path = folder.join(&file.name);
        for_each_line(&path, |line| {
            let line = serde_json::from_str(line).map_err(|error| {
                let problem = format!("not a line of a ledger ({error}); ingest again");
                kiln_run::Error::damaged(&path, problem)
            })?;
            take(line)
        })?;
    }
    Ok(())
}

/// A document whose measures are looked at, in the order of the hashes of ids.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Looked {
    hash: [u8; 32],
    /// Position among the values that are kept.
    at: usize,
}

#[derive(Default)]
struct Counting {
    sum: Recount,
    dropped: BTreeMap<String, Dropped>,
    looked: BinaryHeap<Looked>,
    values: Vec<BTreeMap<String, Values>>,
}

impl Counting {
    fn add(&mut self, line: Line, judges: &[(&str, &dyn Filter)]) {
        self.sum.documents += 1;
        if let Some(lost) = &line.repeats {
            self.sum.repeats.documents += 1;
            self.sum.repeats.parts += lost.parts;
            self.sum.repeats.bytes += lost.bytes;
        }
        let reason = judge(&line, judges);
        match &reason {
            None => {
                self.sum.kept += 1;
                self.sum.newly_kept += u64::from(!line.kept);
            }
            Some(reason) => {
                self.sum.newly_dropped += u64::from(line.kept);
                let dropped = self.dropped.entry(reason.clone()).or_default();
                dropped.documents += 1;
                if reason == DUPLICATE
                    && let Some(corpus) =
                        line.duplicate_of.as_ref().and_then(|of| of.corpus.clone())
                {
                    *self.sum.earlier.entry(corpus).or_default() += 1;
                }
                if dropped.samples.len() < SAMPLES {
                    dropped.samples.push(Sample {
                        id: line.id.clone(),
                        excerpt: line.excerpt.clone().unwrap_or_default(),
                    });
                }
            }
        }
        self.look(line);
    }

    fn look(&mut self, line: Line) {
        let hash = *Digest::of(line.id.as_bytes()).as_bytes();
        let values = line
            .filters
            .into_iter()
            .map(|(name, said)| (name, said.values))
            .collect();
        if self.looked.len() < MEASURED {
            let at = self.values.len();
            self.values.push(values);
            self.looked.push(Looked { hash, at });
        } else if let Some(mut greatest) = self.looked.peek_mut()
            && hash < greatest.hash
        {
            self.values[greatest.at] = values;
            greatest.hash = hash;
        }
    }

    fn finish(self, judges: &[(&str, &dyn Filter)]) -> Recount {
        let mut sum = self.sum;
        let named = |(reason, dropped): (String, Dropped)| Dropped { reason, ..dropped };
        sum.dropped = self.dropped.into_iter().map(named).collect();
        sum.dropped
            .sort_by_key(|dropped| std::cmp::Reverse(dropped.documents));
        sum.filters = distributions(&self.values, judges);
        sum
    }
}

/// Why these filters drop the document; where they do not, why something else did.
fn judge(line: &Line, judges: &[(&str, &dyn Filter)]) -> Option<String> {
    for (name, filter) in judges {
        if let Some(said) = line.filters.get(*name)
            && let Verdict::Drop(reason) = filter.decide(&said.values)
        {
            return Some(reason.to_owned());
        }
    }
    let by_filter = line.filters.values().any(|said| !said.kept);
    line.reason.clone().filter(|_| !by_filter)
}

fn distributions(
    documents: &[BTreeMap<String, Values>],
    judges: &[(&str, &dyn Filter)],
) -> BTreeMap<String, FilterReport> {
    let mut numbers: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    let mut texts: BTreeMap<(&str, &str), BTreeMap<String, u64>> = BTreeMap::new();
    for (filter, values) in documents.iter().flatten() {
        for (name, value) in values.iter() {
            match value {
                Measure::Number(number) => {
                    numbers.entry((filter, name)).or_default().push(*number);
                }
                Measure::Text(text) => {
                    let counts = texts.entry((filter, name)).or_default();
                    *counts.entry(text.clone()).or_default() += 1;
                }
            }
        }
    }
    let mut all: BTreeMap<String, FilterReport> = BTreeMap::new();
    for (name, judge) in judges {
        let report = all.entry((*name).to_owned()).or_default();
        report.thresholds = judge.thresholds();
    }
    for ((filter, name), mut values) in numbers {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        let distribution = Distribution::Numbers([0.0, 0.1, 0.5, 0.9, 1.0].map(at));
        let report = all.entry(filter.to_owned()).or_default();
        report.measures.insert(name.to_owned(), distribution);
    }
    for ((filter, name), counts) in texts {
        let report = all.entry(filter.to_owned()).or_default();
        let distribution = Distribution::Names(counts);
        report.measures.insert(name.to_owned(), distribution);
    }
    all
}

impl fmt::Display for Recount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |part: u64| 100.0 * part as f64 / self.documents.max(1) as f64;
        write!(
            f,
            "{} documents, {} kept ({:.1} %)",
            self.documents,
            self.kept,
            share(self.kept)
        )?;
        if self.newly_kept + self.newly_dropped > 0 {
            write!(
                f,
                "; {} more than in the run, {} fewer",
                self.newly_kept, self.newly_dropped
            )?;
        }
        for dropped in &self.dropped {
            write!(
                f,
                "\n{:>8}  {:>5.1} %  {}",
                dropped.documents,
                share(dropped.documents),
                dropped.reason
            )?;
            if dropped.reason == DUPLICATE {
                for (corpus, documents) in &self.earlier {
                    write!(f, "\n{documents:>8}{:9}  of {corpus}", "")?;
                }
            }
            for sample in &dropped.samples {
                write!(f, "\n{:20}{}: {:?}", "", sample.id, sample.excerpt)?;
            }
        }
        let struck = &self.repeats;
        if struck.documents > 0 {
            write!(
                f,
                "\n{} repeated parts ({} bytes) struck from {} documents",
                struck.parts, struck.bytes, struck.documents
            )?;
        }
        for (filter, report) in &self.filters {
            write!(f, "\n{filter}")?;
            for (name, distribution) in &report.measures {
                write!(f, "\n  {name:<40} {distribution}")?;
            }
            for (name, threshold) in report.thresholds.iter() {
                write!(f, "\n  {name:<40} = {threshold}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers([least, low, middle, high, greatest]) => write!(
                f,
                "{least:.4} .. {low:.4} .. {middle:.4} .. {high:.4} .. {greatest:.4}"
            ),
            Self::Names(counts) => {
                let mut counts: Vec<_> = counts.iter().collect();
                counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
                for (name, count) in counts.iter().take(10) {
                    write!(f, "{name} {count}  ")?;
                }
                Ok(())
            }
        }
    }
}
