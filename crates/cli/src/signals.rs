//! Ctrl-C and SIGTERM ask for a stop; a second one ends the process at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kiln_run::StopFlag;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

/// A flag that signals set, for work that looks at it; other verbs leave the signals as they are.
pub(crate) fn stop_flag() -> std::io::Result<StopFlag> {
    let stop = StopFlag::new();
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, stop.shared())?;
        flag::register(signal, stop.shared())?;
    }
    Ok(stop)
}

/// A file that may not grow further (`ulimit -f`) is an error of the write, which names the file, and not the process's end.
pub(crate) fn survive_file_limits() -> std::io::Result<()> {
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    Ok(())
}
