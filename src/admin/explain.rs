//! `hookmux explain`: what would run for a call, in order, by which rule, and who runs it. In: the call, directories,
//! settings. Out: lines. Reads, and starts nothing.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use crate::admin::check::{self, Finding};
use crate::admin::support;
use crate::admin::support::call::{self, Call};
use crate::admin::support::console::Console;
use crate::admin::support::made;
use crate::admin::support::script::{self, Script};
use crate::admin::support::xml;
use crate::call::contract::Failure;
use crate::plan::Plan;
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::verdict::messages;

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    call: Call,
    /// The XML that rules look at
    #[arg(long, value_name = "FILE")]
    xml: Option<PathBuf>,
}

impl Explain {
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.call.root.path()?;
        let call = self.call.invocation(&root)?;
        let (settings, fault) = call::settings_or_defaults(&root)?;
        let fails = fault.is_some() && call.row.failure == Failure::Aborts;
        let read = |path: &PathBuf| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let document = self.xml.as_ref().map(read).transpose()?;
        let read = || Ok(document.clone().unwrap_or_default());
        let facts = Facts::new(&read);
        let plan = if fails { Plan::default() } else { call::plan(&root, Calls::One(&call), &settings, &facts) };
        let mut findings: Vec<Finding> = fault.iter().map(|fault| check::settings(&root, fault)).collect();
        findings.extend(check::hook(&root, &call.driver, &plan));
        let scripts = script::scripts(&root, &plan, Some(&call.row));
        let paths = xml::paths(&root, &settings.rules, &call, &plan, document.as_ref().map(|_| &facts))?;
        let never_made = made::never(&root, &call.row);
        let json = Call::json(&call, never_made.as_deref());
        let content = json!({ "call": json, "findings": findings, "scripts": scripts, "paths": paths });
        console.print("explain", content, |paint| {
            let mut lines = check::lines(&findings, paint);
            let then = match &fault {
                None => "if the hook fails,",
                Some(_) if fails => "the hook fails for its settings, so",
                Some(_) => "the hook continues with the defaults; if it fails,",
            };
            lines.push(format!("{}: {then} {}", paint.heading(&messages::call(&call)), call.row.effect));
            lines.extend(never_made.iter().map(|why| paint.warning(why)));
            if !scripts.iter().any(Script::has_turn) {
                lines.push("  hookmux runs nothing".into());
            }
            lines.extend(script::lines(&scripts, paint));
            lines.extend(xml::lines(&paths));
            lines
        })?;
        Ok(support::exit_code(fault.is_some()))
    }
}
