//! A client that writes without end. In: how it writes one number. Out: the last number that is written. Does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::server;

/// A client in a thread of its own.
pub(crate) struct Writer {
    written: Arc<AtomicU64>,
    enough: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Writes 1, 2, 3 and so on, each when the one before is written.
    pub(crate) fn start(write: impl Fn(u64) + Send + 'static) -> Self {
        let (written, enough) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, end) = (Arc::clone(&written), Arc::clone(&enough));
        let thread = thread::spawn(move || {
            for number in 1.. {
                if end.load(Ordering::SeqCst) {
                    break;
                }
                write(number);
                counter.store(number, Ordering::SeqCst);
            }
        });
        let writer = Self { written, enough, thread: Some(thread) };
        writer.makes_progress();
        writer
    }

    /// Returns the last number that is written.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::SeqCst)
    }

    /// Waits until more has been written.
    pub(crate) fn makes_progress(&self) {
        let before = self.written();
        server::wait_until("the writer to write", || self.written() >= before + 3);
    }

    /// Reports whether nothing is written for a second, a hundred times as long as one number takes.
    pub(crate) fn is_blocked(&self) -> bool {
        let before = self.written();
        thread::sleep(Duration::from_secs(1));
        self.written() == before
    }

    /// Stops it, and returns the last number; fails if a number could not be written.
    pub(crate) fn end(mut self) -> u64 {
        self.enough.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().expect("every number was written");
        self.written()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.enough.store(true, Ordering::SeqCst);
    }
}
