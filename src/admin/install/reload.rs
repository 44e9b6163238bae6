//! The daemons that have to look for their hooks. In: drivers. Out: which daemons, and whether they were reloaded. Does,
//! with `--reload`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::admin::support::console::Paint;
use crate::admin::support::daemons;
use crate::admin::support::root;

/// A daemon that calls one of the hooks, and whether it was reloaded.
#[derive(Debug, Serialize)]
pub(crate) struct DaemonReport {
    daemon: String,
    pid: i32,
    reloaded: bool,
}

/// Finds the daemons that call one of these hooks, and reloads them, if `reload` is set.
pub(crate) fn daemons(root: &Path, drivers: &[&OsStr], reload: bool) -> anyhow::Result<Vec<DaemonReport>> {
    let bases: BTreeSet<PathBuf> = drivers.iter().map(|driver| root::base(root, driver)).collect();
    let mut found = Vec::new();
    for (daemon, process) in bases.iter().flat_map(|base| daemons::held(root, base)) {
        let calls = drivers.iter().any(|driver| daemon.calls(driver));
        if calls && (!reload || daemons::reload(root, &daemon, &process)?) {
            found.push(DaemonReport { daemon: daemon.name, pid: daemon.pid, reloaded: reload });
        }
    }
    Ok(found)
}

impl DaemonReport {
    pub(crate) fn line(&self, root: &Path, drivers: &str, paint: Paint) -> String {
        let Self { daemon, pid, reloaded } = self;
        if *reloaded {
            return paint.good(&format!("{daemon} (pid {pid}) was reloaded"));
        }
        let command = format!("{} {drivers}", root::command(root, "install --reload"));
        let systemctl = format!("systemctl reload {daemon}");
        let (command, systemctl) = (paint.command(&command), paint.command(&systemctl));
        format!("{daemon} (pid {pid}) looks for a driver's first hook when it reloads: {systemctl}, or {command}")
    }
}
