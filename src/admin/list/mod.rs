//! `hookmux list`: every script of a driver, in order, and what is skipped and why. In: the directories. Out: lines, JSON,
//! or sums. Reads.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::admin::check::{self, Finding};
use crate::admin::support;
use crate::admin::support::call;
use crate::admin::support::console::Console;
use crate::admin::support::known::{DriverName, Force};
use crate::admin::support::root::Root;
use crate::admin::support::script::{self, Script};
use crate::call::drivers::DRIVERS;
use crate::files::paths;
use crate::plan::Plan;
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::printable::printable;

mod sums;

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only this driver's scripts
    #[arg(value_parser = DriverName)]
    driver: Option<OsString>,
    /// Print the SHA-256 of each file that decides what runs, as sha256sum -c reads it
    #[arg(long, conflicts_with = "json")]
    sums: bool,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    root: Root,
}

impl List {
    /// Prints one section for each driver; without a driver, for each that has files in its directories.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let drivers: Vec<&OsStr> = match &self.driver {
            Some(driver) => {
                self.force.driver(&root, driver)?;
                vec![driver]
            }
            None => DRIVERS.iter().map(|driver| OsStr::new(driver.name)).collect(),
        };
        let (settings, fault) = call::settings_or_defaults(&root)?;
        let plan = |driver| (driver, call::plan(&root, Calls::Every(driver), &settings, &Facts::nothing()));
        let is_shown = |(_, plan): &(&OsStr, Plan)| self.driver.is_some() || *plan != Plan::default();
        let plans: Vec<(&OsStr, Plan)> = drivers.into_iter().map(plan).filter(is_shown).collect();
        let files = || sums::files(&root, &settings, &plans);
        if self.sums {
            let mut troubles: Vec<String> = fault.iter().map(ToString::to_string).collect();
            for file in files() {
                match file.line() {
                    Ok(line) => console.output.write_all(&line)?,
                    Err(trouble) => troubles.push(trouble),
                }
            }
            troubles.iter().try_for_each(|trouble| writeln!(console.errors, "hookmux: {trouble}"))?;
            return Ok(support::exit_code(!troubles.is_empty()));
        }
        let broken: Vec<Finding> = fault.iter().map(|fault| check::settings(&root, fault)).collect();
        let section = |(driver, plan): &(&OsStr, Plan)| Section {
            driver: printable(driver),
            findings: check::hook(&root, driver, plan),
            scripts: script::scripts(&root, plan, None),
        };
        let drivers: Vec<Section> = plans.iter().map(section).collect();
        // The sums of files take time.
        let files = console.json.then(files);
        console.print("list", json!({ "findings": broken, "files": files, "drivers": drivers }), |paint| {
            let mut lines = check::lines(&broken, paint);
            if !broken.is_empty() {
                lines.push("a call whose failure is ignored continues with the defaults:".into());
            }
            for Section { driver, findings, scripts } in &drivers {
                lines.push(paint.heading(driver));
                lines.extend(check::lines(findings, paint));
                lines.extend(script::lines(scripts, paint));
            }
            if drivers.is_empty() {
                let directory = paths::below(&root, "/etc/hookmux/DRIVER.d");
                lines.push(format!("no scripts: put them into {} (see hookmux contract)", directory.display()));
            }
            lines
        })?;
        Ok(support::exit_code(!broken.is_empty()))
    }
}

#[derive(Serialize)]
struct Section {
    driver: String,
    findings: Vec<Finding>,
    scripts: Vec<Script>,
}
