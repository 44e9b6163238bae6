//! `hookmux status`: what is installed, what failed last, and which calls run now. In: the system. Out: lines or JSON. Reads
//! /proc, so that no call has to report anything.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::admin::history::episode;
use crate::admin::install::existing::{self, ExistingHook};
use crate::admin::support::clock::Clock;
use crate::admin::support::console::Console;
use crate::admin::support::daemons::{self, Running};
use crate::admin::support::root::{self, Root};
use crate::call::caller;
use crate::call::drivers::DRIVERS;
use crate::call::invocation::{self, Invocation, Role};
use crate::printable::{count, printable};
use crate::record::Record;
use crate::record::read::{self, Files};
use crate::settings;
use crate::verdict::messages;

/// The number of failed calls that are shown.
const FAILURES: usize = 3;

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    root: Root,
}

/// A process of our own user.
#[derive(Clone, Serialize)]
pub(crate) struct Process {
    /// The script that it runs, or its program; of a hook, its call.
    #[serde(rename = "path")]
    name: String,
    pid: u32,
    pub(crate) seconds: u64,
    #[serde(skip)]
    parent: u32,
    #[serde(skip)]
    is_hook: bool,
}

impl Status {
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let settings = settings::read(&root).map(|settings| format!("valid, {}", count(settings.rules.len(), "rule")));
        let settings = settings.unwrap_or_else(|fault| fault.to_string());
        let mut lines = vec![format!("settings: {settings}")];
        let (mut hooks, mut others, mut is_called) = (Vec::new(), Vec::new(), false);
        for driver in DRIVERS.iter().map(|driver| OsStr::new(driver.name)) {
            let (ours, main) = (existing::ours(&root, driver), root::hook(&root, driver));
            if ours.is_empty() && existing::look(&root, &main).is_ok_and(|found| found == ExistingHook::Another) {
                others.push(printable(&main));
            }
            let running = daemons::calling(&root, driver);
            for (hook, _) in ours {
                let path = printable(&hook);
                let daemons: Vec<String> = running.iter().map(|daemon| calls_it(daemon, &hook)).collect();
                lines.push(format!("hook: {path}"));
                lines.extend(daemons.iter().map(|daemon| format!("  {daemon}")));
                is_called |= !daemons.is_empty();
                hooks.push(json!({ "path": path, "daemons": daemons }));
            }
        }
        if hooks.is_empty() {
            lines.push("no hookmux hook is installed".into());
        }
        for path in &others {
            lines.push(format!("another program's hook: {path} (hookmux is not installed beside it)"));
        }
        if !hooks.is_empty() && !is_called {
            lines.push("no libvirt daemon is running".into());
        }
        let failed = read::read(&root, Files::Both, Record::has_failed).map(|found| found.records).unwrap_or_default();
        let mut failures = Vec::new();
        for record in failed.iter().skip(failed.len().saturating_sub(FAILURES)) {
            let [driver, operation, object] =
                [&record.driver, &record.operation, &record.object].map(|name| printable(&name.0));
            let (time, call) = (Clock::local().moment(record.time), format!("{driver} {operation} '{object}'"));
            let why = episode::reason(record);
            let because = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            lines.push(format!("failed: {time} {call}{because}"));
            failures.push(json!({ "time": time, "call": call, "why": why }));
        }
        let mut running = Vec::new();
        for (call, scripts) in calls(&root) {
            let line = |it: &Process| format!("{} (pid {}, {} s)", it.name, it.pid, it.seconds);
            lines.push(format!("running: {}", line(&call)));
            lines.extend(scripts.iter().map(|script| format!("  {}", line(script))));
            running.push(json!({ "call": call.name, "pid": call.pid, "seconds": call.seconds, "scripts": scripts }));
        }
        if running.is_empty() {
            lines.push("no call is running".into());
        }
        let content = json!({
            "hooks": hooks, "others": others, "settings": settings, "failures": failures, "running": running,
        });
        console.print("status", content, |_| lines)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Reports whether a daemon calls a hook.
fn calls_it(daemon: &Running, hook: &Path) -> String {
    let knows = existing::installed_at(hook).is_some_and(|installed| daemon.knows_of(installed));
    let state = if knows { "calls it" } else { "does not call it until it is reloaded" };
    format!("{} {state}", daemon.shown())
}

impl Process {
    /// Reads a directory of /proc.
    fn read(root: &Path, at: &Path, uptime: u64) -> Option<Self> {
        let pid = at.file_name()?.to_str()?.parse().ok()?;
        // Another user may give a process any name.
        fs::metadata(at).ok().filter(|process| process.uid() == nix::unistd::geteuid().as_raw())?;
        let stat = fs::read(at.join("stat")).ok()?;
        let started = daemons::start_in_stat(&stat)?.checked_div(daemons::TICKS)?;
        let line = fs::read(at.join("cmdline")).ok()?;
        let args: Vec<&OsStr> = line.split(|byte| *byte == 0).map(OsStr::from_bytes).collect();
        let is_script = |arg: &&&OsStr| Path::new(arg).is_absolute() && arg.to_string_lossy().contains(".d/");
        let script = || args.iter().find(is_script).or(args.first()).map(printable).unwrap_or_default();
        let call = call(root, &args);
        Some(Self {
            name: call.as_ref().map_or_else(script, messages::call),
            pid,
            seconds: uptime.saturating_sub(started),
            parent: caller::parent_in_stat(&stat)?,
            is_hook: call.is_some(),
        })
    }
}

/// Returns the call of a process with these arguments, if it is a hook below that root.
fn call(root: &Path, args: &[&OsStr]) -> Option<Invocation> {
    // The last argument ends with a NUL as well.
    let (_, args) = args.split_last()?;
    let Role::Hook(call) = invocation::role(args.iter().map(OsString::from)) else { return None };
    let is_ours = |hook: &&OsStr| existing::look(root, Path::new(hook)).is_ok_and(|found| found.is_ours());
    (call.base == root::base(root, &call.driver) && args.first().is_some_and(is_ours)).then_some(call)
}

/// Returns the hooks that are running, each with its scripts.
pub(crate) fn calls(root: &Path) -> Vec<(Process, Vec<Process>)> {
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let uptime = uptime.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    let processes = root::entries(Path::new("/proc")).filter_map(|at| Process::read(root, &at, uptime));
    let (hooks, others): (Vec<_>, Vec<_>) = processes.partition(|process| process.is_hook);
    let children = |hook: &Process| others.iter().filter(|other| other.parent == hook.pid).cloned().collect();
    // A hook's own helper processes are hooks by their names as well.
    let first = hooks.iter().filter(|hook| !hooks.iter().any(|parent| parent.pid == hook.parent));
    first.map(|hook| (hook.clone(), children(hook))).collect()
}
