//! Signatures in the files that datatrove's stages exchange, so that its later stages, and indexes made with it, can
//! be used with signatures made here.
//!
//! `bucket_BBB/RRRRR.minhash.sig` holds, for every document of file R, the `rows` values of bucket B, eight bytes each,
//! and the number of the document within the file, four bytes, the lowest byte first, no header; the records sorted as
//! lists of numbers.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use kiln_text::Error;

use super::config::MinHashConfig;
use super::minhash::Signature;

/// Collects the signatures of one file of documents, in memory as datatrove does: with the defaults about 1 KB each.
#[derive(Debug)]
pub struct SignatureFiles {
    folder: PathBuf,
    rank: u32,
    buckets: Vec<Vec<(Box<[u64]>, u32)>>,
}

impl SignatureFiles {
    /// Nothing is written yet. `rank` is the number of the file of documents among all, from 0.
    pub fn new(folder: &Path, rank: u32, config: &MinHashConfig) -> Self {
        Self {
            folder: folder.to_owned(),
            rank,
            buckets: vec![Vec::new(); usize::from(config.buckets.get())],
        }
    }

    /// Add a document; `document` counts all documents of the file from 0, also those without a signature.
    pub fn add(&mut self, document: u32, signature: &Signature) {
        let bands = signature.bands();
        self.buckets
            .resize_with(bands.len().max(self.buckets.len()), Vec::new);
        for (bucket, band) in self.buckets.iter_mut().zip(bands) {
            bucket.push((band.into(), document));
        }
    }

    /// Write the files.
    ///
    /// # Errors
    /// A folder cannot be made, or the disk is full or fails.
    pub fn finish(self) -> Result<(), Error> {
        for (number, mut records) in self.buckets.into_iter().enumerate() {
            records.sort_unstable();
            let folder = self.folder.join(format!("bucket_{number:03}"));
            let path = folder.join(format!("{:05}.minhash.sig", self.rank));
            let write = || {
                std::fs::create_dir_all(&folder)?;
                let mut out = BufWriter::new(File::create(&path)?);
                for (band, document) in &records {
                    for value in band {
                        out.write_all(&value.to_le_bytes())?;
                    }
                    out.write_all(&document.to_le_bytes())?;
                }
                out.flush()
            };
            write().map_err(|error| Error::io(&path, &error))?;
        }
        Ok(())
    }
}
