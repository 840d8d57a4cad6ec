//! The variables that say how addresses are reached.

use std::path::PathBuf;

/// Names and values, of the process or of a test.
pub(crate) struct Environment(Vec<(String, String)>);

impl Environment {
    pub(crate) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// The value of a variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter();
        let found = all.find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a variable is set to something that means yes.
    pub(crate) fn says(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| {
            !["0", "false", "no"].contains(&value.to_ascii_lowercase().as_str())
        })
    }

    /// All variables whose names begin so.
    pub(crate) fn beginning_with(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let all = self
            .0
            .iter()
            .filter(move |(key, _)| key.starts_with(prefix));
        all.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The values that must not be shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        const SECRET: [&str; 6] = ["SECRET", "TOKEN", "KEY", "SAS", "PASSWORD", "CREDENTIAL"];
        let secret = |name: &str| SECRET.iter().any(|part| name.contains(part));
        let all = self.0.iter().filter(move |(name, _)| secret(name));
        all.map(|(_, value)| value.as_str())
    }

    /// A folder of the cache of this user: `$VARIABLE`, or `below` in the home folder.
    pub(crate) fn folder(&self, variable: &str, below: &str) -> Option<PathBuf> {
        let given = self.get(variable).map(PathBuf::from);
        let usual = || Some(PathBuf::from(self.get("HOME")?).join(below));
        given.or_else(usual)
    }
}
