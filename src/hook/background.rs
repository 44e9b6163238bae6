//! Starts the background scripts (`wait = false`). In: the steps, once libvirt has the answer. Does.
//!
//! A copy of this process supervises them, in a session of its own and without libvirt's pipes: it logs what they write
//! and enforces their limits. Where systemd runs the host, it leaves the daemon's cgroup first. libvirt unlocks the guest as
//! soon as the hook has ended, so these scripts may call libvirt; and they outlive a restart of the daemon.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::call::invocation::Invocation;
use crate::log::{self, message_id::Message};
use crate::plan::Step;
use crate::record::draft::Draft;
use crate::run::detach;
use crate::run::launch::Strings;
use crate::run::scope;
use crate::run::spool::Spool;
use crate::run::watch::Watch;
use crate::run::{Event, Purpose, Runner};

/// The background scripts of a call.
#[derive(Debug)]
pub(super) struct Background {
    /// The call that is over.
    pub(super) call: Invocation,
    /// Its background scripts.
    pub(super) steps: Vec<Step>,
    /// Their environment.
    pub(super) environment: Strings,
    /// Their standard input, unless a filter changed it.
    pub(super) document: Spool,
    /// The document that the guest's `started` had, which is removed at their end.
    pub(super) started: Option<PathBuf>,
    /// Time between SIGTERM and SIGKILL for a script that runs for too long.
    pub(super) kill_after: Duration,
    /// The root directory.
    pub(super) root: PathBuf,
    /// The record of the call, if calls are recorded.
    pub(super) record: Option<Draft>,
}

impl Background {
    /// Starts a supervisor, which starts all scripts at once and waits for them. They read the document as the filters
    /// left it. Returns in both processes: here at once, in the supervisor when all scripts have ended.
    pub(super) fn start(mut self, filtered: Option<Spool>) {
        self.document = filtered.unwrap_or(self.document);
        let call = self.call.clone();
        let forked = detach::fork_supervisor().map_err(io::Error::from);
        let started = forked.and_then(|is_supervisor| if is_supervisor { self.supervise() } else { Ok(()) });
        if let Err(error) = started {
            log::about(Message::NotStarted, &call, format_args!("cannot start the background scripts: {error}"));
        }
    }

    fn supervise(self) -> io::Result<()> {
        let Self { call, steps, environment, document, started, kill_after, root, record } = self;
        if let Err(error) = scope::enter() {
            let what = format_args!("the background scripts stay in libvirt's cgroup: {error}");
            log::about(Message::InDaemonsCgroup, &call, what);
        }
        let watch = Watch::new()?;
        let purpose = Purpose::Background;
        let mut runner = Runner { call: &call, environment, parallel: 1, kill_after, purpose, watch };
        runner.run(&steps, &document, &mut |event| {
            log::event(&call, &event);
            if let (Event::Ended(step, report), Some(record)) = (event, &record) {
                record.keep_background(&root, &call, step, report);
            }
        });
        started.map_or(Ok(()), fs::remove_file)
    }
}
