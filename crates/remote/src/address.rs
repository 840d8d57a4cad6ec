//! What an address names: a file of a web server, objects of a bucket, files of a data set of the Hugging Face hub.

use std::fmt;

use url::Url;

use crate::Error;
use crate::secrets::without_secrets;

/// Whether a source's path is an address: letters, then `://`.
pub fn is_address(path: &str) -> bool {
    path.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// An address, understood.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    name: String,
    pub(crate) place: Place,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Web(Url),
    Bucket(BucketPlace),
    Hub(HubPlace),
}

/// Whose buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    Amazon,
    Google,
    Azure,
}

/// A key, a folder or a pattern in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BucketPlace {
    pub(crate) service: Service,
    pub(crate) bucket: String,
    pub(crate) path: Wanted,
}

/// A file, a folder or a pattern in a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HubPlace {
    /// `OWNER/NAME`
    pub(crate) data_set: String,
    /// A branch, a tag or a commit.
    pub(crate) revision: Option<String>,
    pub(crate) path: Wanted,
}

/// Which of the objects that a bucket or a data set holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    path: String,
    pattern: Option<glob::Pattern>,
    /// Written with a `/` behind it.
    is_folder: bool,
}

const KNOWN: &str = "http://, https://, s3://, gs://, az:// and hf://datasets/";

impl Address {
    /// Take an address apart.
    ///
    /// # Errors
    /// An unknown scheme, or a part that is missing; a mistake.
    pub fn parse(address: &str) -> Result<Self, Error> {
        let name = without_secrets(address);
        let refuse = |problem: String| Err(Error::mistake(&name, problem));
        let Some((scheme, rest)) = address.split_once("://") else {
            return refuse(format!("is no address; known are {KNOWN}"));
        };
        let service = match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {
                return match Url::parse(address) {
                    Ok(mut url) if url.has_host() => {
                        url.set_fragment(None);
                        Ok(Self {
                            place: Place::Web(url),
                            name,
                        })
                    }
                    Ok(_) => refuse("names no host".to_owned()),
                    Err(error) => refuse(format!("is no address of a web server: {error}")),
                };
            }
            "hf" => {
                let place = Place::Hub(HubPlace::parse(rest, &name)?);
                return Ok(Self { name, place });
            }
            "s3" => Service::Amazon,
            "gs" => Service::Google,
            "az" => Service::Azure,
            _ => {
                return refuse(format!(
                    "the scheme `{scheme}` is unknown; known are {KNOWN}; a file of this machine is named by its path alone"
                ));
            }
        };
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || bucket.contains(['*', '?', '[', '@', ':']) {
            return refuse(format!(
                "names no bucket; write {scheme}://BUCKET/PREFIX/ or {scheme}://BUCKET/PREFIX/*.parquet"
            ));
        }
        let path = Wanted::parse(path).map_err(|problem| Error::mistake(&name, problem))?;
        let bucket = bucket.to_owned();
        Ok(Self {
            name,
            place: Place::Bucket(BucketPlace {
                service,
                bucket,
                path,
            }),
        })
    }

    /// The address as it was written, without secrets.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Without the URL, which may be signed.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.name).finish()
    }
}

impl HubPlace {
    fn parse(rest: &str, name: &str) -> Result<Self, Error> {
        let refuse = || {
            let form = "hf://datasets/OWNER/NAME/PATH, or hf://datasets/OWNER/NAME@REVISION/PATH";
            Error::mistake(name, format!("is not of the form {form}"))
        };
        let rest = rest.strip_prefix("datasets/").ok_or_else(refuse)?;
        let (owner, rest) = rest.split_once('/').ok_or_else(refuse)?;
        let end = rest.find(['/', '@']).unwrap_or(rest.len());
        let (data_set, rest) = rest.split_at(end);
        let (revision, path) = match rest.strip_prefix('@') {
            Some(rest) => split_revision(rest),
            None => (None, rest),
        };
        let plain = |part: &str| !part.is_empty() && !part.contains(['*', '?', '[', '#', '%']);
        let of_revision = revision
            .as_deref()
            .is_none_or(|revision| !revision.is_empty());
        if !plain(owner) || !plain(data_set) || !of_revision {
            return Err(refuse());
        }
        let path = path.strip_prefix('/').unwrap_or(path);
        Ok(Self {
            data_set: format!("{owner}/{data_set}"),
            revision,
            path: Wanted::parse(path).map_err(|problem| Error::mistake(name, problem))?,
        })
    }
}

/// A revision ends at a slash, but for the hub's own `refs/convert/parquet` and `refs/pr/1`; in another a slash is written
/// `%2F`.
fn split_revision(rest: &str) -> (Option<String>, &str) {
    let own = ["refs/convert/", "refs/pr/"];
    let begin = own
        .iter()
        .find(|prefix| rest.starts_with(**prefix))
        .map_or(0, |prefix| prefix.len());
    let end = rest[begin..].find('/').map_or(rest.len(), |at| begin + at);
    let revision = rest[..end].replace("%2F", "/").replace("%2f", "/");
    (Some(revision), &rest[end..])
}

impl Wanted {
    fn parse(path: &str) -> Result<Self, String> {
        let pattern = match path.contains(['*', '?', '[']) {
            true => Some(
                glob::Pattern::new(path)
                    .map_err(|error| format!("`{path}` is not a pattern: {}", error.msg))?,
            ),
            false => None,
        };
        Ok(Self {
            is_folder: path.is_empty() || path.ends_with('/'),
            path: path.trim_end_matches('/').to_owned(),
            pattern,
        })
    }

    /// The one object that it may name: `None` for a pattern and for what is written as a folder.
    pub(crate) fn key(&self) -> Option<&str> {
        (self.pattern.is_none() && !self.is_folder).then_some(&self.path)
    }

    /// The folder that everything wanted lies in, without a `/` behind it; empty for the whole.
    pub(crate) fn folder(&self) -> &str {
        match self.pattern {
            None => &self.path,
            Some(_) => {
                let wild = self.path.find(['*', '?', '[']).unwrap_or(self.path.len());
                let end = self.path[..wild].rfind('/').unwrap_or(0);
                &self.path[..end]
            }
        }
    }

    /// Whether everything wanted lies directly in that folder.
    pub(crate) fn is_flat(&self) -> bool {
        let folder = self.folder();
        self.pattern.is_some()
            && !self.path[folder.len()..]
                .trim_start_matches('/')
                .contains('/')
            && !self.path.contains("**")
    }

    /// Whether an object below the folder is wanted: what matches the pattern, or what has no name that begins with a dot.
    pub(crate) fn takes(&self, key: &str) -> bool {
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        match &self.pattern {
            Some(pattern) => pattern.matches_with(key, options),
            None => {
                let below = match self.path.as_str() {
                    "" => Some(key),
                    folder => key
                        .strip_prefix(folder)
                        .and_then(|rest| rest.strip_prefix('/')),
                };
                let hidden = |key: &str| key.split('/').any(|name| name.starts_with('.'));
                below.is_some_and(|below| !below.is_empty() && !hidden(below))
            }
        }
    }

    /// It names what a folder holds.
    pub(crate) fn is_whole_folder(&self) -> bool {
        self.pattern.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_this_machine_are_no_addresses() {
        for (path, expected) in [
            ("https://h/a", true),
            ("S3://b/a", true),
            ("git+ssh://h/a", true),
            ("data/a.txt", false),
            ("/data/a.txt", false),
            ("C:/a.txt", false),
            ("data/http://a", false),
            ("://a", false),
            ("", false),
        ] {
            assert_eq!(is_address(path), expected, "{path}");
        }
    }

    fn check(address: &str, expected: Result<&str, &str>) {
        let shown = Address::parse(address).map(|address| match address.place {
            Place::Web(url) => format!("web {url}"),
            Place::Bucket(place) => format!(
                "{:?} {} {:?} in {:?} flat {}",
                place.service,
                place.bucket,
                place.path.key(),
                place.path.folder(),
                place.path.is_flat()
            ),
            Place::Hub(place) => format!(
                "hub {} {:?} {:?} in {:?}",
                place.data_set,
                place.revision,
                place.path.key(),
                place.path.folder()
            ),
        });
        match (shown, expected) {
            (Ok(shown), Ok(expected)) => assert_eq!(shown, expected, "{address}"),
            (Err(error), Err(expected)) => {
                assert!(error.is_mistake());
                let error = error.to_string();
                assert!(error.contains(expected), "{address}: {error}");
            }
            (shown, _) => panic!("{address}: {shown:?}"),
        }
    }

    #[test]
    fn addresses_are_taken_apart() {
        check("https://h/a b?c=d#e", Ok("web https://h/a%20b?c=d"));
        check("https://", Err("https://: is no address of a web server"));
        check("s3://b", Ok("Amazon b None in \"\" flat false"));
        check("s3://b/", Ok("Amazon b None in \"\" flat false"));
        check(
            "s3://b/a/c.jsonl",
            Ok("Amazon b Some(\"a/c.jsonl\") in \"a/c.jsonl\" flat false"),
        );
        check("gs://b/a/", Ok("Google b None in \"a\" flat false"));
        check("az://b/a/*.parquet", Ok("Azure b None in \"a\" flat true"));
        check("s3://b/*.gz", Ok("Amazon b None in \"\" flat true"));
        check("s3://b/a?/*.gz", Ok("Amazon b None in \"\" flat false"));
        check("s3://b/a/**/*.gz", Ok("Amazon b None in \"a\" flat false"));
        check("s3:///a", Err("names no bucket"));
        check("s3://*/a", Err("names no bucket"));
        check("s3://b/a[", Err("is not a pattern"));
        check(
            "hf://datasets/o/n/data/a.parquet",
            Ok("hub o/n None Some(\"data/a.parquet\") in \"data/a.parquet\""),
        );
        check(
            "hf://datasets/o/n@v1.0/data/*.parquet",
            Ok("hub o/n Some(\"v1.0\") None in \"data\""),
        );
        check(
            "hf://datasets/o/n@refs/convert/parquet/default/*.parquet",
            Ok("hub o/n Some(\"refs/convert/parquet\") None in \"default\""),
        );
        check(
            "hf://datasets/o/n@a%2Fb/x",
            Ok("hub o/n Some(\"a/b\") Some(\"x\") in \"x\""),
        );
        check("hf://datasets/o/n", Ok("hub o/n None None in \"\""));
        check("hf://datasets/o", Err("is not of the form hf://datasets/"));
        check("hf://datasets/o/n@/x", Err("is not of the form"));
        check("hf://o/n/x", Err("is not of the form"));
        check(
            "ftp://me:secret@h/a?b=c",
            Err("ftp://h/a?b=***: the scheme `ftp` is unknown; known are http://"),
        );
        check("a.txt", Err("is no address"));
    }

    #[test]
    fn folders_and_patterns_take_what_they_name() {
        for (path, key, expected) in [
            ("", "a", true),
            ("", "a/b", true),
            ("", ".a", false),
            ("", "a/.b/c", false),
            ("a/", "a/b/c", true),
            ("a", "a/b", true),
            ("a", "ab", false),
            ("a", "a", false),
            (".a/", ".a/b", true),
            ("a/*.gz", "a/b.gz", true),
            ("a/*.gz", "a/b/c.gz", false),
            ("a/*.gz", "a/.b.gz", false),
            ("a/**/*.gz", "a/b/c.gz", true),
        ] {
            let wanted = Wanted::parse(path).unwrap();
            assert_eq!(wanted.takes(key), expected, "{path} {key}");
        }
    }
}
