//! `hookmux install` and `uninstall`: the hooks that libvirt calls. In: drivers. Out: hooks linked or removed, and the
//! result for each. Does.
//!
//! If the place is free, hookmux is the hook. If another program is there, that hook stays as it is, and hookmux is
//! linked beside it, in libvirt's own directory of the driver. With `--take-over` the other hook gets a second name in
//! hookmux's directory, where it does not run yet; then one rename puts the link over its first name. Uninstalling does
//! the same backwards. A path that had a hook has one at each moment.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::admin::support::console::{Console, Paint};
use crate::admin::support::root::{self, Root};
use crate::admin::support::{self, files};
use crate::files::{paths, resolve};
use crate::printable::printable;

mod another;
mod drivers;
mod reload;
mod target;

pub(crate) mod existing;

pub(crate) use another::distrusted;
use drivers::Drivers;
use existing::ExistingHook;

#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Args)]
pub(crate) struct Install {
    #[command(flatten)]
    drivers: Drivers,
    /// Move another program's hook into hookmux's directory, if it can run there, and take its place
    #[arg(long, conflicts_with = "free_only")]
    take_over: bool,
    /// Skip hooks that cannot be installed, without an error, and hooks that point to another hookmux: for packages
    #[arg(long)]
    free_only: bool,
    /// Only restore the program that hooks point to, after it was overwritten through one of them; what was written
    /// becomes the hook of the first driver that is named, or of the first whose hook points there
    #[arg(long, conflicts_with_all = ["take_over", "free_only"])]
    restore: bool,
    /// Make running libvirt daemons look for their hooks now
    #[arg(long)]
    reload: bool,
    #[command(flatten)]
    root: Root,
}

#[derive(Debug, Args)]
pub(crate) struct Uninstall {
    #[command(flatten)]
    drivers: Drivers,
    /// Make running libvirt daemons notice now that hooks were removed; needed only before 6.5.0
    #[arg(long)]
    reload: bool,
    #[command(flatten)]
    root: Root,
}

/// The name, in libvirt's own directory, of what was written through a link there: after the link.
const WRITTEN: &str = "00-written";

#[derive(Debug, Serialize)]
struct Done {
    #[serde(serialize_with = "as_printable")]
    driver: OsString,
    hook: String,
    state: HookState,
    /// The path to which the hook that was there has been moved, or from which it came back.
    original: Option<String>,
    /// Further notes, in sentences.
    notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum HookState {
    Installed,
    InstalledAlready,
    Removed,
    NotInstalled,
    /// Another program's, and not to be touched.
    LeftAlone,
    Failed,
}

#[derive(Debug)]
struct Installation<'a> {
    root: &'a Path,
    /// The program that links lead to.
    program: PathBuf,
    take_over: bool,
    free_only: bool,
}

impl Install {
    /// Installs each hook. Exit code 1 if one could not be installed.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let all = if self.restore {
            restore(&root, &self.drivers.named_or_all(&root))?
        } else {
            let drivers = self.drivers.named_or_usual(&root)?;
            let program = target::program(&root)?;
            let choice = Installation { root: &root, program, take_over: self.take_over, free_only: self.free_only };
            each(&drivers, |driver| choice.install(driver))?
        };
        let is_new = |done: &Done| done.state == HookState::Installed;
        let is_due = self.reload || all.iter().any(is_new);
        // A package reloads no daemon for a hook that it did not install.
        finish(console, "install", &root, &all, self.reload, |done| is_due && (is_new(done) || !self.free_only))
    }
}

impl Uninstall {
    /// Removes each hook. Exit code 1 if one is another program's.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let all = each(&self.drivers.named_or_ours(&root), |driver| uninstall(&root, driver))?;
        // libvirt since 6.5.0 does not call a hook that it does not find any more; an older one fails each call until it
        // looks again. So daemons are reloaded only if that is asked for.
        let is_gone = |done: &Done| done.state == HookState::Removed && done.original.is_none();
        finish(console, "uninstall", &root, &all, self.reload, |done| self.reload && is_gone(done))
    }
}

/// Installs or uninstalls one driver's hook after the other.
fn each(drivers: &[OsString], one: impl Fn(&OsStr) -> anyhow::Result<Done>) -> anyhow::Result<Vec<Done>> {
    // The names of directories and files: nothing that leads somewhere else.
    if let Some(odd) = drivers.iter().find(|driver| Path::new(driver).file_name() != Some(driver)) {
        bail!("'{}' is not a hook's name: see `hookmux contract`", printable(odd));
    }
    drivers.iter().map(|driver| one(driver)).collect()
}

/// Prints the results, and which daemons have to look for the hooks that are due, or were reloaded.
fn finish(
    console: &mut Console,
    command: &str,
    root: &Path,
    all: &[Done],
    reload: bool,
    is_due: impl Fn(&Done) -> bool,
) -> anyhow::Result<ExitCode> {
    let due: Vec<&OsStr> = all.iter().filter(|done| is_due(done)).map(|done| done.driver.as_os_str()).collect();
    let daemons = reload::daemons(root, &due, reload)?;
    console.print(command, json!({ "hooks": all, "daemons": daemons }), |paint| {
        let mut lines: Vec<String> = all.iter().flat_map(|done| done.lines(paint)).collect();
        // `install --restore` is silent where there is nothing to restore.
        if all.is_empty() && command == "uninstall" {
            lines.push("no hookmux hook is installed; nothing to do".into());
        }
        let drivers: Vec<String> = all.iter().map(|done| printable(&done.driver)).collect();
        lines.extend(daemons.iter().map(|daemon| daemon.line(root, &drivers.join(" "), paint)));
        lines
    })?;
    Ok(support::exit_code(all.iter().any(|done| done.state == HookState::Failed)))
}

impl Installation<'_> {
    /// Installs the hook of one driver: as the hook where the place is free, beside it where another program is.
    fn install(&self, driver: &OsStr) -> anyhow::Result<Done> {
        let root = self.root;
        let [_, ours] = root::directories(root, driver);
        let records = paths::below(root, support::LOG_DIRECTORY);
        for (path, mode) in [(root::base(root, driver), 0o755), (ours, 0o755), (records, 0o750)] {
            files::directory(root, &path, mode).with_context(|| format!("cannot create {}", path.display()))?;
        }
        let hook = root::hook(root, driver);
        let found = existing::look(root, &hook)?;
        let mut done = Done::new(driver, &hook, HookState::Installed);
        done.notes = target::warnings(root, &self.program);
        match found {
            ExistingHook::Overwritten(_) => {
                let fix = format!("{} {}", root::command(root, "install --restore"), printable(driver));
                let why = format!("{} was overwritten through a hook's link", self.program.display());
                return Ok(done.failed(vec![why, format!("fix: {fix}")]));
            }
            ExistingHook::NotAFile => return Ok(self.leave_alone(done, "is not a file, and libvirt does not run it")),
            ExistingHook::Another if !self.take_over => return self.install_beside(done),
            ExistingHook::Another => match another::keep(root, driver, &hook)? {
                Ok(kept) => done.original = Some(printable(kept)),
                Err(notes) => return Ok(done.failed(notes)),
            },
            _ => {}
        }
        done.state = self.link(&hook, &found)?;
        another::remove_beside(root, driver)?;
        Ok(done)
    }

    /// Links hookmux beside another program's hook, where libvirt runs both.
    fn install_beside(&self, mut done: Done) -> anyhow::Result<Done> {
        let driver = printable(&done.driver);
        if let Some(why) = another::unsupported(self.root, &done.driver) {
            let take_over = format!("{} {driver}", root::command(self.root, "install --reload --take-over"));
            let why = format!("is another program's hook, and {why}; to move it into hookmux's directory: {take_over}");
            return Ok(self.leave_alone(done, &why));
        }
        let path = another::beside(self.root, &done.driver);
        let main = std::mem::replace(&mut done.hook, printable(&path));
        another::make_directory(self.root, &path)?;
        let found = existing::look(self.root, &path)?;
        if matches!(found, ExistingHook::Another | ExistingHook::NotAFile) {
            return Ok(self.leave_alone(done, "belongs to another program"));
        }
        done.state = self.link(&path, &found)?;
        let directory = printable(path.parent().unwrap_or(&path));
        let order = format!("libvirt runs {main} first, as before, then {directory} by name: hookmux as 00-hookmux");
        done.notes.insert(0, order);
        Ok(done)
    }

    /// Puts a link to the program over what was found, unless that is such a link.
    fn link(&self, hook: &Path, found: &ExistingHook) -> anyhow::Result<HookState> {
        if matches!(found, ExistingHook::OurLink(text) if *text == self.program || self.free_only) {
            return Ok(HookState::InstalledAlready);
        }
        let linked = files::link(self.root, &self.program, hook, *found != ExistingHook::Nothing);
        linked.with_context(|| format!("cannot link {}", hook.display()))?;
        Ok(HookState::Installed)
    }

    /// Marks a hook that could not be installed: as an error, unless `--free-only` was given.
    fn leave_alone(&self, done: Done, why: &str) -> Done {
        let done = done.failed(vec![why.into()]);
        if self.free_only { Done { state: HookState::LeftAlone, ..done } } else { done }
    }
}

/// Restores the program that hooks lead to, and keeps what was written over it as a hook of its own. Which one it was
/// written for cannot be known: of the hooks that lead to it, the first of `drivers` counts, and a link beside another
/// program's hook only where all of them are beside one. Does nothing where the program is whole.
fn restore(root: &Path, drivers: &[OsString]) -> anyhow::Result<Vec<Done>> {
    let ours =
        drivers.iter().flat_map(|driver| existing::ours(root, driver).into_iter().map(move |hook| (driver, hook)));
    let overwritten = ours.filter_map(|(driver, (link, found))| match found {
        ExistingHook::Overwritten(text) => Some((link != root::hook(root, driver), driver, link, text)),
        _ => None,
    });
    let first = overwritten.min_by_key(|(is_beside, ..)| *is_beside);
    let Some((is_beside, driver, link, text)) = first else { return Ok(Vec::new()) };
    let program = existing::leads_to(root, &link, &text);
    let kept = if is_beside { link.with_file_name(WRITTEN) } else { link.clone() };
    let written = if is_beside {
        files::same_at(root, &program, &kept)
    } else {
        resolve::open_regular(root, &program).and_then(|mut written| files::copy_over(root, &mut written, &kept))
    };
    written
        .with_context(|| format!("cannot keep what was written over {} as {}", program.display(), kept.display()))?;
    files::copy_over(root, &mut File::open("/proc/self/exe")?, &program)
        .with_context(|| format!("cannot restore {}", program.display()))?;
    let mut done = Done::new(driver, &link, HookState::Installed);
    if !is_beside {
        // Where hookmux cannot run beside what was written, nothing is wrong: that is the hook now.
        let choice = Installation { root, program: target::program(root)?, take_over: false, free_only: true };
        done = choice.install_beside(done)?;
    }
    let (program, kept) = (printable(&program), printable(&kept));
    done.notes.push(format!("{program} was restored; what was written over it is now {kept}"));
    Ok(vec![done])
}

fn uninstall(root: &Path, driver: &OsStr) -> anyhow::Result<Done> {
    let hook = root::hook(root, driver);
    let found = existing::look(root, &hook)?;
    let was_beside = another::remove_beside(root, driver)?;
    let mut done = Done::new(driver, &hook, HookState::Removed);
    match found {
        found if found.is_ours() => done.original = another::restore(root, driver, &hook)?.map(printable),
        _ if was_beside => done.hook = printable(another::beside(root, driver)),
        ExistingHook::Nothing => return Ok(Done { state: HookState::NotInstalled, ..done }),
        _ => return Ok(done.failed(vec!["it is not hookmux".into()])),
    }
    done.notes.extend(another::left_without(root, driver));
    Ok(done)
}

fn as_printable<S: Serializer>(driver: &OsStr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&printable(driver))
}

impl Done {
    fn new(driver: &OsStr, hook: &Path, state: HookState) -> Self {
        Self { driver: driver.to_owned(), hook: printable(hook), state, original: None, notes: Vec::new() }
    }

    fn failed(self, notes: Vec<String>) -> Self {
        Self { state: HookState::Failed, notes, ..self }
    }

    fn lines(&self, paint: Paint) -> Vec<String> {
        let hook = &self.hook;
        let mut notes = self.notes.iter();
        let state = match self.state {
            // One line, amid a package manager's output.
            HookState::LeftAlone => format!("left alone: {hook} {}", notes.next().map_or("", String::as_str)),
            HookState::Installed => paint.good(&format!("installed as {hook}")),
            HookState::InstalledAlready => format!("already installed as {hook}"),
            HookState::Removed => paint.good(&format!("removed from {hook}")),
            HookState::NotInstalled => format!("not installed: {hook} does not exist"),
            HookState::Failed => paint.bad(&format!("left alone: {hook}")),
        };
        let original = self.original.as_ref().map(|original| match self.state {
            HookState::Removed => format!("  restored the previous hook from {original}"),
            _ => format!("  the previous hook is kept, and runs as {original}"),
        });
        let notes = notes.map(|note| format!("  {note}"));
        let driver = printable(&self.driver);
        std::iter::once(format!("{driver}: {state}")).chain(original).chain(notes).collect()
    }
}
