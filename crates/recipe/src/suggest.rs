//! What a person may have meant.

/// How alike two names must be (Jaro-Winkler) for one to be offered for the other. Calibrated on the recipe's own keys:
/// slips of a letter or two and shortened names lie above, other keys of the same section below.
const ALIKE: f64 = 0.8;

/// The known name nearest to `given`, if any is near.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|name| {
            let likeness = strsim::jaro_winkler(&given, &name.to_lowercase().replace('-', "_"));
            (likeness, name)
        })
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_find_their_key_and_other_words_do_not() {
        let known = [
            "learning_rate",
            "betas",
            "weight_decay",
            "warmup_steps",
            "batch_size",
            "context_length",
            "steps",
        ];
        for (given, expected) in [
            ("warmup_stepz", Some("warmup_steps")),
            ("warmup", Some("warmup_steps")),
            ("learning-rate", Some("learning_rate")),
            ("learningrate", Some("learning_rate")),
            ("lerning_rate", Some("learning_rate")),
            ("Batch_Size", Some("batch_size")),
            ("beta", Some("betas")),
            ("context_lenght", Some("context_length")),
            ("step", Some("steps")),
            ("dropout", None),
            ("x", None),
        ] {
            assert_eq!(nearest(given, known), expected, "{given}");
        }
    }
}
