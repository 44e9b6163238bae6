//! Scripts that the answer does not wait for (`wait = false`). In: the steps, once the answer is with libvirt. Out:
//! nothing that libvirt hears. Does.
//!
//! A copy of this process stays behind as their keeper, in a session of its own and away from libvirt's pipes: it hands
//! what they write to the log and holds them to their limits. libvirt lets go of the guest as soon as the hook has
//! ended, so these scripts may call libvirt; and they outlive the daemon's restart.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::call::invocation::Invocation;
use crate::log;
use crate::plan::Step;
use crate::record::draft::Draft;
use crate::run::process::{self, Fork, Strings};
use crate::run::spool::Spool;
use crate::run::watch::Watch;
use crate::run::{Event, Runner};

/// What is to be started.
#[derive(Debug)]
pub struct Background {
    /// The call that is over.
    pub call: Invocation,
    /// Its scripts that nobody waits for.
    pub steps: Vec<Step>,
    /// What they find in their environment.
    pub environment: Strings,
    /// What they read, where no filter has made another of it.
    pub document: Spool,
    /// Time between asking a script to end and ending it.
    pub kill_after: Duration,
    /// Where everything lies.
    pub root: PathBuf,
    /// What is kept of the call, where records are.
    pub record: Option<Draft>,
}

impl Background {
    /// Leaves a keeper behind, which starts the scripts, all at once, and waits for them. They read the document as the
    /// filters left it. Returns in both processes: here at once, in the keeper when all have ended.
    pub fn start(mut self, filtered: Option<Spool>) {
        self.document = filtered.unwrap_or(self.document);
        let call = self.call.clone();
        let kept = process::fork_supervisor().map_err(io::Error::from).and_then(|keeper| match keeper {
            Fork::Child => self.keep(),
            Fork::Parent => Ok(()),
        });
        if let Err(error) = kept {
            log::background_not_started(&call, &error);
        }
    }

    fn keep(self) -> io::Result<()> {
        let Self { call, steps, environment, document, kill_after, root, record } = self;
        let watch = Watch::new()?;
        let mut runner = Runner { call: &call, environment, parallel: 1, kill_after, detached: true, watch };
        runner.walk(&steps, &document, &mut |event| {
            log::event(&call, &event);
            if let (Event::Ended(step, ended), Some(record)) = (event, &record) {
                record.keep_background(&root, step, ended);
            }
        });
        Ok(())
    }
}
