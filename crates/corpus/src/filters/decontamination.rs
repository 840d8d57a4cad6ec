//! Documents that a model is to be tested with.

use super::{Analysis, Filter, Measured, Values, Verdict};
use crate::duplicates::EvaluationIndex;

/// Drops documents that share a run of words with an evaluation set. Measures which set (`evaluation_set`) and which run
/// (`n_gram`); both are empty where there is none.
pub struct Decontamination(EvaluationIndex);

impl Decontamination {
    /// By an index of the evaluation texts.
    pub fn new(index: EvaluationIndex) -> Self {
        Self(index)
    }
}

impl Filter for Decontamination {
    fn kind(&self) -> &'static str {
        "decontamination"
    }

    fn measure(&self, analysis: &Analysis<'_>) -> Measured {
        let mut values = Values::new();
        let found = self.0.find(analysis.text());
        values.text(
            "evaluation_set",
            found.as_ref().map_or("", |found| found.set),
        );
        values.text("n_gram", found.as_ref().map_or("", |found| &found.words));
        Measured {
            values,
            rewritten: None,
        }
    }

    fn decide(&self, values: &Values) -> Verdict {
        match values.get("evaluation_set") {
            Some(super::Measure::Text(set)) if !set.is_empty() => Verdict::Drop("contaminated"),
            _ => Verdict::Keep,
        }
    }

    fn thresholds(&self) -> Values {
        Values::new()
    }
}
