//! `hookmux status`: what is installed, what failed last, and which calls run now. In: the system. Out: lines or JSON. Reads
//! /proc, so that no call has to report anything.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::admin::history::episode;
use crate::admin::install::existing::{self, ExistingHook};
use crate::admin::support::clock::Clock;
use crate::admin::support::console::Console;
use crate::admin::support::daemons;
use crate::admin::support::root::{self, Root};
use crate::call::caller;
use crate::call::drivers::DRIVERS;
use crate::call::invocation::{self, Invocation, Role};
use crate::printable::{count, printable};
use crate::record::Record;
use crate::record::read::{self, Files};
use crate::settings;
use crate::verdict::messages;

/// How many failed calls are shown.
const FAILURES: usize = 3;

/// Arguments of `hookmux status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    root: Root,
}

impl Status {
    /// Prints links, settings, failures, and calls.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let hooks: Vec<Value> = DRIVERS.iter().flat_map(|driver| links(&root, OsStr::new(driver.name))).collect();
        let others: Vec<String> = DRIVERS.iter().filter_map(|driver| another(&root, OsStr::new(driver.name))).collect();
        let settings = match settings::read(&root) {
            Ok(settings) => format!("valid, {}", count(settings.rules.len(), "rule")),
            Err(fault) => fault.to_string(),
        };
        let found = read::read(&root, Files::Both, Record::has_failed).map(|found| found.records).unwrap_or_default();
        let failures: Vec<Value> = found.iter().skip(found.len().saturating_sub(FAILURES)).map(failure).collect();
        let calls = calls(&root);
        let content = json!({
            "hooks": hooks, "others": others, "settings": settings, "failures": failures, "running": calls,
        });
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut lines = vec![format!("settings: {settings}")];
        if hooks.is_empty() {
            lines.push("no hookmux hook is installed".into());
        }
        for link in &hooks {
            lines.push(format!("hook: {}", text(&link["path"])));
            lines.extend(link["daemons"].as_array().into_iter().flatten().map(|daemon| format!("  {}", text(daemon))));
        }
        lines.extend(
            others.iter().map(|path| format!("another program's hook: {path} (hookmux is not installed beside it)")),
        );
        if !hooks.is_empty() && hooks.iter().all(|link| link["daemons"] == json!([])) {
            lines.push("no libvirt daemon is running".into());
        }
        lines.extend(failures.iter().map(|it| {
            let why = it["why"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
            format!("failed: {} {}{why}", text(&it["time"]), text(&it["call"]))
        }));
        for call in &calls {
            lines.push(format!("running: {} (pid {}, {} s)", text(&call["call"]), call["pid"], call["seconds"]));
            for script in call["scripts"].as_array().into_iter().flatten() {
                lines.push(format!("  {} (pid {}, {} s)", text(&script["path"]), script["pid"], script["seconds"]));
            }
        }
        if calls.is_empty() {
            lines.push("no call is running".into());
        }
        console.print("status", content, |_| lines)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Returns a driver's hooks that are installed, and whether each daemon calls them.
fn links(root: &Path, driver: &OsStr) -> Vec<Value> {
    let running = daemons::calling(root, driver);
    let link = |(path, _): (PathBuf, _)| {
        let came = fs::symlink_metadata(&path).and_then(|link| link.modified()).ok();
        let daemons = running.iter().map(|daemon| {
            let knows = came.is_some_and(|came| daemon.knows_of(came));
            let state = if knows { "calls it" } else { "does not call it until it is reloaded" };
            format!("{} {state}", daemon.shown())
        });
        json!({ "path": printable(&path), "daemons": daemons.collect::<Vec<_>>() })
    };
    existing::ours(root, driver).into_iter().map(link).collect()
}

/// Returns another program's hook, if hookmux is not installed beside it.
fn another(root: &Path, driver: &OsStr) -> Option<String> {
    let hook = root::hook(root, driver);
    let found = existing::look(root, &hook).ok()?;
    (found == ExistingHook::Another && existing::ours(root, driver).is_empty()).then(|| printable(&hook))
}

fn failure(record: &Record) -> Value {
    let call =
        format!("{} {} '{}'", printable(&record.driver.0), printable(&record.operation.0), printable(&record.object.0));
    json!({ "time": Clock::local().moment(record.time), "call": call, "why": episode::reason(record) })
}

/// A process of our own user.
struct Process {
    pid: u32,
    parent: u32,
    seconds: u64,
    args: Vec<OsString>,
}

impl Process {
    fn read(name: &OsStr, uptime: u64) -> Option<Self> {
        let pid = name.to_str()?.parse().ok()?;
        let at = Path::new("/proc").join(name);
        // Another user may give a process any name.
        fs::metadata(&at).ok().filter(|process| process.uid() == nix::unistd::geteuid().as_raw())?;
        let stat = fs::read(at.join("stat")).ok()?;
        let started = daemons::start_in_stat(&stat)?.checked_div(daemons::TICKS)?;
        let args = fs::read(at.join("cmdline")).ok()?;
        let args = args.split(|byte| *byte == 0).map(|arg| OsStr::from_bytes(arg).to_owned()).collect();
        let parent = caller::parent_in_stat(&stat)?;
        Some(Self { pid, parent, seconds: uptime.saturating_sub(started), args })
    }

    /// Returns the call, if this process is a hook below that root.
    fn call(&self, root: &Path) -> Option<Invocation> {
        let (_, args) = self.args.split_last()?;
        let Role::Hook(call) = invocation::role(args.iter().cloned()) else { return None };
        let is_ours = |hook: &OsString| existing::look(root, Path::new(hook)).is_ok_and(|found| found.is_ours());
        (call.base == root::base(root, &call.driver) && args.first().is_some_and(is_ours)).then_some(call)
    }
}

/// Returns the calls that are running, each with its scripts.
pub(crate) fn calls(root: &Path) -> Vec<Value> {
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let uptime = uptime.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|process| process.file_name());
    let processes: Vec<Process> = names.filter_map(|name| Process::read(&name, uptime)).collect();
    let script = |process: &Process| {
        let path =
            process.args.iter().find(|arg| Path::new(arg).is_absolute() && arg.to_string_lossy().contains(".d/"));
        let path = path.or(process.args.first()).map(printable);
        json!({ "path": path, "pid": process.pid, "seconds": process.seconds })
    };
    let running = processes.iter().filter_map(|process| Some((process, process.call(root)?)));
    // A hook's own helper processes are hooks by their names as well.
    let is_first = |process: &Process| !processes.iter().any(|it| it.pid == process.parent && it.call(root).is_some());
    let first = running.filter(|(process, _)| is_first(process));
    let all = first.map(|(process, call)| {
        let children = processes.iter().filter(|child| child.parent == process.pid && child.call(root).is_none());
        let scripts: Vec<Value> = children.map(script).collect();
        json!({ "call": messages::call(&call), "pid": process.pid, "seconds": process.seconds, "scripts": scripts })
    });
    all.collect()
}
