//! What the documents of a task are to be predicted as.

use std::collections::BTreeSet;

use kiln_corpus::{DocumentReader, Part};
use kiln_dataset::TaskConfig;
use kiln_run::StopFlag;
use kiln_text::{Document, Source};
use kiln_tokens::LabelSet;

use crate::Error;
use crate::ingest::Ingested;

/// More classes than any corpus of labelled texts has: a column of free text was taken for labels.
const CLASSES_LIMIT: usize = 100_000;

/// What every document of a task must have.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// Nothing: the text itself is predicted.
    Nothing,
    /// One of these classes.
    Label(LabelSet),
    /// So many numbers.
    Values(usize),
}

impl Expected {
    /// Read what the documents have.
    pub(crate) fn of(task: TaskConfig, corpus: &Ingested, stop: &StopFlag) -> Result<Self, Error> {
        match task {
            TaskConfig::LanguageModel => Ok(Self::Nothing),
            TaskConfig::Classification => Ok(Self::Label(labels(corpus, stop)?)),
            TaskConfig::Regression => {
                let first = DocumentReader::new(corpus.documents(Part::Train)).next_document()?;
                let width = match &first {
                    Some(document) => values(document)?.len(),
                    None => 1,
                };
                Ok(Self::Values(width))
            }
        }
    }

    /// The classes, for a classification.
    pub(crate) fn labels(&self) -> Option<&LabelSet> {
        match self {
            Self::Label(labels) => Some(labels),
            _ => None,
        }
    }
}

/// The class of a document.
pub(crate) fn label(document: &Document) -> Result<&str, Error> {
    document.label().ok_or_else(|| Error::Answer {
        document: document.id.clone(),
        found: "no label".to_owned(),
        advice: "name the field or column of the classes with `label` in [corpus] sources, or set `label_is`",
    })
}

/// The numbers of a document.
pub(crate) fn values(document: &Document) -> Result<Vec<f64>, Error> {
    document.values().ok_or_else(|| Error::Answer {
        document: document.id.clone(),
        found: "no value".to_owned(),
        advice: "name the field or column of the number with `value` in [corpus] sources",
    })
}

/// The classes of both parts: one that is only held out must have a number too.
fn labels(corpus: &Ingested, stop: &StopFlag) -> Result<LabelSet, Error> {
    let mut found: [BTreeSet<String>; 2] = Default::default();
    for (part, names) in Part::ALL.into_iter().zip(&mut found) {
        let mut documents = DocumentReader::new(corpus.documents(part));
        while let Some(document) = documents.next_document()? {
            if stop.requested() {
                return Err(Error::Interrupted);
            }
            let name = label(&document)?;
            if !names.contains(name) {
                names.insert(name.to_owned());
                if names.len() > CLASSES_LIMIT {
                    let problem = format!(
                        "more than {CLASSES_LIMIT} different labels; does `label` in [corpus] sources name the right column?"
                    );
                    return Err(Error::Classes { problem });
                }
            }
        }
    }
    let [train, held_out] = found;
    for name in held_out.difference(&train) {
        tracing::warn!(
            class = name,
            "a class has held-out documents but none to train on"
        );
    }
    let labels = LabelSet::new(train.into_iter().chain(held_out));
    if labels.len() < 2 {
        let only = labels.name(0).unwrap_or_default();
        let problem =
            format!("every document has the label {only:?}; there is nothing to tell apart");
        return Err(Error::Classes { problem });
    }
    Ok(labels)
}
