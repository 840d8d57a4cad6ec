//! Data sets of the Hugging Face hub, by its HTTP interface: a revision is resolved to its commit, the tree of that commit
//! says which files there are, with their sizes and hashes, and a file is fetched from that commit.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, LINK, RANGE};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::address::HubPlace;
use crate::environment::Environment;
use crate::error::Failure;
use crate::integrity::Checksum;
use crate::object::{Object, Origin};
use crate::retry::Patience;
use crate::web::{Opened, Web, header, opened};

pub(crate) struct Hub {
    endpoint: Url,
    token: Option<String>,
    web: Arc<Web>,
}

#[derive(Deserialize)]
struct Revision {
    sha: String,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    oid: String,
    #[serde(default)]
    size: u64,
    path: String,
    lfs: Option<LargeFile>,
}

/// Large files are kept beside git, which then knows a pointer alone.
#[derive(Deserialize)]
struct LargeFile {
    /// SHA-256 of the contents.
    oid: String,
    size: u64,
}

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "there is no such data set, or it is private or gated: accept its terms on its page and set HF_TOKEN to a token \
             that may read it"
        }
        _ => "check the owner, the name, the revision and the path",
    }
}

impl Hub {
    pub(crate) fn new(web: Arc<Web>, environment: &Environment) -> Result<Self, String> {
        let endpoint = environment
            .get("HF_ENDPOINT")
            .unwrap_or("https://huggingface.co");
        let endpoint = format!("{}/", endpoint.trim_end_matches('/'));
        let endpoint = Url::parse(&endpoint)
            .ok()
            .filter(|url| !url.cannot_be_a_base() && url.scheme().starts_with("http"))
            .ok_or("HF_ENDPOINT is no address of a web server")?;
        Ok(Self {
            endpoint,
            token: token(environment),
            web,
        })
    }

    /// A URL below the endpoint. Each part is one segment, whatever it holds.
    fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.endpoint.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        url
    }

    /// With the token, if the URL is the hub's own.
    fn signed(&self, request: RequestBuilder, url: &Url) -> RequestBuilder {
        match &self.token {
            Some(token) if url.origin() == self.endpoint.origin() => {
                request.header(AUTHORIZATION, format!("Bearer {token}"))
            }
            _ => request,
        }
    }

    async fn ask<T: DeserializeOwned>(&self, url: Url) -> Result<(T, Option<Url>), Failure> {
        let request = self.signed(self.web.client().get(url.clone()), &url);
        let response = self.web.send(request, &advice).await?;
        let next = header(response.headers(), LINK).and_then(next_page);
        // The pages are asked of the endpoint, also where it stands for another server.
        let next = next.and_then(|page| {
            let page = url.join(page).ok()?;
            let mut next = url.clone();
            next.set_query(page.query());
            Some(next)
        });
        Ok((self.answer(response).await?, next))
    }

    async fn answer<T: DeserializeOwned>(&self, response: Response) -> Result<T, Failure> {
        let text = response
            .text()
            .await
            .map_err(|error| self.web.failure(error))?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::Lasting(format!(
                "the hub's answer is not what its documentation says: {error}; is HF_ENDPOINT right?"
            ))
        })
    }

    /// The files that are wanted, with a patience for each question.
    pub(crate) async fn list(
        &self,
        place: &HubPlace,
        name: &str,
        patience: Patience,
    ) -> Result<Vec<Object>, Failure> {
        let data_set: Vec<&str> = place.data_set.split('/').collect();
        let of = |what: &'static [&'static str], revision: &str, path: &str| {
            let mut parts = vec!["api", "datasets"];
            parts.extend(&data_set);
            parts.extend(what);
            parts.push(revision);
            parts.extend(path.split('/').filter(|part| !part.is_empty()));
            self.url(parts)
        };
        let revision = place.revision.as_deref().unwrap_or("main");
        let url = of(&["revision"], revision, "");
        let (Revision { sha }, _) = patience
            .persist(name, async || self.ask(url.clone()).await)
            .await?;

        if let Some(key) = place.path.key() {
            let url = of(&["paths-info"], &sha, "");
            let body = serde_json::json!({ "paths": [key] }).to_string();
            let entries: Vec<Entry> = patience
                .persist(name, async || {
                    let request = self.web.client().post(url.clone()).body(body.clone());
                    let request = request.header("content-type", "application/json");
                    let response = self.web.send(self.signed(request, &url), &advice).await?;
                    self.answer(response).await
                })
                .await?;
            let entry = entries.into_iter().find(|entry| entry.path == key);
            match entry {
                Some(entry) if entry.kind == "file" => {
                    return Ok(vec![self.object(place, &sha, entry)]);
                }
                Some(_) => {}
                None => {
                    let problem = format!("the data set holds no `{key}`; check the path");
                    return Err(Failure::Mistake(problem));
                }
            }
        }

        let mut url = of(&["tree"], &sha, place.path.folder());
        if !place.path.is_flat() {
            url.set_query(Some("recursive=true"));
        }
        let mut objects = Vec::new();
        let mut seen = HashSet::new();
        let mut page = Some(url);
        while let Some(url) = page {
            if !seen.insert(url.clone()) {
                let problem = "the hub's list of files does not end";
                return Err(Failure::Lasting(problem.to_owned()));
            }
            let (entries, next): (Vec<Entry>, _) = patience
                .persist(name, async || self.ask(url.clone()).await)
                .await?;
            page = next;
            // The card says what the data set is, and is no part of it.
            let card = |entry: &Entry| place.path.is_whole_folder() && entry.path == "README.md";
            let wanted = entries.into_iter().filter(|entry| {
                entry.kind == "file" && place.path.takes(&entry.path) && !card(entry)
            });
            objects.extend(wanted.map(|entry| self.object(place, &sha, entry)));
        }
        Ok(objects)
    }

    fn object(&self, place: &HubPlace, sha: &str, entry: Entry) -> Object {
        let revision = match &place.revision {
            Some(revision) => format!("@{revision}"),
            None => String::new(),
        };
        let name = format!("hf://datasets/{}{revision}/{}", place.data_set, entry.path);
        let parts = ["datasets"]
            .into_iter()
            .chain(place.data_set.split('/'))
            .chain(["resolve", sha])
            .chain(entry.path.split('/'));
        let url = self.url(parts);
        let (bytes, version, checksum) = match entry.lfs {
            Some(large) => (
                large.size,
                format!("sha256:{}", large.oid),
                Checksum::Sha256(large.oid),
            ),
            None => (
                entry.size,
                format!("git:{}", entry.oid),
                Checksum::GitBlob(entry.oid),
            ),
        };
        Object {
            name: name.into(),
            bytes,
            version: version.into(),
            origin: Origin::Hub(url.as_str().into()),
            checksum: Some(checksum),
        }
    }

    /// Begin to fetch a file of a commit at a byte, or at its beginning where the hub gives no parts.
    pub(crate) async fn open(
        &self,
        url: &str,
        start: u64,
        bytes: u64,
    ) -> Result<Opened<Response>, Failure> {
        let url = Url::parse(url).map_err(|error| Failure::Lasting(error.to_string()))?;
        let mut request = self.signed(self.web.client().get(url.clone()), &url);
        if start > 0 {
            request = request.header(RANGE, format!("bytes={start}-"));
        }
        let response = self.web.send(request, &advice).await?;
        opened(response, start, bytes)
    }
}

/// As the hub's own tools look for it: HF_TOKEN, or the file that they keep it in.
fn token(environment: &Environment) -> Option<String> {
    if let Some(token) = environment.get("HF_TOKEN") {
        return Some(token.trim().to_owned());
    }
    let file = match environment.get("HF_TOKEN_PATH") {
        Some(path) => PathBuf::from(path),
        None => environment
            .folder("HF_HOME", ".cache/huggingface")?
            .join("token"),
    };
    let token = std::fs::read_to_string(file).ok()?;
    let token = token.trim();
    (!token.is_empty()).then(|| token.to_owned())
}

/// The address of the next page (RFC 8288): `<https://...>; rel="next"`.
fn next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim();
            parameter == "rel=\"next\"" || parameter == "rel=next"
        });
        next.then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_one_that_is_so_related() {
        for (link, expected) in [
            ("<https://h/a?b=c>; rel=\"next\"", Some("https://h/a?b=c")),
            ("<a>; rel=\"prev\", <b>; rel=\"next\"", Some("b")),
            ("<a>; title=\"x\"; rel=next", Some("a")),
            ("<a>; rel=\"last\"", None),
            ("a", None),
            ("", None),
        ] {
            assert_eq!(next_page(link), expected, "{link}");
        }
    }
}
