//! `hookmux stats`: what monitoring needs: counts of calls and scripts, and the state of the host. In: the records, the
//! system. Out: a table, JSON, or metrics for Prometheus. Reads.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::admin::history;
use crate::admin::support::console::Console;
use crate::admin::support::files;
use crate::admin::support::root::Root;
use crate::record::read::{self, Files, Records};

mod counts;
mod prometheus;
mod state;

use counts::Counts;
use state::HostState;

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Print metrics for the textfile collector of Prometheus' node exporter
    #[arg(long, conflicts_with = "json")]
    prometheus: bool,
    /// Write the metrics into this file, which is replaced at once, instead of to standard output
    #[arg(short, long, value_name = "FILE", requires = "prometheus")]
    output: Option<PathBuf>,
    #[command(flatten)]
    root: Root,
}

impl Stats {
    /// Prints the counts of the calls since the records were rotated.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        // The metrics contain the finding that nothing is recorded.
        if !self.prometheus {
            history::assert_kept(&root)?;
        }
        // Not what was rotated away: a counter that falls to anything but 0 would count as new calls.
        let Records { records, skipped } = read::read(&root, Files::Newest, |_| true)?;
        history::report_skipped(skipped, console.errors)?;
        let counts = Counts::new(&records);
        if self.prometheus {
            let text = prometheus::text(&counts, &HostState::read(&root, &records)?);
            match &self.output {
                // The collector runs as another user.
                Some(path) => files::write_public(Path::new("/"), path, text.as_bytes())
                    .with_context(|| format!("cannot write {}", path.display()))?,
                None => console.output.write_all(text.as_bytes())?,
            }
        } else {
            console.print("stats", counts.json(), |_| counts.lines())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
