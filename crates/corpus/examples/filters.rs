//! Judge documents: `cargo run --release -p kiln-corpus --example filters -- DOCUMENTS FILTERS [ROUNDS]`
//!
//! DOCUMENTS has a JSON object with `id` and `text` on each line, FILTERS is a JSON object of filters as in a recipe, by
//! any names. Printed is, on a line each, what every filter says of every document and makes of its text, with the processor time that it
//! took (the best of ROUNDS), and the time that all filters took in one pass, in which they share the words.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use kiln_corpus::filters::{Analysis, Filter, FilterConfig, Verdict};
use kiln_text::{Document, Provenance};
use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, documents, filters, rest @ ..] = &arguments[..] else {
        return Err("expected a file of documents and a file of filters".into());
    };
    let rounds: usize = rest.first().map_or(Ok(1), |rounds| rounds.parse())?;
    let mut texts = Vec::new();
    for line in std::fs::read_to_string(documents)?.lines() {
        let value: Value = serde_json::from_str(line)?;
        let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        texts.push(Document::new(
            field("id"),
            field("text"),
            Provenance::default(),
        ));
    }
    let bytes: usize = texts.iter().map(|document| document.text.len()).sum();
    let configs: Map<String, Value> = serde_json::from_str(&std::fs::read_to_string(filters)?)?;

    let mut out = std::io::stdout().lock();
    let mut built = Vec::new();
    for (name, config) in configs {
        let config: FilterConfig = serde_json::from_value(config)?;
        config.check()?;
        built.push((name, config.build(std::path::Path::new("."))?));
    }
    for (name, filter) in &built {
        let (seconds, reasons) = best_of(rounds, || judge(&texts, &[&**filter]));
        let reasons: Vec<&str> = reasons.iter().map(|reasons| reasons[0]).collect();
        let texts: Vec<Option<String>> = texts
            .iter()
            .map(|document| rewritten(document, &**filter))
            .collect();
        writeln!(
            out,
            "{}",
            json!({"filter": name, "seconds": seconds, "bytes": bytes, "reasons": reasons, "texts": texts})
        )?;
    }
    let all: Vec<&dyn Filter> = built.iter().map(|(_, filter)| &**filter).collect();
    let (seconds, _) = best_of(rounds, || judge(&texts, &all));
    writeln!(
        out,
        "{}",
        json!({"filter": "all in one pass", "seconds": seconds, "bytes": bytes})
    )?;
    Ok(())
}

/// What each filter says of each document.
fn judge(documents: &[Document], filters: &[&dyn Filter]) -> Vec<Vec<&'static str>> {
    let mut reasons = Vec::with_capacity(documents.len());
    for document in documents {
        let analysis = Analysis::new(document);
        let verdicts = filters
            .iter()
            .map(|filter| filter.decide(&filter.measure(&analysis).values));
        reasons.push(
            verdicts
                .map(|verdict| match verdict {
                    Verdict::Keep => "keep",
                    Verdict::Drop(reason) => reason,
                })
                .collect(),
        );
    }
    reasons
}

/// What a filter makes of a document that it keeps, if that is another text.
fn rewritten(document: &Document, filter: &dyn Filter) -> Option<String> {
    let measured = filter.measure(&Analysis::new(document));
    let is_kept = filter.decide(&measured.values) == Verdict::Keep;
    measured.rewritten.filter(|_| is_kept)
}

fn best_of<T>(rounds: usize, mut work: impl FnMut() -> T) -> (f64, T) {
    let mut round = || {
        let start = (processor_seconds(), Instant::now());
        let result = work();
        let seconds = match (start.0, processor_seconds()) {
            (Some(before), Some(after)) => after - before,
            _ => start.1.elapsed().as_secs_f64(),
        };
        (seconds, result)
    };
    let mut best = round();
    for _ in 1..rounds {
        let next = round();
        if next.0 < best.0 {
            best = next;
        }
    }
    best
}

/// How long this thread has run, where the system says it: other programs do not count.
fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: u64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}
