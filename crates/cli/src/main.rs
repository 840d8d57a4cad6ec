//! `kiln`: raw text in, a trained language model out.
//!
//! This room talks to a person: it reads arguments, starts logging and signals, calls one function for each verb, and turns
//! errors into one line and an exit code. stdout is for data, stderr for people.

mod arguments;
mod progress;
mod signals;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

/// Exit codes: 0 done, 1 failed, 2 the user's mistake, 130 interrupted with everything saved.
mod exit {
    pub(crate) const DONE: u8 = 0;
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const MISTAKE: u8 = 2;
    pub(crate) const INTERRUPTED: u8 = 130;
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let words = panic.payload_as_str().unwrap_or("no message");
        let first = words.lines().next().unwrap_or_default();
        progress::say!(
            "kiln: internal error{place}: {first}; please report this with the command that led to it"
        );
    }));
    let arguments = arguments::Arguments::parse();
    start_logging();
    // A panic was printed by the hook already.
    let outcome = std::panic::catch_unwind(|| verbs::call(arguments.verb));
    match outcome {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(failure)) => {
            if failure.code != 0 {
                progress::say!("kiln: {}", failure.message);
            }
            ExitCode::from(failure.code)
        }
        Err(_) => ExitCode::from(exit::FAILED),
    }
}

/// Libraries' warnings go to stderr; `KILN_LOG=debug` shows more.
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("KILN_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
}
