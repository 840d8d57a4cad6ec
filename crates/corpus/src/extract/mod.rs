//! From markup to running text.

pub mod html;
pub mod markup;
pub mod wikitext;
