//! What can be wrong with an address or the way to it, said in one line without secrets.

use std::path::Path;
use std::time::Duration;

/// Why an address could not be listed or an object not fetched.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {problem}")]
pub struct Error {
    address: String,
    problem: String,
    mistake: bool,
}

impl Error {
    /// The person who wrote the address, or whose credentials are used, can mend it.
    pub(crate) fn mistake(address: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            problem: problem.into(),
            mistake: true,
        }
    }

    /// The network, a server or the machine failed.
    pub(crate) fn failure(address: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            mistake: false,
            ..Self::mistake(address, problem)
        }
    }

    /// A failed operation on a file of the cache.
    pub(crate) fn io(address: &str, path: &Path, error: &std::io::Error) -> Self {
        let problem = format!(
            "the cache, {}: {error}; KILN_CACHE names another folder",
            path.display()
        );
        Self::failure(address, problem)
    }

    /// Whether the person who wrote the address can mend it, or something failed that may pass.
    pub fn is_mistake(&self) -> bool {
        self.mistake
    }

    /// The address, without secrets.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What happened and what to do.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// How one attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Worth another attempt: a broken connection, a server that is busy.
    Passing {
        problem: String,
        /// How long the server asks to wait.
        wait: Option<Duration>,
    },
    /// Another attempt would end the same, until a person does something.
    Mistake(String),
    /// Another attempt would end the same.
    Lasting(String),
    /// The object is not the one that was listed any more.
    Changed,
    /// The cache cannot be written.
    Cache(Error),
}

impl Failure {
    pub(crate) fn passing(problem: impl Into<String>) -> Self {
        Self::Passing {
            problem: problem.into(),
            wait: None,
        }
    }

    pub(crate) fn into_error(self, address: &str) -> Error {
        match self {
            Self::Passing { problem, .. } => {
                let problem = format!("{problem}; run again: what was fetched so far is kept");
                Error::failure(address, problem)
            }
            Self::Mistake(problem) => Error::mistake(address, problem),
            Self::Lasting(problem) => Error::failure(address, problem),
            Self::Changed => Error::failure(
                address,
                "changed on the server since it was listed; run again when it is complete",
            ),
            Self::Cache(error) => error,
        }
    }
}
