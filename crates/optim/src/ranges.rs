//! What a number of a recipe may be.

use crate::Wrong;

/// Whether a section can be what it says.
pub(crate) type Checked = Result<(), Wrong>;

/// A number of 0 or more and less than 1.
pub(crate) fn share(key: &'static str, value: f64) -> Checked {
    require(
        key,
        (0.0..1.0).contains(&value),
        "expected 0 or more and less than 1",
    )
}

/// A finite number above 0.
pub(crate) fn above_zero(key: &'static str, value: f64) -> Checked {
    require(
        key,
        value.is_finite() && value > 0.0,
        "expected a number above 0",
    )
}

/// A finite number of 0 or more.
pub(crate) fn not_negative(key: &'static str, value: f64) -> Checked {
    require(key, value.is_finite() && value >= 0.0, "expected 0 or more")
}

pub(crate) fn require(key: &'static str, holds: bool, expected: &str) -> Checked {
    if holds {
        Ok(())
    } else {
        Err((key, expected.to_owned()))
    }
}
