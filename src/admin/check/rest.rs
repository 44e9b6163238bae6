//! Settings that cannot be read, records that cannot be written, and calls that libvirt does not make. In: what is known.
//! Out: findings. Pure, except that a settings file's owner is read.

use std::ffi::OsStr;
use std::path::Path;

use crate::admin::check::finding::Finding;
use crate::admin::check::guests;
use crate::admin::support::fix;
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
    let what = format!("with it, every call that a failure aborts fails, and no guest starts: {fault}");
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

/// Finds scripts that handle only calls which libvirt never makes; `never` gives the reason.
pub(crate) fn never_called(
    driver: &OsStr,
    plan: &Plan,
    never: impl Fn(&Row) -> Option<String> + Copy,
    read: impl Fn(&Path) -> Text,
) -> Vec<Finding> {
    let rows = || ROWS.iter().filter(|row| driver == row.driver);
    let why = |path: &Path| {
        let operation = guests::below(driver, path).get(1).copied();
        let text = read(path);
        let handled = rows().filter(|row| match operation {
            Some(operation) => row.is_called(operation),
            None => text.handles(row.operation) || row.once_called.is_some_and(|older| text.handles(older)),
        });
        let whys: Option<Vec<String>> = handled.map(never).collect();
        whys?.into_iter().next()
    };
    let found = plan.scripts().filter_map(|step| Some((step, why(&step.path)?)));
    let advice = "see Operations in hookmux-hooks(7) for what libvirt does call";
    let finding = |path, why| Finding::new("never-called", path, format!("never acts: {why}")).advice(advice);
    found.map(|(step, why)| finding(&step.path, why)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Step;
    use crate::plan::rules::Effective;

    #[test]
    fn records_need_a_directory_and_room() {
        let kind = |room| log(Path::new("/var/log/hookmux"), room).map(|finding| finding.kind);
        let rows = [None, Some((0, true)), Some((1 << 30, false)), Some((1 << 30, true))].map(kind);
        assert_eq!(rows, [Some("log-missing"), Some("log-full"), Some("log-full"), None]);
    }

    #[test]
    fn a_script_is_found_where_libvirt_makes_none_of_the_calls_that_it_handles() {
        let found = |path: &str, line: &str, never: &[&str]| {
            let step = Step { path: path.into(), distrust: None, effective: Effective::default() };
            let plan = Plan { steps: vec![step], ..Plan::default() };
            let never = |row: &Row| never.contains(&row.operation).then(|| "no".to_owned());
            never_called(OsStr::new("qemu"), &plan, never, |_| Text::new(format!("#!/bin/sh\n{line}\n"))).len()
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
        assert_eq!(rows, [1, 1, 1, 1, 0, 0, 0]);
    }
}
