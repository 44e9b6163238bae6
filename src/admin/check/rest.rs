//! Settings that cannot be read, records that cannot be written, and calls that libvirt does not make. In: what is known.
//! Out: findings. Reads the owner of a settings file, the scripts' texts, and the records.

use std::ffi::OsStr;
use std::path::Path;

use crate::admin::check::finding::Finding;
use crate::admin::check::guests;
use crate::admin::support::fix;
use crate::admin::support::made;
use crate::admin::support::text::Text;
use crate::call::contract::{ROWS, Row};
use crate::files::resolve;
use crate::files::trust;
use crate::plan::Plan;
use crate::printable::quoted;
use crate::settings::{Origin, SettingsError};

/// The number of free bytes below which a file system counts as full: enough for some hundred records.
const LITTLE: u64 = 1 << 20;

/// Returns the finding for settings that cannot be read.
pub(crate) fn settings(root: &Path, fault: &SettingsError) -> Finding {
    let distrust = trust::distrust(&resolve::resolve(root, &fault.file));
    let (line, _) = fault.at.unwrap_or((1, 1));
    let edit = fix::edit(&Origin { file: fault.file.as_path().into(), line });
    let fix = distrust.and_then(|distrust| distrust.fix()).unwrap_or(edit);
    let what = format!("because of it, every call that can be aborted fails, and no guest starts: {fault}");
    Finding::new("broken-settings", &fault.file, what).fix(fix)
}

/// Reports a directory where calls cannot be recorded: `room` is the bytes that are free on its file system, and whether
/// another file can be created there; `None` if it does not exist.
pub(crate) fn log(directory: &Path, room: Option<(u64, bool)>) -> Option<Finding> {
    let at = quoted(directory);
    match room {
        None => {
            let what = "does not exist, so calls are not recorded";
            Some(Finding::new("log-missing", directory, what).fix(format!("install -d -m 750 {at}")))
        }
        Some((LITTLE.., true)) => None,
        Some(_) => {
            let what = "its file system is full, so calls are not recorded";
            let advice = format!("see what fills it: df -h {at}; du -xh {at} | sort -h");
            Some(Finding::new("log-full", directory, what).advice(advice))
        }
    }
}

/// Finds scripts that handle only calls which libvirt never makes.
pub(crate) fn never_called(root: &Path, driver: &OsStr, plan: &Plan) -> Vec<Finding> {
    let why = |path: &Path| never_acts(driver, path, &Text::read(root, path), |row| made::never(root, row));
    let found = plan.scripts().filter_map(|step| {
        let finding = Finding::new("never-called", &step.path, format!("never acts: {}", why(&step.path)?));
        Some(finding.advice("see Operations in hookmux-hooks(7) for what libvirt does call"))
    });
    found.collect()
}

/// Returns why none of the calls that a script handles is made; `never` gives the reason for one call.
fn never_acts(driver: &OsStr, path: &Path, text: &Text, never: impl Fn(&Row) -> Option<String>) -> Option<String> {
    let operation = guests::below(driver, path).get(1).copied();
    let handled = ROWS.iter().filter(|row| driver == row.driver).filter(|row| match operation {
        Some(operation) => row.is_called(operation),
        None => text.handles(row.operation) || row.once_called.is_some_and(|older| text.handles(older)),
    });
    let whys: Option<Vec<String>> = handled.map(never).collect();
    whys?.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_need_a_directory_and_room() {
        let kind = |room| log(Path::new("/var/log/hookmux"), room).map(|finding| finding.kind);
        let rows = [None, Some((0, true)), Some((1 << 30, false)), Some((1 << 30, true))].map(kind);
        assert_eq!(rows, [Some("log-missing"), Some("log-full"), Some("log-full"), None]);
    }

    #[test]
    fn a_script_is_found_where_libvirt_makes_none_of_the_calls_that_it_handles() {
        let found = |path: &str, line: &str, never: &[&str]| {
            let never = |row: &Row| never.contains(&row.operation).then(|| "no".to_owned());
            let text = Text::new(format!("#!/bin/sh\n{line}\n"));
            never_acts(OsStr::new("qemu"), Path::new(path), &text, never).is_some()
        };
        let (script, only) = ("/etc/hookmux/qemu.d/10-a", "[ $2 = stop ] || exit 0");
        let rows = [
            found(script, only, &["stop"]),
            found("/etc/hookmux/qemu.d/vm1/stop/begin", "", &["stop"]),
            found("/etc/hookmux/qemu.d/vm1/stop/begin/10-a", "", &["stop"]),
            found(script, "case $2 in stop|attach) ;; esac", &["stop", "attach"]),
            found(script, only, &["attach"]),
            found(script, "case $2 in stop|start) ;; esac", &["stop"]),
            found(script, "systemctl restart x", &["stop"]),
        ];
        assert_eq!(rows, [true, true, true, true, false, false, false]);
    }
}
