//! `hookmux explain`: what would run for a call, in order, by which rule, and who runs it. In: the call, directories,
//! settings. Out: lines. Reads, and starts nothing.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::admin::support::call::{self, Call};
use crate::admin::support::console::Console;
use crate::admin::support::made;
use crate::admin::support::script::{self, State};
use crate::admin::support::xml;
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::verdict::messages;

/// Arguments of `hookmux explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    call: Call,
    /// The XML that rules look at
    #[arg(long, value_name = "FILE")]
    xml: Option<PathBuf>,
}

impl Explain {
    /// Prints the plan of the call.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.call.root()?;
        let call = self.call.invocation(&root)?;
        let settings = call::settings(&root)?;
        let document = self.xml.as_ref().map(|path| {
            std::fs::read(path).map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()))
        });
        let document = document.transpose()?;
        let read = || Ok(document.clone().unwrap_or_default());
        let facts = Facts::new(&read);
        let plan = call::plan(&root, Calls::One(&call), &settings, &facts);
        let scripts = script::scripts(&root, &plan);
        let paths = xml::paths(&settings.rules, &call, &plan, document.as_ref().map(|_| &facts));
        if let Some(fault) = facts.fault() {
            anyhow::bail!("{}", xml::unreadable(fault));
        }
        let never_made = made::never(&root, &call.row);
        if console.json {
            let call = Call::json(&call, never_made.as_deref());
            let content = serde_json::json!({ "call": call, "scripts": scripts, "paths": paths });
            console.json("explain", content)?;
            return Ok(ExitCode::SUCCESS);
        }
        let call_in_words = console.paint.heading(&messages::call(&call));
        let mut lines = vec![format!("{call_in_words}: if the hook fails, {}", call.row.effect)];
        lines.extend(never_made.iter().map(|why| console.paint.warning(why)));
        if !scripts.iter().any(|script| matches!(script.state, State::Runs | State::Untrusted)) {
            lines.push("  hookmux runs nothing".into());
        }
        lines.extend(script::sections(&scripts, console.paint));
        lines.extend(xml::lines(&paths));
        console.lines(&lines)?;
        Ok(ExitCode::SUCCESS)
    }
}
