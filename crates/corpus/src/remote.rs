//! Sources at an address: what `kiln-remote` lists and fetches, or, without the feature `remote`, a refusal.

#[cfg(feature = "remote")]
pub(crate) use reachable::{Object, Remote, check, shown};
#[cfg(not(feature = "remote"))]
pub(crate) use refused::{Object, Remote, check, shown};

/// Why an address gave nothing.
pub(crate) struct Refusal {
    /// The address, what happened and what to do.
    pub(crate) problem: String,
    pub(crate) is_mistake: bool,
}

/// Whether a source's path is an address: letters, then `://`.
pub(crate) fn is_address(path: &str) -> bool {
    path.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// A path as it may be shown and stored: of an address, without its secrets.
pub(crate) fn serialize_path<S: serde::Serializer>(
    path: &Option<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) if is_address(path) => serializer.serialize_some(&shown(path)),
        path => serde::Serialize::serialize(path, serializer),
    }
}

#[cfg(feature = "remote")]
mod reachable {
    use std::path::PathBuf;
    use std::sync::{Mutex, OnceLock, PoisonError};

    pub(crate) use kiln_remote::Object;
    use kiln_remote::{Address, Error, Store};

    use super::Refusal;

    /// The way to addresses, begun when the first one is met.
    #[derive(Default)]
    pub(crate) struct Remote {
        store: OnceLock<Store>,
        opening: Mutex<()>,
    }

    impl From<Error> for Refusal {
        fn from(error: Error) -> Self {
            Self {
                is_mistake: error.is_mistake(),
                problem: error.to_string(),
            }
        }
    }

    pub(crate) fn check(path: &str) -> Result<(), String> {
        let parsed = Address::parse(path);
        parsed.map(|_| ()).map_err(|error| error.to_string())
    }

    pub(crate) fn shown(path: &str) -> String {
        kiln_remote::without_secrets(path)
    }

    impl Remote {
        fn store(&self) -> Result<&Store, Refusal> {
            let _alone = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
            match self.store.get() {
                Some(store) => Ok(store),
                None => {
                    let store = Store::open()?;
                    Ok(self.store.get_or_init(|| store))
                }
            }
        }

        pub(crate) fn list(&self, path: &str) -> Result<Vec<Object>, Refusal> {
            Ok(self.store()?.list(&Address::parse(path)?)?)
        }

        /// Where an object lies once it is fetched.
        pub(crate) fn path(&self, object: &Object) -> PathBuf {
            // What was listed has its store.
            let store = self.store.get();
            store.map_or_else(PathBuf::new, |store| store.path(object))
        }

        pub(crate) fn holds(&self, object: &Object) -> bool {
            self.store.get().is_some_and(|store| store.holds(object))
        }

        /// `false` if it was stopped.
        pub(crate) fn fetch(
            &self,
            object: &Object,
            advance: &mut dyn FnMut(u64),
            keep_going: &dyn Fn() -> bool,
        ) -> Result<bool, Refusal> {
            let fetched = self.store()?.fetch(object, advance, keep_going)?;
            Ok(fetched.is_some())
        }

        pub(crate) fn beginning(&self, object: &Object, count: u64) -> Result<Vec<u8>, Refusal> {
            Ok(self.store()?.beginning(object, count)?)
        }
    }
}

#[cfg(not(feature = "remote"))]
mod refused {
    use std::path::PathBuf;

    use super::Refusal;

    #[derive(Default)]
    pub(crate) struct Remote;

    /// There is none.
    #[derive(Clone)]
    pub(crate) enum Object {}

    impl Object {
        pub(crate) fn name(&self) -> &str {
            match *self {}
        }

        pub(crate) fn bytes(&self) -> u64 {
            match *self {}
        }

        pub(crate) fn version(&self) -> Option<&str> {
            match *self {}
        }
    }

    pub(crate) fn check(path: &str) -> Result<(), String> {
        Err(format!(
            "`{}` is an address, and this program was built without the feature `remote`; build it with that, or fetch the \
             files and name them by their paths",
            shown(path)
        ))
    }

    /// Without what may be a secret, or a pattern that is as good as refused.
    pub(crate) fn shown(path: &str) -> String {
        let place = path.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = place.split_once("://").unwrap_or(("", place));
        let end = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        let host = host.rsplit('@').next().unwrap_or_default();
        format!("{scheme}://{host}{path}")
    }

    impl Remote {
        pub(crate) fn list(&self, path: &str) -> Result<Vec<Object>, Refusal> {
            let is_mistake = true;
            match check(path) {
                Ok(()) => Ok(Vec::new()),
                Err(problem) => Err(Refusal {
                    problem,
                    is_mistake,
                }),
            }
        }

        pub(crate) fn path(&self, object: &Object) -> PathBuf {
            match *object {}
        }

        pub(crate) fn holds(&self, object: &Object) -> bool {
            match *object {}
        }

        pub(crate) fn fetch(
            &self,
            object: &Object,
            _advance: &mut dyn FnMut(u64),
            _keep_going: &dyn Fn() -> bool,
        ) -> Result<bool, Refusal> {
            match *object {}
        }

        pub(crate) fn beginning(&self, object: &Object, _count: u64) -> Result<Vec<u8>, Refusal> {
            match *object {}
        }
    }
}
