//! `hookmux contract`: the table of operations, for people or programs. In: the rows. Out: lines. Pure but for writing.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use crate::contract::{Input, Output, ROWS, Row};

/// Arguments of `hookmux contract`.
#[derive(Debug, Args)]
pub(super) struct Contract {
    /// As JSON, one array of objects
    #[arg(long)]
    json: bool,
}

impl Contract {
    /// Prints the table.
    pub(super) fn main(&self, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
        if self.json {
            serde_json::to_writer_pretty(&mut *output, ROWS)?;
            writeln!(output)?;
        } else {
            output.write_all(table().as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One line an operation, the fields padded.
fn table() -> String {
    let heading = ["driver", "operation", "sub-op", "extra", "since", "stdin", "stdout", "a failing hook: then"];
    let rows: Vec<[&str; 8]> = std::iter::once(heading).chain(ROWS.iter().map(fields)).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|field| field.len()).max();
    let mut table = String::new();
    for row in &rows {
        let padded = row.iter().enumerate().map(|(column, field)| format!("{field:0$}", width(column).unwrap_or(0)));
        table.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        table.push('\n');
    }
    table
}

/// The words of one row; the same as in the manual's table, which a test compares with these.
fn fields(row: &Row) -> [&'static str; 8] {
    let input = match row.input {
        Input::Domain => "domain XML",
        Input::HookData => "hookData",
        Input::Nothing => "none",
        Input::Unknown => "?",
    };
    let output = match row.output {
        Output::Dropped => "dropped",
        Output::Shown => "shown",
        Output::Filter => "new XML",
    };
    [row.driver, row.operation, row.sub_operation, row.extra, row.since, input, output, row.effect]
}
