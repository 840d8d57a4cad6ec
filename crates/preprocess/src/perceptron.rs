//! Averaged perceptron: a linear classifier over hashed features, small and fast once trained.
//!
//! An example is a list of features, each a 64-bit [hash](feature), with a class, a number from 0. A [`Trainer`] learns
//! example by example (so that features may depend on its own earlier decisions) and ends as a [`Model`], whose
//! weights are the averages over all steps (Freund and Schapire 1999; Collins 2002, section 2.3), cut off where they
//! are small and rounded to 16 bits. [`train`] does all of it for examples that are known beforehand.
//!
//! Arithmetic is in whole numbers and the order of examples is drawn from a seed: the same examples give the same
//! bytes on every machine. The classifier knows neither words nor what its features stand for.
//!
//! ```
//! use kiln_preprocess::perceptron::{Example, Settings, Values, feature, train};
//!
//! let example = |word: &str, class| Example {
//!     features: word.chars().map(|char| feature(0, char.into())).collect(),
//!     class,
//! };
//! let examples = [example("aaa", 0), example("aab", 0), example("bbb", 1), example("bbc", 1)];
//! let model = train(2, &examples, &Settings::default());
//! assert_eq!(model.predict(&example("ba b", 0).features), 1);
//!
//! let mut bytes = Vec::new();
//! model.write(&mut bytes);
//! assert_eq!(kiln_preprocess::perceptron::Model::read(&mut Values::new(&bytes)).unwrap(), model);
//! ```

mod features;
mod model;
mod table;
mod training;
mod values;

pub use features::{feature, hash};
pub use model::Model;
pub use training::{Example, Settings, Trainer, shuffle, train};
pub use values::{Broken, Values, put, put_signed};

#[cfg(test)]
mod tests;
