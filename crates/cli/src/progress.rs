//! How far work has come: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use kiln_run::{Progress, Record, Unit};

/// A line on stderr; a reader that went away is no reason to stop.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}
pub(crate) use say;

/// Tells a person on stderr.
pub(crate) struct Reporter {
    terminal: bool,
    current: Mutex<Option<Stage>>,
}

struct Stage {
    bar: ProgressBar,
    began: Instant,
    /// Units that were done when the stage began: earlier processes did them.
    first: Option<u64>,
    done: u64,
    total: Option<u64>,
    said: Instant,
    name: String,
    unit: &'static str,
}

/// Between two plain lines about one stage.
const PATIENCE: Duration = Duration::from_secs(10);

impl Reporter {
    pub(crate) fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            current: Mutex::new(None),
        }
    }

    fn stage(&self) -> std::sync::MutexGuard<'_, Option<Stage>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, stage: Option<&Stage>, line: &str) {
        match stage {
            Some(stage) if self.terminal => stage.bar.println(line),
            _ => say!("{line}"),
        }
    }
}

impl Stage {
    /// Time that the rest will take at the pace of this process.
    fn eta(&self) -> Option<Duration> {
        let worked = self
            .done
            .checked_sub(self.first?)
            .filter(|worked| *worked > 0)?;
        let left = self.total?.checked_sub(self.done)?;
        let share = left as f64 / worked as f64;
        Duration::try_from_secs_f64(self.began.elapsed().as_secs_f64() * share).ok()
    }
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Documents => "documents",
        Unit::Bytes => "bytes",
        Unit::Tokens => "tokens",
        Unit::Steps => "steps",
        Unit::Batches => "batches",
    }
}

fn style(unit: Unit, total: Option<u64>) -> ProgressStyle {
    let counts = match (unit, total) {
        (Unit::Bytes, Some(_)) => "{bytes}/{total_bytes}",
        (Unit::Bytes, None) => "{bytes}",
        (_, Some(_)) => "{human_pos}/{human_len}",
        (_, None) => "{human_pos}",
    };
    let template = match total {
        Some(_) => format!("{{prefix}} [{{bar:30}}] {counts} {{msg}} {{eta}}"),
        None => format!("{{prefix}} {{spinner}} {counts} {{msg}}"),
    };
    ProgressStyle::with_template(&template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl Progress for Reporter {
    fn begin(&self, name: &str, total: Option<u64>, unit: Unit) {
        let bar = if self.terminal {
            let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            bar.set_style(style(unit, total));
            bar.set_prefix(name.to_owned());
            bar.set_message(if unit == Unit::Bytes {
                ""
            } else {
                unit_name(unit)
            });
            bar
        } else {
            say!("{name} ...");
            ProgressBar::hidden()
        };
        *self.stage() = Some(Stage {
            bar,
            began: Instant::now(),
            first: None,
            done: 0,
            total,
            said: Instant::now(),
            name: name.to_owned(),
            unit: unit_name(unit),
        });
    }

    fn advance(&self, done: u64) {
        let mut current = self.stage();
        let Some(stage) = current.as_mut() else {
            return;
        };
        stage.first.get_or_insert(done);
        stage.done = done;
        stage.bar.set_position(done);
        // Training says its own lines.
        if !self.terminal && stage.unit != unit_name(Unit::Steps) && stage.said.elapsed() > PATIENCE
        {
            stage.said = Instant::now();
            let total = stage
                .total
                .map_or_else(String::new, |total| format!(" of {total}"));
            say!("{}: {done}{total} {}", stage.name, stage.unit);
        }
    }

    fn record(&self, record: &Record) {
        let current = self.stage();
        let eta = current.as_ref().and_then(Stage::eta);
        self.line(current.as_ref(), &record.line(eta));
    }

    fn note(&self, line: &str) {
        self.line(self.stage().as_ref(), line);
    }

    fn end(&self) {
        if let Some(stage) = self.stage().take() {
            stage.bar.finish_and_clear();
        }
    }
}
