//! What an optimizer remembers for each weight.

use std::collections::BTreeMap;
use std::ops::Range;

use kiln_learn::{Error, Result, Snapshot};
use kiln_tensor::{Parameters, Tensor, no_grad};
use serde_json::{Map, Value};

use crate::groups::part;

/// A number for each weight of a range of the flat buffers.
pub(crate) struct Remembered {
    name: String,
    range: Range<i64>,
    values: Tensor, // [range]
}

impl Remembered {
    /// All zero.
    pub(crate) fn zeros(name: &str, parameters: &Parameters, range: &Range<i64>) -> Self {
        Self {
            name: name.to_owned(),
            range: range.clone(),
            values: part(parameters.masters(), range).zeros_like(),
        }
    }

    /// A copy of the weights.
    pub(crate) fn weights(name: &str, parameters: &Parameters, range: &Range<i64>) -> Self {
        Self {
            name: name.to_owned(),
            range: range.clone(),
            values: part(parameters.masters(), range).copy(),
        }
    }

    /// All of it.
    pub(crate) fn all(&self) -> &Tensor {
        &self.values
    }

    /// A range of the flat buffers, as a view.
    pub(crate) fn of(&self, range: &Range<i64>) -> Tensor {
        let own = range.start - self.range.start..range.end - self.range.start;
        part(&self.values, &own)
    }

    /// Each parameter's part by name, as views.
    pub(crate) fn save(&self, parameters: &Parameters, snapshot: &mut Snapshot) {
        for parameter in parameters.iter() {
            let range = parameter.range();
            if self.range.start <= range.start && range.end <= self.range.end {
                let name = format!("{}.{}", self.name, parameter.name());
                let view = self.of(&range).view(parameter.shape());
                snapshot.tensors.push((name, view));
            }
        }
    }

    pub(crate) fn load(
        &self,
        parameters: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
    ) -> Result<()> {
        for parameter in parameters.iter() {
            let range = parameter.range();
            if self.range.start <= range.start && range.end <= self.range.end {
                let name = format!("{}.{}", self.name, parameter.name());
                let saved = take(tensors, &name, parameter.shape())?;
                let mut view = self.of(&range).view(parameter.shape());
                no_grad(|| view.f_copy_(saved))?;
            }
        }
        Ok(())
    }
}

/// A saved tensor of a name and shape.
pub(crate) fn take<'a>(
    tensors: &'a BTreeMap<String, Tensor>,
    name: &str,
    shape: &[i64],
) -> Result<&'a Tensor> {
    let saved = tensors.get(name).filter(|saved| saved.size() == shape);
    saved.ok_or_else(|| Error::State(format!("the optimizer's `{name}` {shape:?} is missing")))
}

/// Put a saved tensor of a name into one of the same shape.
pub(crate) fn restore(into: &Tensor, tensors: &BTreeMap<String, Tensor>, name: &str) -> Result<()> {
    let saved = take(tensors, name, &into.size())?;
    let mut into = into.shallow_clone();
    no_grad(|| into.f_copy_(saved))?;
    Ok(())
}

/// A snapshot that says whose it is.
pub(crate) fn snapshot_of(kind: &str) -> Snapshot {
    Snapshot {
        tensors: Vec::new(),
        values: Map::from_iter([("kind".to_owned(), Value::from(kind))]),
    }
}

/// Refuse the state of another optimizer.
pub(crate) fn check_kind(values: &Map<String, Value>, kind: &str) -> Result<()> {
    match values.get("kind").and_then(Value::as_str) {
        Some(saved) if saved == kind => Ok(()),
        saved => Err(Error::State(format!(
            "the optimizer is {kind}, the saved state is that of {}",
            saved.unwrap_or("none")
        ))),
    }
}

/// How many steps were taken; on the device, since a skipped step is only known there.
pub(crate) fn count_step(steps: &mut Tensor, skip: Option<&Tensor>) -> Result<()> {
    let one = match skip {
        Some(skip) => skip.f_neg()?.f_add_scalar(1.0)?.f_to_kind(steps.kind())?,
        None => steps.f_ones_like()?,
    };
    let _ = steps.f_add_(&one)?;
    Ok(())
}
