//! Files at an address: of a web server (`https://`, `http://`), in a bucket (`s3://`, `gs://`, `az://`), of a data set of
//! the Hugging Face hub (`hf://datasets/`).
//!
//! [`Store::list`] says what an address leads to: names, sizes and versions. [`Store::fetch`] has an object in a local
//! cache, under a name made from its address and version, and from there it is read like any file. A fetch goes on where
//! an earlier one was cut off, as long as the version is the same; objects are checked and appear whole or not at all;
//! several processes may fetch the same one.
//!
//! Names, messages and what is stored are free of secrets: of an address, the values behind its `?` and a user before its
//! `@` are never shown.
//!
//! This room knows no recipe, no format and no document. It alone knows that requests wait for answers: nothing outside
//! is asynchronous.
//!
//! ```
//! use kiln_remote::{Address, Store};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # std::fs::create_dir(folder.path().join("sources")).unwrap();
//! # let cache = folder.path().to_str().unwrap().to_owned();
//! let variables = [("KILN_CACHE".to_owned(), cache), ("KILN_OFFLINE".to_owned(), "1".to_owned())];
//! let store = Store::with_variables(variables)?;
//! let address = Address::parse("https://example.org/text.jsonl?signature=abc")?;
//! assert_eq!(address.name(), "https://example.org/text.jsonl?signature=***");
//! match store.list(&address) {
//!     Ok(objects) => {
//!         let path = store.fetch(&objects[0], &mut |_bytes| {}, &|| true)?;
//!         println!("{}", path.expect("not stopped").display());
//!     }
//!     Err(error) => assert!(error.to_string().contains("KILN_OFFLINE")),
//! }
//! # Ok::<(), kiln_remote::Error>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
mod bucket;
mod cache;
mod download;
mod environment;
mod error;
mod hub;
mod integrity;
mod object;
mod retry;
mod secrets;
mod store;
mod web;

pub use address::{Address, is_address};
pub use error::Error;
pub use object::Object;
pub use secrets::without_secrets;
pub use store::Store;
