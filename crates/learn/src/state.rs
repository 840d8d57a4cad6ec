//! What a model remembers between calls: a recurrent carry, a key-value cache.

use std::collections::BTreeMap;

use kiln_tensor::{Device, Tensor};

use crate::{Error, Result};

/// Named tensors whose first dimension is rows, and how many ids they have seen.
///
/// One structure for every trunk: a recurrent network's carry, a Transformer's key-value cache. The model that made it is
/// the one that reads it.
pub struct State {
    parts: Vec<(String, Tensor)>,
    seen: i64,
}

impl State {
    /// A state of these parts that has seen nothing.
    pub fn new(parts: Vec<(String, Tensor)>) -> Self {
        Self { parts, seen: 0 }
    }

    /// A part by its place in the list that it was made of.
    ///
    /// # Panics
    /// If the model that reads it has more parts than the one that made it.
    pub fn part(&self, index: usize) -> &Tensor {
        &self.parts[index].1
    }

    /// Replace a part.
    ///
    /// # Panics
    /// If there is no such part.
    pub fn set_part(&mut self, index: usize, value: Tensor) {
        self.parts[index].1 = value;
    }

    /// How many ids it has seen.
    pub fn seen(&self) -> i64 {
        self.seen
    }

    /// Count ids as seen.
    pub fn advance(&mut self, ids: i64) {
        self.seen += ids;
    }

    /// Number of rows, or `None` for a state of no parts.
    pub fn rows(&self) -> Option<i64> {
        Some(self.parts.first()?.1.size()[0])
    }

    /// Keep the rows of these numbers, in this order; a row may be taken more than once.
    pub fn reorder(&mut self, rows: &Tensor) {
        for (_, part) in &mut self.parts {
            *part = part.index_select(0, rows);
        }
    }

    /// Cut the history of operations: the next backward stops here.
    pub fn detach(&mut self) {
        for (_, part) in &mut self.parts {
            *part = part.detach();
        }
    }

    /// Begin anew in all rows where `flag`, one element on the device, holds 1: a state that is no number would make all later
    /// ones none.
    pub fn forget_if(&mut self, flag: &Tensor) {
        let forget = flag.eq(1.0);
        for (_, part) in &mut self.parts {
            *part = part.zeros_like().where_self(&forget, part);
        }
    }

    /// Its parts, to be saved.
    pub fn parts(&self) -> &[(String, Tensor)] {
        &self.parts
    }

    /// Take saved parts.
    ///
    /// # Errors
    /// A part is missing or has another shape.
    pub fn load(&mut self, saved: &BTreeMap<String, Tensor>, device: Device) -> Result<()> {
        for (name, part) in &mut self.parts {
            let tensor = saved
                .get(name)
                .filter(|tensor| tensor.size() == part.size())
                .ok_or_else(|| Error::State(format!("no `{name}` of shape {:?}", part.size())))?;
            *part = tensor.to_device(device).to_kind(part.kind());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_no_number_is_forgotten_and_others_stay() {
        let state =
            |value: f32| State::new(vec![("hidden".into(), Tensor::from_slice(&[value, 2.0]))]);
        for (value, flag, expected) in [(f32::NAN, 1.0f32, [0.0f32, 0.0]), (1.0, 0.0, [1.0, 2.0])] {
            let mut state = state(value);
            state.forget_if(&Tensor::from_slice(&[flag]));
            assert_eq!(state.part(0), &Tensor::from_slice(&expected));
        }
    }
}
