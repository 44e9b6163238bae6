//! `hookmux check`: everything that would surprise somebody at night, with the way to fix it. In: the system. Out:
//! findings. Reads; what is read is judged by the files beside this one.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use nix::sys::statvfs::statvfs;
use serde_json::json;

use crate::admin::FOUND;
use crate::admin::install::existing::{self, ExistingHook};
use crate::admin::support::apparmor;
use crate::admin::support::call;
use crate::admin::support::console::Console;
use crate::admin::support::daemons;
use crate::admin::support::root::{self, Root};
use crate::call::drivers::{self, ArgLayout, DRIVERS};
use crate::files::paths;
use crate::plan::calls::Calls;
use crate::plan::{Linked, Plan};
use crate::record::Record;
use crate::record::read::{self, Files};
use crate::settings::{self, Settings};

mod finding;
mod hooks;
mod rest;
mod rules;
mod scripts;
mod text;

use finding::Finding;
use text::Text;

/// Arguments of `hookmux check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    root: Root,
}

impl Check {
    /// Prints what was found. Exit code 1 if anything was.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let drivers = drivers(&root);
        let settings = settings::read(&root);
        let known = settings.as_ref().map_or_else(|_| Settings::default(), Settings::clone);
        let plans: Vec<(OsString, Plan)> = drivers
            .into_iter()
            .map(|driver| {
                let plan = call::plan(&root, Calls::Every(&driver), &known);
                (driver, plan)
            })
            .collect();
        let mut findings: Vec<Finding> = settings.as_ref().err().map(rest::settings).into_iter().collect();
        findings.extend(self::findings(&root, &known, &plans));
        let scripts: usize =
            plans.iter().map(|(_, plan)| plan.scripts().count().saturating_add(plan.left_to_caller.len())).sum();
        let scripts = if scripts == 1 { "1 script".to_owned() } else { format!("{scripts} scripts") };
        let looked_at = format!("{} hooks and {scripts}", plans.len());
        if console.json {
            console.json("check", json!({ "findings": findings, "looked_at": looked_at }))?;
        } else if findings.is_empty() {
            console.lines(&[console.paint.good(&format!("all is well with {looked_at}"))])?;
        } else {
            let lines: Vec<String> = findings.iter().flat_map(|finding| finding.lines(console.paint)).collect();
            console.lines(&lines)?;
        }
        Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
    }
}

/// The hooks that are known, and those that somebody has made a directory for.
fn drivers(root: &Path) -> Vec<OsString> {
    let mut drivers: Vec<OsString> = DRIVERS.iter().map(|driver| OsString::from(driver.name)).collect();
    let found = fs::read_dir(paths::below(root, "/etc/hookmux")).into_iter().flatten().flatten();
    let mut others: Vec<OsString> = found
        .map(|found| PathBuf::from(found.file_name()))
        .filter(|name| {
            name.extension().is_some_and(|extension| extension == "d") && name.as_os_str() != "hookmux.toml.d"
        })
        .filter_map(|name| Some(name.file_stem()?.to_owned()))
        .filter(|driver| !drivers.contains(driver))
        .collect();
    others.sort();
    drivers.extend(others);
    drivers
}

fn findings(root: &Path, settings: &Settings, plans: &[(OsString, Plan)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !plans.iter().any(|(driver, plan)| is_used(root, driver, plan)) {
        let base = paths::below(root, drivers::UNKNOWN_DRIVER.base);
        let fix = format!("{} install{}", root::own(), root::option(root));
        findings.push(Finding::new("not-installed", &base, "hookmux is no hook here, and has no scripts", fix));
    }
    let read = &Text::read;
    for (driver, plan) in plans {
        findings.extend(hook(root, driver, plan));
        findings.extend(scripts::judge(root, driver, plan, read));
        findings.extend(rules::waiting(root, &settings.rules, driver, plan, read));
        if driver == "qemu" {
            let running = daemons::of(root, &root::base(root, driver));
            let version = running.iter().filter(|daemon| daemon.calls(driver)).find_map(|daemon| daemon.version);
            findings.extend(rest::stop(plan, version, was_called(root, "stop"), read));
        }
    }
    findings.extend(rules::unused(root, &settings.rules, plans));
    let directory = paths::below(root, crate::admin::LOG_DIRECTORY);
    findings.extend(rest::log(&directory, room(&directory)));
    findings
}

/// Whether there is a hook of ours, or a script for one.
fn is_used(root: &Path, driver: &OsStr, plan: &Plan) -> bool {
    let hook = root::base(root, driver).join(driver);
    *plan != Plan::default() || existing::look(root, &hook).is_ok_and(|existing| existing.is_ours())
}

/// What is wrong with the hook of one driver.
fn hook(root: &Path, driver: &OsStr, plan: &Plan) -> Vec<Finding> {
    let base = root::base(root, driver);
    let path = match &plan.linked {
        Linked::AsHook => base.join(driver),
        Linked::Beside { name, .. } => {
            let [libvirts, _] = root::directories(root, driver);
            libvirts.join(name)
        }
    };
    let Ok(existing) = existing::look(root, &path) else { return Vec::new() };
    let denied = match &existing {
        ExistingHook::OurLink(says) if says.is_absolute() => apparmor::denies_link(root, says),
        ExistingHook::OurCopy { .. } => apparmor::denies_copy(root),
        _ => None,
    };
    let changeable = match &existing {
        ExistingHook::OurLink(says) => crate::admin::install::changeable(&existing::leads_to(root, &path, says)),
        _ => None,
    };
    let is_libvirts = drivers::driver(driver).args == ArgLayout::Libvirt;
    let label = label(&path).filter(|_| is_libvirts);
    // Only a policy that has the link's type has a module for the program.
    let program = match &existing {
        ExistingHook::OurLink(says) if label.as_deref().is_some_and(hooks::is_hooks) => {
            let program = existing::leads_to(root, &path, says);
            self::label(&program).map(|label| (program, label))
        }
        _ => None,
    };
    let program = program.as_ref().map(|(program, label)| (program.as_path(), label.clone()));
    let running = daemons::of(root, &base).into_iter().filter(|daemon| daemon.calls(driver)).collect();
    let came = fs::symlink_metadata(&path).ok().and_then(|link| {
        let seconds = Duration::new(u64::try_from(link.ctime()).ok()?, u32::try_from(link.ctime_nsec()).ok()?);
        SystemTime::UNIX_EPOCH.checked_add(seconds)
    });
    hooks::judge(&hooks::Hook {
        driver,
        path: &path,
        existing,
        scripts: plan.scripts().count(),
        came,
        daemons: running,
        denied: denied.filter(|_| is_libvirts),
        changeable,
        label: label.map(|label| (path.as_path(), label)),
        program,
        own: root::own(),
        root: root::option(root),
    })
}

/// A file's `SELinux` label, where it has one.
fn label(path: &Path) -> Option<String> {
    let mut label = vec![0_u8; 256];
    let length = rustix::fs::lgetxattr(path, "security.selinux", label.as_mut_slice()).ok()?;
    label.truncate(length);
    let label = String::from_utf8_lossy(&label);
    Some(label.trim_end_matches('\0').to_owned())
}

/// Returns whether the records contain a call of that operation.
fn was_called(root: &Path, operation: &str) -> bool {
    let is_it = |record: &Record| record.operation.0 == operation;
    read::read(root, Files::Both, is_it).is_ok_and(|found| !found.records.is_empty())
}

/// The room that is left for records; `None` if there is no such directory.
fn room(directory: &Path) -> Option<rest::Room> {
    let system = statvfs(directory).ok().filter(|_| directory.is_dir())?;
    let bytes = system.blocks_available().saturating_mul(system.fragment_size());
    Some(rest::Room { bytes, files: system.files() == 0 || system.files_available() > 0 })
}
