//! Prints the main text of HTML files as JSON lines, and on standard error how fast that was.
//!
//! ```text
//! cargo run --release -p kiln-corpus --example extract_html -- [--repeat N] FILE...
//! ```
//!
//! A file that is not UTF-8 is read with replacement characters. The time is that of the extraction alone, the median
//! of N passes: seconds on the processor where Linux counts them, seconds on the clock elsewhere.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use kiln_corpus::extract::html::{Options, main_text};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("extract_html: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1).peekable();
    let mut repeat = 1_usize;
    if arguments.next_if_eq("--repeat").is_some() {
        let count = arguments.next().unwrap_or_default();
        repeat = count
            .parse()
            .map_err(|_| format!("--repeat takes a number, not {count:?}"))?;
    }
    let mut pages = Vec::new();
    for path in arguments {
        let bytes = std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
        pages.push((path, String::from_utf8_lossy(&bytes).into_owned()));
    }
    let options = Options::default();
    let mut out = std::io::stdout().lock();
    for (path, html) in &pages {
        let page = main_text(html, &options);
        let line = serde_json::json!({
            "path": path, "title": page.title, "text": page.text, "language": page.language, "published": page.published,
        });
        writeln!(out, "{line}").map_err(|error| error.to_string())?;
    }
    let bytes: usize = pages.iter().map(|(_, html)| html.len()).sum();
    let mut passes: Vec<f64> = Vec::new();
    for _ in 0..repeat.max(1) {
        let (start, clock) = (processor_seconds(), Instant::now());
        let characters: usize = pages
            .iter()
            .map(|(_, html)| main_text(html, &options).text.len())
            .sum();
        std::hint::black_box(characters);
        passes.push(match (start, processor_seconds()) {
            (Some(start), Some(end)) => end - start,
            _ => clock.elapsed().as_secs_f64(),
        });
    }
    passes.sort_by(f64::total_cmp);
    let seconds = passes[passes.len() / 2];
    let report = serde_json::json!({ "bytes": bytes, "seconds": seconds, "megabytes_per_second": bytes as f64 / seconds / 1e6 });
    eprintln!("{report}");
    Ok(())
}

/// How long this thread has run.
fn processor_seconds() -> Option<f64> {
    let counts = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = counts.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}
