//! `hookmux contract`: the table of operations, for people or programs. In: the rows. Out: lines of at most 80 columns, or
//! JSON. Pure but for writing.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::admin::support::console::{Console, Paint};
use crate::admin::support::{made, table};
use crate::call::contract::{Input, Output, ROWS, Row};
use crate::call::drivers::{DRIVERS, Driver};

#[derive(Debug, Args)]
pub(crate) struct Contract {}

impl Contract {
    pub(crate) fn main(console: &mut Console) -> anyhow::Result<ExitCode> {
        console.print("contract", json!({ "operations": ROWS }), |paint| {
            DRIVERS.iter().flat_map(|driver| section(driver, paint)).collect()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn section(driver: &Driver, paint: Paint) -> Vec<String> {
    let of_driver: Vec<&Row> = ROWS.iter().filter(|row| row.driver == driver.name).collect();
    let input = match of_driver.first().map(|row| row.input) {
        Some(Input::Domain) => "domain XML",
        Some(Input::HookData) => "hookData",
        Some(Input::Nothing) => "nothing",
        Some(Input::Unknown) | None => "anything",
    };
    let heading = format!("{}, with {input} on standard input; if the hook fails:", paint.heading(driver.name));
    let columns = ["operation", "sub-op, extra", "since", "effect"].map(String::from);
    let rows: Vec<[String; 4]> = std::iter::once(columns).chain(of_driver.iter().map(|row| fields(row))).collect();
    std::iter::once(heading).chain(table::table(&rows)).collect()
}

/// Returns an operation's fields: its name, its further arguments, its first release, and its effect.
fn fields(row: &Row) -> [String; 4] {
    let filter = if row.output == Output::Filter { "; stdout is the new XML" } else { "" };
    let further = format!("{} {}", row.sub_operation, row.extra);
    let never = made::never_made(row, None).map(|why| format!(" ({why})")).unwrap_or_default();
    [row.operation.into(), further.trim().into(), row.since.into(), format!("{}{filter}{never}", row.effect)]
}
