//! The way of an object from its server into the cache.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::GetRange;
use reqwest::Response;

use crate::bucket;
use crate::cache::Partial;
use crate::error::{Error, Failure};
use crate::object::{Object, Origin};
use crate::store::Store;
use crate::web::{Opened, Seen};

/// The bytes of an answer.
pub(crate) enum Body {
    Web(Response),
    Bucket(bucket::Body),
}

/// An object on its way into an unfinished file.
pub(crate) struct Download<'a> {
    pub(crate) store: &'a Store,
    pub(crate) object: &'a Object,
    pub(crate) target: &'a Path,
}

impl Download<'_> {
    fn failed(&self, path: &Path, error: &std::io::Error) -> Failure {
        Failure::Cache(Error::io(&self.object.name, path, error))
    }

    /// Fetch what is missing, check it and put it in place. `advance` is told how many bytes of it are there.
    pub(crate) async fn run(
        &self,
        mut partial: Partial,
        advance: &mut dyn FnMut(u64),
    ) -> Result<(), Failure> {
        let object = self.object;
        let cache = |error: &std::io::Error| self.failed(&partial.path, error);
        let mut have = partial.file.metadata().map_err(|e| cache(&e))?.len();
        if object.version.is_empty() || have > object.bytes {
            partial.file.set_len(0).map_err(|e| cache(&e))?;
            have = 0;
        }
        // Bytes that this process did not see come.
        let mut inherited = have > 0;
        loop {
            self.fetch_rest(&mut partial, &mut have, advance).await?;
            let Some(checksum) = &object.checksum else {
                break;
            };
            let refusal = checksum.refusal(&partial.path).await;
            let cache = |error: &std::io::Error| self.failed(&partial.path, error);
            match refusal.map_err(|error| cache(&error))? {
                None => break,
                Some(_) if inherited => {
                    inherited = false;
                    have = 0;
                    partial.file.set_len(0).map_err(|error| cache(&error))?;
                }
                Some(problem) => {
                    fs::remove_file(&partial.path).map_err(|error| cache(&error))?;
                    let problem = format!("{problem}; it was not kept; run again");
                    return Err(Failure::Lasting(problem));
                }
            }
        }
        let path = partial.path.clone();
        partial
            .commit(self.target)
            .map_err(|error| self.failed(&path, &error))
    }

    /// Until all bytes are there, or an attempt fails for good, or too many fail without a byte.
    async fn fetch_rest(
        &self,
        partial: &mut Partial,
        have: &mut u64,
        advance: &mut dyn FnMut(u64),
    ) -> Result<(), Failure> {
        let object = self.object;
        let mut failures = 0;
        advance(*have);
        while *have < object.bytes {
            let before = *have;
            let failure = match self.attempt(partial, have, advance).await {
                Ok(()) if *have == object.bytes => break,
                Ok(()) => Failure::passing(format!(
                    "the connection ended after {have} of {} bytes",
                    object.bytes
                )),
                Err(Failure::Changed) => {
                    // Nothing of it is of use to the next attempt, which asks for another version.
                    fs::remove_file(&partial.path)
                        .map_err(|error| self.failed(&partial.path, &error))?;
                    return Err(Failure::Changed);
                }
                Err(failure) => failure,
            };
            if *have > before {
                failures = 0;
            }
            failures += 1;
            let patience = self.store.patience_of_fetching();
            patience.wait(&object.name, failure, failures).await?;
        }
        Ok(())
    }

    async fn attempt(
        &self,
        partial: &mut Partial,
        have: &mut u64,
        advance: &mut dyn FnMut(u64),
    ) -> Result<(), Failure> {
        let Opened { mut body, start } = self.store.begin(self.object, *have).await?;
        let Partial { file, path } = partial;
        let begun = match start {
            0 if *have > 0 => file.set_len(0),
            _ => Ok(()),
        };
        *have = start;
        begun
            .and_then(|()| file.seek(SeekFrom::Start(start)))
            .map_err(|error| self.failed(path, &error))?;
        while let Some(bytes) = self.store.next(&mut body).await? {
            *have += bytes.len() as u64;
            if *have > self.object.bytes {
                return Err(Failure::Changed);
            }
            file.write_all(&bytes)
                .map_err(|error| self.failed(path, &error))?;
            advance(*have);
        }
        Ok(())
    }
}

impl Store {
    /// Begin to fetch an object at a byte.
    pub(crate) async fn begin(&self, object: &Object, start: u64) -> Result<Opened<Body>, Failure> {
        match &object.origin {
            Origin::Cache => Err(Failure::Mistake(Self::OFFLINE.to_owned())),
            Origin::Web(url) => {
                let expected = Seen {
                    bytes: object.bytes,
                    version: object.version.to_string(),
                };
                let opened = self.web.open(url.clone(), start, &expected).await?;
                Ok(opened.map(Body::Web))
            }
            Origin::Hub(url) => {
                let opened = self.hub()?.open(url, start, object.bytes).await?;
                Ok(opened.map(Body::Web))
            }
            Origin::Bucket {
                service,
                bucket,
                key,
                e_tag,
            } => {
                let opened = self.buckets.open(
                    (*service, bucket),
                    key,
                    e_tag.as_deref(),
                    GetRange::Offset(start),
                    object.bytes,
                    self.patience_of_asking(),
                );
                Ok(opened.await?.map(Body::Bucket))
            }
        }
    }

    pub(crate) async fn next(&self, body: &mut Body) -> Result<Option<Bytes>, Failure> {
        match body {
            Body::Web(response) => response
                .chunk()
                .await
                .map_err(|error| self.web.failure(error)),
            Body::Bucket(stream) => match stream.next().await {
                Some(Err(error)) => Err(self.buckets.broken(&error)),
                Some(Ok(bytes)) => Ok(Some(bytes)),
                None => Ok(None),
            },
        }
    }
}

impl<B> Opened<B> {
    fn map<C>(self, change: impl FnOnce(B) -> C) -> Opened<C> {
        Opened {
            body: change(self.body),
            start: self.start,
        }
    }
}
