//! The sections of a recipe that the ground floor reads.

use std::path::{Path, PathBuf};

use kiln_dataset::TaskConfig;
use kiln_preprocess::TokenizerConfig;
use kiln_recipe::Recipe;
use kiln_run::RunFolder;

use crate::Error;

/// Sections that are read where models are known.
pub const UPPER_SECTIONS: [&str; 6] = [
    "model",
    "optimizer",
    "schedule",
    "train",
    "evaluate",
    "checkpoint",
];

/// The seed of a recipe that names none.
const DEFAULT_SEED: u64 = 1337;

/// What a recipe says about data.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `seed`: decides every draw of the run.
    pub seed: u64,
    /// `[corpus]`
    pub corpus: kiln_corpus::Config,
    /// `[tokenizer]`
    pub tokenizer: TokenizerConfig,
    /// `[task]`
    pub task: TaskConfig,
    /// `[dataset]`
    pub dataset: kiln_dataset::Config,
}

impl Plan {
    /// Ask a recipe for its sections about data, and check what can be checked before any work.
    ///
    /// # Errors
    /// A section is missing or wrong; a mistake.
    pub fn read(recipe: &Recipe) -> Result<Self, Error> {
        recipe.top::<String>("name")?;
        let plan = Self {
            seed: recipe.top_or("seed", DEFAULT_SEED)?,
            corpus: recipe.required("corpus")?,
            tokenizer: recipe.required("tokenizer")?,
            task: recipe.required("task")?,
            dataset: recipe.section_or_default("dataset")?,
        };
        plan.corpus
            .check()
            .map_err(|error| in_recipe(error, recipe))?;
        if plan.dataset.context_length == 0 {
            let error = recipe.error_at("dataset", "context_length", "expected 1 or more");
            return Err(error.into());
        }
        Ok(plan)
    }
}

/// A wrong key of `[corpus]` with its line.
pub(crate) fn in_recipe(error: kiln_corpus::Error, recipe: &Recipe) -> Error {
    match error {
        kiln_corpus::Error::Config { key, problem } => {
            let key = key.replace('[', ".").replace(']', "");
            recipe.error_at("corpus", &key, &problem).into()
        }
        other => other.into(),
    }
}

/// Where a run of this recipe lies if nobody says otherwise: `runs/NAME`, after the recipe's `name` or else its file.
///
/// # Errors
/// The name is not one of a folder; a mistake.
pub fn default_run_folder(recipe: &Recipe) -> Result<PathBuf, Error> {
    let name = match recipe.top::<String>("name")? {
        Some(name) => name,
        None => Path::new(recipe.name())
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default(),
    };
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
    if !plain {
        let problem = "expected the name of a folder: no `/`, no `.` at its beginning";
        return Err(recipe.error_at("", "name", problem).into());
    }
    Ok(Path::new("runs").join(name))
}

/// Open the run folder for the stages of the ground floor alone. Sections about models are accepted as they are written.
///
/// # Errors
/// The recipe is wrong, or the folder is in use, belongs to another recipe or cannot be written.
pub fn open_run(recipe: &Recipe, folder: &Path) -> Result<RunFolder, Error> {
    Plan::read(recipe)?;
    recipe.leave(&UPPER_SECTIONS);
    let resolved = recipe.finish()?;
    let difference = |stored: &str| resolved.first_difference(stored);
    Ok(RunFolder::open_or_create(
        folder,
        &resolved.text(),
        difference,
    )?)
}
