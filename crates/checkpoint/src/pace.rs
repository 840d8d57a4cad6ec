//! Writing beside a training that needs the processor itself.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How fast a checkpoint is written: leaving the processor to the training most of the time, or as fast as it goes once somebody
/// waits for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace(Arc<AtomicBool>);

impl Pace {
    /// Somebody waits, or no more.
    pub(crate) fn hurry(&self, hurry: bool) {
        self.0.store(hurry, Ordering::Relaxed);
    }

    /// Rest after so much work.
    fn rest(&self, work: Duration) {
        /// Rest for each second of work: a tenth of a core's time is used, so a step on all cores is a tenth slower at most.
        const REST: u32 = 9;
        /// How soon a hurry is noticed.
        const LOOK: Duration = Duration::from_millis(5);
        let end = Instant::now() + (work * REST).min(Duration::from_secs(1));
        while !self.0.load(Ordering::Relaxed) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }
}

/// A writer that rests.
pub(crate) struct Paced<'a, W> {
    inner: W,
    pace: &'a Pace,
    began: Instant,
    bytes: usize,
}

/// Bytes after which there is a rest. Small checkpoints need none.
const PIECE: usize = 1 << 20;

impl<'a, W: Write> Paced<'a, W> {
    pub(crate) fn new(inner: W, pace: &'a Pace) -> Self {
        Self {
            inner,
            pace,
            began: Instant::now(),
            bytes: 0,
        }
    }
}

impl<W: Write> Write for Paced<'_, W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // Between two calls the bytes were hashed: that is work too.
        if self.bytes >= PIECE {
            self.pace.rest(self.began.elapsed());
            self.began = Instant::now();
            self.bytes = 0;
        }
        let written = self.inner.write(&buffer[..buffer.len().min(PIECE)])?;
        self.bytes += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_unless_somebody_waits_and_writes_everything() {
        let bytes: Vec<u8> = (0..4 * PIECE + 3).map(|index| index as u8).collect();
        let write = |hurry| {
            let pace = Pace::default();
            pace.hurry(hurry);
            let mut inner = Vec::new();
            Paced::new(&mut inner, &pace).write_all(&bytes).unwrap();
            assert!(inner == bytes);
        };
        write(true);
        write(false);
        let pace = Pace::default();
        let began = Instant::now();
        pace.rest(Duration::from_millis(4));
        assert!(began.elapsed() >= Duration::from_millis(36));
        pace.hurry(true);
        let began = Instant::now();
        pace.rest(Duration::from_secs(1));
        assert!(began.elapsed() < Duration::from_millis(500));
    }
}
