//! What is wrong with a recipe, in one line with its place.

/// A recipe that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something in the recipe or in an override is wrong.
    #[error("{place}: {problem}")]
    Mistake {
        /// `FILE:LINE`, `FILE:LINE:COLUMN`, `FILE` or `--set KEY=VALUE`.
        place: String,
        /// What was read, what was expected and what to do.
        problem: String,
    },
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] kiln_run::Error),
}

impl Error {
    /// Whether the person who wrote the recipe can mend it (exit code 2) or the machine failed (exit code 1).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Mistake { .. } => true,
            Self::File(error) => error.is_mistake(),
        }
    }
}
