//! `hookmux history`: past calls, as a waterfall. In: the records. Out: lines, JSON, or a page. Reads.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::admin::support::console::Console;
use crate::admin::support::files;
use crate::admin::support::root::Root;
use crate::printable;
use crate::record::read::Files;
use crate::record::{Record, file, read};

mod episode;
mod html;
mod picture;
mod select;
mod tail;

pub(crate) use picture::moment;
pub(crate) use select::Selection;
use tail::Tail;

/// How often the log is looked at for more.
const TURN: Duration = Duration::from_millis(100);

/// Arguments of `hookmux history`.
#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(flatten)]
    selection: Selection,
    /// Go on with calls as they are made; without --since, with those alone
    #[arg(long, conflicts_with = "html")]
    follow: bool,
    /// Write the calls as a page for a browser into this file, which only its owner can read; - is standard output
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    root: Root,
}

impl History {
    /// Prints the calls that are asked for. A reader who has seen enough, such as head(1), is no error.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let shown = self.show(console);
        let seen_enough = |error: &anyhow::Error| {
            error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        };
        match shown {
            Err(error) if !seen_enough(&error) => Err(error),
            _ => Ok(ExitCode::SUCCESS),
        }
    }

    fn show(&self, console: &mut Console) -> anyhow::Result<()> {
        let root = self.root.path()?;
        let path = file::calls(&root);
        assert_kept(&path)?;
        if self.follow {
            return self.follow(&path, console);
        }
        let found = self::found(&root, Files::Both, &self.selection, console.errors)?;
        if let Some(page) = &self.html {
            let text = html::page(&episode::episodes(&found));
            if page == Path::new("-") {
                console.output.write_all(text.as_bytes())?;
            } else {
                files::write_private(page, text.as_bytes())
                    .with_context(|| format!("cannot write {}", page.display()))?;
            }
        } else {
            print(&found, console)?;
        }
        Ok(())
    }

    /// Each call when it comes: what will follow it is not known yet.
    fn follow(&self, path: &Path, console: &mut Console) -> anyhow::Result<()> {
        let mut tail = if self.selection.has_since() { Tail::from_start(path) } else { Tail::from_end(path)? };
        let mut lines = if self.selection.has_since() { rotated(path, &tail) } else { Vec::new() };
        loop {
            lines.extend(tail.lines().with_context(|| format!("cannot read {}", path.display()))?);
            for line in lines.drain(..) {
                match read::parse(&line) {
                    Some(record) if self.selection.wants(&record) => print(&[record], console)?,
                    Some(_) => {}
                    None => tell_skipped(1, console.errors)?,
                }
            }
            console.output.flush()?;
            std::thread::sleep(TURN);
        }
    }
}

/// The records as they are kept, a line each, or the picture.
fn print(records: &[Record], console: &mut Console) -> io::Result<()> {
    let Console { output, paint, json, .. } = console;
    if *json {
        let line = |record: &Record| printable::printable_json(&String::from_utf8_lossy(&record.line()));
        return records.iter().try_for_each(|record| output.write_all(line(record).as_bytes()));
    }
    for (at, episode) in episode::episodes(records).iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        output.write_all(format!("{gap}{}", picture::draw(episode, *paint)).as_bytes())?;
    }
    Ok(())
}

/// The records that are asked for. Says how many lines are none.
pub(crate) fn found(
    root: &Path,
    files: Files,
    selection: &Selection,
    errors: &mut dyn Write,
) -> anyhow::Result<Vec<Record>> {
    let found = read::read(root, files, |record| selection.wants(record))
        .map_err(|(path, error)| anyhow::Error::new(error).context(format!("cannot read {}", path.display())))?;
    if found.skipped > 0 {
        tell_skipped(found.skipped, errors)?;
    }
    Ok(found.records)
}

fn tell_skipped(count: u64, errors: &mut dyn Write) -> io::Result<()> {
    let lines = if count == 1 {
        "1 line is no record and was".into()
    } else {
        format!("{count} lines are no records and were")
    };
    writeln!(errors, "hookmux: {lines} skipped")
}

/// Says what to do where nothing is kept at all.
pub(crate) fn assert_kept(path: &Path) -> anyhow::Result<()> {
    let directory = path.parent().unwrap_or(path);
    let shown = directory.display();
    match fs::read_dir(directory) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            anyhow::bail!("no calls are kept: {shown} is missing (install -d -m 750 {shown})")
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {shown}")),
    }
}

/// What was rotated away last, unless it is still the file that is read.
fn rotated(path: &Path, tail: &Tail) -> Vec<Vec<u8>> {
    let mut name = path.to_owned().into_os_string();
    name.push(".1");
    let mut older = Tail::from_start(Path::new(&name));
    if older.inode() == tail.inode() { Vec::new() } else { older.lines().unwrap_or_default() }
}
