//! The state of a host between calls. In: the system, the records. Out: values for metrics. Reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use crate::admin::check::{self, Severity};
use crate::admin::install::existing::{self, ExistingHook};
use crate::admin::status;
use crate::admin::support::call;
use crate::printable::printable;
use crate::record::Record;
use crate::record::read::{self, Files};

#[derive(Debug)]
pub(super) struct HostState {
    /// Each driver, whether its hook leads to a hookmux, and how many scripts need it.
    pub(super) drivers: Vec<(String, bool, usize)>,
    /// The number of findings of each severity and kind that `check` has.
    pub(super) findings: BTreeMap<(Severity, &'static str), u64>,
    /// The time at which the last recorded call began.
    pub(super) last: Option<SystemTime>,
    /// The time for which the oldest running script has been running, in seconds; 0 if none is.
    pub(super) running: u64,
}

impl HostState {
    /// Looks at the system; `records` are those of the current file. Fails on settings that only root can read.
    pub(super) fn read(root: &Path, records: &[Record]) -> anyhow::Result<Self> {
        let (settings, fault) = call::settings_or_defaults(root)?;
        let plans = check::plans(root, &settings);
        let mut findings = BTreeMap::<_, u64>::new();
        for finding in check::system(root, &settings, fault.as_ref(), &plans) {
            let count = findings.entry((finding.severity, finding.kind)).or_default();
            *count = count.saturating_add(1);
        }
        let is_hookmux = |found: &ExistingHook| matches!(found, ExistingHook::OurLink(_) | ExistingHook::OurCopy);
        let drivers = plans.iter().map(|(driver, plan)| {
            let is_installed = existing::ours(root, driver).iter().any(|(_, found)| is_hookmux(found));
            (printable(driver), is_installed, plan.scripts().count())
        });
        // After a rotation, the last call is in the older file.
        let older = || read::read(root, Files::Both, |_| true).ok()?.records.last().map(|record| record.time);
        let running = status::calls(root);
        let scripts = running.iter().flat_map(|(_, scripts)| scripts);
        Ok(Self {
            drivers: drivers.collect(),
            findings,
            last: records.last().map(|record| record.time).or_else(older),
            running: scripts.map(|script| script.seconds).max().unwrap_or_default(),
        })
    }
}
