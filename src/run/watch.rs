//! Waits for scripts. In: those that run. Out: the next that ends. Does: drains what they write, ends those that run for
//! too long, and passes on the signals that stop the call.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use crate::run::child::{Child, StepReport};
use crate::run::signals::{self, STOP_SIGNALS};

/// The interval at which a script that is still running is reported.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(30);

/// Bytes read at a time as long as no script writes more than a few lines: a buffer of [`spool::CHUNK`](super::spool::CHUNK)
/// costs a call several microseconds.
const FIRST_CHUNK: usize = 1 << 10;

/// Waits for scripts, with one buffer and one descriptor for signals.
#[derive(Debug)]
pub(crate) struct Watch {
    signals: SignalFd,
    chunk: Vec<u8>,
    /// The signal that stopped the call, if one did.
    pub(super) stopped_by: Option<Signal>,
    /// The interval at which scripts that are still running are reported.
    interval: Duration,
    /// A child may have ended, or was given up. One signal may mean several ends, so it stays set until all children
    /// have been polled.
    may_have_ended: bool,
}

impl Watch {
    /// Makes the signals that stop a call readable.
    pub(crate) fn new(interval: Duration) -> Result<Self, Errno> {
        let signals = signals::descriptor()?;
        Ok(Self { signals, chunk: vec![0; FIRST_CHUNK], stopped_by: None, interval, may_have_ended: false })
    }

    /// Waits until one of `children` ends, and removes it. Calls `still_running` for each at every interval. `None`
    /// without children.
    pub(crate) fn next<K>(
        &mut self,
        children: &mut Vec<(K, Child)>,
        still_running: &mut dyn FnMut(&K, &Child),
    ) -> Option<(K, StepReport)> {
        let mut reported = Instant::now();
        while !children.is_empty() {
            if self.may_have_ended {
                let ended = children.iter_mut().enumerate().find_map(|(at, (_, child))| Some((at, child.poll_end()?)));
                if let Some((at, outcome)) = ended {
                    let (key, child) = children.remove(at);
                    return Some((key, child.into_report(outcome, &mut self.chunk)));
                }
                self.may_have_ended = false;
            }
            self.wait(children, reported);
            let now = Instant::now();
            for (_, child) in children.iter_mut() {
                self.may_have_ended |= child.enforce_limit(now);
            }
            if now.duration_since(reported) >= self.interval {
                reported = now;
                for (key, child) in children.iter() {
                    still_running(key, child);
                }
            }
        }
        None
    }

    /// Sleeps until there is something to read, a child's end, a signal or a deadline.
    fn wait<K>(&mut self, children: &mut [(K, Child)], reported: Instant) {
        let mut polled = Vec::with_capacity(children.len().saturating_mul(2).saturating_add(1));
        polled.push(PollFd::new(self.signals.as_fd(), PollFlags::POLLIN));
        let pipes = children.iter().flat_map(|(_, child)| [child.output.pipe(), child.errors.pipe()]);
        polled.extend(pipes.flatten().map(|pipe| PollFd::new(pipe, PollFlags::POLLIN)));
        let deadlines = children.iter().filter_map(|(_, child)| child.deadline);
        let next = deadlines.chain(reported.checked_add(self.interval)).min();
        let left = next.map_or(self.interval, |next| next.saturating_duration_since(Instant::now()));
        // Rounded up: a millisecond too early would be a round without work.
        let timeout = PollTimeout::try_from(left.saturating_add(Duration::from_millis(1))).unwrap_or(PollTimeout::MAX);
        // After EINTR and the like the caller checks everything again anyway.
        let _ = poll(&mut polled, timeout);
        let ready: Vec<bool> = polled.iter().map(|polled| polled.any().unwrap_or_default()).collect();
        let mut ready = ready.into_iter();
        if ready.next() == Some(true) {
            self.take_signals(children);
        }
        let streams = children.iter_mut().flat_map(|(_, child)| [&mut child.output, &mut child.errors]);
        for (stream, ready) in streams.filter(|stream| stream.pipe().is_some()).zip(ready) {
            if ready {
                stream.drain(&mut self.chunk);
            }
        }
    }

    fn take_signals<K>(&mut self, children: &[(K, Child)]) {
        while let Ok(Some(signal)) = self.signals.read_signal() {
            let number = i32::try_from(signal.ssi_signo).unwrap_or_default();
            if let Some(signal) = STOP_SIGNALS.into_iter().find(|signal| *signal as i32 == number) {
                self.stopped_by = Some(signal);
                for (_, child) in children {
                    child.terminate(signal);
                }
            } else {
                // The kernel returns the lowest number first, so no signal that stops the call follows SIGCHLD.
                self.may_have_ended = true;
                break;
            }
        }
    }
}
