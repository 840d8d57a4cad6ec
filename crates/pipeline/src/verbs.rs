//! The verbs that prepare data, from a recipe's file on.

use std::path::PathBuf;

use kiln_corpus::DocumentReader;
use kiln_recipe::Recipe;
use kiln_run::{Progress, StopFlag};
use kiln_text::{Document, Source};

use crate::{
    Error, Prepared, Shard, default_run_folder, ingest, ingest_shard, merge_shards, open_run,
    open_run_to_ingest, prepare,
};

/// Which recipe, and where its run lies.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The recipe's file.
    pub recipe: PathBuf,
    /// The run's folder; `runs/NAME` if left out.
    pub run_dir: Option<PathBuf>,
    /// Overrides, `train.steps=100`.
    pub overrides: Vec<String>,
}

impl RunOptions {
    /// Read the recipe.
    ///
    /// # Errors
    /// The file cannot be read or is not TOML; an override does not fit.
    pub fn recipe(&self) -> Result<Recipe, Error> {
        Ok(Recipe::load(&self.recipe, &self.overrides)?)
    }

    /// Where the run of the recipe lies.
    ///
    /// # Errors
    /// The recipe's name is not one of a folder.
    pub fn folder(&self, recipe: &Recipe) -> Result<PathBuf, Error> {
        match &self.run_dir {
            Some(folder) => Ok(folder.clone()),
            None => default_run_folder(recipe),
        }
    }

    /// The arguments of the command that does this again, to be typed in a shell.
    pub fn arguments(&self) -> String {
        let mut words = vec![quoted(&self.recipe.display().to_string())];
        if let Some(folder) = &self.run_dir {
            words.push(format!(
                "--run-dir {}",
                quoted(&folder.display().to_string())
            ));
        }
        let overrides = self.overrides.iter();
        words.extend(overrides.map(|set| format!("--set {}", quoted(set))));
        words.join(" ")
    }
}

/// A word that a POSIX shell reads as it is written here.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "_-+=./,:@%".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Which part of an ingestion is to be done.
#[derive(Clone, Copy, Debug, Default)]
pub enum IngestPart {
    /// All of it.
    #[default]
    Whole,
    /// One shard of the sources, to be merged with the others later.
    Shard(Shard),
    /// The corpus, from shards that are all there.
    Merge,
}

/// Ingest the sources of a recipe, which may have `[corpus]` alone; sections about models are accepted as they are written.
///
/// # Errors
/// As [`ingest`], [`ingest_shard`] and [`merge_shards`].
pub fn ingest_recipe(
    options: &RunOptions,
    part: IngestPart,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<(), Error> {
    let recipe = options.recipe()?;
    let folder = options.folder(&recipe)?;
    if let IngestPart::Shard(shard) = part {
        return ingest_shard(&recipe, &folder, shard, progress, stop);
    }
    let run = open_run_to_ingest(&recipe, &folder)?;
    match part {
        IngestPart::Merge => merge_shards(&recipe, &run, progress, stop)?,
        _ => ingest(&recipe, &run, progress, stop)?,
    };
    Ok(())
}

/// Prepare the data of a recipe; its sections about models are accepted as they are written.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_recipe(
    options: &RunOptions,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Prepared, Error> {
    let recipe = options.recipe()?;
    let run = open_run(&recipe, &options.folder(&recipe)?)?;
    prepare(&recipe, &run, progress, stop)
}

/// Give every stored document of some files to `see`, in order.
///
/// # Errors
/// A file is missing or damaged.
pub fn each_document(files: &[PathBuf], see: &mut dyn FnMut(&Document)) -> Result<(), Error> {
    let mut reader = DocumentReader::new(files.to_vec());
    while let Some(document) = reader.next_document()? {
        see(&document);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_arguments_back() {
        let options = RunOptions {
            recipe: "my recipes/a.toml".into(),
            run_dir: Some("it's".into()),
            overrides: vec![
                "train.steps=5".into(),
                "corpus.sources=[{ path = \"a b\" }]".into(),
            ],
        };
        let script = format!("printf '%s|' {}", options.arguments());
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "my recipes/a.toml|--run-dir|it's|--set|train.steps=5|--set|corpus.sources=[{ path = \"a b\" }]|"
        );
        let plain = RunOptions {
            recipe: "a.toml".into(),
            run_dir: None,
            overrides: vec!["train.steps=5".into()],
        };
        assert_eq!(plain.arguments(), "a.toml --set train.steps=5");
    }
}
