//! Whether what was fetched is what the server says it is.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

/// What a server says of an object's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    /// Of the bytes, as hexadecimal digits.
    Sha256(String),
    /// Of a git blob: a header with the length, then the bytes.
    GitBlob(String),
}

impl Checksum {
    fn begin(&self, bytes: u64) -> Context {
        match self {
            Self::Sha256(_) => Context::new(&SHA256),
            Self::GitBlob(_) => {
                let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
                context.update(format!("blob {bytes}\0").as_bytes());
                context
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::GitBlob(_) => "git blob hash",
        }
    }

    fn digits(&self) -> &str {
        match self {
            Self::Sha256(digits) | Self::GitBlob(digits) => digits,
        }
    }

    /// What is wrong with the file's contents, if anything. Others have their turn while it is read.
    pub(crate) async fn refusal(&self, path: &Path) -> std::io::Result<Option<String>> {
        let mut file = File::open(path)?;
        let mut context = self.begin(file.metadata()?.len());
        let mut block = vec![0; 1 << 20];
        loop {
            let read = match file.read(&mut block) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read == 0 {
                break;
            }
            context.update(&block[..read]);
            tokio::task::yield_now().await;
        }
        let found = hexadecimal(context.finish().as_ref());
        let expected = self.digits();
        Ok((!found.eq_ignore_ascii_case(expected)).then(|| {
            format!(
                "has the {} {found} where the server promises {expected}",
                self.name()
            )
        }))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_sha256sum_and_git() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello");
        std::fs::write(&path, "hello\n").unwrap();
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"; // sha256sum
        let git = "ce013625030ba8dba906f756967f9e9ca394464a"; // git hash-object
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        for (checksum, whole) in [
            (Checksum::Sha256(sha256.to_uppercase()), true),
            (Checksum::GitBlob(git.to_owned()), true),
            (Checksum::Sha256(git.to_owned()), false),
            (Checksum::GitBlob(sha256.to_owned()), false),
        ] {
            let refusal = runtime.block_on(checksum.refusal(&path)).unwrap();
            assert_eq!(refusal.is_none(), whole, "{refusal:?}");
        }
    }
}
