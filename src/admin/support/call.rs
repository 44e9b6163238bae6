//! A call, as an administrator types it. In: arguments. Out: the invocation that libvirt would make, the settings, and the
//! plan. Reads.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::admin::support::daemons::{self, Running};
use crate::admin::support::known::{DriverName, Force, Usage};
use crate::admin::support::root::{self, Root};
use crate::call::caller::Version;
use crate::call::contract;
use crate::call::drivers::{self, ArgLayout};
use crate::call::invocation::Invocation;
use crate::files::paths;
use crate::files::program;
use crate::files::resolve;
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::plan::{self, Linked, Plan};
use crate::printable;
use crate::settings::{self, Settings, SettingsError};

#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The driver; may be left out if only one has a guest or network of that name
    #[arg(value_parser = DriverName)]
    driver: OsString,
    /// The guest or network; - where there is none; after -- if its name begins with a dash
    object: Option<OsString>,
    /// prepare, start, stop, …: see `hookmux contract`
    operation: Option<OsString>,
    /// begin or end: what libvirt passes, if left out
    sub_operation: Option<OsString>,
    /// The last argument, such as the reason of a release
    extra: Option<OsString>,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    pub(crate) root: Root,
}

impl Call {
    /// Returns the call, word for word as libvirt makes it.
    pub(crate) fn invocation(&self, root: &Path) -> Result<Invocation, Usage> {
        let others = [&self.object, &self.operation, &self.sub_operation, &self.extra].into_iter().flatten();
        let (driver, mut args) = self.force.complete(root, &self.driver, others.cloned().collect())?;
        let operation = args.get(1).cloned().unwrap_or_default();
        let row = contract::look_up(&driver, &operation);
        let usual = [row.sub_operation, row.extra].map(OsString::from);
        args.extend(usual.into_iter().skip(args.len().saturating_sub(2)));
        if drivers::driver(&driver).args == ArgLayout::GuestAgent {
            args = vec![operation];
        }
        let call = Invocation::new(&driver, Some(root::base(root, &driver)), args);
        self.force.call(&call).map(|()| call)
    }

    /// Returns the call as JSON, with the reason why libvirt never makes it.
    pub(crate) fn json(call: &Invocation, never_made: Option<&str>) -> Value {
        let shown = |word: &OsString| printable::printable(word);
        let args: Vec<String> = call.args.iter().map(shown).collect();
        json!({
            "driver": shown(&call.driver), "args": args, "failure": call.row.failure, "effect": call.row.effect,
            "never_made": never_made,
        })
    }
}

/// Returns the plan that the hook makes for these calls. Who runs libvirt's own directory depends on the daemon that would
/// call; a daemon that cannot be seen counts as a new one.
pub(crate) fn plan(root: &Path, calls: Calls, settings: &Settings, facts: &Facts) -> Plan {
    let driver = calls.driver();
    let directories = paths::directories(root, &root::base(root, driver), driver);
    let linked = linked(root, driver).unwrap_or_default();
    let runs_its_own = || daemon(root, driver).and_then(|daemon| daemon.version).is_none_or(Version::runs_dot_d);
    plan::read(root, calls, &directories, linked, settings, facts, runs_its_own)
}

/// Returns how hookmux is linked for a driver if a link to it lies in libvirt's own directory and the hook is not hookmux.
fn linked(root: &Path, driver: &OsStr) -> Option<Linked> {
    let [libvirts, _] = root::directories(root, driver);
    let is_hookmux = |path: &PathBuf| program::leads_to_hookmux(path, resolve::resolve(root, path).target.as_ref());
    let first = root::entries(&libvirts).filter(is_hookmux).min()?;
    Linked::beside(root, root::hook(root, driver), first.file_name()?.to_owned())
}

/// Returns the daemon that would make a driver's calls.
pub(crate) fn daemon(root: &Path, driver: &OsStr) -> Option<Running> {
    daemons::calling(root, driver).into_iter().next()
}

/// Returns the settings below a root; if they are broken, the defaults, which some calls then use, and the fault.
///
/// # Errors
/// Settings that only root can read: whether they are broken is not known.
pub(crate) fn settings_or_defaults(root: &Path) -> Result<(Settings, Option<SettingsError>), SettingsError> {
    match settings::read(root) {
        Ok(settings) => Ok((settings, None)),
        Err(fault) if File::open(&fault.file).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) => {
            Err(fault)
        }
        Err(fault) => Ok((Settings::default(), Some(fault))),
    }
}
