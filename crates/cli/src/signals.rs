//! Ctrl-C and SIGTERM ask for a stop; a second one ends the process at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kiln_run::StopFlag;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

use crate::exit;

/// A flag that signals set.
pub(crate) fn listen() -> std::io::Result<StopFlag> {
    let stop = StopFlag::new();
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, i32::from(exit::INTERRUPTED), stop.shared())?;
        flag::register(signal, stop.shared())?;
    }
    // A file that may not grow further (`ulimit -f`) is then an error of the write, which names the file.
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    Ok(stop)
}
