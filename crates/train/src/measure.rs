//! The measure that decides which checkpoint is best and when a run has learned what it can.

use kiln_checkpoint::{Best, Patience, TrainingState};
use kiln_learn::Measures;
use serde::{Deserialize, Serialize};

use crate::Error;

/// End a run that gets no better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// What must get better: a measure of the evaluations.
    #[serde(default = "EarlyStopping::usual_metric")]
    pub metric: String,
    /// Evaluations in a row that may pass without it.
    pub patience: u64,
    /// By how much it must get better to count.
    #[serde(default)]
    pub min_delta: f64,
}

impl EarlyStopping {
    /// Held-out loss.
    pub(crate) fn usual_metric() -> String {
        "validation_loss".to_owned()
    }
}

/// Measures of which more is better; of all others less is. A measure of several numbers in a row ends in `_0`, `_1` and so on.
const HIGHER: [&str; 22] = [
    "accuracy",
    "average_precision",
    "bleu",
    "chrf",
    "exact_match",
    "f1",
    "f1_macro",
    "f1_micro",
    "f1_weighted",
    "kendall",
    "matthews",
    "matthews_correlation",
    "pearson",
    "precision",
    "precision_macro",
    "r_squared",
    "recall",
    "recall_macro",
    "roc_auc",
    "rouge_l",
    "spearman",
    "top_5_accuracy",
];

/// Whether more of a measure is better.
pub(crate) fn higher_is_better(measure: &str) -> bool {
    let numbered = measure.rsplit_once('_');
    let base = numbered
        .filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(measure, |(base, _)| base);
    HIGHER.contains(&base) || HIGHER.contains(&measure)
}

/// The value of a measure that a recipe names; `key` is where.
fn value(measures: &Measures, name: &str, key: &'static str) -> Result<f64, Error> {
    let found = measures.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = measures.iter().map(|(name, _)| name.as_str()).collect();
        Error::NoMeasure {
            key,
            name: name.to_owned(),
            known: known.join(", "),
        }
    })
}

/// Take an evaluation into the state. Whether it is the best so far.
///
/// # Errors
/// It did not measure what the recipe names.
pub(crate) fn judge(
    state: &mut TrainingState,
    measures: &Measures,
    best: &str,
    early_stopping: Option<&EarlyStopping>,
) -> Result<bool, Error> {
    let finite = measures.iter().filter(|(_, value)| value.is_finite());
    state.measures = finite.cloned().collect();
    let higher_is_better = self::higher_is_better(best);
    let now = value(measures, best, "checkpoint.best")?;
    let is_best = now.is_finite()
        && state
            .best
            .as_ref()
            .is_none_or(|known| beats(now, known.value, higher_is_better, 0.0));
    if is_best {
        state.best = Some(Best {
            measure: best.to_owned(),
            higher_is_better,
            value: now,
            step: state.step,
        });
    }
    if let Some(rule) = early_stopping {
        let now = value(measures, &rule.metric, "train.early_stopping.metric")?;
        wait(state, rule, now);
    }
    Ok(is_best)
}

fn beats(now: f64, known: f64, higher_is_better: bool, by: f64) -> bool {
    if higher_is_better {
        now > known + by
    } else {
        now < known - by
    }
}

fn wait(state: &mut TrainingState, rule: &EarlyStopping, now: f64) {
    let better = now.is_finite()
        && state.patience.as_ref().is_none_or(|patience| {
            let higher = higher_is_better(&rule.metric);
            beats(now, patience.value, higher, rule.min_delta)
        });
    if better {
        state.patience = Some(Patience {
            value: now,
            step: state.step,
            waited: 0,
            ended: false,
        });
    } else if let Some(patience) = &mut state.patience {
        patience.waited += 1;
        patience.ended = patience.waited >= rule.patience;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measures(loss: f64, accuracy: f64) -> Measures {
        vec![
            ("validation_loss".to_owned(), loss),
            ("accuracy".to_owned(), accuracy),
        ]
    }

    #[test]
    fn more_is_better_where_it_is_so() {
        for (name, higher) in [
            ("validation_loss", false),
            ("accuracy", true),
            ("pearson_3", true),
            ("mean_squared_error_0", false),
            ("top_5_accuracy", true),
            ("bits_per_byte", false),
        ] {
            assert_eq!(higher_is_better(name), higher, "{name}");
        }
    }

    #[test]
    fn the_best_is_kept_and_a_wrong_name_lists_what_there_is() {
        let mut state = TrainingState::default();
        let mut see = |loss, accuracy, by| judge(&mut state, &measures(loss, accuracy), by, None);
        assert!(see(1.0, 0.5, "accuracy").unwrap());
        assert!(!see(0.5, 0.5, "accuracy").unwrap());
        assert!(see(2.0, 0.75, "accuracy").unwrap());
        assert!(!see(f64::NAN, f64::NAN, "accuracy").unwrap());
        let error = see(1.0, 0.5, "acuracy").unwrap_err();
        assert!(error.is_mistake());
        let message = error.to_string();
        assert!(
            message.contains("checkpoint.best") && message.contains("validation_loss, accuracy")
        );
        assert_eq!(state.best.unwrap().value, 0.75);
    }

    #[test]
    fn patience_ends_after_evaluations_that_are_no_better_by_enough() {
        let rule = EarlyStopping {
            metric: "validation_loss".to_owned(),
            patience: 2,
            min_delta: 0.1,
        };
        let mut state = TrainingState::default();
        let mut ended = |loss: f64| {
            judge(
                &mut state,
                &measures(loss, 0.0),
                "validation_loss",
                Some(&rule),
            )
            .unwrap();
            let patience = state.patience.as_ref().unwrap();
            (patience.waited, patience.ended)
        };
        assert_eq!(ended(1.0), (0, false));
        assert_eq!(ended(0.95), (1, false)); // better, but not by enough
        assert_eq!(ended(0.85), (0, false));
        assert_eq!(ended(f64::NAN), (1, false));
        assert_eq!(ended(0.8), (2, true));
    }
}
