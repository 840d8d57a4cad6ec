//! Addresses listed and objects fetched, as the environment says.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::address::{Address, Place};
use crate::bucket::Buckets;
use crate::cache::Cache;
use crate::download::Download;
use crate::environment::Environment;
use crate::error::{Error, Failure};
use crate::hub::Hub;
use crate::object::{Object, Origin};
use crate::retry::Patience;
use crate::web::Web;

/// How often it is asked whether to go on.
const ASK: Duration = Duration::from_millis(50);

/// How often a fetch is tried without a byte coming: with the pauses, a minute and a half.
const ATTEMPTS_OF_FETCHING: u32 = 8;

/// The way to what addresses name, and the cache on it. Threads may share one.
pub struct Store {
    cache: Cache,
    offline: bool,
    first_pause: Duration,
    runtime: Runtime,
    pub(crate) web: Arc<Web>,
    /// Or why there is none: asked for when an address needs it.
    hub: Result<Hub, String>,
    pub(crate) buckets: Buckets,
    /// Objects without a version that this process has fetched.
    fresh: Mutex<HashSet<PathBuf>>,
}

impl Store {
    pub(crate) const OFFLINE: &str =
        "not in the cache, and KILN_OFFLINE forbids to fetch it; run once without KILN_OFFLINE";

    /// As the variables of this process say: `KILN_CACHE`, `KILN_OFFLINE`, and those of the services.
    ///
    /// # Errors
    /// No folder for the cache is known, or the certificates of this machine cannot be read.
    pub fn open() -> Result<Self, Error> {
        let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::with_variables(std::env::vars_os().filter_map(utf8))
    }

    /// As these variables say, and no others but those for proxies.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let environment = Arc::new(Environment::new(variables));
        let failure = |problem: String| Error::failure("addresses", problem);
        let folder = environment.folder("KILN_CACHE", ".cache/kiln");
        let folder = folder.ok_or_else(|| {
            Error::mistake(
                "addresses",
                "neither KILN_CACHE nor HOME says where the cache is; set KILN_CACHE to a folder",
            )
        })?;
        let folder = std::path::absolute(folder).map_err(|error| failure(error.to_string()))?;
        // Another part of the program may have chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let web = Arc::new(Web::new(Arc::clone(&environment)).map_err(failure)?);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failure(error.to_string()))?;
        Ok(Self {
            cache: Cache::new(folder.join("sources")),
            offline: environment.says("KILN_OFFLINE"),
            first_pause: Patience::ASKING.first_pause,
            runtime,
            hub: Hub::new(Arc::clone(&web), &environment),
            web,
            buckets: Buckets::new(environment),
            fresh: Mutex::default(),
        })
    }

    /// The same with another first pause between two attempts than half a second.
    #[must_use]
    pub fn with_first_pause(mut self, first_pause: Duration) -> Self {
        self.first_pause = first_pause;
        self
    }

    pub(crate) fn patience_of_asking(&self) -> Patience {
        Patience {
            first_pause: self.first_pause,
            ..Patience::ASKING
        }
    }

    pub(crate) fn patience_of_fetching(&self) -> Patience {
        Patience {
            attempts: ATTEMPTS_OF_FETCHING,
            ..self.patience_of_asking()
        }
    }

    pub(crate) fn hub(&self) -> Result<&Hub, Failure> {
        let problem = |problem: &String| Failure::Mistake(problem.clone());
        self.hub.as_ref().map_err(problem)
    }

    /// What an address leads to now, in the order of names, at least one. Offline: what it led to last.
    ///
    /// # Errors
    /// There is nothing, access is refused, or the server cannot be reached after some attempts.
    pub fn list(&self, address: &Address) -> Result<Vec<Object>, Error> {
        let name = address.name();
        if self.offline {
            let unknown = || {
                let problem = "was never listed, and KILN_OFFLINE forbids to ask for it; run once without KILN_OFFLINE";
                Error::mistake(name, problem)
            };
            return self.cache.last_listing(name).ok_or_else(unknown);
        }
        let patience = self.patience_of_asking();
        let listed = self.runtime.block_on(async {
            match &address.place {
                Place::Web(url) => {
                    let seen = patience
                        .persist(name, async || self.web.look(url).await)
                        .await?;
                    Ok(vec![Object {
                        name: name.into(),
                        bytes: seen.bytes,
                        version: seen.version.into(),
                        origin: Origin::Web(url.clone()),
                        checksum: None,
                    }])
                }
                Place::Hub(place) => self.hub()?.list(place, name, patience).await,
                Place::Bucket(place) => self.buckets.list(place, patience).await,
            }
        });
        let mut objects = listed.map_err(|failure| failure.into_error(name))?;
        if objects.is_empty() {
            return Err(Error::mistake(
                name,
                "leads to no object; check the name, or the pattern",
            ));
        }
        objects.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        if let Err(error) = self.cache.keep_listing(name, &objects) {
            tracing::warn!("{name}: what it leads to is not kept for work offline: {error}");
        }
        Ok(objects)
    }

    /// Where an object lies once it is fetched.
    pub fn path(&self, object: &Object) -> PathBuf {
        self.cache.path(object)
    }

    /// Whether an object is there and need not be fetched.
    pub fn holds(&self, object: &Object) -> bool {
        let fresh = || {
            let fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
            fresh.contains(&self.cache.path(object))
        };
        (object.version().is_some() || self.offline || fresh()) && self.cache.holds(object)
    }

    /// Have an object in the cache; the path is the one that [`path`](Self::path) gives. `advance` is told how many bytes
    /// of it are there; if `keep_going` answers `false`, the result is `None`, and what came so far is kept for the next
    /// time.
    ///
    /// # Errors
    /// The object is not there any more or has changed, access is refused, what came is not what the server promised, the
    /// connection breaks again and again, or the cache cannot be written.
    pub fn fetch(
        &self,
        object: &Object,
        advance: &mut dyn FnMut(u64),
        keep_going: &dyn Fn() -> bool,
    ) -> Result<Option<PathBuf>, Error> {
        let target = self.cache.path(object);
        if self.holds(object) {
            advance(object.bytes);
            return Ok(Some(target));
        }
        if self.offline {
            return Err(Error::mistake(object.name(), Self::OFFLINE));
        }
        let work = async {
            let is_there = || object.version().is_some() && self.cache.holds(object);
            let claimed = self.cache.claim(&target, &is_there).await;
            let claimed = claimed.map_err(|error| Error::io(object.name(), &target, &error))?;
            let Some(partial) = claimed else {
                // Another process or thread has fetched it meanwhile.
                advance(object.bytes);
                return Ok(());
            };
            let download = Download {
                store: self,
                object,
                target: &target,
            };
            let done = download.run(partial, advance).await;
            done.map_err(|failure| failure.into_error(object.name()))?;
            if object.version().is_none() {
                let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
                fresh.insert(target.clone());
            }
            Ok(())
        };
        let stopped = async {
            while keep_going() {
                tokio::time::sleep(ASK).await;
            }
        };
        let done = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = stopped => None,
                done = work => Some(done),
            }
        });
        Ok(done.transpose()?.map(|()| target))
    }

    /// The first bytes of an object, at most `count`: from the cache if it is there.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub fn beginning(&self, object: &Object, count: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        if object.bytes == 0 {
            return Ok(bytes);
        }
        if self.holds(object) {
            let path = self.cache.path(object);
            let read = File::open(&path).and_then(|file| file.take(count).read_to_end(&mut bytes));
            read.map_err(|error| Error::io(object.name(), &path, &error))?;
            return Ok(bytes);
        }
        if self.offline {
            return Err(Error::mistake(object.name(), Self::OFFLINE));
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let attempt = async || {
            bytes.clear();
            let mut body = self.begin(object, 0).await?.body;
            while bytes.len() < count
                && let Some(more) = self.next(&mut body).await?
            {
                bytes.extend_from_slice(&more);
            }
            Ok(())
        };
        let patience = self.patience_of_asking();
        let done = self
            .runtime
            .block_on(patience.persist(object.name(), attempt));
        done.map_err(|failure| failure.into_error(object.name()))?;
        bytes.truncate(count);
        Ok(bytes)
    }
}
