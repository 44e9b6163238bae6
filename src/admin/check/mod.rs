//! `hookmux check`: problems with hooks, scripts and settings, and how to fix each. In: the system, or a settings file. Out:
//! findings. Reads; the files beside this one judge.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use nix::sys::statvfs::statvfs;
use serde_json::json;

use crate::admin::install::existing;
use crate::admin::support;
use crate::admin::support::call;
use crate::admin::support::console::Console;
use crate::admin::support::known;
use crate::admin::support::root::{self, Root};
use crate::call::drivers::UNKNOWN_DRIVER;
use crate::files::paths;
use crate::plan::Plan;
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::printable::{count, printable};
use crate::settings::{self, Settings, SettingsError};

mod finding;
mod guests;
mod hooks;
mod rest;
mod rules;
mod scripts;
mod unseen;

pub(crate) use finding::{Finding, Severity, lines};
pub(crate) use hooks::hook;
pub(crate) use rest::settings;

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// A settings file to check before it takes effect, instead of the system
    file: Option<PathBuf>,
    /// Exit with 1 for warnings and notes, too
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    root: Root,
}

impl Check {
    /// Prints what was found. Exit code 1 if there are errors.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let read = settings::read(&root);
        let fault = read.as_ref().err().cloned();
        let settings = read.unwrap_or_default();
        let plans = plans(&root, &settings);
        let unseen = unseen::paths(&root, &plans);
        let (mut findings, looked_at) = if let Some(file) = &self.file {
            let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            (self::file(&root, file, text), printable(file))
        } else {
            let hooks = plans.iter().map(|(driver, _)| existing::ours(&root, driver).len()).sum();
            let scripts =
                plans.iter().map(|(_, plan)| plan.scripts().count().saturating_add(plan.left_to_caller.len()));
            let looked_at = format!("{} and {}", count(hooks, "hook"), count(scripts.sum(), "script"));
            (system(&root, &settings, fault.as_ref(), &plans), looked_at)
        };
        findings.retain(|finding| !unseen.iter().any(|path| Path::new(&finding.about).starts_with(path)));
        findings.sort_by_key(|finding| finding.severity);
        let mut unseen: Vec<String> = unseen.iter().map(printable).collect();
        if !nix::unistd::geteuid().is_root() {
            unseen.push("whether libvirt's daemons know the hooks".into());
        }
        let content = json!({ "findings": findings, "looked_at": looked_at, "unseen": unseen });
        console.print("check", content, |paint| {
            let mut all = Vec::new();
            if !unseen.is_empty() {
                let unseen = format!("only root can see these, which were not checked: {}", unseen.join(", "));
                all.push(paint.warning(&unseen));
            }
            all.extend(lines(&findings, paint));
            all.push(match findings.first() {
                Some(finding) => finding.severity.paint(paint, &finding::summary(&findings)),
                None => paint.good(&format!("no problems found in {looked_at}")),
            });
            all
        })?;
        let counts = |finding: &Finding| self.strict || finding.severity == Severity::Error;
        Ok(support::exit_code(findings.iter().any(counts)))
    }
}

pub(crate) fn plans(root: &Path, settings: &Settings) -> Vec<(OsString, Plan)> {
    let plan = |driver: &OsString| call::plan(root, Calls::Every(driver), settings, &Facts::nothing());
    drivers(root).into_iter().map(|driver| (driver.clone(), plan(&driver))).collect()
}

/// Returns the drivers that are known, and those that have a directory of scripts.
fn drivers(root: &Path) -> Vec<OsString> {
    let is_directory = |path: &PathBuf| path.extension() == Some("d".as_ref()) && !path.ends_with("hookmux.toml.d");
    let found = root::entries(&paths::below(root, "/etc/hookmux")).filter(is_directory);
    known::drivers_and(found.filter_map(|path| Some(path.file_stem()?.to_owned())))
}

/// Judges what a settings file would contain: in its place, or as the last one that is read where it lies elsewhere.
pub(crate) fn file(root: &Path, path: &Path, text: Vec<u8>) -> Vec<Finding> {
    let judged = settings::text(path, text).and_then(|text| Ok((settings::parse(path, &text)?, text)));
    let (file, text) = match judged {
        Ok(judged) => judged,
        Err(fault) => return vec![rest::settings(root, &fault)],
    };
    // Another file may be broken.
    let settings = settings::read_with(root, path, &text).unwrap_or_else(|_| {
        let mut settings = Settings::default();
        file.apply(&mut settings);
        settings
    });
    let mut findings = rules::judge(root, &settings.rules, &plans(root, &settings));
    let place = format!("{}:", printable(path));
    findings.retain(|finding| finding.about.starts_with(&place));
    findings
}

/// Judges settings, hooks, scripts, rules and records.
pub(crate) fn system(
    root: &Path,
    settings: &Settings,
    fault: Option<&SettingsError>,
    plans: &[(OsString, Plan)],
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = fault.into_iter().map(|fault| rest::settings(root, fault)).collect();
    let has_hook = |driver: &OsStr| !existing::ours(root, driver).is_empty();
    if plans.iter().all(|(driver, plan)| *plan == Plan::default() && !has_hook(driver)) {
        let base = paths::below(root, UNKNOWN_DRIVER.base);
        let what = "no hookmux hook is installed, and no script needs one";
        findings.push(Finding::new("not-installed", &base, what).fix(root::command(root, "install")));
    }
    for (driver, plan) in plans {
        findings.extend(hook(root, driver, plan));
        findings.extend(scripts::judge(root, driver, plan));
        findings.extend(rules::waiting(root, &settings.rules, driver, plan));
        findings.extend(rest::never_called(root, driver, plan));
        findings.extend(guests::unknown(root, driver, plan));
        findings.extend(guests::wrong_level(root, driver));
    }
    if settings.strict {
        findings.extend(scripts::emptied(root, plans));
    }
    findings.extend(rules::judge(root, &settings.rules, plans));
    let directory = paths::below(root, support::LOG_DIRECTORY);
    findings.extend(rest::log(&directory, room(&directory)));
    findings
}

/// Returns the bytes that are free for records, and whether another file can be created there; `None` if the directory does
/// not exist.
fn room(directory: &Path) -> Option<(u64, bool)> {
    let system = statvfs(directory).ok().filter(|_| directory.is_dir())?;
    let bytes = system.blocks_available().saturating_mul(system.fragment_size());
    Some((bytes, system.files() == 0 || system.files_available() > 0))
}
