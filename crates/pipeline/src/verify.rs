//! Whether files are still what was written.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use kiln_run::{Manifest, RunFolder};
use serde::Serialize;

use crate::Error;
use crate::show::show;
use crate::stage::{UNFINISHED, finished};

/// A folder or file whose contents are as they were written.
#[derive(Serialize)]
struct Verified {
    path: PathBuf,
    files: usize,
    bytes: u64,
    intact: bool,
}

/// Read everything that a run, a stage, a checkpoint or a shard holds, and compare it with the checksums that it was
/// written with. Writes a line for each folder that is intact.
///
/// # Errors
/// The first file that is missing or damaged; there is nothing with checksums.
pub fn verify(path: &Path, json: bool, writer: &mut dyn Write) -> Result<(), Error> {
    let metadata = fs::metadata(path).map_err(|error| kiln_run::Error::io(path, error))?;
    if metadata.is_file() {
        return verify_shard(path, metadata.len(), json, writer);
    }
    let mut folders = Vec::new();
    let mut origins = BTreeMap::new();
    if RunFolder::is_run(path) {
        let run = RunFolder::open(path)?;
        origins = run.origins()?;
        for stage in [run.corpus(), run.tokenizer(), run.dataset()] {
            if stage.is_dir() && !stage.join(UNFINISHED).exists() {
                Manifest::read(&stage)?; // what is neither finished nor in the making lost its manifest
            }
            folders.push(stage);
        }
        // What a run set aside as damaged stands beside its checkpoints under another name.
        let checkpoints = sorted(&run.checkpoints()).into_iter();
        folders.extend(checkpoints.filter(|folder| is_checkpoint(folder)));
        folders.push(run.model());
    } else {
        folders.push(path.to_owned());
    }
    let mut verified = 0;
    for folder in folders {
        if let Some(manifest) = finished(&folder)? {
            manifest.verify(&folder)?;
            if is_checkpoint(&folder) {
                compare_origins(&folder, &manifest, &origins)?;
            }
            report(&folder, &manifest, json, writer)?;
            verified += 1;
        }
    }
    if verified == 0 {
        let path = path.to_owned();
        return Err(kiln_run::Error::NoManifest { path }.into());
    }
    Ok(())
}

/// A checkpoint says what it comes from: it must be what the run has.
fn compare_origins(
    folder: &Path,
    manifest: &Manifest,
    origins: &BTreeMap<String, String>,
) -> Result<(), Error> {
    for (name, there) in origins {
        if let Some(said) = manifest.inputs.get(name)
            && said != there
        {
            let problem = format!(
                "its {name} is not that of the run: BLAKE3 {said} when it was written, {there} in the run now"
            );
            return Err(kiln_run::Error::damaged(folder, problem).into());
        }
    }
    Ok(())
}

fn is_checkpoint(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with("step-"))
}

fn verify_shard(path: &Path, bytes: u64, json: bool, writer: &mut dyn Write) -> Result<(), Error> {
    kiln_dataset::verify(path).map_err(|error| match error {
        kiln_dataset::Error::Foreign { .. } => Error::Unknown {
            path: path.to_owned(),
        },
        error => error.into(),
    })?;
    write(path, 1, bytes, json, writer)
}

fn report(
    folder: &Path,
    manifest: &Manifest,
    json: bool,
    writer: &mut dyn Write,
) -> Result<(), Error> {
    let bytes = manifest.files.iter().map(|file| file.bytes).sum();
    write(folder, manifest.files.len(), bytes, json, writer)
}

fn write(
    path: &Path,
    files: usize,
    bytes: u64,
    json: bool,
    writer: &mut dyn Write,
) -> Result<(), Error> {
    if json {
        let verified = Verified {
            path: path.to_owned(),
            files,
            bytes,
            intact: true,
        };
        return show(&verified, true, writer);
    }
    let plural = if files == 1 { "" } else { "s" };
    writeln!(
        writer,
        "{}: {files} file{plural}, {bytes} bytes: intact",
        path.display()
    )
    .map_err(Error::Output)
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
}
