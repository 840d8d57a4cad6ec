//! Bytes that another thread has ready: what unpacks a file does not wait for what takes its text apart.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Bytes that pass from thread to thread at once.
const BLOCK: usize = 256 << 10;

/// Blocks that are ready at the most.
const READY: usize = 4;

/// Bytes that are read before there is another thread: a short file is over sooner.
const ALONE: u64 = 1 << 20;

/// Gives the bytes of a reader, and its first error behind them.
pub(crate) struct Ahead<R> {
    from: From<R>,
    /// Bytes given so far.
    given: u64,
}

enum From<R> {
    /// This thread reads. The reader is gone only while it changes hands.
    Here(Arc<Mutex<Option<R>>>),
    /// Another thread does.
    There(There),
    /// No other thread could be had.
    Only(Arc<Mutex<Option<R>>>),
}

struct There {
    /// Ends behind an empty block or an error. It is dropped first, which ends the thread.
    blocks: Option<Receiver<io::Result<Vec<u8>>>>,
    thread: Option<JoinHandle<()>>,
    block: Vec<u8>,
    /// Bytes of the block that were given.
    at: usize,
    ended: bool,
}

impl<R: Read + Send + 'static> Ahead<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            from: From::Here(Arc::new(Mutex::new(Some(reader)))),
            given: 0,
        }
    }
}

fn read_here<R: Read>(reader: &Mutex<Option<R>>, out: &mut [u8]) -> io::Result<usize> {
    let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
    reader.as_mut().map_or(Ok(0), |reader| reader.read(out))
}

impl<R: Read + Send + 'static> Read for Ahead<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let From::Here(reader) = &self.from
            && self.given >= ALONE
        {
            self.from = match There::begin(Arc::clone(reader)) {
                Ok(there) => From::There(there),
                Err(_) => From::Only(Arc::clone(reader)),
            };
        }
        let count = match &mut self.from {
            From::Here(reader) | From::Only(reader) => read_here(reader, out)?,
            From::There(there) => there.read(out)?,
        };
        self.given += count as u64;
        Ok(count)
    }
}

impl There {
    fn begin<R: Read + Send + 'static>(reader: Arc<Mutex<Option<R>>>) -> io::Result<Self> {
        let (sender, blocks) = sync_channel(READY);
        let name = Builder::new().name("unpack".to_owned());
        let thread = name.spawn(move || {
            let reader = reader.lock().map(|mut reader| reader.take());
            if let Ok(Some(reader)) = reader {
                send_all(reader, &sender);
            }
        })?;
        Ok(Self {
            blocks: Some(blocks),
            thread: Some(thread),
            block: Vec::new(),
            at: 0,
            ended: false,
        })
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() && !self.ended {
            self.at = 0;
            self.block.clear();
            let next = self.blocks.as_ref().and_then(|blocks| blocks.recv().ok());
            // A thread that ends without an end has panicked.
            let stopped = || Err(io::Error::other("reading ahead has stopped"));
            let block = next.unwrap_or_else(stopped);
            self.ended = block.as_ref().map_or(true, Vec::is_empty);
            self.block = block?;
        }
        let rest = &self.block[self.at..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

/// Read to the end or to the first error, or until nobody listens.
fn send_all(mut reader: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let (mut block, mut filled) = (vec![0; BLOCK], 0);
        let error = loop {
            if filled == BLOCK {
                break None;
            }
            match reader.read(&mut block[filled..]) {
                Ok(0) => break None,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
        };
        block.truncate(filled);
        let ended = filled < BLOCK;
        if (filled > 0 || error.is_none()) && sender.send(Ok(block)).is_err() {
            return;
        }
        if let Some(error) = error {
            // Nobody listens: nobody needs to know.
            let _ = sender.send(Err(error));
            return;
        }
        if ended {
            if filled > 0 {
                let _ = sender.send(Ok(Vec::new()));
            }
            return;
        }
    }
}

impl Drop for There {
    fn drop(&mut self) {
        self.blocks = None;
        if let Some(thread) = self.thread.take() {
            // It has said what there is to say.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives `steps` bytes at a time, and then ends or fails.
    struct Steps {
        left: u64,
        step: usize,
        fails: bool,
        next: u8,
    }

    impl Read for Steps {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.left == 0 && self.fails {
                return Err(io::Error::other("broken here"));
            }
            let count = self.step.min(out.len()).min(self.left as usize);
            for byte in &mut out[..count] {
                *byte = self.next;
                self.next = self.next.wrapping_mul(5).wrapping_add(3);
            }
            self.left -= count as u64;
            Ok(count)
        }
    }

    /// All bytes, and what was said at the end.
    fn all(mut reader: impl Read, step: usize) -> (Vec<u8>, Option<String>) {
        let mut bytes = Vec::new();
        let mut block = vec![0; step];
        loop {
            match reader.read(&mut block) {
                Ok(0) => return (bytes, None),
                Ok(count) => bytes.extend_from_slice(&block[..count]),
                Err(error) => return (bytes, Some(error.to_string())),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_bytes_and_the_error_are_those_of_the_reader(
            length in prop_oneof![
                0..3 * ALONE,
                Just(ALONE), Just(ALONE + BLOCK as u64), Just(ALONE + BLOCK as u64 - 1),
                Just(ALONE + 9 * BLOCK as u64 + 1),
            ],
            step in prop_oneof![Just(777_usize), Just(BLOCK), Just(1 << 20)],
            fails: bool,
            wanted in prop_oneof![Just(1000_usize), Just(100_000), Just(BLOCK)],
        ) {
            let steps = || Steps { left: length, step, fails, next: 1 };
            prop_assert!(all(Ahead::new(steps()), wanted) == all(steps(), wanted));
        }
    }

    #[test]
    fn a_reader_that_is_dropped_ends_its_thread() {
        let endless = io::repeat(7);
        let mut ahead = Ahead::new(endless);
        let mut block = vec![0; BLOCK];
        while ahead.given < 3 * ALONE {
            ahead.read_exact(&mut block).unwrap();
        }
        assert!(matches!(ahead.from, From::There(_)));
        drop(ahead);
    }

    #[test]
    fn a_thread_that_panics_is_no_end() {
        struct Panics(u64);
        impl Read for Panics {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                self.0 += out.len() as u64;
                assert!(
                    self.0 < 2 * ALONE,
                    "meant to be seen in the output of the test"
                );
                Ok(out.len())
            }
        }
        let (_, error) = all(Ahead::new(Panics(0)), BLOCK);
        assert_eq!(error.as_deref(), Some("reading ahead has stopped"));
    }
}
