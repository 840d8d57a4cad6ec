//! Text out of marked-up documents: what a reader of the page reads, without the page around it.

pub mod html;
