//! What can go wrong between a recipe and a dataset, each in one line.

use std::path::PathBuf;

/// Why a stage could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the run.
    #[error(transparent)]
    Run(#[from] kiln_run::Error),
    /// The recipe.
    #[error(transparent)]
    Recipe(#[from] kiln_recipe::Error),
    /// The sources of text.
    #[error(transparent)]
    Corpus(#[from] kiln_corpus::Error),
    /// A stored document or an input file.
    #[error(transparent)]
    Text(#[from] kiln_text::Error),
    /// The tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] kiln_preprocess::Error),
    /// A stemmer that there is not.
    #[error(transparent)]
    Stemmer(#[from] kiln_preprocess::stem::Error),
    /// A language that is not known.
    #[error(transparent)]
    Language(#[from] kiln_preprocess::segment::UnknownLanguage),
    /// A language without a lemmatizer that comes along.
    #[error(
        "no lemmatizer for {language:?} comes along: train one from a treebank in CoNLL-U with \
         `kiln lemmatizer train TREEBANK --output FILE` and name it with --model FILE"
    )]
    NoLemmatizer {
        /// As asked for.
        language: String,
    },
    /// A shard.
    #[error(transparent)]
    Dataset(#[from] kiln_dataset::Error),
    /// A stop was asked for; what is finished is kept.
    #[error("interrupted; the same command goes on from here")]
    Interrupted,
    /// A finished stage was made from files that are not the same any more.
    #[error(
        "{} was made from other files: {change}; undo that, or choose another --run-dir",
        folder.display()
    )]
    InputsChanged {
        /// The stage's folder.
        folder: PathBuf,
        /// Which file, and how it changed.
        change: String,
    },
    /// A finished stage was made by a program that does it differently.
    #[error(
        "{} was made by {written_by}, which does this stage differently; choose another --run-dir, or remove the folder",
        folder.display()
    )]
    OtherVersion {
        /// The stage's folder.
        folder: PathBuf,
        /// The program and its version.
        written_by: String,
    },
    /// Shards of a corpus that cannot be merged.
    #[error("{}: {problem}", folder.display())]
    Shards {
        /// Where they lie, or the one that does not fit.
        folder: PathBuf,
        /// Which are missing or do not fit, and what to do.
        problem: String,
    },
    /// A stage that is to be read was never finished.
    #[error("{}: not there; finish it with `kiln prepare RECIPE --run-dir {}`", folder.display(), run.display())]
    NotPrepared {
        /// The stage's folder.
        folder: PathBuf,
        /// The run.
        run: PathBuf,
    },
    /// A manifest lacks what a stage writes into it.
    #[error("{}: the manifest lacks {missing}; remove the folder and prepare again", folder.display())]
    Manifest {
        /// The stage's folder.
        folder: PathBuf,
        /// What is not there.
        missing: String,
    },
    /// A document without what the task predicts.
    #[error("document {document} has {found}; {advice}")]
    Answer {
        /// The document's id.
        document: String,
        /// What it has.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// A classification task whose documents have too few or too many classes.
    #[error("[task] kind = \"classification\": {problem}")]
    Classes {
        /// How many there are, and what to do.
        problem: String,
    },
    /// A text that the tokenizer cannot express.
    #[error("document {document}: {problem}")]
    Encode {
        /// The document's id.
        document: String,
        /// The tokenizer's words.
        problem: String,
        /// Whether the tokenizer calls it the user's mistake.
        mistake: bool,
    },
    /// A line of a stream that cannot be used.
    #[error("{name}:{line}: {problem}")]
    Line {
        /// Name of the stream.
        name: &'static str,
        /// Counted from 1.
        line: u64,
        /// What it holds, what was expected.
        problem: String,
        /// Whether the writer of the line can mend it.
        mistake: bool,
    },
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[source] std::io::Error),
    /// A file that is none of ours.
    #[error(
        "{}: not a file or folder that kiln knows: expected a recipe, a tokenizer.json, a shard, documents, metrics, a run, \
         a checkpoint or a stage's folder",
        path.display()
    )]
    Unknown {
        /// The file or folder.
        path: PathBuf,
    },
    /// Filters and the search for copies left nothing of one side of the split.
    #[error(
        "the {part} split is empty: all its documents were dropped; see why with `kiln recount {}`, then relax [corpus]",
        run.display()
    )]
    EmptySplit {
        /// `train` or `validation`.
        part: &'static str,
        /// The run.
        run: PathBuf,
    },
    /// A document that a corpus does not have.
    #[error("{}: no document has the id {id:?}; `kiln inspect` of that folder lists them all", folder.display())]
    NoDocument {
        /// The corpus's folder.
        folder: PathBuf,
        /// As asked for.
        id: String,
    },
    /// No recipe is known for a task.
    #[error("unknown task {task:?}; known: {known}")]
    Task {
        /// As asked for.
        task: String,
        /// The tasks that there are.
        known: String,
    },
}

impl Error {
    /// Whether the person who gave the command can mend it (exit code 2) or something failed (exit code 1). An
    /// interruption is neither (exit code 130).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Run(error) => error.is_mistake(),
            Self::Recipe(error) => error.is_mistake(),
            Self::Corpus(error) => error.is_mistake(),
            Self::Text(error) => error.is_mistake(),
            Self::Tokenizer(error) => error.is_mistake(),
            Self::Dataset(error) => error.is_mistake(),
            Self::Stemmer(_) | Self::Language(_) | Self::NoLemmatizer { .. } => true,
            Self::Encode { mistake, .. } | Self::Line { mistake, .. } => *mistake,
            Self::InputsChanged { .. }
            | Self::OtherVersion { .. }
            | Self::NotPrepared { .. }
            | Self::Shards { .. }
            | Self::Answer { .. }
            | Self::Classes { .. }
            | Self::Unknown { .. }
            | Self::NoDocument { .. }
            | Self::EmptySplit { .. }
            | Self::Task { .. } => true,
            Self::Interrupted | Self::Manifest { .. } | Self::Output(_) => false,
        }
    }

    /// Whether a stop was asked for and everything finished is saved (exit code 130).
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted)
    }
}
