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

/// Arguments of `hookmux list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only this driver's
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
        self.driver.as_ref().map_or(Ok(()), |driver| self.force.driver(&root, driver))?;
        let drivers: Vec<&OsStr> = match &self.driver {
            Some(driver) => vec![driver],
            None => DRIVERS.iter().map(|driver| OsStr::new(driver.name)).collect(),
        };
        let (settings, fault) = call::settings_or_defaults(&root)?;
        let broken: Vec<Finding> = fault.iter().map(|fault| check::settings(&root, fault)).collect();
        let plans = drivers
            .into_iter()
            .map(|driver| (driver, call::plan(&root, Calls::Every(driver), &settings, &Facts::nothing())));
        let plans: Vec<(&OsStr, Plan)> =
            plans.filter(|(_, plan)| self.driver.is_some() || *plan != Plan::default()).collect();
        let files = || sums::files(&root, &settings, &plans);
        if self.sums {
            let (lines, troubles): (Vec<_>, Vec<_>) = files().iter().map(sums::FileSum::line).partition(Result::is_ok);
            console.output.write_all(&lines.into_iter().flatten().flatten().collect::<Vec<u8>>())?;
            let troubles: Vec<String> = fault
                .map(|it| it.to_string())
                .into_iter()
                .chain(troubles.into_iter().filter_map(Result::err))
                .collect();
            troubles.iter().try_for_each(|trouble| writeln!(console.errors, "hookmux: {trouble}"))?;
            return Ok(support::exit_code(!troubles.is_empty()));
        }
        let drivers = plans.iter().map(|(driver, plan)| Section {
            driver: printable(driver),
            findings: check::hook(&root, driver, plan),
            scripts: script::scripts(&root, plan, None),
        });
        let drivers: Vec<Section> = drivers.collect();
        // The sums of files take time.
        let files = console.json.then(files);
        console.print("list", json!({ "findings": broken, "files": files, "drivers": drivers }), |paint| {
            let mut lines = check::lines(&broken, paint);
            if !broken.is_empty() {
                lines.push("a call whose failure is ignored goes on with the defaults:".into());
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

/// What is printed of one driver.
#[derive(Serialize)]
struct Section {
    driver: String,
    findings: Vec<Finding>,
    scripts: Vec<Script>,
}
