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

use std::ffi::{OsStr, OsString};
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
use crate::plan::admission::Skip;
use crate::printable::{printable, quoted};
use crate::verdict::messages;

#[derive(Debug, Args)]
pub(crate) struct Adopt {
    /// The driver of the scripts
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
        let moves = self.scripts.iter().map(|script| judge(&root, &libvirts, &ours, script));
        let moves = moves.collect::<anyhow::Result<Vec<_>>>()?;
        carry_out(&root, &self.driver, &moves)?;
        let shown: Vec<_> = moves.iter().map(|(from, to)| (printable(from), printable(to))).collect();
        let json: Vec<_> = shown.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
        console.print("adopt", json!({ "driver": driver, "moved": json }), |_| {
            shown.iter().map(|(from, to)| format!("{from} is now {to}")).collect()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Checks that a script will run in hookmux's directory as it runs in libvirt's; returns where it is and where it goes.
fn judge(root: &Path, libvirts: &Path, ours: &Path, script: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let name = script.file_name().unwrap_or_default();
    let (from, to) = (libvirts.join(name), ours.join(name));
    if script != Path::new(name) && std::path::absolute(script)? != from {
        bail!("{} is not directly in {}", script.display(), libvirts.display());
    }
    let file = resolve::open(root, &from, OFlags::PATH).and_then(|file| file.metadata()).with_context(|| {
        let files = root::entries(libvirts).filter(|file| file.is_file());
        let mut names: Vec<String> = files.filter_map(|file| file.file_name().map(printable)).collect();
        names.sort();
        let there = if names.is_empty() { "nothing".to_owned() } else { names.join(" ") };
        format!("cannot find {}; there is {there}", from.display())
    })?;
    if !file.is_file() {
        bail!("{} is not a file: hookmux already runs what is in such a directory", from.display());
    }
    if let Some(ignored) = ignored::ignored(name) {
        bail!("hookmux would not run {}: {}; rename it first", from.display(), messages::skip(&Skip::Name(ignored)));
    }
    if file.len() == 0 {
        bail!("{} is empty: in hookmux's directory it would mask its name. Try: rm it", from.display());
    }
    if let Some(distrust) = crate::admin::install::distrusted(root, &from)? {
        let fix = distrust.fix().map(|fix| format!(". Try: {fix}")).unwrap_or_default();
        bail!("hookmux would not run it: {distrust}{fix}");
    }
    if let Some(why) = depends::on_place(root, &from)? {
        bail!("{} was not moved, and libvirt still runs it: {why}", from.display());
    }
    Ok((from, to))
}

fn carry_out(root: &Path, driver: &OsStr, moves: &[(PathBuf, PathBuf)]) -> anyhow::Result<()> {
    let [libvirts, ours] = root::directories(root, driver);
    files::directory(root, &ours, 0o755).with_context(|| format!("cannot make {}", ours.display()))?;
    for (from, to) in moves {
        let (shown, there) = (from.display(), to.display());
        match files::same_at(root, from, to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let (quoted, away) = (quoted(from), quoted(&paths::with_ending(from, "-libvirts")));
                bail!("there is another {there} already, which {shown} hides. Try: mv -n {quoted} {away}");
            }
            put => put.with_context(|| format!("cannot put {shown} to {there}"))?,
        }
    }
    let _turn = match lock::exclusive(&libvirts, &lock::file(root, driver)) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => bail!(
            "a hook did not end within 5 s, so nothing was moved: libvirt still runs all of the scripts. Try again \
             once it has ended: pgrep -a hookmux"
        ),
        locked => locked.with_context(|| format!("cannot wait for calls: {}", libvirts.display()))?,
    };
    for (from, _) in moves {
        files::remove(root, from).with_context(|| format!("cannot remove {}", from.display()))?;
    }
    Ok(())
}
