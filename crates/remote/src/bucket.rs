//! Objects in buckets: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.

use std::collections::HashMap;
use std::error::Error as _;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{BoxStream, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, resolve_bucket_region};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt,
    RetryConfig,
};

use crate::address::{BucketPlace, Service};
use crate::environment::Environment;
use crate::error::Failure;
use crate::object::{Object, Origin};
use crate::retry::Patience;
use crate::secrets::clean;
use crate::web::{CONNECT, Opened, SILENCE, USER_AGENT};

/// What an object's bytes come as.
pub(crate) type Body = BoxStream<'static, object_store::Result<bytes::Bytes>>;

/// A question is not asked again after so long, whatever the number of attempts.
const LONGEST_RETRY: Duration = Duration::from_secs(180);

pub(crate) struct Buckets {
    environment: Arc<Environment>,
    open: Mutex<HashMap<(Service, String), Arc<dyn ObjectStore>>>,
}

impl Service {
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Amazon => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }

    /// How its environment variables begin.
    fn prefix(self) -> &'static str {
        match self {
            Self::Amazon => "AWS_",
            Self::Google => "GOOGLE_",
            Self::Azure => "AZURE_",
        }
    }

    fn credentials(self) -> &'static str {
        match self {
            Self::Amazon => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, if they are temporary), or \
                 AWS_SKIP_SIGNATURE=true for a public bucket; AWS_ENDPOINT for another service than Amazon's"
            }
            Self::Google => {
                "set GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT to a file of credentials, or \
                 GOOGLE_SKIP_SIGNATURE=true for a public bucket"
            }
            Self::Azure => {
                "set AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or with \
                 AZURE_SKIP_SIGNATURE=true for a public container"
            }
        }
    }
}

impl Buckets {
    pub(crate) fn new(environment: Arc<Environment>) -> Self {
        Self {
            environment,
            open: Mutex::default(),
        }
    }

    async fn bucket(
        &self,
        service: Service,
        bucket: &str,
        patience: Patience,
    ) -> Result<Arc<dyn ObjectStore>, Failure> {
        let key = (service, bucket.to_owned());
        let known = |buckets: &HashMap<_, Arc<dyn ObjectStore>>| buckets.get(&key).cloned();
        if let Some(found) = known(&self.open.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(found);
        }
        let made = self
            .connect(service, bucket, patience)
            .await
            .map_err(|error| self.failure(service, error))?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(open.entry(key).or_insert(made).clone())
    }

    /// As the library's `from_env`: every variable of the service whose name is one of its settings.
    async fn connect(
        &self,
        service: Service,
        bucket: &str,
        patience: Patience,
    ) -> object_store::Result<Arc<dyn ObjectStore>> {
        let options = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT)
            .with_read_timeout(SILENCE);
        let options = match USER_AGENT.parse() {
            Ok(agent) => options.with_user_agent(agent),
            Err(_) => options,
        };
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: patience.first_pause,
                max_backoff: patience.pause(u32::MAX, None),
                base: 2.0,
            },
            max_retries: patience.attempts.saturating_sub(1) as usize,
            retry_timeout: LONGEST_RETRY,
        };
        Ok(match service {
            Service::Amazon => {
                let region = self.region(bucket, &options).await;
                let mut builder = AmazonS3Builder::new()
                    .with_client_options(options)
                    .with_retry(retry);
                for (key, value) in self.settings::<AmazonS3ConfigKey>(service) {
                    builder = builder.with_config(key, value);
                }
                if let Some(region) = region {
                    builder = builder.with_region(region);
                }
                Arc::new(builder.with_bucket_name(bucket).build()?)
            }
            Service::Google => {
                let mut builder = GoogleCloudStorageBuilder::new()
                    .with_client_options(options)
                    .with_retry(retry);
                for (key, value) in self.settings::<GoogleConfigKey>(service) {
                    builder = builder.with_config(key, value);
                }
                Arc::new(builder.with_bucket_name(bucket).build()?)
            }
            Service::Azure => {
                let mut builder = MicrosoftAzureBuilder::new()
                    .with_client_options(options)
                    .with_retry(retry);
                for (key, value) in self.settings::<AzureConfigKey>(service) {
                    builder = builder.with_config(key, value);
                }
                Arc::new(builder.with_container_name(bucket).build()?)
            }
        })
    }

    fn settings<K: FromStr>(&self, service: Service) -> impl Iterator<Item = (K, &str)> {
        let variables = self.environment.beginning_with(service.prefix());
        variables.filter_map(|(name, value)| {
            let key = name.to_ascii_lowercase().parse().ok()?;
            Some((key, value))
        })
    }

    /// Where Amazon keeps the bucket, if nobody says it. Asked in another region, it refuses.
    async fn region(&self, bucket: &str, options: &ClientOptions) -> Option<String> {
        const TOLD: [&str; 5] = [
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT",
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_S3",
        ];
        if TOLD.iter().any(|name| self.environment.get(name).is_some()) {
            return None;
        }
        resolve_bucket_region(bucket, options).await.ok()
    }

    pub(crate) async fn list(
        &self,
        place: &BucketPlace,
        patience: Patience,
    ) -> Result<Vec<Object>, Failure> {
        let service = place.service;
        let fail = |error| self.failure(service, error);
        let store = self.bucket(service, &place.bucket, patience).await?;
        if let Some(key) = place.path.key() {
            match store.head(&path(key)?).await {
                Ok(meta) => return Ok(vec![object(place, meta)]),
                // It may be a folder.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(fail(error)),
            }
        }
        let folder = path(place.path.folder())?;
        let folder = (!folder.as_ref().is_empty()).then_some(&folder);
        let metas: Vec<ObjectMeta> = match place.path.is_flat() {
            true => {
                let found = store.list_with_delimiter(folder).await;
                found.map_err(fail)?.objects
            }
            false => {
                let found = store.list(folder).try_collect().await;
                found.map_err(fail)?
            }
        };
        let wanted = metas
            .into_iter()
            .filter(|meta| place.path.takes(meta.location.as_ref()));
        Ok(wanted.map(|meta| object(place, meta)).collect())
    }

    /// Begin to fetch an object at a byte.
    pub(crate) async fn open(
        &self,
        (service, bucket): (Service, &str),
        key: &str,
        e_tag: Option<&str>,
        range: GetRange,
        bytes: u64,
        patience: Patience,
    ) -> Result<Opened<Body>, Failure> {
        let store = self.bucket(service, bucket, patience).await?;
        let options = GetOptions {
            // Lists of some services give the tag without its quotes.
            if_match: e_tag.map(|tag| format!("\"{}\"", bare(tag))),
            range: Some(range),
            ..GetOptions::default()
        };
        let found = store
            .get_opts(&path(key)?, options)
            .await
            .map_err(|error| self.failure(service, error))?;
        let now = found.meta.e_tag.as_deref().map(bare);
        let same_tag = now.is_none() || e_tag.is_none() || now == e_tag.map(bare);
        if !same_tag || found.meta.size != bytes {
            return Err(Failure::Changed);
        }
        Ok(Opened {
            start: found.range.start,
            body: found.into_stream(),
        })
    }

    /// The library asks again by itself; what it gives up on is given up.
    fn failure(&self, service: Service, error: object_store::Error) -> Failure {
        use object_store::Error;
        let said = self.words(&error);
        match error {
            // Azure says ContainerNotFound.
            _ if said.contains("NoSuchBucket") || said.contains("ContainerNotFound") => {
                Failure::Mistake("there is no such bucket; check its name".to_owned())
            }
            Error::NotFound { .. } => {
                Failure::Mistake("not found (404); check the bucket and the key".to_owned())
            }
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Failure::Mistake(
                format!("access is refused (401 or 403); {}", service.credentials()),
            ),
            Error::Precondition { .. } | Error::NotModified { .. } => Failure::Changed,
            Error::InvalidPath { .. } => Failure::Mistake(said),
            // Where no variable gives credentials, the library asks the machine that it may be running on.
            _ if said.contains("metadata") || said.contains("169.254.169.254") => Failure::Mistake(
                format!("no credentials were found; {}", service.credentials()),
            ),
            _ if said.contains("MissingAccount") || said.contains("Account must be specified") => {
                Failure::Mistake(format!("no account is named; {}", service.credentials()))
            }
            _ => {
                let again = "run again: what was fetched so far is kept";
                Failure::Lasting(format!("{said}; {again}"))
            }
        }
    }

    /// Of a stream that broke: worth another attempt.
    pub(crate) fn broken(&self, error: &object_store::Error) -> Failure {
        Failure::passing(format!("the connection broke: {}", self.words(error)))
    }

    fn words(&self, error: &object_store::Error) -> String {
        let mut source = error.source();
        while let Some(error) = source {
            if let Some(http) = error.downcast_ref::<HttpError>()
                && let HttpErrorKind::Timeout = http.kind()
            {
                return format!("no answer for {} seconds", SILENCE.as_secs());
            }
            source = error.source();
        }
        clean(&error.to_string(), self.environment.secrets())
    }
}

/// A key as it is written, without escapes of the library's own.
fn path(key: &str) -> Result<Path, Failure> {
    Path::parse(key).map_err(|error| Failure::Mistake(format!("`{key}` is no key: {error}")))
}

fn bare(tag: &str) -> &str {
    tag.trim_matches('"')
}

fn object(place: &BucketPlace, meta: ObjectMeta) -> Object {
    let key = meta.location.as_ref();
    let version = match &meta.e_tag {
        Some(tag) => bare(tag).to_owned(),
        None => meta.last_modified.to_rfc3339(),
    };
    Object {
        name: format!("{}://{}/{key}", place.service.scheme(), place.bucket).into(),
        bytes: meta.size,
        version: version.into(),
        origin: Origin::Bucket {
            service: place.service,
            bucket: place.bucket.as_str().into(),
            key: key.into(),
            e_tag: meta.e_tag.map(Into::into),
        },
        checksum: None,
    }
}
