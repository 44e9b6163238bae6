//! Waiting for scripts. In: those that run. Out: the next that ends. Does: drains what they write, ends those that take
//! too long, and hands on the signals that tell us to stop.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use crate::run::child::{Child, Ended};
use crate::run::process::{self, STOP_SIGNALS};
use crate::run::spool::CHUNK;
use crate::run::stream::Stream;

/// How often somebody is told that a script still runs and libvirt waits for it.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(30);

/// Bytes read at a time as long as nobody writes more than a few words: a buffer of [`CHUNK`] costs a call several
/// microseconds.
const FIRST_CHUNK: usize = 1 << 10;

/// What it takes to wait.
#[derive(Debug)]
pub struct Watch {
    signals: SignalFd,
    chunk: Vec<u8>,
    stopped_by: Option<Signal>,
    notice: Duration,
    /// Some child has ended, or was given up, since this was last found to be false of all. One signal may stand for
    /// several ends.
    some_ended: bool,
}

impl Watch {
    /// Takes the signals over. Once in a process.
    ///
    /// # Errors
    /// No descriptor left.
    pub fn new() -> Result<Self, Errno> {
        Ok(Self {
            signals: process::signals()?,
            chunk: vec![0; FIRST_CHUNK],
            stopped_by: None,
            notice: REPORT_INTERVAL,
            some_ended: false,
        })
    }

    /// Tells of what still runs that often.
    #[must_use]
    pub fn noticing_every(self, notice: Duration) -> Self {
        Self { notice, ..self }
    }

    /// The signal that told us to stop, if one did.
    #[must_use]
    pub fn stopped_by(&self) -> Option<Signal> {
        self.stopped_by
    }

    /// Waits until one of `children` ends, and takes it out. `notice` is called for each that has run another
    /// time that long. `None` if there are no children.
    pub fn next<K>(
        &mut self,
        children: &mut Vec<(K, Child)>,
        notice: &mut dyn FnMut(&K, &Child),
    ) -> Option<(K, Ended)> {
        let mut told = Instant::now();
        loop {
            if children.is_empty() {
                return None;
            }
            if self.some_ended {
                let ended = children.iter_mut().enumerate().find_map(|(at, (_, child))| Some((at, child.poll_end()?)));
                if let Some((at, outcome)) = ended {
                    let (key, mut child) = children.remove(at);
                    self.drain_rest(&mut child);
                    return Some((key, child.into_ended(outcome)));
                }
                self.some_ended = false;
            }
            self.wait(children, told);
            let now = Instant::now();
            for (_, child) in children.iter_mut() {
                self.some_ended |= child.enforce_limit(now);
            }
            if now.duration_since(told) >= self.notice {
                told = now;
                for (key, child) in children.iter() {
                    notice(key, child);
                }
            }
        }
    }

    /// Sleeps until there is something to read, a child's end, a signal or a deadline.
    fn wait<K>(&mut self, children: &mut [(K, Child)], told: Instant) {
        let mut polled = Vec::with_capacity(children.len().saturating_mul(2).saturating_add(1));
        polled.push(PollFd::new(self.signals.as_fd(), PollFlags::POLLIN));
        let pipes = children.iter().flat_map(|(_, child)| [child.output.pipe(), child.errors.pipe()]);
        polled.extend(pipes.flatten().map(|pipe| PollFd::new(pipe, PollFlags::POLLIN)));
        // EINTR and the like: the caller looks at everything again anyway.
        let _ = poll(&mut polled, timeout(children, told, self.notice));
        let ready: Vec<bool> = polled.iter().map(is_ready).collect();
        let mut ready = ready.into_iter();
        if ready.next() == Some(true) {
            self.take_signals(children);
        }
        let streams = children.iter_mut().flat_map(|(_, child)| [&mut child.output, &mut child.errors]);
        for (stream, ready) in streams.filter(|stream| stream.pipe().is_some()).zip(ready) {
            if ready {
                drain(stream, &mut self.chunk);
            }
        }
    }

    fn take_signals<K>(&mut self, children: &[(K, Child)]) {
        while let Ok(Some(signal)) = self.signals.read_signal() {
            let number = i32::try_from(signal.ssi_signo).unwrap_or_default();
            if let Some(signal) = STOP_SIGNALS.into_iter().find(|signal| *signal as i32 == number) {
                self.stopped_by = Some(signal);
                for (_, child) in children {
                    child.ask_to_end(signal);
                }
            } else {
                // The kernel hands out the lowest number first, so no signal that tells us to stop is left behind this.
                self.some_ended = true;
                break;
            }
        }
    }

    /// Takes what a script that has ended left in its pipes: no more than fits into them, since somebody in the
    /// background may go on writing.
    fn drain_rest(&mut self, child: &mut Child) {
        for stream in [&mut child.output, &mut child.errors] {
            let mut left: Option<usize> = None;
            while left != Some(0) {
                let read = drain(stream, &mut self.chunk);
                if read == 0 {
                    break;
                }
                left = Some(left.unwrap_or_else(|| stream.capacity()).saturating_sub(read));
            }
        }
    }
}

/// Reads once what is there.
fn drain(stream: &mut Stream, chunk: &mut Vec<u8>) -> usize {
    let read = stream.drain(chunk);
    if read == chunk.len() {
        chunk.resize(CHUNK, 0);
    }
    read
}

fn timeout<K>(children: &[(K, Child)], told: Instant, notice: Duration) -> PollTimeout {
    let deadlines = children.iter().filter_map(|(_, child)| child.deadline());
    let next = deadlines.chain(told.checked_add(notice)).min();
    let left = next.map_or(notice, |next| next.saturating_duration_since(Instant::now()));
    // Rounded up: a millisecond early would be a round for nothing.
    PollTimeout::try_from(left.saturating_add(Duration::from_millis(1))).unwrap_or(PollTimeout::MAX)
}

fn is_ready(polled: &PollFd) -> bool {
    polled.any().unwrap_or_default()
}
