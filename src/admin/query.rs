//! `hookmux query`: prints what paths select in the document on standard input, for scripts. Reads.

use std::io::Read;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::admin::support::{self, console::Console};
use crate::guard::{self, PathPattern, Which};
use crate::printable::printable;

/// The exit code for a document that cannot be read, which clap has for an invalid path as well.
const INVALID: u8 = 2;

#[derive(Debug, Args)]
pub(crate) struct Query {
    /// A path as for may-change: /domain/devices/disk[1]/source/@file, with * for any name and *:name for any prefix
    #[arg(required = true, value_parser = PathPattern::of_any_document)]
    path: Vec<PathPattern>,
    /// End each value with a NUL instead of a line feed, and escape nothing in it
    #[arg(short = '0', long, conflicts_with = "json")]
    null: bool,
}

impl Query {
    /// Prints a line for each value. Exit code 1 if there is none.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let mut source = Vec::new();
        std::io::stdin().read_to_end(&mut source)?;
        let document = match guard::read(&source, Which::After) {
            Ok(document) => document,
            Err(fault) => {
                let name = console.errors_paint.bad("hookmux:");
                writeln!(console.errors, "{name} standard input: {fault}")?;
                return Ok(ExitCode::from(INVALID));
            }
        };
        let selected: Vec<_> = self.path.iter().map(|path| (path, path.select(&document))).collect();
        if console.json {
            let paths = selected.iter().map(|(path, values)| json!({ "path": path.to_string(), "values": values }));
            console.json("query", json!({ "paths": paths.collect::<Vec<_>>() }))?;
        } else {
            for value in selected.iter().flat_map(|(_, values)| values) {
                if self.null {
                    write!(console.output, "{value}\0")?;
                } else {
                    writeln!(console.output, "{}", printable(value.as_ref()))?;
                }
            }
        }
        Ok(support::exit_code(selected.iter().all(|(_, values)| values.is_empty())))
    }
}
