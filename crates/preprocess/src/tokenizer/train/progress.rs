//! How far training has come, as log events at most once a second.

use std::time::{Duration, Instant};

use crate::Used;

const EVERY: Duration = Duration::from_secs(1);

/// Tells how far the steps of one training have come.
pub(crate) struct Progress {
    kind: &'static str,
    next: Instant,
}

impl Progress {
    /// The first event comes after a second: what is done by then needs none.
    pub(crate) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            next: Instant::now() + EVERY,
        }
    }

    fn due(&mut self) -> bool {
        let now = Instant::now();
        let due = now >= self.next;
        if due {
            self.next = now + EVERY;
        }
        due
    }

    /// Texts are being read.
    pub(crate) fn counting(&mut self, used: &Used, distinct_words: usize) {
        if self.due() {
            let (texts, bytes) = (used.texts, used.bytes);
            tracing::info!(
                kind = self.kind,
                texts,
                bytes,
                distinct_words,
                "counting words"
            );
        }
    }

    /// Merges are being learnt.
    pub(crate) fn merges(&mut self, tokens: usize, of: usize) {
        if self.due() {
            tracing::info!(kind = self.kind, tokens, of, "learning merges");
        }
    }

    /// Pieces are being taken out.
    pub(crate) fn pieces(&mut self, pieces: usize, of: usize) {
        if self.due() {
            tracing::info!(kind = self.kind, pieces, of, "choosing pieces");
        }
    }
}
