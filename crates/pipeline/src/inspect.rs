//! What a file or folder of ours holds.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use kiln_preprocess::{PREPROCESSING_FILE, Preprocessor, TrainedTokenizer};
use kiln_recipe::Recipe;
use kiln_run::{FileEntry, Manifest, RunFolder, read_metrics};
use serde_json::{Map, Value, json};

use crate::Error;
use crate::ingest::CORPUS;
use crate::ledger::for_each_line;
use crate::plan::{Plan, UPPER_SECTIONS};
use crate::shards::DATASET;
use crate::show::show;
use crate::stage::finished;
use crate::vocabulary::{TOKENIZER, TOKENIZER_FILE};

/// The first bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Tokens that are shown of a vocabulary.
const SHOWN_TOKENS: u32 = 16;

/// Write what `path` holds, as text or as JSON: a recipe, a tokenizer, a shard, stored documents, metrics, a run, a
/// checkpoint or another finished folder; of an ingested corpus its ledger, a line a document.
///
/// # Errors
/// There is nothing, or nothing that is known here; it is damaged; the output cannot be written.
pub fn inspect(path: &Path, json: bool, writer: &mut dyn Write) -> Result<(), Error> {
    let metadata = fs::metadata(path).map_err(|error| kiln_run::Error::io(path, error))?;
    if metadata.is_dir() {
        inspect_folder(path, json, writer)
    } else {
        inspect_file(path, json, writer)
    }
}

/// What the ledger of a corpus says about one document: each filter's verdict and measures, and the copy that was kept.
///
/// # Errors
/// `path` is neither a run nor a corpus; it has no document of this id; its ledger is damaged.
pub fn explain(path: &Path, id: &str, json: bool, writer: &mut dyn Write) -> Result<(), Error> {
    let folder = match RunFolder::is_run(path) {
        true => RunFolder::open(path)?.corpus(),
        false => path.to_owned(),
    };
    let manifest = finished(&folder)?.filter(|manifest| manifest.kind == CORPUS);
    let Some(manifest) = manifest else {
        return Err(Error::Unknown {
            path: path.to_owned(),
        });
    };
    let mut found = None;
    for file in ledgers(&manifest) {
        let path = folder.join(&file.name);
        for_each_line(&path, |line| {
            if found.is_some() || !line.contains(id) {
                return Ok(());
            }
            let entry: Value = serde_json::from_str(line).map_err(|error| {
                let problem = format!("not a line of a ledger ({error}); ingest again");
                kiln_run::Error::damaged(&path, problem)
            })?;
            if entry.get("id").and_then(Value::as_str) == Some(id) {
                found = Some(entry);
            }
            Ok(())
        })?;
    }
    match found {
        Some(entry) => show(&entry, json, writer),
        None => Err(Error::NoDocument {
            folder,
            id: id.to_owned(),
        }),
    }
}

/// The files of a corpus's ledger, in the order of its documents.
pub(crate) fn ledgers(manifest: &Manifest) -> Vec<&FileEntry> {
    let mut files: Vec<_> = manifest
        .files
        .iter()
        .filter(|file| file.name.starts_with("ledger-"))
        .collect();
    // Names are in the order of their numbers only up to 99999.
    files.sort_by_key(|file| (file.name.len(), file.name.as_str()));
    files
}

fn inspect_folder(path: &Path, json: bool, writer: &mut dyn Write) -> Result<(), Error> {
    if RunFolder::is_run(path) {
        return show(&run(&RunFolder::open(path)?)?, json, writer);
    }
    let Some(manifest) = finished(path)? else {
        return Err(Error::Unknown {
            path: path.to_owned(),
        });
    };
    match manifest.kind.as_str() {
        CORPUS => ledger(path, &manifest, json, writer),
        TOKENIZER => show(&tokenizer(&path.join(TOKENIZER_FILE))?, json, writer),
        _ => show(&manifest, json, writer),
    }
}

fn inspect_file(path: &Path, json: bool, writer: &mut dyn Write) -> Result<(), Error> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("toml") => return recipe(path, json, writer),
        Some("json") => return show(&tokenizer(path)?, json, writer),
        _ => {}
    }
    let failed = |error| Error::from(kiln_run::Error::io(path, error));
    let mut beginning = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(4).read_to_end(&mut beginning).map_err(failed)?;
    if beginning == ZSTD_MAGIC {
        return for_each_line(path, |line| {
            writeln!(writer, "{line}").map_err(Error::Output)
        });
    }
    if extension == Some("jsonl")
        && let Ok(records) = read_metrics(path)
    {
        for record in records {
            if json {
                show(&record, true, writer)?;
            } else {
                writeln!(writer, "{}", record.line(None)).map_err(Error::Output)?;
            }
        }
        return Ok(());
    }
    match kiln_dataset::describe(path) {
        Ok(description) => show(&description, json, writer),
        Err(kiln_dataset::Error::Foreign { .. }) => Err(Error::Unknown {
            path: path.to_owned(),
        }),
        Err(error) => Err(error.into()),
    }
}

/// A recipe with its defaults filled in, as far as this floor knows them.
fn recipe(path: &Path, json: bool, writer: &mut dyn Write) -> Result<(), Error> {
    let recipe = Recipe::load(path, &[])?;
    Plan::read(&recipe)?;
    recipe.leave(&UPPER_SECTIONS);
    let resolved = recipe.finish()?;
    if json {
        return show(&resolved, true, writer);
    }
    writer
        .write_all(resolved.text().as_bytes())
        .map_err(Error::Output)
}

/// A tokenizer, and what the steps before it did to the texts that it was trained on.
fn tokenizer(path: &Path) -> Result<Value, Error> {
    let steps = path.with_file_name(PREPROCESSING_FILE);
    let report = match steps.exists() {
        true => Some(Preprocessor::load(&steps)?.report().clone()),
        false => None,
    };
    let identity = kiln_preprocess::load(path)?.identity().to_owned();
    let trained = TrainedTokenizer::load(path)?;
    let tokenizer = trained.tokenizer();
    let first: Vec<_> = (0..SHOWN_TOKENS)
        .map_while(|id| tokenizer.token(id))
        .collect();
    let mut shown = json!({
        "kind": trained.kind(),
        "vocabulary_size": tokenizer.vocabulary_size(),
        "end_of_text": tokenizer.end_of_text(),
        "identity": identity,
        "first_tokens": first,
    });
    if let Some(report) = report {
        shown["preprocessing"] = json!(report);
    }
    Ok(shown)
}

fn run(run: &RunFolder) -> Result<Value, Error> {
    let mut stages = Map::new();
    for (kind, folder) in [
        (CORPUS, run.corpus()),
        (TOKENIZER, run.tokenizer()),
        (DATASET, run.dataset()),
    ] {
        let state = match finished(&folder)? {
            Some(manifest) => json!({ "finished": true, "counts": manifest.counts }),
            None => json!({ "finished": false }),
        };
        stages.insert(kind.to_owned(), state);
    }
    let mut checkpoints: Vec<_> = fs::read_dir(run.checkpoints())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| finished(path).is_ok_and(|manifest| manifest.is_some()))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    checkpoints.sort();
    let metrics = run.metrics();
    let last = match metrics.exists() {
        true => read_metrics(&metrics)?.pop(),
        false => None,
    };
    Ok(json!({
        "kind": "run",
        "path": run.path().display().to_string(),
        "stages": stages,
        "checkpoints": checkpoints,
        "last_record": last,
    }))
}

/// The ledger of a corpus, from all its chunks.
fn ledger(
    folder: &Path,
    manifest: &Manifest,
    json: bool,
    writer: &mut dyn Write,
) -> Result<(), Error> {
    for file in ledgers(manifest) {
        let path = folder.join(&file.name);
        for_each_line(&path, |line| {
            let text = if json {
                line.to_owned()
            } else {
                ledger_line(line).ok_or_else(|| {
                    kiln_run::Error::damaged(&path, "not a line of a ledger; ingest again")
                })?
            };
            writeln!(writer, "{text}").map_err(Error::Output)
        })?;
    }
    Ok(())
}

/// A line for a person: verdict, where it went or why not, id.
fn ledger_line(line: &str) -> Option<String> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let text = |key| entry.get(key).and_then(Value::as_str);
    let id = text("id")?;
    Some(match entry.get("kept")?.as_bool()? {
        true => format!("kept     {:<10}  {id}", text("split").unwrap_or_default()),
        false => format!("dropped  {:<10}  {id}", text("reason").unwrap_or_default()),
    })
}
