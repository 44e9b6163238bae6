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

use crate::admin::support::FOUND;
use crate::admin::support::console::{Console, Paint};
use crate::admin::support::files::{self, Form};
use crate::admin::support::root::{self, Root};
use crate::files::paths;
use crate::printable;

mod drivers;
mod keep;
mod reload;
mod target;

pub(crate) mod existing;

use drivers::Drivers;
use existing::ExistingHook;
pub(crate) use keep::distrusted;
pub(crate) use target::changeable;

/// Arguments of `hookmux install`.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Args)]
pub(crate) struct Install {
    #[command(flatten)]
    drivers: Drivers,
    /// Put copies of this program there instead of links to it
    #[arg(long)]
    copy: bool,
    /// Leave a hook that is there alone, whoever's it is: for packages
    #[arg(long)]
    free_only: bool,
    /// Bring copies of another version up to this one, and put no hook where none is: for packages
    #[arg(long, conflicts_with_all = ["copy", "free_only"])]
    refresh: bool,
    /// Have running libvirt daemons look for their hooks now
    #[arg(long)]
    reload: bool,
    #[command(flatten)]
    root: Root,
}

/// Arguments of `hookmux uninstall`.
#[derive(Debug, Args)]
pub(crate) struct Uninstall {
    #[command(flatten)]
    drivers: Drivers,
    /// Have running libvirt daemons see now that the hooks are gone; since 6.5.0 they see it by themselves
    #[arg(long)]
    reload: bool,
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
    /// Somebody else's, and nobody asked for it.
    LeftAlone,
    Refused,
}

/// How hooks are put.
#[derive(Debug)]
struct Choice<'a> {
    root: &'a Path,
    form: Form,
    free_only: bool,
}

impl Install {
    /// Installs each hook. Exit code 1 if one had to be refused.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let choice =
            Choice { root: &root, form: target::form(&root, self.copy || self.refresh)?, free_only: self.free_only };
        let drivers = if self.refresh { self.drivers.older_copies(&root) } else { self.drivers.named_or_usual() };
        let all = each(&drivers, |driver| install(&choice, driver))?;
        let changed = all.iter().any(|done| done.state == State::Installed);
        // Who asks for hooks where none are, asks no daemon to look for what it knows.
        let told = if self.free_only { put(&drivers, &all) } else { drivers };
        let daemons = if self.refresh { Vec::new() } else { reload::daemons(&root, &told, self.reload, changed)? };
        finish(console, "install", &root, &all, &daemons)
    }
}

impl Uninstall {
    /// Takes each hook away. Exit code 1 if one is not ours.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let drivers = self.drivers.named_or_ours(&root);
        let all = each(&drivers, |driver| uninstall(&root, driver))?;
        // A daemon since 6.5.0 that does not find a hook any more does not call it; an older one fails each call until it
        // looks again. So nobody is told of it, unless that is asked for.
        let daemons = if self.reload { reload::daemons(&root, &gone(&drivers, &all), true, true)? } else { Vec::new() };
        finish(console, "uninstall", &root, &all, &daemons)
    }
}

/// The drivers that have a hook since now.
fn put(drivers: &[OsString], all: &[Done]) -> Vec<OsString> {
    with(drivers, all, |done| done.state == State::Installed)
}

/// The drivers that have none any more.
fn gone(drivers: &[OsString], all: &[Done]) -> Vec<OsString> {
    with(drivers, all, |done| done.state == State::Removed && done.original.is_none())
}

fn with(drivers: &[OsString], all: &[Done], state: impl Fn(&Done) -> bool) -> Vec<OsString> {
    drivers.iter().zip(all).filter(|(_, done)| state(done)).map(|(driver, _)| driver.clone()).collect()
}

/// Does one after the other.
fn each(drivers: &[OsString], one: impl Fn(&OsStr) -> anyhow::Result<Done>) -> anyhow::Result<Vec<Done>> {
    // The names of directories and files: nothing that leads somewhere else.
    if let Some(odd) = drivers.iter().find(|driver| Path::new(driver).file_name() != Some(driver)) {
        bail!("'{}' is no hook's name: see `hookmux contract`", printable::printable(odd));
    }
    drivers.iter().map(|driver| one(driver)).collect()
}

/// Says what became of all of them.
fn finish(
    console: &mut Console,
    command: &str,
    root: &Path,
    all: &[Done],
    daemons: &[reload::Found],
) -> anyhow::Result<ExitCode> {
    if console.json {
        console.json(command, serde_json::json!({ "hooks": all, "daemons": daemons }))?;
    } else {
        let mut lines: Vec<String> = all.iter().flat_map(|done| done.lines(console.paint)).collect();
        // Whose copies are all up to date hears nothing.
        if all.is_empty() && command == "uninstall" {
            lines.push("no hook is hookmux: nothing to do".into());
        }
        let drivers: Vec<&str> = all.iter().map(|done| done.driver.as_str()).collect();
        lines.extend(daemons.iter().map(|daemon| daemon.line(root, &drivers, console.paint)));
        console.lines(&lines)?;
    }
    Ok(if all.iter().any(|done| done.state == State::Refused) { ExitCode::from(FOUND) } else { ExitCode::SUCCESS })
}

/// Puts the hook of one driver.
fn install(choice: &Choice, driver: &OsStr) -> anyhow::Result<Done> {
    let Choice { root, form, free_only } = choice;
    let (base, hook) = hook(root, driver);
    let in_words = |what: &str| format!("{what} {}", hook.display());
    files::directory(&base, 0o755).with_context(|| format!("cannot make {}", base.display()))?;
    let records = paths::below(root, crate::admin::support::LOG_DIRECTORY);
    for (directory, mode) in [(root::directories(root, driver)[1].clone(), 0o755), (records, 0o750)] {
        files::directory(&directory, mode).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let found = existing::look(root, &hook).with_context(|| in_words("cannot look at"))?;
    let mut done = Done::new(driver, &hook, State::Installed);
    done.notes = target::warnings(root, form);
    match (&found, form) {
        (ExistingHook::OurLink(says), Form::Link(ours)) if says == ours => done.state = State::InstalledAlready,
        (ExistingHook::OurCopy { same: true }, Form::Copy(_)) => done.state = State::InstalledAlready,
        (ExistingHook::OurLink(_) | ExistingHook::OurCopy { .. }, _) if *free_only => {
            done.state = State::InstalledAlready;
        }
        (ExistingHook::Another, _) if *free_only => {
            let take = format!("{} install --reload{} {}", root::own(), root::option(root), done.driver);
            return Ok(done.left_alone(format!("another program's hook; to take it over: {take}")));
        }
        (ExistingHook::NotAFile, _) if *free_only => {
            return Ok(done.left_alone("no file, and libvirt calls nothing".into()));
        }
        (ExistingHook::NotAFile, _) => return Ok(done.refused(format!("{} is no file", hook.display()), None)),
        (ExistingHook::Another, _) => match keep::keep(root, driver, &hook)? {
            Ok(kept) => done.original = Some(printable::printable(kept)),
            Err((why, fix)) => return Ok(done.refused(why, fix)),
        },
        _ => {}
    }
    if done.state == State::Installed {
        files::put(form, &hook, found != ExistingHook::Nothing).with_context(|| in_words("cannot put"))?;
    }
    Ok(done)
}

/// Takes the hook of one driver away.
fn uninstall(root: &Path, driver: &OsStr) -> anyhow::Result<Done> {
    let (_, hook) = hook(root, driver);
    let found = existing::look(root, &hook).with_context(|| format!("cannot look at {}", hook.display()))?;
    let mut done = Done::new(driver, &hook, State::Removed);
    match found {
        ExistingHook::Nothing => done.state = State::NotInstalled,
        ExistingHook::Another | ExistingHook::NotAFile => {
            return Ok(done.refused(format!("{} is not hookmux", hook.display()), None));
        }
        ExistingHook::OurLink(_) | ExistingHook::OurBrokenLink(_) | ExistingHook::OurCopy { .. } => {
            let original = keep::restore(root, driver, &hook)?;
            if original.is_none() {
                files::remove(&hook).with_context(|| format!("cannot remove {}", hook.display()))?;
            }
            done.original = original.map(printable::printable);
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
        let (driver, hook) = (printable::printable(driver), printable::printable(hook));
        Self { driver, hook, state, original: None, notes: Vec::new() }
    }

    fn left_alone(mut self, note: String) -> Self {
        (self.state, self.notes) = (State::LeftAlone, vec![note]);
        self
    }

    fn refused(mut self, why: String, fix: Option<String>) -> Self {
        self.state = State::Refused;
        self.notes = std::iter::once(why).chain(fix.map(|fix| format!("fix: {fix}"))).collect();
        self
    }

    fn lines(&self, paint: Paint) -> Vec<String> {
        let hook = &self.hook;
        let state = match self.state {
            State::LeftAlone => format!("left alone: {hook} is {}", self.notes.concat()),
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
        // One line, in the midst of what a package manager says.
        let notes = if self.state == State::LeftAlone { &[][..] } else { &self.notes };
        let notes = notes.iter().map(|note| format!("  {note}"));
        std::iter::once(format!("{}: {state}", self.driver)).chain(original).chain(notes).collect()
    }
}
