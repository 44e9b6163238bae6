//! Starts the background scripts (`wait = false`). In: the steps, once libvirt has the answer. Does.
//!
//! A copy of this process supervises them, in a session of its own and without libvirt's pipes: it logs what they write
//! and enforces their limits. Where systemd runs the host, it leaves the daemon's cgroup first. libvirt unlocks the guest as
//! soon as the hook has ended, so these scripts may call libvirt; and they outlive a restart of the daemon.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::hook::steps::Hook;
use crate::log::{self, message_id::Message};
use crate::plan::Step;
use crate::record::draft::Draft;
use crate::run::detach;
use crate::run::scope;
use crate::run::spool::Spool;
use crate::run::{Event, Purpose};

/// The background scripts of a call that is over.
#[derive(Debug)]
pub(super) struct Background<'a> {
    pub(super) hook: Hook<'a>,
    pub(super) steps: Vec<Step>,
    /// Their standard input, unless a filter changed it.
    pub(super) document: Spool,
    /// The document that the guest's `started` had, which is removed at their end.
    pub(super) started: Option<PathBuf>,
}

impl Background<'_> {
    /// Starts a supervisor, which starts all scripts at once and waits for them. They read the document as the filters
    /// left it. Each gets a record of its own if the call has one.
    pub(super) fn start(self, filtered: Option<Spool>, record: Option<&Draft>) {
        let call = self.hook.call;
        let log_error = |error| {
            log::about(Message::NotStarted, call, format_args!("cannot start the background scripts: {error}"));
        };
        let forked = detach::fork_detached(|detached| {
            detached.and_then(|()| self.supervise(filtered, record)).unwrap_or_else(log_error);
        });
        forked.unwrap_or_else(log_error);
    }

    fn supervise(self, filtered: Option<Spool>, record: Option<&Draft>) -> io::Result<()> {
        let Self { hook, steps, document, started } = self;
        if let Err(error) = scope::enter() {
            let what = format_args!("the background scripts stay in the daemon's cgroup: {error}");
            log::about(Message::InDaemonsCgroup, hook.call, what);
        }
        let mut runner = hook.runner(Purpose::Background, started.as_deref())?;
        runner.run(&steps, &filtered.unwrap_or(document), &mut |call, event| {
            log::event(call, event);
            if let (Event::Ended(step, report), Some(record)) = (event, record) {
                record.keep_background(hook.root, call, step, report);
            }
        });
        started.map_or(Ok(()), fs::remove_file)
    }
}
