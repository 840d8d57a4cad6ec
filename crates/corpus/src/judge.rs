//! What is done to each document by itself: its text is mended, its filters measure and judge it, and what they take out is
//! taken out.

use std::path::Path;
use std::sync::Arc;

use kiln_text::{Document, Error, Source, Transform};
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::config::{Config, Decontaminate};
use crate::corpus::Corpus;
use crate::duplicates::{DecontaminationConfig, EvaluationIndex};
use crate::extract::Extraction;
use crate::filters::{self, Analysis, Decontamination, Filter, FilterConfig, Values, Verdict};
use crate::repair::Repair;

/// Why a document is dropped that has nothing left but white space.
const EMPTY: &str = "empty_text";

/// The steps that a recipe asks for, in their order: transforms, then filters. Pure: the same document gets the same
/// judgement wherever and whenever it is judged.
///
/// Every filter measures the document as the transforms leave it, also where an earlier filter had dropped it, so that each
/// has its own verdict. Only then do the filters that take something out of a document (C4's lines, personal data) change
/// the text of one that all of them keep, in their order.
#[derive(Default)]
pub struct Judge {
    transforms: Vec<Box<dyn Transform>>,
    filters: Vec<Box<dyn Filter>>,
    /// Of the filters, in their order.
    names: Vec<Arc<str>>,
    may_drop: bool,
}

/// A document, and what became of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// With the text that goes on.
    pub document: Document,
    /// Of each filter, in their order.
    pub opinions: Opinions,
    /// Why it is dropped: the reason of the first filter that drops it.
    pub reason: Option<&'static str>,
}

/// What one filter says.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// The filter's `kind`; a second one of a kind has `#2` behind it.
    pub filter: Arc<str>,
    /// Kept or not, and why.
    pub verdict: Verdict,
    /// What it measured.
    pub values: Values,
}

/// What all filters say. As JSON an object: `{"c4": {"kept": true, "reason": null, "values": {...}}}`.
#[derive(Clone, Debug, Default)]
pub struct Opinions(pub Vec<Opinion>);

impl Judge {
    /// Steps in their order.
    pub fn new(transforms: Vec<Box<dyn Transform>>, filters: Vec<Box<dyn Filter>>) -> Self {
        let names = filters::names(filters.iter().map(|filter| filter.kind()));
        Self {
            transforms,
            filters,
            names: names.into_iter().map(Arc::from).collect(),
            may_drop: true,
        }
    }

    /// Whether a piece of a longer text may be dropped.
    pub fn may_drop(&self) -> bool {
        self.may_drop
    }

    /// Judge one document.
    ///
    /// # Errors
    /// A transform failed; none of them does for a document's sake.
    pub fn judge(&self, document: Document) -> Result<Judged, Error> {
        let before = document.text.len();
        let mut document = document;
        for transform in &self.transforms {
            let (id, source) = (document.id.clone(), document.source.clone());
            match transform.apply(document)? {
                Some(changed) => document = changed,
                None => return Ok(Judged::dropped(Document::new(id, "", source), EMPTY)),
            }
        }
        if document.text.len() != before && document.text.trim().is_empty() {
            return Ok(Judged::dropped(document, EMPTY));
        }
        Ok(self.filter(document))
    }

    fn filter(&self, mut document: Document) -> Judged {
        let mut opinions = Vec::with_capacity(self.filters.len());
        let mut rewritten = vec![None; self.filters.len()];
        let analysis = Analysis::new(&document);
        let filters = self.filters.iter().zip(&self.names);
        for ((filter, name), rewritten) in filters.zip(&mut rewritten) {
            let measured = filter.measure(&analysis);
            opinions.push(Opinion {
                filter: Arc::clone(name),
                verdict: filter.decide(&measured.values),
                values: measured.values,
            });
            *rewritten = measured.rewritten;
        }
        let mut reason = opinions.iter().find_map(|opinion| match opinion.verdict {
            Verdict::Keep => None,
            Verdict::Drop(reason) => Some(reason),
        });
        if reason.is_none() && self.rewrite(&mut document, rewritten) {
            reason = document.text.trim().is_empty().then_some(EMPTY);
        }
        Judged {
            document,
            opinions: Opinions(opinions),
            reason,
        }
    }

    /// Take out what the filters take out, one after another: behind the first, each is asked again about what the ones
    /// before it have left. Says whether anything was.
    fn rewrite(&self, document: &mut Document, rewritten: Vec<Option<String>>) -> bool {
        let mut changed = false;
        for (filter, rewritten) in self.filters.iter().zip(rewritten) {
            let Some(first) = rewritten else { continue };
            let text = if changed {
                filter.measure(&Analysis::new(document)).rewritten
            } else {
                Some(first)
            };
            if let Some(text) = text {
                document.replace_text(text);
                changed = true;
            }
        }
        changed
    }
}

impl Judged {
    fn dropped(document: Document, reason: &'static str) -> Self {
        Self {
            document,
            opinions: Opinions::default(),
            reason: Some(reason),
        }
    }
}

impl Serialize for Opinions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Said<'a> {
            kept: bool,
            reason: Option<&'static str>,
            values: &'a Values,
        }
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for opinion in &self.0 {
            let reason = match opinion.verdict {
                Verdict::Keep => None,
                Verdict::Drop(reason) => Some(reason),
            };
            let said = Said {
                kept: reason.is_none(),
                reason,
                values: &opinion.values,
            };
            map.serialize_entry(&*opinion.filter, &said)?;
        }
        map.end()
    }
}

impl Config {
    /// The steps for single documents that this configuration asks for. Relative paths begin at `base`, the recipe's folder.
    ///
    /// # Errors
    /// A list, a model or an evaluation set that the configuration names cannot be read.
    pub fn judge(&self, base: &Path) -> Result<Judge, crate::Error> {
        let extraction = Extraction::new(self.extraction.clone().unwrap_or_default());
        let mut transforms: Vec<Box<dyn Transform>> = vec![Box::new(extraction)];
        if let Some(repair) = self.repair {
            transforms.push(Box::new(Repair::new(repair)));
        }
        Ok(Judge {
            may_drop: self.repair.is_some()
                || self.decontamination.is_some()
                || !self.filters.is_empty(),
            ..Judge::new(transforms, self.build_filters(base)?)
        })
    }

    /// The filters of that judge.
    ///
    /// # Errors
    /// As [`Config::judge`].
    pub fn build_filters(&self, base: &Path) -> Result<Vec<Box<dyn Filter>>, crate::Error> {
        let build = |(index, filter): (usize, &FilterConfig)| {
            filter
                .build(base)
                .map_err(|error| error.below(&format!("filters[{index}]")))
        };
        let filters = self.filters.iter().enumerate().map(build);
        let mut filters = filters.collect::<Result<Vec<_>, _>>()?;
        if let Some(decontaminate) = &self.decontamination {
            let index = evaluation_index(decontaminate, base)?;
            filters.push(Box::new(Decontamination::new(index)));
        }
        Ok(filters)
    }
}

/// Every text of the evaluation sets.
fn evaluation_index(
    decontaminate: &Decontaminate,
    base: &Path,
) -> Result<EvaluationIndex, crate::Error> {
    let mut index = EvaluationIndex::new(&DecontaminationConfig {
        n_grams: decontaminate.n_grams,
        min_words: decontaminate.min_words,
        words: decontaminate.words,
    });
    let config = Config::of_sources(decontaminate.sources.clone());
    let mut documents = Corpus::open(&config, base)
        .map_err(|error| error.below("decontamination"))?
        .documents();
    while let Some(document) = documents.next_document()? {
        index.add(&document.source.path, &document.text);
    }
    Ok(index)
}

#[cfg(test)]
mod tests {
    use kiln_text::Provenance;

    use super::*;
    use crate::filters::Measured;

    /// Takes a letter out of texts that have at most `most` of it, and drops the others.
    struct Without {
        letter: char,
        most: usize,
    }

    impl Filter for Without {
        fn kind(&self) -> &'static str {
            "without"
        }
        fn measure(&self, analysis: &Analysis<'_>) -> Measured {
            let count = analysis.text().matches(self.letter).count();
            let mut values = Values::new();
            values.number("count", count as f64);
            let rewritten = (count > 0).then(|| analysis.text().replace(self.letter, ""));
            Measured { values, rewritten }
        }
        fn decide(&self, values: &Values) -> Verdict {
            match values.get_number("count") > self.most as f64 {
                true => Verdict::Drop("too_many"),
                false => Verdict::Keep,
            }
        }
        fn thresholds(&self) -> Values {
            Values::new()
        }
    }

    struct Upper;

    impl Transform for Upper {
        fn apply(&self, mut document: Document) -> Result<Option<Document>, Error> {
            document.text = document.text.to_uppercase();
            Ok(Some(document))
        }
    }

    fn check(text: &str, expected: &str, reason: Option<&'static str>, opinions: &str) {
        let without = |letter, most| Box::new(Without { letter, most }) as Box<dyn Filter>;
        let judge = Judge::new(
            vec![Box::new(Upper)],
            vec![without('A', 2), without('B', 1)],
        );
        let document = Document::new("x", text, Provenance::default());
        let judged = judge.judge(document).unwrap();
        let said = serde_json::to_string(&judged.opinions).unwrap();
        assert_eq!(
            (judged.document.text.as_str(), judged.reason, said.as_str()),
            (expected, reason, opinions)
        );
    }

    #[test]
    fn all_filters_judge_the_same_text_and_then_change_it_one_after_another() {
        let both = |a: &str, b: &str| {
            let one = |name: &str, count: &str| {
                let (count, verdict) = match count.strip_suffix('!') {
                    Some(count) => (count, r#""kept":false,"reason":"too_many""#),
                    None => (count, r#""kept":true,"reason":null"#),
                };
                format!(r#""{name}":{{{verdict},"values":{{"count":{count}}}}}"#)
            };
            format!("{{{},{}}}", one("without", a), one("without#2", b))
        };
        check("xyz", "XYZ", None, &both("0.0", "0.0"));
        check("axbay", "XY", None, &both("2.0", "1.0"));
        check("aaabx", "AAABX", Some("too_many"), &both("3.0!", "1.0"));
        check("aaabb", "AAABB", Some("too_many"), &both("3.0!", "2.0!"));
        check("ab", "", Some(EMPTY), &both("1.0", "1.0"));
        // A blank piece of running text is none of the judge's business.
        check(" \n", " \n", None, &both("0.0", "0.0"));
    }
}
