//! `hookmux history`: past calls as a waterfall. In: the records. Out: lines, JSON, or a page. Reads.

use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::Args;

use crate::admin::support::LOG_DIRECTORY;
use crate::admin::support::clock::Clock;
use crate::admin::support::console::{self, Console};
use crate::admin::support::files;
use crate::admin::support::root::Root;
use crate::files::paths;
use crate::printable;
use crate::record::Record;
use crate::record::read::{self, Files, Records};
use crate::record::tail::Tail;

pub(crate) mod episode;
mod html;
mod picture;
mod select;

use select::Options;

/// The interval at which the log is checked for new records.
const TURN: Duration = Duration::from_millis(100);

/// The number of groups of calls that a screen shows.
const USUAL: usize = 10;

#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(flatten)]
    options: Options,
    /// Show the last N groups of calls instead of 10
    #[arg(short, value_name = "N", conflicts_with_all = ["all", "json", "html", "follow"])]
    number: Option<usize>,
    /// Show all groups, and calls without scripts
    #[arg(long)]
    all: bool,
    /// Continue with calls as they are made, one line per script; without --since, only those
    #[arg(long, conflicts_with = "html")]
    follow: bool,
    /// Write all calls as a page for a browser into this file, which only its owner can read; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
    #[command(flatten)]
    root: Root,
}

impl History {
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        assert_kept(&root)?;
        if self.follow {
            return self.follow(&root, console);
        }
        let (clock, since) = self.options.times()?;
        let Records { records, skipped } = read::read(&root, Files::Both, |it| self.options.wants(it, since))?;
        report_skipped(skipped, console.errors)?;
        if let Some(page) = &self.html {
            // The page names the host, because pages are passed on.
            let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            let text = html::page(&episode::episodes(&records), host.trim_end(), SystemTime::now(), &clock);
            if page == Path::new("-") {
                console.output.write_all(text.as_bytes())?;
            } else {
                files::write_private(Path::new("/"), page, text.as_bytes())
                    .with_context(|| format!("cannot write {}", page.display()))?;
            }
        } else if console.json {
            records.iter().try_for_each(|record| print_json(record, console))?;
        } else {
            self.print(records, &clock, console)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Prints the picture, or a sentence if no call matches.
    fn print(&self, mut found: Vec<Record>, clock: &Clock, console: &mut Console) -> io::Result<()> {
        let all = found.len();
        found.retain(|record| self.all || !is_quiet(record));
        if found.is_empty() {
            return console.lines(&[match all {
                0 if self.options.is_everything() => "no call has been recorded yet".to_owned(),
                0 => "no recorded call matches".to_owned(),
                _ => format!("no script ran in the {all} recorded calls that match (--all shows them)"),
            }]);
        }
        let episodes = episode::episodes(&found);
        let shown = if self.all { usize::MAX } else { self.number.unwrap_or(USUAL) };
        let earlier = episodes.len().saturating_sub(shown);
        if earlier > 0 {
            let groups = printable::count(earlier, "earlier group");
            console.lines(&[console.paint.faint(&format!("{groups} not shown (-n N, --all)")), String::new()])?;
        }
        let pictures =
            episodes.iter().skip(earlier).map(|it| picture::draw(it, clock, console::width(), console.paint));
        console.output.write_all(pictures.collect::<Vec<_>>().join("\n").as_bytes())
    }

    /// Prints each call when it is recorded, before its group is complete.
    fn follow(&self, root: &Path, console: &mut Console) -> anyhow::Result<ExitCode> {
        let (clock, since) = self.options.times()?;
        let [(rotated, older), (path, mut newer)] = read::open(root)?;
        let mut lines = Vec::new();
        if since.is_some() {
            lines = Tail::new(root, &rotated, older).lines().with_context(|| read::cannot_read(&rotated))?;
        } else if let Some(file) = &mut newer {
            file.seek(SeekFrom::End(0))?;
        }
        let mut tail = Tail::new(root, &path, newer);
        loop {
            lines.extend(tail.lines().with_context(|| read::cannot_read(&path))?);
            for line in lines.drain(..) {
                match read::parse(&line) {
                    Some(record) if !self.options.wants(&record, since) => {}
                    Some(record) if console.json => print_json(&record, console)?,
                    Some(record) if !self.all && is_quiet(&record) => {}
                    Some(record) => {
                        for episode in episode::episodes(&[record]) {
                            console.lines(&picture::lines(&episode, &clock, console.paint))?;
                        }
                    }
                    None => report_skipped(1, console.errors)?,
                }
            }
            console.output.flush()?;
            std::thread::sleep(TURN);
        }
    }
}

/// Prints a record as it is kept, on one line.
fn print_json(record: &Record, console: &mut Console) -> io::Result<()> {
    let line = printable::printable_json(&String::from_utf8_lossy(&record.line()));
    // A newline is the only control character between values.
    console.output.write_all(line.as_bytes())
}

/// Reports whether a call ran nothing and nothing went wrong.
fn is_quiet(record: &Record) -> bool {
    record.all_steps().next().is_none() && !record.has_failed()
}

/// Reports how many lines are not records.
pub(crate) fn report_skipped(count: u64, errors: &mut dyn Write) -> io::Result<()> {
    let lines = match count {
        0 => return Ok(()),
        1 => "1 line that is not a call record".into(),
        _ => format!("{count} lines that are not call records"),
    };
    writeln!(errors, "hookmux: skipped {lines}")
}

/// Returns an error with what to do if calls are not recorded.
pub(crate) fn assert_kept(root: &Path) -> anyhow::Result<()> {
    let directory = paths::below(root, LOG_DIRECTORY);
    let shown = directory.display();
    let found = fs::read_dir(&directory);
    if found.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        anyhow::bail!("calls are not recorded: {shown} does not exist (install -d -m 750 {shown})");
    }
    found.map(|_| ()).with_context(|| read::cannot_read(&directory))
}
