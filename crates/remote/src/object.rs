//! What an address led to.

use std::fmt;

use url::Url;

use crate::address::Service;
use crate::integrity::Checksum;

/// A file at an address, not fetched.
#[derive(Clone)]
pub struct Object {
    pub(crate) name: Box<str>,
    pub(crate) bytes: u64,
    /// Empty if the server tells nothing by which a change could be seen.
    pub(crate) version: Box<str>,
    pub(crate) origin: Origin,
    pub(crate) checksum: Option<Checksum>,
}

/// Whom to ask for it.
#[derive(Clone)]
pub(crate) enum Origin {
    /// Nobody: it was listed without the network.
    Cache,
    Web(Url),
    /// The URL, which names a commit and holds no secret.
    Hub(Box<str>),
    Bucket {
        service: Service,
        bucket: Box<str>,
        key: Box<str>,
        e_tag: Option<Box<str>>,
    },
}

impl Object {
    /// Its address, without secrets: the same on every machine.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What changes whenever its contents do: a hash of them, or the server's ETag or time stamp. `None` if the server
    /// tells none of these; then the object is fetched anew by every process.
    pub fn version(&self) -> Option<&str> {
        (!self.version.is_empty()).then_some(&self.version)
    }
}

/// Without the URL, which may be signed.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("name", &self.name)
            .field("bytes", &self.bytes)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
