//! Settings that cannot be read, records that cannot be written, and calls that libvirt does not make. In: what is known.
//! Out: findings. Pure, but for the look at a settings file's owner.

use std::path::Path;

use crate::admin::check::finding::Finding;
use crate::admin::check::text::Text;
use crate::admin::support::fix;
use crate::call::caller::Version;
use crate::call::contract::ROWS;
use crate::files::resolve;
use crate::files::trust;
use crate::plan::Plan;
use crate::printable::quoted;
use crate::settings::{Fault, Origin};

/// The newest release whose calls are known.
const NEWEST: Version = Version { major: 12, minor: 8 };

/// Bytes below which a file system counts as full: some hundred records.
const LITTLE: u64 = 1 << 20;

/// Settings that every call stumbles over.
pub(crate) fn settings(fault: &Fault) -> Finding {
    let user = nix::unistd::geteuid().as_raw();
    let resolved = resolve::resolve(&fault.file);
    let distrust = resolved.hops.iter().chain(&resolved.target).find_map(|node| trust::distrust_node(node, user));
    let (line, _) = fault.at.unwrap_or((1, 1));
    let edit = fix::edit(&Origin { file: fault.file.as_path().into(), line });
    let fix = distrust.and_then(|distrust| trust::trusting(&distrust)).unwrap_or(edit);
    Finding::new("broken-settings", &fault.file, format!("every call that can be refused is: {fault}"), fix)
}

/// What is known of the directory for records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Bytes that are left on its file system.
    pub(crate) bytes: u64,
    /// Whether another file can be made on it.
    pub(crate) files: bool,
}

/// A directory for records that takes none.
pub(crate) fn log(directory: &Path, room: Option<Room>) -> Option<Finding> {
    let at = quoted(directory);
    match room {
        None => {
            let what = "there is no such directory, so calls leave no record";
            Some(Finding::new("log-missing", directory, what, format!("install -d -m 750 {at}")))
        }
        Some(Room { bytes, files }) if bytes < LITTLE || !files => {
            let what = "its file system is full, so calls leave no record";
            Some(Finding::advised(
                "log-full",
                directory,
                what,
                format!("see what fills it: df -h {at}; du -xh {at} | sort -h"),
            ))
        }
        Some(_) => None,
    }
}

/// A script that waits for a call which this libvirt does not make.
pub(crate) fn stop(
    plan: &Plan,
    version: Option<Version>,
    was_called: bool,
    read: &dyn Fn(&Path) -> Text,
) -> Vec<Finding> {
    let Some(version) = version.filter(|version| *version <= NEWEST && !was_called) else { return Vec::new() };
    let Version { major, minor } = version;
    let what = format!("handles only stop, which libvirt {major}.{minor} does not call: it protects nothing");
    let advice = "no release up to 12.8.0 calls stop; a libvirt with the patch does (see hookmux-hooks(7), Operations)";
    let only_stop = plan.scripts().filter(|step| is_in_stop(&step.path) || handles_only_stop(&read(&step.path)));
    only_stop.map(|step| Finding::advised("never-called", &step.path, &what, advice)).collect()
}

fn is_in_stop(path: &Path) -> bool {
    let mut above = path.iter().rev().skip(1);
    let (one, other) = (above.next(), above.next());
    // GUEST/stop/begin, or GUEST/stop/begin/NAME
    one.is_some_and(|one| one == "stop")
        || (one.is_some_and(|one| one == "begin") && other.is_some_and(|other| other == "stop"))
}

fn handles_only_stop(text: &Text) -> bool {
    let others = ROWS.iter().filter(|row| row.driver == "qemu" && row.operation != "stop");
    text.has("stop") && !others.into_iter().any(|row| text.has(row.operation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Step;
    use crate::plan::rules::Effective;

    #[test]
    fn records_need_a_directory_and_room() {
        let kind = |room| log(Path::new("/var/log/hookmux"), room).map(|finding| finding.kind);
        let room = |bytes, files| Some(Room { bytes, files });
        let rows = [kind(None), kind(room(0, true)), kind(room(1 << 30, false)), kind(room(1 << 30, true))];
        assert_eq!(rows, [Some("log-missing"), Some("log-full"), Some("log-full"), None]);
    }

    #[test]
    fn a_script_for_stop_alone_is_found_where_libvirt_has_no_stop() {
        let version = |major| Some(Version { major, minor: 0 });
        let found = |path: &str, line: &str, version, was_called| {
            let step = Step { path: path.into(), distrust: None, effective: Effective::default() };
            let plan = Plan { steps: vec![step], ..Plan::default() };
            stop(&plan, version, was_called, &|_| Text::new(format!("#!/bin/sh\n{line}\n"))).len()
        };
        let (script, only) = ("/etc/hookmux/qemu.d/10-a", "[ $2 = stop ] || exit 0");
        let rows = [
            found(script, only, version(9), false),
            found("/etc/hookmux/qemu.d/vm1/stop/begin", "", version(9), false),
            found("/etc/hookmux/qemu.d/vm1/stop/begin/10-a", "", version(9), false),
            found(script, only, version(9), true),
            found(script, only, version(13), false),
            found(script, only, None, false),
            found(script, "case $2 in stop|start) ;; esac", version(9), false),
            found(script, "systemctl restart x", version(9), false),
        ];
        assert_eq!(rows, [1, 1, 1, 0, 0, 0, 0, 0]);
    }
}
