//! `hookmux adopt`: moves scripts from libvirt's directory into hookmux's, while guests start and stop. In: names. Out:
//! moved scripts. Does.
//!
//! At each moment, each call runs the script exactly once:
//!
//! 1. The script gets a second name, in hookmux's directory. A name in libvirt's directory hides the same name there, so
//!    every call that begins now still leaves the script to libvirt.
//! 2. The first name is removed. A call that began before has left the script to libvirt, which looks into its directory
//!    after the hook and would find nothing. The name is therefore removed under an exclusive [`lock`]: running calls are
//!    waited for, and new ones wait for a quarter of a second.
//! 3. Every call that begins now finds one name, in hookmux's directory.
//!
//! If `adopt` is interrupted, the script has two names, of which the first one counts, and `adopt` can be repeated. Across
//! file systems the second name is a copy, which is complete before it gets that name.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use rustix::fs::OFlags;
use serde_json::json;

use crate::admin::install::existing;
use crate::admin::support::console::Console;
use crate::admin::support::depends;
use crate::admin::support::files;
use crate::admin::support::known::DriverName;
use crate::admin::support::root::{self, Root};
use crate::files::ignored;
use crate::files::lock;
use crate::files::paths;
use crate::files::resolve;
use crate::printable::{self, printable};
use crate::verdict::messages;

/// Arguments of `hookmux adopt`.
#[derive(Debug, Args)]
pub(crate) struct Adopt {
    /// Whose scripts; one that is not listed here is an unknown driver's
    #[arg(value_parser = DriverName)]
    driver: OsString,
    /// Names in libvirt's directory of that driver, or paths to them
    #[arg(required = true)]
    scripts: Vec<PathBuf>,
    #[command(flatten)]
    root: Root,
}

impl Adopt {
    /// Moves all scripts, or none.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let hook = root::hook(&root, &self.driver);
        let driver = printable(&self.driver);
        if !existing::look(&root, &hook).is_ok_and(|existing| existing.is_ours()) {
            let install = root::command(&root, "install");
            let hook = hook.display();
            bail!("{hook} is not hookmux, so the scripts would not run in its directory. Try: {install} {driver}");
        }
        let [libvirts, ours] = root::directories(&root, &self.driver);
        let scripts = self.scripts.iter().map(|script| judge(&root, &libvirts, &ours, script));
        let scripts = scripts.collect::<anyhow::Result<Vec<_>>>()?;
        carry_out(&root, &libvirts, &ours, &lock::file(&root, &self.driver), &scripts)?;
        let moved: Vec<_> = scripts.iter().map(|Move { from, to }| (printable(from), printable(to))).collect();
        let json: Vec<_> = moved.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
        console.print("adopt", json!({ "driver": driver, "moved": json }), |_| {
            moved.iter().map(|(from, to)| format!("{from} is now {to}")).collect()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A script, and where it goes.
struct Move {
    from: PathBuf,
    to: PathBuf,
}

/// Checks that a script will run in hookmux's directory as it runs in libvirt's, and returns where it goes.
fn judge(root: &Path, libvirts: &Path, ours: &Path, script: &Path) -> anyhow::Result<Move> {
    let name = script.file_name().unwrap_or_default();
    let (from, to) = (libvirts.join(name), ours.join(name));
    if script != Path::new(name) && std::path::absolute(script)? != from {
        bail!("{} does not lie directly in {}", script.display(), libvirts.display());
    }
    let file = resolve::open(root, &from, OFlags::PATH).and_then(|file| file.metadata()).with_context(|| {
        let others = names(libvirts).join(" ");
        let there = if others.is_empty() { "nothing".to_owned() } else { others };
        format!("cannot find {}; there is {there}", from.display())
    })?;
    if !file.is_file() {
        bail!("{} is not a file: hookmux already runs what is in such a directory", from.display());
    }
    if let Some(ignored) = ignored::ignored(name) {
        bail!("hookmux would not run {}: {}; rename it first", from.display(), messages::ignored(ignored));
    }
    if file.len() == 0 {
        bail!("{} is empty: in hookmux's directory it would mask its name. Try: rm it", from.display());
    }
    if let Some(distrust) = crate::admin::install::distrusted(root, &from)? {
        let fix = distrust.fix().map(|fix| format!(". Try: {fix}")).unwrap_or_default();
        bail!("hookmux would not run it: {distrust}{fix}");
    }
    if let Some(why) = depends::on_place(root, &from)? {
        bail!("{} stays where libvirt runs it: {why}", from.display());
    }
    Ok(Move { from, to })
}

fn carry_out(root: &Path, libvirts: &Path, ours: &Path, lock: &Path, moves: &[Move]) -> anyhow::Result<()> {
    files::directory(root, ours, 0o755).with_context(|| format!("cannot make {}", ours.display()))?;
    for Move { from, to } in moves {
        match files::same_at(root, from, to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let away = printable::quoted(&paths::with_ending(from, "-libvirts"));
                bail!(
                    "there is another {} already, which {} hides. Try: mv -n {} {away}",
                    to.display(),
                    from.display(),
                    printable::quoted(from)
                );
            }
            put => put.with_context(|| format!("cannot put {} to {}", from.display(), to.display()))?,
        }
    }
    let _turn = lock::exclusive(libvirts, lock).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => anyhow::anyhow!(
            "a hook has been running for seconds, so nothing was moved: libvirt still runs all of the scripts. Try again \
             once it has ended: pgrep -a hookmux"
        ),
        _ => anyhow::Error::new(error).context(format!("cannot wait for calls: {}", libvirts.display())),
    })?;
    for Move { from, .. } in moves {
        files::remove(root, from).with_context(|| format!("cannot remove {}", from.display()))?;
    }
    Ok(())
}

/// Returns the names of the files in a directory, for a message.
fn names(directory: &Path) -> Vec<String> {
    let files = root::entries(directory).filter(|file| file.is_file());
    let mut names: Vec<String> = files.filter_map(|file| file.file_name().map(printable)).collect();
    names.sort();
    names
}
