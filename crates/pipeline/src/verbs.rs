//! The verbs that prepare data, from a recipe's file on.

use std::path::PathBuf;

use kiln_corpus::DocumentReader;
use kiln_recipe::Recipe;
use kiln_run::{Progress, StopFlag};
use kiln_text::{Document, Source};

use crate::{Error, Ingested, Prepared, default_run_folder, ingest, open_run, prepare};

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

    /// The arguments of the command that does this again.
    pub fn arguments(&self) -> String {
        let mut words = vec![self.recipe.display().to_string()];
        if let Some(folder) = &self.run_dir {
            words.push(format!("--run-dir {}", folder.display()));
        }
        words.extend(self.overrides.iter().map(|set| format!("--set '{set}'")));
        words.join(" ")
    }
}

/// Ingest the sources of a recipe; its sections about models are accepted as they are written.
///
/// # Errors
/// As [`ingest`].
pub fn ingest_recipe(
    options: &RunOptions,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Ingested, Error> {
    let recipe = options.recipe()?;
    let run = open_run(&recipe, &options.folder(&recipe)?)?;
    ingest(&recipe, &run, progress, stop)
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
