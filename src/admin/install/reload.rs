//! The daemons that have to look for their hooks. In: drivers. Out: which daemons, and whether they were told. Does, if
//! it is asked to.

use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;

use crate::admin::support::console::Paint;
use crate::admin::support::daemons::{self, Running};
use crate::admin::support::root;

/// A daemon, and what it was told.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    daemon: String,
    pid: i32,
    reloaded: bool,
}

/// Finds the daemons that call one of these hooks, if that matters now, and reloads them, if that is asked for.
pub(crate) fn daemons(root: &Path, drivers: &[OsString], reload: bool, changed: bool) -> anyhow::Result<Vec<Told>> {
    if !reload && !changed {
        return Ok(Vec::new());
    }
    let mut bases: Vec<_> = drivers.iter().map(|driver| root::base(root, driver)).collect();
    bases.sort();
    bases.dedup();
    let running = bases.iter().flat_map(|base| daemons::of(root, base));
    let calls = |daemon: &Running| drivers.iter().any(|driver| daemon.calls(driver));
    running.filter(calls).map(|daemon| tell(root, daemon, reload)).collect()
}

fn tell(root: &Path, daemon: Running, reload: bool) -> anyhow::Result<Told> {
    if reload {
        daemons::reload(root, &daemon)?;
    }
    Ok(Told { daemon: daemon.name, pid: daemon.pid, reloaded: reload })
}

impl Told {
    pub(crate) fn line(&self, root: &Path, drivers: &[&str], paint: Paint) -> String {
        let Self { daemon, pid, reloaded } = self;
        if *reloaded {
            return paint.good(&format!("{daemon} (process {pid}) was told to look for its hooks"));
        }
        let command = format!("{} install --reload{} {}", root::own(), root::option(root), drivers.join(" "));
        let systemctl = format!("systemctl reload {daemon}");
        let (command, systemctl) = (paint.command(&command), paint.command(&systemctl));
        format!("{daemon} (process {pid}) looks for a driver's first hook when it reloads: {systemctl}, or {command}")
    }
}
