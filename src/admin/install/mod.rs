//! `hookmux install` and `uninstall`: the hooks that libvirt calls. In: drivers. Out: hooks linked or removed, and the
//! result for each. Does.
//!
//! Where the place is free, hookmux is the hook. Where another program is, that hook stays as it is, and hookmux is linked
//! beside it, in libvirt's own directory of the driver. With `--take-over` the other hook gets a second name in hookmux's
//! directory, where it does not run yet; then one rename puts the link over its first name. Uninstalling does the same
//! backwards. A path that had a hook has one at each moment.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::admin::support::console::{Console, Paint};
use crate::admin::support::root::{self, Root};
use crate::admin::support::{self, files};
use crate::files::{paths, resolve};
use crate::printable;

mod beside;
mod drivers;
mod keep;
mod reload;
mod target;

pub(crate) mod existing;

use drivers::Drivers;
use existing::ExistingHook;
pub(crate) use keep::distrusted;

/// Arguments of `hookmux install`.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Args)]
pub(crate) struct Install {
    #[command(flatten)]
    drivers: Drivers,
    /// Move another program's hook into hookmux's directory, if it can run there, and take its place
    #[arg(long, conflicts_with = "free_only")]
    take_over: bool,
    /// Leave alone what cannot be installed, without an error, and hooks that lead to another hookmux: for packages
    #[arg(long)]
    free_only: bool,
    /// Only bring back the program that hooks lead to, after it was overwritten through one of them; what was written
    /// becomes the hook of the first driver that is named, or of qemu
    #[arg(long, conflicts_with_all = ["take_over", "free_only"])]
    restore: bool,
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

/// The name, in libvirt's own directory, of what was written through a link there: after the link.
const WRITTEN: &str = "00-written";

/// The result for one hook.
#[derive(Debug, Serialize)]
struct Done {
    driver: String,
    hook: String,
    state: HookState,
    /// Where the hook that was there has been put, or came back from.
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

/// How hooks are installed.
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
        let (drivers, all) = if self.restore {
            restore(&root, &self.drivers.named_or_all(&root))?
        } else {
            let drivers = self.drivers.named_or_usual(&root)?;
            let program = target::program(&root)?;
            let choice = Installation { root: &root, program, take_over: self.take_over, free_only: self.free_only };
            let all = each(&drivers, |driver| install(&choice, driver))?;
            (drivers, all)
        };
        let changed = all.iter().any(|done| done.state == HookState::Installed);
        // A package reloads no daemon for a hook that it did not install.
        let told =
            if self.free_only { with(&drivers, &all, |done| done.state == HookState::Installed) } else { drivers };
        let daemons = reload::daemons(&root, &told, self.reload, changed)?;
        finish(console, "install", &root, &all, &daemons)
    }
}

impl Uninstall {
    /// Removes each hook. Exit code 1 if one is another program's.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let drivers = self.drivers.named_or_ours(&root);
        let all = each(&drivers, |driver| uninstall(&root, driver))?;
        // libvirt since 6.5.0 does not call a hook that it does not find any more; an older one fails each call until it
        // looks again. So daemons are reloaded only if that is asked for.
        let gone = with(&drivers, &all, |done| done.state == HookState::Removed && done.original.is_none());
        let daemons = if self.reload { reload::daemons(&root, &gone, true, true)? } else { Vec::new() };
        finish(console, "uninstall", &root, &all, &daemons)
    }
}

fn with(drivers: &[OsString], all: &[Done], state: impl Fn(&Done) -> bool) -> Vec<OsString> {
    drivers.iter().zip(all).filter(|(_, done)| state(done)).map(|(driver, _)| driver.clone()).collect()
}

/// Installs or uninstalls one driver's hook after the other.
fn each(drivers: &[OsString], one: impl Fn(&OsStr) -> anyhow::Result<Done>) -> anyhow::Result<Vec<Done>> {
    // The names of directories and files: nothing that leads somewhere else.
    if let Some(odd) = drivers.iter().find(|driver| Path::new(driver).file_name() != Some(driver)) {
        bail!("'{}' is not a hook's name: see `hookmux contract`", printable::printable(odd));
    }
    drivers.iter().map(|driver| one(driver)).collect()
}

/// Prints the results.
fn finish(
    console: &mut Console,
    command: &str,
    root: &Path,
    all: &[Done],
    daemons: &[reload::DaemonReport],
) -> anyhow::Result<ExitCode> {
    console.print(command, json!({ "hooks": all, "daemons": daemons }), |paint| {
        let mut lines: Vec<String> = all.iter().flat_map(|done| done.lines(paint)).collect();
        // `install --restore` is silent where there is nothing to restore.
        if all.is_empty() && command == "uninstall" {
            lines.push("no hookmux hook is installed; nothing to do".into());
        }
        let drivers: Vec<&str> = all.iter().map(|done| done.driver.as_str()).collect();
        lines.extend(daemons.iter().map(|daemon| daemon.line(root, &drivers, paint)));
        lines
    })?;
    Ok(support::exit_code(all.iter().any(|done| done.state == HookState::Failed)))
}

/// Installs the hook of one driver: as the hook where the place is free, beside it where another program is.
fn install(choice: &Installation, driver: &OsStr) -> anyhow::Result<Done> {
    let Installation { root, program, take_over, free_only } = choice;
    let hook = root::hook(root, driver);
    directory(root, &root::base(root, driver), 0o755)?;
    directory(root, &root::directories(root, driver)[1], 0o755)?;
    directory(root, &paths::below(root, crate::admin::support::LOG_DIRECTORY), 0o750)?;
    let found = look(root, &hook)?;
    let mut done = Done::new(driver, &hook, HookState::Installed);
    done.notes = target::warnings(root, program);
    match &found {
        ExistingHook::OurLink(text) if text == program || *free_only => done.state = HookState::InstalledAlready,
        ExistingHook::Overwritten(_) => {
            let fix = format!("{} {}", root::command(root, "install --restore"), done.driver);
            let why = format!("{} was overwritten through a hook's link", program.display());
            return Ok(done.failed(why, Some(fix)));
        }
        ExistingHook::NotAFile => return Ok(done.left_alone(*free_only, "is not a file, and libvirt does not run it")),
        ExistingHook::Another if *take_over => match keep::keep(root, driver, &hook)? {
            Ok(kept) => done.original = Some(printable::printable(kept)),
            Err((why, fix)) => return Ok(done.failed(why, fix)),
        },
        ExistingHook::Another => return beside(choice, driver, done),
        ExistingHook::Nothing | ExistingHook::OurLink(_) | ExistingHook::OurBrokenLink(_) | ExistingHook::OurCopy => {}
    }
    if done.state == HookState::Installed {
        let over = found != ExistingHook::Nothing;
        files::link(root, program, &hook, over).with_context(|| format!("cannot link {}", hook.display()))?;
    }
    let beside = beside::path(root, driver);
    if look(root, &beside)?.is_ours() {
        remove_beside(root, &beside)?;
    }
    Ok(done)
}

/// Links hookmux beside another program's hook, where libvirt runs both.
fn beside(choice: &Installation, driver: &OsStr, done: Done) -> anyhow::Result<Done> {
    let Installation { root, program, free_only, .. } = choice;
    if let Some(why) = beside::unsupported(root, driver) {
        let take_over = format!("{} {}", root::command(root, "install --reload --take-over"), done.driver);
        let why = format!("is another program's hook, and {why}; to move it into hookmux's directory: {take_over}");
        return Ok(done.left_alone(*free_only, &why));
    }
    let (path, notes) = (beside::path(root, driver), done.notes);
    let mut done = Done { notes, ..Done::new(driver, &path, HookState::Installed) };
    beside::make_directory(root, &path).with_context(|| format!("cannot make the directory of {}", path.display()))?;
    let found = look(root, &path)?;
    match &found {
        ExistingHook::OurLink(text) if text == program || *free_only => done.state = HookState::InstalledAlready,
        ExistingHook::Another | ExistingHook::NotAFile => {
            return Ok(done.left_alone(*free_only, "is another program's, and in the way"));
        }
        _ => {
            let over = found != ExistingHook::Nothing;
            files::link(root, program, &path, over).with_context(|| format!("cannot link {}", path.display()))?;
        }
    }
    let hook = printable::printable(root::hook(root, driver));
    let directory = printable::printable(path.parent().unwrap_or(&path));
    done.notes
        .insert(0, format!("libvirt runs {hook} first, as before, then {directory} by name: hookmux as 00-hookmux"));
    Ok(done)
}

/// Restores the program that hooks lead to, and keeps what was written over it as a hook of its own. Which one it was written
/// for cannot be known: of the hooks that lead to it, the first of `drivers` counts, and a link beside another program's hook
/// only where all of them are beside one. Does nothing where the program is whole.
fn restore(root: &Path, drivers: &[OsString]) -> anyhow::Result<(Vec<OsString>, Vec<Done>)> {
    let overwritten = |driver: &OsString| {
        let ours = existing::ours(root, driver).into_iter();
        let overwritten = ours.filter_map(|(link, found)| match found {
            ExistingHook::Overwritten(text) => Some((driver.clone(), link, text)),
            _ => None,
        });
        overwritten.collect::<Vec<_>>()
    };
    let is_beside = |driver: &OsStr, link: &Path| link != root::hook(root, driver);
    let found = drivers.iter().flat_map(overwritten).min_by_key(|(driver, link, _)| is_beside(driver, link));
    let Some((driver, link, text)) = found else { return Ok((Vec::new(), Vec::new())) };
    let program = existing::leads_to(root, &link, &text);
    let is_beside = is_beside(&driver, &link);
    let kept = if is_beside { link.with_file_name(WRITTEN) } else { link.clone() };
    let cannot = || format!("cannot keep what was written over {} as {}", program.display(), kept.display());
    if is_beside {
        files::same_at(root, &program, &kept).with_context(cannot)?;
    } else {
        files::copy_over(root, &mut resolve::open_regular(root, &program).with_context(cannot)?, &kept)
            .with_context(cannot)?;
    }
    let cannot = || format!("cannot restore {}", program.display());
    files::copy_over(root, &mut File::open("/proc/self/exe")?, &program).with_context(cannot)?;
    let mut done = Done::new(&driver, &link, HookState::Installed);
    if !is_beside {
        // Where hookmux cannot run beside what was written, nothing is wrong: that is the hook now.
        let choice = Installation { root, program: target::program(root)?, take_over: false, free_only: true };
        done = beside(&choice, &driver, done)?;
    }
    let (program, kept) = (printable::printable(&program), printable::printable(&kept));
    done.notes.push(format!("{program} is hookmux again; what was written over it is {kept} now"));
    Ok((vec![driver], vec![done]))
}

/// Removes the hook of one driver.
fn uninstall(root: &Path, driver: &OsStr) -> anyhow::Result<Done> {
    let (hook, beside) = (root::hook(root, driver), beside::path(root, driver));
    let found = look(root, &hook)?;
    if look(root, &beside)?.is_ours() {
        remove_beside(root, &beside)?;
        if !found.is_ours() {
            let mut done = Done::new(driver, &beside, HookState::Removed);
            done.notes.extend(keep::left_without(root, driver));
            return Ok(done);
        }
    }
    let mut done = Done::new(driver, &hook, HookState::Removed);
    match found {
        ExistingHook::Nothing => done.state = HookState::NotInstalled,
        ExistingHook::Another | ExistingHook::NotAFile => return Ok(done.failed("it is not hookmux".into(), None)),
        ExistingHook::OurLink(_)
        | ExistingHook::OurBrokenLink(_)
        | ExistingHook::Overwritten(_)
        | ExistingHook::OurCopy => {
            let original = keep::restore(root, driver, &hook)?;
            if original.is_none() {
                remove(root, &hook)?;
            }
            done.original = original.map(printable::printable);
            done.notes.extend(keep::left_without(root, driver));
        }
    }
    Ok(done)
}

fn look(root: &Path, hook: &Path) -> anyhow::Result<ExistingHook> {
    existing::look(root, hook).with_context(|| format!("cannot look at {}", hook.display()))
}

fn directory(root: &Path, path: &Path, mode: u32) -> anyhow::Result<()> {
    files::directory(root, path, mode).with_context(|| format!("cannot create {}", path.display()))
}

fn remove(root: &Path, path: &Path) -> anyhow::Result<()> {
    files::remove(root, path).with_context(|| format!("cannot remove {}", path.display()))
}

/// Removes the link beside another program's hook, and the directory around it if `install` made that.
fn remove_beside(root: &Path, link: &Path) -> anyhow::Result<()> {
    remove(root, link)?;
    beside::remove_directory(root, link).with_context(|| format!("cannot remove the directory of {}", link.display()))
}

impl Done {
    fn new(driver: &OsStr, hook: &Path, state: HookState) -> Self {
        let (driver, hook) = (printable::printable(driver), printable::printable(hook));
        Self { driver, hook, state, original: None, notes: Vec::new() }
    }

    /// Marks a hook that could not be installed: as an error, unless `--free-only` was given.
    fn left_alone(mut self, free_only: bool, why: &str) -> Self {
        self.state = if free_only { HookState::LeftAlone } else { HookState::Failed };
        self.notes = vec![why.into()];
        self
    }

    fn failed(mut self, why: String, fix: Option<String>) -> Self {
        self.state = HookState::Failed;
        self.notes = std::iter::once(why).chain(fix.map(|fix| format!("fix: {fix}"))).collect();
        self
    }

    fn lines(&self, paint: Paint) -> Vec<String> {
        let hook = &self.hook;
        let mut notes = self.notes.iter();
        let state = match self.state {
            // One line, amid a package manager's output.
            HookState::LeftAlone => format!("left alone: {hook} {}", notes.next().map_or("", String::as_str)),
            HookState::Installed => paint.good(&format!("installed as {hook}")),
            HookState::InstalledAlready => format!("installed already as {hook}"),
            HookState::Removed => paint.good(&format!("removed from {hook}")),
            HookState::NotInstalled => format!("not installed: {hook} does not exist"),
            HookState::Failed => paint.bad(&format!("left alone: {hook}")),
        };
        let original = self.original.as_ref().map(|original| match self.state {
            HookState::Removed => format!("  the hook that was there before is back from {original}"),
            _ => format!("  the hook that was there is kept, and runs as {original}"),
        });
        let notes = notes.map(|note| format!("  {note}"));
        std::iter::once(format!("{}: {state}", self.driver)).chain(original).chain(notes).collect()
    }
}
