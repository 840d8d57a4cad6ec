//! Rules that compare one measure with one threshold.

use super::{Values, Verdict};

/// A document fails where the measure is beyond the limit; at the limit it passes.
pub(super) struct Rule {
    /// What failing it is called.
    pub(super) reason: &'static str,
    /// The measured value.
    pub(super) measure: &'static str,
    /// The recipe's key for the threshold.
    pub(super) key: &'static str,
    /// The threshold.
    pub(super) limit: Limit,
}

/// On which side of the threshold a document fails.
pub(super) enum Limit {
    /// Below it.
    AtLeast(f64),
    /// Above it.
    AtMost(f64),
}

impl Rule {
    fn fails(&self, values: &Values) -> bool {
        let value = values.get_number(self.measure);
        match self.limit {
            Limit::AtLeast(least) => value < least,
            Limit::AtMost(most) => value > most,
        }
    }
}

/// The first rule that fails is the reason.
pub(super) fn judge(rules: &[Rule], values: &Values) -> Verdict {
    match rules.iter().find(|rule| rule.fails(values)) {
        Some(rule) => Verdict::Drop(rule.reason),
        None => Verdict::Keep,
    }
}

/// The thresholds under the names of their keys.
pub(super) fn thresholds(rules: &[Rule]) -> Values {
    let mut values = Values::new();
    for rule in rules {
        let (Limit::AtLeast(limit) | Limit::AtMost(limit)) = rule.limit;
        if values.get(rule.key).is_none() {
            values.number(rule.key, limit);
        }
    }
    values
}

/// The first threshold that nothing measured can be compared with.
pub(super) fn check(rules: &[Rule]) -> Result<(), String> {
    for rule in rules {
        let (Limit::AtLeast(limit) | Limit::AtMost(limit)) = rule.limit;
        if !(limit.is_finite() && limit >= 0.0) {
            return Err(format!(
                "{} = {limit}: expected a number from 0 up",
                rule.key
            ));
        }
    }
    Ok(())
}

/// A part of a whole, which is 0 where there is no whole.
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
