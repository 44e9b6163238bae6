//! `hookmux install` and `uninstall`: the hooks that libvirt calls. In: drivers. Out: hooks put or taken away, and what
//! became of those that were there. Does.
//!
//! At no moment is there no hook where there was one: the hook that is there gets a second name in our directory, where
//! nobody runs it yet; then one rename puts ours over its first name. Taking ours away is the same backwards.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::FOUND;
use super::console::{Console, Paint};
use super::files::{self, Form};
use super::root::{self, Root};
use crate::contract::DRIVERS;
use crate::paths;
use crate::words;

mod keep;
mod reload;
mod target;

pub(super) mod occupant;

pub(super) use keep::distrusted;
use occupant::Occupant;
pub(super) use target::changeable;

/// The hooks of a Linux host, for whoever names none.
const USUAL: &[&str] = &["qemu", "lxc", "libxl", "network"];

/// Which drivers, by words of their own or behind an option; both mean the same.
#[derive(Debug, Args)]
struct Drivers {
    /// Of these (qemu, lxc, libxl, bhyve, network, daemon, fsfreeze-hook); if none is named, install takes qemu, lxc, libxl
    /// and network, and uninstall all that are hookmux
    #[arg(value_name = "DRIVERS")]
    words: Vec<OsString>,
    /// The same as a list, for scripts: qemu,network
    #[arg(long = "drivers", value_name = "LIST", value_delimiter = ',')]
    list: Vec<OsString>,
}

impl Drivers {
    fn named(&self) -> Vec<OsString> {
        self.words.iter().chain(&self.list).cloned().collect()
    }
}

/// Arguments of `hookmux install`.
#[derive(Debug, Args)]
pub(super) struct Install {
    #[command(flatten)]
    drivers: Drivers,
    /// Put copies of this program there instead of links to it
    #[arg(long)]
    copy: bool,
    /// Have running libvirt daemons look for their hooks now
    #[arg(long)]
    reload: bool,
    #[command(flatten)]
    root: Root,
}

/// Arguments of `hookmux uninstall`.
#[derive(Debug, Args)]
pub(super) struct Uninstall {
    #[command(flatten)]
    drivers: Drivers,
    #[command(flatten)]
    root: Root,
}

/// What became of one hook.
#[derive(Debug, Serialize)]
struct Done {
    driver: String,
    hook: String,
    state: State,
    /// Where the hook that was there has been put, or came back from.
    original: Option<String>,
    /// More to know, in sentences.
    notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Installed,
    InstalledAlready,
    Removed,
    NotInstalled,
    Refused,
}

impl Install {
    /// Installs each hook. Exit code 1 if one had to be refused.
    pub(super) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let form = target::form(&root, self.copy)?;
        let named = self.drivers.named();
        let drivers = if named.is_empty() { USUAL.iter().map(OsString::from).collect() } else { named };
        let all = each(&drivers, |driver| install(&root, &form, driver))?;
        let changed = all.iter().any(|done| done.state == State::Installed);
        let daemons = reload::daemons(&root, &drivers, self.reload, changed)?;
        finish(console, "install", &root, &all, &daemons)
    }
}

impl Uninstall {
    /// Takes each hook away. Exit code 1 if one is not ours.
    pub(super) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let ours = |driver: &&str| {
            let hook = root::base(&root, OsStr::new(driver)).join(driver);
            occupant::look(&root, &hook).is_ok_and(|occupant| occupant.is_ours())
        };
        let named = self.drivers.named();
        let drivers = if named.is_empty() {
            DRIVERS.iter().map(|driver| driver.name).filter(ours).map(OsString::from).collect()
        } else {
            named
        };
        // A daemon that does not find a hook any more does not call it: there is nothing to reload.
        finish(console, "uninstall", &root, &each(&drivers, |driver| uninstall(&root, driver))?, &[])
    }
}

/// Does one after the other.
fn each(drivers: &[OsString], one: impl Fn(&OsStr) -> anyhow::Result<Done>) -> anyhow::Result<Vec<Done>> {
    // The names of directories and files: nothing that leads somewhere else.
    if let Some(odd) = drivers.iter().find(|driver| Path::new(driver).file_name() != Some(driver)) {
        bail!("'{}' is no hook's name: see `hookmux contract`", words::printable(odd));
    }
    drivers.iter().map(|driver| one(driver)).collect()
}

/// Says what became of all of them.
fn finish(
    console: &mut Console,
    command: &str,
    root: &Path,
    all: &[Done],
    daemons: &[reload::Told],
) -> anyhow::Result<ExitCode> {
    if console.json {
        console.json(command, serde_json::json!({ "hooks": all, "daemons": daemons }))?;
    } else {
        let mut lines: Vec<String> = all.iter().flat_map(|done| done.lines(console.paint)).collect();
        if all.is_empty() {
            lines.push("no hook is hookmux: nothing to do".into());
        }
        let drivers: Vec<&str> = all.iter().map(|done| done.driver.as_str()).collect();
        lines.extend(daemons.iter().map(|daemon| daemon.line(root, &drivers, console.paint)));
        console.lines(&lines)?;
    }
    Ok(if all.iter().any(|done| done.state == State::Refused) { ExitCode::from(FOUND) } else { ExitCode::SUCCESS })
}

/// Puts the hook of one driver.
fn install(root: &Path, form: &Form, driver: &OsStr) -> anyhow::Result<Done> {
    let (base, hook) = hook(root, driver);
    let in_words = |what: &str| format!("{what} {}", hook.display());
    files::directory(&base, 0o755).with_context(|| format!("cannot make {}", base.display()))?;
    let records = paths::below(root, super::LOG_DIRECTORY);
    for (directory, mode) in [(root::directories(root, driver)[1].clone(), 0o755), (records, 0o750)] {
        files::directory(&directory, mode).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let found = occupant::look(root, &hook).with_context(|| in_words("cannot look at"))?;
    let mut done = Done::new(driver, &hook, State::Installed);
    done.notes = target::warnings(root, form);
    match (&found, form) {
        (Occupant::OurLink(says), Form::Link(ours)) if says == ours => done.state = State::InstalledAlready,
        (Occupant::OurCopy { same: true }, Form::Copy(_)) => done.state = State::InstalledAlready,
        (Occupant::Odd, _) => return Ok(done.refused(format!("{} is no file", hook.display()), None)),
        (Occupant::Another, _) => match keep::keep(root, driver, &hook)? {
            Ok(kept) => done.original = Some(words::printable(kept)),
            Err((why, mend)) => return Ok(done.refused(why, mend)),
        },
        _ => {}
    }
    if done.state == State::Installed {
        files::put(form, &hook, found != Occupant::Nothing).with_context(|| in_words("cannot put"))?;
    }
    Ok(done)
}

/// Takes the hook of one driver away.
fn uninstall(root: &Path, driver: &OsStr) -> anyhow::Result<Done> {
    let (_, hook) = hook(root, driver);
    let found = occupant::look(root, &hook).with_context(|| format!("cannot look at {}", hook.display()))?;
    let mut done = Done::new(driver, &hook, State::Removed);
    match found {
        Occupant::Nothing => done.state = State::NotInstalled,
        Occupant::Another | Occupant::Odd => {
            return Ok(done.refused(format!("{} is not hookmux", hook.display()), None));
        }
        Occupant::OurLink(_) | Occupant::OurBrokenLink(_) | Occupant::OurCopy { .. } => {
            let original = keep::restore(root, driver, &hook)?;
            if original.is_none() {
                files::remove(&hook).with_context(|| format!("cannot remove {}", hook.display()))?;
            }
            done.original = original.map(words::printable);
            done.notes.extend(keep::left_without(root, driver));
        }
    }
    Ok(done)
}

fn hook(root: &Path, driver: &OsStr) -> (PathBuf, PathBuf) {
    let base = root::base(root, driver);
    let hook = base.join(driver);
    (base, hook)
}

impl Done {
    fn new(driver: &OsStr, hook: &Path, state: State) -> Self {
        let (driver, hook) = (words::printable(driver), words::printable(hook));
        Self { driver, hook, state, original: None, notes: Vec::new() }
    }

    fn refused(mut self, why: String, mend: Option<String>) -> Self {
        self.state = State::Refused;
        self.notes = std::iter::once(why).chain(mend.map(|mend| format!("mend: {mend}"))).collect();
        self
    }

    fn lines(&self, paint: Paint) -> Vec<String> {
        let hook = &self.hook;
        let state = match self.state {
            State::Installed => paint.good(&format!("installed as {hook}")),
            State::InstalledAlready => format!("installed already as {hook}"),
            State::Removed => paint.good(&format!("removed from {hook}")),
            State::NotInstalled => format!("not installed: there is no {hook}"),
            State::Refused => paint.bad(&format!("left alone: {hook}")),
        };
        let original = self.original.as_ref().map(|original| match self.state {
            State::Removed => format!("  the hook that was there before is back from {original}"),
            _ => format!("  the hook that was there is kept, and runs as {original}"),
        });
        let notes = self.notes.iter().map(|note| format!("  {note}"));
        std::iter::once(format!("{}: {state}", self.driver)).chain(original).chain(notes).collect()
    }
}
