//! What can be wrong with the choice of a stemmer.

use super::Algorithm;

/// Why there is no such stemmer. Each is a user's mistake (exit code 2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A language that no stemmer knows.
    #[error(
        "no stemmer for the language {given:?}{}: `kiln stem --languages` lists those that have one",
        meant(near)
    )]
    UnknownLanguage {
        /// As asked for.
        given: String,
        /// Names that look alike.
        near: Vec<&'static str>,
    },
    /// An algorithm that was made for other languages.
    #[error(
        "the {algorithm} algorithm has no rules for {language}: it is for {}; the default, snowball, has them",
        languages_of(*algorithm)
    )]
    NotOfLanguage {
        /// As asked for.
        algorithm: Algorithm,
        /// The language's name in English.
        language: &'static str,
    },
    /// No such algorithm.
    #[error("unknown stemming algorithm {0:?}: expected snowball, porter, lancaster or lovins")]
    UnknownAlgorithm(String),
}

fn meant(near: &[&str]) -> String {
    match near {
        [] => String::new(),
        near => format!(" (did you mean {}?)", near.join(" or ")),
    }
}

fn languages_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Porter => "english and dutch",
        Algorithm::Lancaster | Algorithm::Lovins => "english",
        Algorithm::Snowball => "all",
    }
}
