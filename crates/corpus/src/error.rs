//! What can be wrong with a corpus, each in one line.

/// Why a corpus could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key of the recipe's `[corpus]` section asks for something that cannot be.
    #[error("[corpus] {key}: {problem}")]
    Config {
        /// The key below `[corpus]`: `sources[0].format`, `split.validation`.
        key: String,
        /// What is wrong with it and what to do.
        problem: String,
    },
    /// An input file cannot be read, or is not what its format promises.
    #[error(transparent)]
    Input(#[from] kiln_text::Error),
    /// An object at an address cannot be listed or fetched.
    #[error("{problem}")]
    Remote {
        /// The address, what happened and what to do.
        problem: String,
        /// Whether a person can mend it.
        mistake: bool,
    },
    /// Every source was read and there is nothing to train on.
    #[error("the corpus holds no text: {seen}; check [corpus] sources")]
    Empty {
        /// What was read and skipped.
        seen: String,
    },
    /// One side of the split got nothing.
    #[error(
        "the {part} split is empty: of {documents} documents all went to the other side; {advice}"
    )]
    EmptyPart {
        /// `train` or `held-out`.
        part: &'static str,
        /// How many documents the corpus has.
        documents: u64,
        /// What to change.
        advice: &'static str,
    },
    /// A saved position does not lie in the sources as they are now.
    #[error(
        "the saved position of the ingestion does not fit the sources: {problem}; start in a new run folder"
    )]
    Cursor {
        /// What does not fit.
        problem: String,
    },
}

impl Error {
    /// Whether the person who wrote the recipe or gave the files can mend it (exit code 2) or the machine failed (exit
    /// code 1).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Config { .. } | Self::Empty { .. } | Self::EmptyPart { .. } => true,
            Self::Input(error) => error.is_mistake(),
            Self::Remote { mistake, .. } => *mistake,
            Self::Cursor { .. } => false,
        }
    }

    /// The same of a key that lies below another.
    pub(crate) fn below(self, above: &str) -> Self {
        match self {
            Self::Config { key, problem } => Self::Config {
                key: format!("{above}.{key}"),
                problem,
            },
            other => other,
        }
    }

    pub(crate) fn config(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Config {
            key: key.into(),
            problem: problem.into(),
        }
    }
}

impl From<crate::remote::Refusal> for Error {
    fn from(refusal: crate::remote::Refusal) -> Self {
        Self::Remote {
            problem: refusal.problem,
            mistake: refusal.is_mistake,
        }
    }
}
