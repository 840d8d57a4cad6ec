//! From the steps of a recipe to steps that know what they need to know.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::parts::words;
use super::rule::Rule;
use super::stored::{STEMMER_VERSION, Stored};
use super::{
    LemmatizeConfig, PhrasesConfig, PreprocessingConfig, Preprocessor, RareWordsConfig, StepConfig,
    StopWordsConfig, count, phrases, report,
};
use crate::{Error, Lemmatizer, Stemmer};

/// One reading of all texts that are trained on.
pub type Pass<'a> = Box<dyn Iterator<Item = Result<String, kiln_text::Error>> + 'a>;

/// Make the steps ready. Each step that learns reads the texts once more, as the steps before it leave them, and one
/// reading of at most 64 MB measures what each step does. `pass` begins a reading.
///
/// # Errors
/// A step asks for what cannot be; a text could not be read.
pub fn fit<'a>(
    config: &PreprocessingConfig,
    pass: &mut dyn FnMut() -> Pass<'a>,
) -> Result<Preprocessor, Error> {
    let mut stored = Vec::new();
    let mut rules: Vec<Rule> = Vec::new();
    let mut steps = Vec::new();
    for (place, step) in config.steps.iter().enumerate() {
        let wrong = |key: &'static str, problem: String| Error::Step {
            place,
            kind: step.kind(),
            key,
            problem,
        };
        let before = stored.len();
        match step {
            StepConfig::Unicode(step) => stored.push(Stored::Unicode { form: step.form }),
            StepConfig::Lowercase(_) => stored.push(Stored::Lowercase {}),
            StepConfig::Accents(_) => stored.push(Stored::Accents {}),
            StepConfig::Spaces(_) => stored.push(Stored::Spaces {}),
            StepConfig::Mask(step) => {
                if step.what.is_empty() {
                    let problem =
                        "expected one or more of \"url\", \"email\", \"user\", \"number\"";
                    return Err(wrong("what", problem.to_owned()));
                }
                let mut what = step.what.clone();
                what.sort_unstable();
                what.dedup();
                stored.push(Stored::Mask { what });
            }
            StepConfig::Digits(step) => stored.push(Stored::Digits { digit: step.digit }),
            StepConfig::StopWords(step) => stored.push(stop_words(step).map_err(|problem| {
                wrong(
                    if step.language.is_some() {
                        "language"
                    } else {
                        "words"
                    },
                    problem,
                )
            })?),
            StepConfig::Stem(step) => {
                let made = step
                    .algorithm
                    .parse()
                    .map_err(|error| ("algorithm", error))
                    .and_then(|algorithm| {
                        Stemmer::with_algorithm(&step.language, algorithm)
                            .map_err(|error| ("language", error))
                    });
                made.map_err(|(key, error)| wrong(key, error.to_string()))?;
                stored.push(Stored::Stem {
                    language: step.language.clone(),
                    algorithm: step.algorithm.clone(),
                    version: STEMMER_VERSION.to_owned(),
                });
            }
            StepConfig::Lemmatize(step) => stored.push(lemmatize(step, &wrong)?),
            StepConfig::RareWords(step) => {
                if step.minimum_count == 0 {
                    return Err(wrong("minimum_count", "expected 1 or more".to_owned()));
                }
                stored.push(rare_words(step, pass(), &rules)?);
            }
            StepConfig::Phrases(step) => {
                check_phrases(step).map_err(|(key, problem)| wrong(key, problem.to_owned()))?;
                for _ in 0..step.passes {
                    let pairs = phrases::learn(step, pass(), &rules)?;
                    if pairs.is_empty() {
                        break;
                    }
                    let step = Stored::Phrases { pairs };
                    rules.push(ready(&step)?);
                    stored.push(step);
                }
            }
        }
        let made = stored.len() - before;
        rules.truncate(before);
        for step in &stored[before..] {
            rules.push(ready(step)?);
        }
        steps.push((step.kind(), made));
    }
    let report = match stored.is_empty() {
        true => report::PreprocessingReport::default(),
        false => report::measure(pass(), &rules, &steps)?,
    };
    Ok(Preprocessor {
        stored,
        rules,
        report,
    })
}

/// A step that was made here can be done here.
fn ready(step: &Stored) -> Result<Rule, Error> {
    step.rule().map_err(|problem| Error::Library {
        doing: "cannot make a step of [preprocessing]",
        problem,
    })
}

fn lemmatize(
    config: &LemmatizeConfig,
    wrong: &dyn Fn(&'static str, String) -> Error,
) -> Result<Stored, Error> {
    let (language, bytes) = match (&config.language, &config.model) {
        (Some(language), None) => {
            let lemmatizer = Lemmatizer::for_language(language).ok_or_else(|| {
                let problem = format!(
                    "no lemmatizer for {language:?} comes along: train one with `kiln lemmatizer train` and name its file as \
                     `model`"
                );
                wrong("language", problem)
            })?;
            (Some(language.clone()), lemmatizer.to_bytes())
        }
        (None, Some(model)) => (None, Lemmatizer::load(model)?.to_bytes()),
        _ => {
            let problem = "expected `language` or `model`, one of the two".to_owned();
            return Err(wrong("language", problem));
        }
    };
    Ok(Stored::Lemmatize {
        model: language.is_none().then(|| BASE64.encode(&bytes)),
        language,
        identity: blake3::hash(&bytes).to_hex().to_string(),
    })
}

fn check_phrases(config: &PhrasesConfig) -> Result<(), (&'static str, &'static str)> {
    if config.minimum_count == 0 {
        Err(("minimum_count", "expected 1 or more"))
    } else if !(config.threshold.is_finite() && config.threshold >= 0.0) {
        Err(("threshold", "expected a number of 0 or more"))
    } else if config.passes == 0 {
        Err(("passes", "expected 1 or more"))
    } else {
        Ok(())
    }
}

fn stop_words(config: &StopWordsConfig) -> Result<Stored, String> {
    let mut list = match &config.language {
        Some(language) => language_list(language)?,
        None => Vec::new(),
    };
    list.extend(config.words.iter().map(|word| word.to_lowercase()));
    let kept: Vec<String> = config.keep.iter().map(|word| word.to_lowercase()).collect();
    list.retain(|word| !kept.contains(word));
    if list.is_empty() {
        return Err("no word is left out: name a `language` or `words`".to_owned());
    }
    Ok(Stored::StopWords {
        words: list.into_iter().collect(),
    })
}

fn language_list(language: &str) -> Result<Vec<String>, String> {
    let Some(list) = stop_words::lookup(language) else {
        let known = stop_words::available_languages().join(", ");
        return Err(format!(
            "no list of stop words for {language:?}: expected one of {known}; or name the `words` themselves"
        ));
    };
    Ok(list.iter().map(|word| word.to_lowercase()).collect())
}

fn rare_words(config: &RareWordsConfig, pass: Pass<'_>, rules: &[Rule]) -> Result<Stored, Error> {
    let counts = count::count(pass, rules, |text, counts: &mut HashMap<String, u64>| {
        for word in words(text) {
            match counts.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(word.to_owned(), 1);
                }
            }
        }
    })?;
    let mut frequent: Vec<(String, u64)> = counts
        .into_iter()
        .filter(|(_, count)| *count >= config.minimum_count)
        .collect();
    frequent.sort_by(|(one, more), (other, less)| less.cmp(more).then_with(|| one.cmp(other)));
    frequent.truncate(config.maximum_words.unwrap_or(usize::MAX));
    Ok(Stored::RareWords {
        keep: frequent.into_iter().map(|(word, _)| word).collect(),
        replacement: config.replacement.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(config: &str, texts: &[&str]) -> Result<Preprocessor, Error> {
        let config: PreprocessingConfig = toml::from_str(config).unwrap();
        fit(&config, &mut || {
            Box::new(texts.iter().map(|text| Ok(text.to_string())))
        })
    }

    fn check(config: &str, texts: &[&str], text: &str, expected: &str) {
        let preprocessor = fitted(config, texts).unwrap();
        assert_eq!(preprocessor.apply(text), expected, "{config}");
    }

    #[test]
    fn later_steps_learn_from_what_earlier_ones_leave() {
        let steps = "[[steps]]\nkind = \"rare-words\"\nminimum_count = 2\n";
        let lower = "[[steps]]\nkind = \"lowercase\"\n";
        let texts = ["The end of the day", "of a day"];
        check(
            &format!("{lower}{steps}"),
            &texts,
            "The end of a day",
            "the <rare> of <rare> day",
        );
        check(
            &format!("{steps}{lower}"),
            &texts,
            "The end of a day",
            "<rare> <rare> of <rare> day",
        );
    }

    #[test]
    fn the_most_frequent_words_stay() {
        let config = "[[steps]]\nkind = \"rare-words\"\nminimum_count = 1\nmaximum_words = 2\nreplacement = \"\"";
        check(config, &["a b b c c d"], "a b c d", "b c ");
        // Of equally frequent words the first by code points.
        check(config, &["d c b a"], "a b c d", "a b ");
    }

    #[test]
    fn phrases_grow_with_each_pass() {
        let text = "in new york city we like new york city and new york city ".repeat(4);
        let config = |passes| {
            format!(
                "[[steps]]\nkind = \"phrases\"\nminimum_count = 2\nthreshold = 2.2\npasses = {passes}"
            )
        };
        check(&config(1), &[&text], "new york city", "new_york city");
        check(&config(2), &[&text], "new york city", "new_york_city");
    }

    #[test]
    fn stop_words_are_a_list_and_more_and_less() {
        let config = "[[steps]]\nkind = \"stop-words\"\nlanguage = \"en\"\nwords = [\"Cat\"]\nkeep = [\"not\"]";
        check(config, &[], "The cat is NOT here, dog", "NOT , dog");
    }

    #[test]
    fn words_become_stems_or_lemmas_and_the_rest_stays() {
        let text = "The  geese, were FLYING\nhappily to <url>!";
        let stem = "[[steps]]\nkind = \"stem\"\nlanguage = \"en\"";
        check(stem, &[], text, "the  gees, were fli\nhappili to <url>!");
        let lemma = "[[steps]]\nkind = \"lemmatize\"\nlanguage = \"english\"";
        let text = "The  children were flying\nhome, <url>!";
        check(lemma, &[], text, "the  child be fly\nhome, <url>!");
    }

    #[test]
    fn what_each_step_did_is_measured() {
        let preprocessor = fitted(
            "[[steps]]\nkind = \"lowercase\"\n[[steps]]\nkind = \"phrases\"\nminimum_count = 1\nthreshold = 0.5\npasses = 9\n[[steps]]\nkind = \"stop-words\"\nwords = [\"of\"]",
            &["The end of the end", "the end"],
        )
        .unwrap();
        let rows: Vec<_> = preprocessor
            .report()
            .rows
            .iter()
            .map(|row| (row.after.as_str(), row.bytes, row.words, row.distinct_words))
            .collect();
        assert_eq!(
            rows,
            [
                ("text", 25, 7, 4),
                ("lowercase", 25, 7, 3),
                ("phrases", 25, 4, 2),
                ("stop-words", 22, 3, 1),
            ]
        );
        assert_eq!(fitted("", &["a"]).unwrap().report().rows, []);
    }

    #[test]
    fn mistakes_are_named_with_their_step() {
        let first = "[[steps]]\nkind = \"lowercase\"\n[[steps]]\n";
        for (step, expected) in [
            (
                "kind = \"rare-words\"\nminimum_count = 0",
                "steps[1] (rare-words): minimum_count: expected 1",
            ),
            (
                "kind = \"mask\"\nwhat = []",
                "steps[1] (mask): what: expected one or more",
            ),
            (
                "kind = \"stop-words\"\nlanguage = \"xx\"",
                "language: no list of stop words for \"xx\": expected one of af, ar",
            ),
            ("kind = \"stop-words\"", "words: no word is left out"),
            (
                "kind = \"stem\"\nlanguage = \"enlish\"",
                "steps[1] (stem): language: no stemmer",
            ),
            (
                "kind = \"stem\"\nlanguage = \"en\"\nalgorithm = \"x\"",
                "algorithm: unknown stemming",
            ),
            (
                "kind = \"lemmatize\"\nlanguage = \"klingon\"",
                "language: no lemmatizer",
            ),
            ("kind = \"lemmatize\"", "expected `language` or `model`"),
            ("kind = \"phrases\"\npasses = 0", "passes: expected 1"),
            (
                "kind = \"phrases\"\nthreshold = -1.0",
                "threshold: expected a number",
            ),
            (
                "kind = \"phrases\"\nminimum_count = 0",
                "minimum_count: expected 1",
            ),
        ] {
            let error = fitted(&format!("{first}{step}"), &["a"]).err().unwrap();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.is_mistake());
        }
    }

    #[test]
    fn an_error_of_the_texts_ends_fitting() {
        let config = toml::from_str("[[steps]]\nkind = \"phrases\"").unwrap();
        let error = fit(&config, &mut || {
            let place = kiln_text::Position::Byte(3);
            let failed = kiln_text::Error::failure("a.txt", place, "disk on fire");
            Box::new([Ok("fine".to_owned()), Err(failed)].into_iter())
        });
        assert_eq!(
            error.err().unwrap().to_string(),
            "a.txt: byte 3: disk on fire"
        );
    }
}
