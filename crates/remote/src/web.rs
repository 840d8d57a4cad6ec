//! Files of web servers: one client for them and for the hub.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE,
    LAST_MODIFIED, RANGE, RETRY_AFTER,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use url::Url;

use crate::environment::Environment;
use crate::error::Failure;
use crate::secrets::clean;

/// A server that sends nothing for so long is taken for gone.
pub(crate) const SILENCE: Duration = Duration::from_secs(60);
pub(crate) const CONNECT: Duration = Duration::from_secs(15);

/// As which program kiln presents itself.
pub(crate) const USER_AGENT: &str = concat!("kiln/", env!("CARGO_PKG_VERSION"));

pub(crate) struct Web {
    client: Client,
    environment: Arc<Environment>,
}

/// What is known of a file before it is fetched.
pub(crate) struct Seen {
    pub(crate) bytes: u64,
    /// The ETag, else the time of the last change, else nothing.
    pub(crate) version: String,
}

/// The rest of an object.
pub(crate) struct Opened<B> {
    pub(crate) body: B,
    /// The byte that it begins with: the one asked for, or 0.
    pub(crate) start: u64,
}

/// Advice for refusals that a person can mend.
pub(crate) type Advice<'a> = &'a dyn Fn(StatusCode) -> &'static str;

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "the server wants credentials, or a signed address is too old; get a new one, or fetch the file yourself and \
             name it by its path"
        }
        _ => "check the address",
    }
}

impl Web {
    pub(crate) fn new(environment: Arc<Environment>) -> Result<Self, String> {
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .build()
            .map_err(|error| clean(&chain(&error), environment.secrets()))?;
        Ok(Self {
            client,
            environment,
        })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The answer, whatever it is, unless another attempt may give a better one.
    async fn attempt(&self, request: RequestBuilder) -> Result<Response, Failure> {
        // What lies on the server is wanted, not what it would pack it to on the way.
        let request = request.header(ACCEPT_ENCODING, "identity");
        let response = request.send().await.map_err(|error| self.failure(error))?;
        let status = response.status();
        let passing = [408, 425, 429].contains(&status.as_u16()) || status.is_server_error();
        if passing && status != StatusCode::NOT_IMPLEMENTED {
            let seconds = header(response.headers(), RETRY_AFTER)
                .and_then(|text| text.parse().ok())
                .map(Duration::from_secs);
            return Err(Failure::Passing {
                problem: format!("the server answers {status}"),
                wait: seconds,
            });
        }
        Ok(response)
    }

    /// The answer if it is what was asked for.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        advice: Advice<'_>,
    ) -> Result<Response, Failure> {
        self.accept(self.attempt(request).await?, advice)
    }

    fn accept(&self, response: Response, advice: Advice<'_>) -> Result<Response, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        // The hub says what is wrong in a header.
        let said = header(
            response.headers(),
            HeaderName::from_static("x-error-message"),
        )
        .map(|said| format!(" ({})", clean(said, self.environment.secrets())))
        .unwrap_or_default();
        let problem = format!("the server answers {status}{said}; {}", advice(status));
        Err(Failure::Mistake(problem))
    }

    /// A broken request in words, without its URL.
    pub(crate) fn failure(&self, error: reqwest::Error) -> Failure {
        let error = error.without_url();
        let lasting = error.is_builder() || error.is_redirect();
        let problem = if error.is_timeout() {
            format!("no answer for {} seconds", SILENCE.as_secs())
        } else {
            let what = match error.is_connect() {
                true => "cannot connect",
                false => "the connection broke",
            };
            let why = clean(&chain(&error), self.environment.secrets());
            format!("{what}: {why}")
        };
        match lasting {
            true => Failure::Lasting(problem),
            false => Failure::passing(problem),
        }
    }

    /// Ask for the size and version of a file.
    pub(crate) async fn look(&self, url: &Url) -> Result<Seen, Failure> {
        let response = self.attempt(self.client.head(url.clone())).await?;
        let headers = response.headers();
        let bytes = header(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
        if let (true, Some(bytes)) = (response.status().is_success(), bytes) {
            return Ok(Seen {
                bytes,
                version: version(headers),
            });
        }
        // Servers that know no HEAD, and addresses that are signed for GET alone.
        let request = self.client.get(url.clone()).header(RANGE, "bytes=0-0");
        let response = self.attempt(request).await?;
        let empty = response.status() == StatusCode::RANGE_NOT_SATISFIABLE;
        let response = match empty {
            true => response,
            false => self.accept(response, &advice)?,
        };
        let headers = response.headers();
        let whole = match response.status() {
            StatusCode::OK => header(headers, CONTENT_LENGTH),
            _ => header(headers, CONTENT_RANGE).and_then(|range| range.rsplit('/').next()),
        };
        match whole.and_then(|bytes| bytes.parse().ok()) {
            Some(bytes) => Ok(Seen {
                bytes,
                version: version(headers),
            }),
            None => Err(Failure::Mistake(
                "the server does not say how long it is; fetch the file yourself and name it by its path".to_owned(),
            )),
        }
    }

    /// Begin to fetch a file at a byte, or at its beginning where the server gives no parts or what lies there has
    /// another version than `expected`.
    pub(crate) async fn open(
        &self,
        url: Url,
        start: u64,
        expected: &Seen,
    ) -> Result<Opened<Response>, Failure> {
        let mut request = self.client.get(url);
        // RFC 9110, 13.1.5: a weak validator must not be sent as If-Range.
        let resumable = !expected.version.is_empty() && !expected.version.starts_with("W/");
        if start > 0 && resumable {
            request = request
                .header(RANGE, format!("bytes={start}-"))
                .header(IF_RANGE, &expected.version);
        }
        let response = self.attempt(request).await?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            return Err(Failure::Changed);
        }
        let response = self.accept(response, &advice)?;
        let now = version(response.headers());
        if !now.is_empty() && !expected.version.is_empty() && now != expected.version {
            return Err(Failure::Changed);
        }
        opened(response, start, expected.bytes)
    }
}

/// Where the answer to a request for the bytes from `start` on begins.
pub(crate) fn opened(
    response: Response,
    start: u64,
    bytes: u64,
) -> Result<Opened<Response>, Failure> {
    let headers = response.headers();
    if response.status() == StatusCode::PARTIAL_CONTENT {
        let range = header(headers, CONTENT_RANGE).unwrap_or_default();
        return match range == format!("bytes {start}-{}/{bytes}", bytes - 1) {
            true => Ok(Opened {
                body: response,
                start,
            }),
            false => Err(Failure::Changed),
        };
    }
    let length = header(headers, CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    match length.is_none_or(|length| length == bytes) {
        true => Ok(Opened {
            body: response,
            start: 0,
        }),
        false => Err(Failure::Changed),
    }
}

pub(crate) fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn version(headers: &HeaderMap) -> String {
    let tag = header(headers, ETAG).filter(|tag| !tag.is_empty());
    let version = tag.or_else(|| header(headers, LAST_MODIFIED));
    version.unwrap_or_default().to_owned()
}

/// An error and what it comes from, each once.
fn chain(error: &reqwest::Error) -> String {
    let mut words = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        let said = error.to_string();
        if !words.iter().any(|word| word.contains(&said)) {
            words.push(said);
        }
        source = error.source();
    }
    words.join(": ")
}
