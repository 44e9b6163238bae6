//! `hookmux explain`: what would run for a call, in order, by which rule, and who runs it. In: the call, directories,
//! settings. Out: lines. Reads, and starts nothing.

use std::process::ExitCode;

use clap::Args;

use crate::admin::support::call::{self, Call};
use crate::admin::support::console::Console;
use crate::admin::support::made;
use crate::admin::support::script::{self, State};
use crate::plan::calls::Calls;
use crate::verdict::messages;

/// Arguments of `hookmux explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    call: Call,
}

impl Explain {
    /// Prints the plan of the call.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.call.root()?;
        let call = self.call.invocation(&root)?;
        let plan = call::plan(&root, Calls::One(&call), &call::settings(&root)?);
        let scripts = script::scripts(&plan);
        let never_made = made::never(&root, &call.row);
        if console.json {
            let content = serde_json::json!({ "call": Call::json(&call, never_made.as_deref()), "scripts": scripts });
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
        console.lines(&lines)?;
        Ok(ExitCode::SUCCESS)
    }
}
