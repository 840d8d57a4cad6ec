//! What a person asks of a running process by making a file in its run folder.

use std::fs;
use std::path::{Path, PathBuf};

/// The files `save` and `stop` in a run folder. The process that works there takes them away when it does what they ask.
#[derive(Clone, Debug)]
pub struct Requests {
    save: PathBuf,
    stop: PathBuf,
}

impl Requests {
    /// The requests of a run folder. What lies there already was meant for a process that is gone, and is taken away.
    pub fn new(run: &Path) -> Self {
        let requests = Self {
            save: run.join("save"),
            stop: run.join("stop"),
        };
        if requests.save_asked() | requests.stop_asked() {
            tracing::warn!(
                "{}: `save` or `stop` was there before the start; taken away",
                run.display()
            );
        }
        requests
    }

    /// Whether a checkpoint is asked for. The answer is yes once.
    pub fn save_asked(&self) -> bool {
        taken(&self.save)
    }

    /// Whether the run is to save and stop. The answer is yes once.
    pub fn stop_asked(&self) -> bool {
        taken(&self.stop)
    }
}

/// A file that cannot be taken away would be obeyed at every step: it is not obeyed at all.
fn taken(path: &Path) -> bool {
    fs::remove_file(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_answered_once_and_old_ones_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("stop"), "").unwrap();
        let requests = Requests::new(folder.path());
        assert!(!requests.stop_asked() && !requests.save_asked());
        fs::write(folder.path().join("save"), "").unwrap();
        assert!(requests.save_asked() && !requests.save_asked() && !requests.stop_asked());
        fs::write(folder.path().join("stop"), "").unwrap();
        assert!(requests.stop_asked() && !requests.stop_asked());
        // A folder of that name is somebody's own.
        fs::create_dir(folder.path().join("save")).unwrap();
        assert!(!requests.save_asked() && folder.path().join("save").exists());
    }
}
