//! From markup to running text.

pub mod markup;
pub mod wikitext;
