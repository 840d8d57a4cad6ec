//! What can go wrong with a tokenizer, each in one line.

/// Why a tokenizer could not be trained, loaded, saved or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text or a tokenizer file could not be read or written, or is not what it should be.
    #[error(transparent)]
    Input(#[from] kiln_text::Error),
    /// Nothing to make a vocabulary from.
    #[error(
        "the corpus has no text to make a {kind} tokenizer from: name sources that hold text under [corpus]"
    )]
    EmptyCorpus {
        /// Kind of tokenizer.
        kind: &'static str,
    },
    /// No room for what every vocabulary of the kind holds.
    #[error(
        "[tokenizer] vocabulary_size = {vocabulary_size} is below the {minimum} ids that every such vocabulary holds \
         ({first} and {special_tokens} special tokens): set it to {minimum} or more"
    )]
    VocabularyTooSmall {
        /// As asked for.
        vocabulary_size: usize,
        /// What it holds besides special tokens: "256 bytes".
        first: &'static str,
        /// Number of special tokens.
        special_tokens: usize,
        /// The least that is possible.
        minimum: usize,
    },
    /// A key whose value is out of its range.
    #[error("[tokenizer] {key} = {value}: expected {expected}")]
    OutOfRange {
        /// Name of the key.
        key: &'static str,
        /// As asked for.
        value: u64,
        /// The range, and what the key is for.
        expected: &'static str,
    },
    /// Not even the most frequent words fit.
    #[error(
        "[tokenizer] max_memory = \"{max_memory}\" is too small to learn from the most frequent words alone, which take \"{needed}\": \
         set it to that or more"
    )]
    MaxMemory {
        /// As asked for.
        max_memory: kiln_text::MemorySize,
        /// The least that might do.
        needed: kiln_text::MemorySize,
    },
    /// The unknown token has to be known.
    #[error("[tokenizer] unknown_token = {token:?} is not among the special_tokens: add it there")]
    UnknownToken {
        /// As asked for.
        token: String,
    },
    /// A special token that cannot be one.
    #[error("[tokenizer] special token {token:?} {problem}")]
    SpecialToken {
        /// As asked for.
        token: String,
        /// What is wrong with it, and what to do.
        problem: &'static str,
    },
    /// A character that the vocabulary lacks.
    #[error(
        "character {character:?} (U+{:04X}) at character {place} of the text is not among the {vocabulary_size} characters \
         that this tokenizer was made from: leave it out, or use [tokenizer] kind = \"byte\" or \"bpe\"",
        *character as u32
    )]
    UnknownCharacter {
        /// The character.
        character: char,
        /// Its place in the text, in characters from 0.
        place: usize,
        /// Number of known characters.
        vocabulary_size: usize,
    },
    /// An id that the vocabulary lacks.
    #[error("token id {id} is not in this tokenizer's vocabulary of {vocabulary_size}")]
    UnknownId {
        /// The id.
        id: u32,
        /// Number of ids.
        vocabulary_size: usize,
    },
    /// A step of `[preprocessing]` that cannot be done.
    #[error("[preprocessing] steps[{place}] ({kind}): {key}: {problem}")]
    Step {
        /// Its place among the steps, from 0.
        place: usize,
        /// Its kind.
        kind: &'static str,
        /// The key that is wrong.
        key: &'static str,
        /// What was expected.
        problem: String,
    },
    /// The tokenizers library refused something.
    #[error("{doing}: {problem}")]
    Library {
        /// What was being done.
        doing: &'static str,
        /// The library's words.
        problem: String,
    },
}

impl Error {
    /// Whether the person who wrote the recipe or named the input can mend it (exit code 2), or the machine failed
    /// (exit code 1).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Input(error) => error.is_mistake(),
            Self::Library { .. } => false,
            _ => true,
        }
    }

    pub(crate) fn library(
        doing: &'static str,
    ) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> Self {
        move |error| Self::Library {
            doing,
            problem: error.to_string(),
        }
    }
}
