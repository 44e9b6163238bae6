//! `hookmux list`: every script of a driver, in order, and what is skipped and why. In: the directories. Out: lines.
//! Reads.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::contract::{self, DRIVERS, Order, Words};
use crate::gate::Circumstances;
use crate::listing::{self, Selection};
use crate::plan::Plan;
use crate::rules::Treatment;
use crate::{paths, words};

/// Arguments of `hookmux list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only this driver's (qemu, lxc, libxl, bhyve, network, daemon, fsfreeze-hook, or another hook's name)
    driver: Option<OsString>,
    /// Look below this directory instead of /
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

impl List {
    /// Prints one section a driver; without a driver, one for each that has anything in its directories.
    pub(super) fn main(&self, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let drivers: Vec<&OsStr> = match &self.driver {
            Some(driver) => vec![driver],
            None => DRIVERS.iter().map(|driver| OsStr::new(driver.name)).collect(),
        };
        for driver in drivers {
            let plan = plan(&self.root, driver);
            if self.driver.is_some() || plan != Plan::default() {
                output.write_all(section(driver, &plan).as_bytes())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Everything that some call of this driver's may run.
fn plan(root: &Path, driver: &OsStr) -> Plan {
    let known = contract::driver(driver);
    let directories = paths::directories(root, &paths::below(root, known.base), driver);
    let listing = listing::read(&directories, Selection::All);
    // Nobody calls now: what libvirt since 6.5.0 runs itself is shown as libvirt's.
    let circumstances = Circumstances::ours(known.words == Words::Libvirt, true);
    Plan::new(listing, Order::Forward, circumstances, |_| Treatment::default())
}

fn section(driver: &OsStr, plan: &Plan) -> String {
    let mut lines = vec![words::printable(driver)];
    let mut line = |words: String| lines.push(format!("  {words}"));
    for step in &plan.steps {
        let path = words::printable(step.path.as_os_str());
        line(
            step.refusal
                .as_ref()
                .map_or_else(|| path.clone(), |why| format!("{path}: refused: {}", words::refusal(why))),
        );
    }
    if !plan.left_to_caller.is_empty() {
        line("then libvirt itself (6.5.0 and newer; hookmux does it for an older one):".into());
        plan.left_to_caller.iter().for_each(|path| line(words::printable(path.as_os_str())));
    }
    if !plan.skipped.is_empty() {
        line("not run:".into());
        plan.skipped
            .iter()
            .for_each(|(path, skip)| line(format!("{}: {}", words::printable(path.as_os_str()), words::skip(skip))));
    }
    lines.push(String::new());
    lines.join("\n")
}
