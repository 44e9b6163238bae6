//! `hookmux list`: every script of a driver, in order, and what is skipped and why. In: the directories. Out: lines, JSON,
//! or sums. Reads.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::admin::check::{self, Finding};
use crate::admin::support::FOUND;
use crate::admin::support::call;
use crate::admin::support::console::Console;
use crate::admin::support::driver::DriverName;
use crate::admin::support::known::Force;
use crate::admin::support::root::Root;
use crate::admin::support::script;
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
            let (lines, troubles): (Vec<_>, Vec<_>) = files().iter().map(sums::File::line).partition(Result::is_ok);
            console.output.write_all(&lines.into_iter().flatten().flatten().collect::<Vec<u8>>())?;
            let troubles: Vec<String> = fault
                .map(|it| it.to_string())
                .into_iter()
                .chain(troubles.into_iter().filter_map(Result::err))
                .collect();
            troubles.iter().try_for_each(|trouble| writeln!(console.errors, "hookmux: {trouble}"))?;
            return Ok(if troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FOUND) });
        }
        let drivers: Vec<_> = plans
            .iter()
            .map(|(driver, plan)| {
                (printable(driver), check::hook(&root, driver, plan), script::scripts(&root, plan, None))
            })
            .collect();
        let exit_code = if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FOUND) };
        if console.json {
            let all = drivers
                .iter()
                .map(|(driver, hook, scripts)| json!({ "driver": driver, "findings": hook, "scripts": scripts }));
            console
                .json("list", json!({ "findings": broken, "files": files(), "drivers": all.collect::<Vec<_>>() }))?;
            return Ok(exit_code);
        }
        let paint = console.paint;
        console.lines(&check::lines(&broken, paint))?;
        if !broken.is_empty() {
            console.lines(&["a call whose failure is ignored goes on with the defaults:".into()])?;
        }
        for (driver, hook, scripts) in &drivers {
            console.lines(&[paint.heading(driver)])?;
            console.lines(&check::lines(hook, paint))?;
            console.lines(&script::lines(scripts, paint))?;
        }
        if plans.is_empty() {
            let directory = paths::below(&root, "/etc/hookmux/DRIVER.d");
            console.lines(&[format!("no scripts: put them into {} (see hookmux contract)", directory.display())])?;
        }
        Ok(exit_code)
    }
}
