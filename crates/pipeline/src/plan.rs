//! The sections of a recipe that the ground floor reads.

use std::path::{Path, PathBuf};

use kiln_dataset::TaskConfig;
use kiln_preprocess::{PreprocessingConfig, TokenizerConfig};
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
    /// `[preprocessing]`
    pub preprocessing: PreprocessingConfig,
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
        let (seed, corpus) = read_corpus(recipe)?;
        let plan = Self {
            seed,
            corpus,
            preprocessing: recipe.section("preprocessing")?.unwrap_or_default(),
            tokenizer: recipe.required("tokenizer")?,
            task: recipe.required("task")?,
            dataset: recipe.section_or_default("dataset")?,
        };
        if plan.dataset.context_length == 0 {
            let error = recipe.error_at("dataset", "context_length", "expected 1 or more");
            return Err(error.into());
        }
        Ok(plan)
    }
}

/// What ingestion needs of a recipe: the seed, and `[corpus]`, checked.
pub(crate) fn read_corpus(recipe: &Recipe) -> Result<(u64, kiln_corpus::Config), Error> {
    recipe.top::<String>("name")?;
    let seed = recipe.top_or("seed", DEFAULT_SEED)?;
    let corpus: kiln_corpus::Config = recipe.required("corpus")?;
    corpus.check().map_err(|error| in_recipe(error, recipe))?;
    Ok((seed, corpus))
}

/// How far a recipe goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It has `[corpus]` alone: it can be ingested.
    Corpus,
    /// It has sections about data, none about a model: it can be prepared.
    Data,
    /// It has sections about a model.
    Model,
}

impl Reach {
    /// How far this recipe goes, judged by the sections that it has.
    pub fn of(recipe: &Recipe) -> Self {
        let any = |sections: &[&str]| sections.iter().any(|section| recipe.has(section));
        if any(&UPPER_SECTIONS) {
            Self::Model
        } else if any(&["preprocessing", "tokenizer", "task", "dataset"]) {
            Self::Data
        } else {
            Self::Corpus
        }
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
    open(recipe, folder)
}

/// Open the run folder for ingestion, for which a recipe of `[corpus]` alone is enough.
///
/// # Errors
/// As [`open_run`].
pub fn open_run_to_ingest(recipe: &Recipe, folder: &Path) -> Result<RunFolder, Error> {
    match Reach::of(recipe) {
        Reach::Corpus => {
            read_corpus(recipe)?;
        }
        Reach::Data | Reach::Model => {
            Plan::read(recipe)?;
        }
    }
    open(recipe, folder)
}

fn open(recipe: &Recipe, folder: &Path) -> Result<RunFolder, Error> {
    recipe.leave(&UPPER_SECTIONS);
    let resolved = recipe.finish()?;
    let difference = |stored: &str| resolved.first_difference(stored);
    Ok(RunFolder::open_or_create(
        folder,
        &resolved.text(),
        difference,
    )?)
}
