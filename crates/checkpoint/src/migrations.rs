//! Checkpoints of earlier formats, brought up to the present one as they are read. Nothing on disk changes.

use std::collections::BTreeMap;

use kiln_tensor::Tensor;
use serde_json::{Map, Value, json};

/// The version of the layout that is written.
pub(crate) const FORMAT_VERSION: u32 = 2;

/// Tensors by name.
type Tensors = BTreeMap<String, Tensor>;

/// A step from one format to the next.
struct Migration {
    /// The format that it takes.
    from: u32,
    /// What changed.
    name: &'static str,
    /// `state.json`.
    state: fn(&mut Map<String, Value>),
    /// `carry.safetensors`.
    carry: fn(Tensors) -> kiln_tensor::Result<Tensors>,
}

/// One for each format before the present one, in order.
const MIGRATIONS: [Migration; 1] = [Migration {
    from: 1,
    name: "measures by name, and one carry for all rows",
    state: measures_by_name,
    carry: one_carry,
}];

/// Whether checkpoints of a format can be read.
pub(crate) fn is_known(version: u32) -> bool {
    version == FORMAT_VERSION || MIGRATIONS.iter().any(|step| step.from == version)
}

fn steps(version: u32) -> impl Iterator<Item = &'static Migration> {
    let after = MIGRATIONS.iter().filter(move |step| step.from >= version);
    after.inspect(|step| tracing::debug!("checkpoint of format {}: {}", step.from, step.name))
}

/// Bring a state up to date.
pub(crate) fn state(version: u32, state: &mut Map<String, Value>) {
    steps(version).for_each(|step| (step.state)(state));
}

/// Bring a carry up to date.
pub(crate) fn carry(
    version: u32,
    carry: BTreeMap<String, Tensor>,
) -> kiln_tensor::Result<BTreeMap<String, Tensor>> {
    steps(version).try_fold(carry, |carry, step| (step.carry)(carry))
}

/// Format 1 knew held-out loss alone: `validation_loss` and `best_validation_loss`.
fn measures_by_name(state: &mut Map<String, Value>) {
    const LOSS: &str = "validation_loss";
    if let Some(loss) = state.remove(LOSS) {
        state.insert("measures".to_owned(), json!({LOSS: loss}));
    }
    if let Some(value) = state.remove("best_validation_loss") {
        let best = json!({"measure": LOSS, "higher_is_better": false, "value": value, "step": 0});
        state.insert("best".to_owned(), best);
    }
}

/// Format 1 had a carry for each micro-batch, `0.hidden`, `1.hidden`; now there is one for all rows, `hidden`, so that the rows
/// may be cut otherwise.
fn one_carry(carry: BTreeMap<String, Tensor>) -> kiln_tensor::Result<BTreeMap<String, Tensor>> {
    let mut parts: BTreeMap<String, BTreeMap<usize, Tensor>> = BTreeMap::new();
    for (name, tensor) in carry {
        if let Some((number, part)) = name.split_once('.')
            && let Ok(number) = number.parse()
        {
            let rows = parts.entry(part.to_owned()).or_default();
            rows.insert(number, tensor);
        }
    }
    parts
        .into_iter()
        .map(|(part, rows)| {
            let rows: Vec<Tensor> = rows.into_values().collect();
            Ok((part, Tensor::f_cat(&rows, 0)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_way_to_the_present_one() {
        let from: Vec<u32> = MIGRATIONS.iter().map(|step| step.from).collect();
        assert_eq!(from, (1..FORMAT_VERSION).collect::<Vec<_>>());
        assert!((1..=FORMAT_VERSION).all(is_known));
        assert!(!is_known(0) && !is_known(FORMAT_VERSION + 1));
    }
}
