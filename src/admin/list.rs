//! `hookmux list`: every script of a driver, in order, and what is skipped and why. In: the directories. Out: lines.
//! Reads.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::Args;

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
use crate::printable;

/// Arguments of `hookmux list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only this driver's
    #[arg(value_parser = DriverName)]
    driver: Option<OsString>,
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
        let settings = call::settings(&root)?;
        let plans = drivers
            .into_iter()
            .map(|driver| (driver, call::plan(&root, Calls::Every(driver), &settings, &Facts::nothing())));
        let plans: Vec<_> = plans.filter(|(_, plan)| self.driver.is_some() || *plan != Plan::default()).collect();
        if console.json {
            let all = plans.iter().map(|(driver, plan)| {
                serde_json::json!({ "driver": printable::printable(driver), "scripts": script::scripts(&root, plan) })
            });
            console.json("list", serde_json::json!({ "drivers": all.collect::<Vec<_>>() }))?;
            return Ok(ExitCode::SUCCESS);
        }
        for (driver, plan) in &plans {
            console.lines(&[console.paint.heading(&printable::printable(driver))])?;
            console.lines(&script::sections(&script::scripts(&root, plan), console.paint))?;
        }
        if plans.is_empty() {
            let directory = paths::below(&root, "/etc/hookmux/DRIVER.d");
            console.lines(&[format!("no scripts: put them into {} (see hookmux contract)", directory.display())])?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
