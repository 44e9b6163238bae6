//! The only door: reads the words, hands them on, writes the answer.
#![warn(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hookmux::admin;
use hookmux::admin::support::console::{self, Console, Paint};
use hookmux::call::invocation::{self, Role};
use hookmux::files::paths;
use hookmux::hook::{self, Answer};
use hookmux::run::process;

fn main() -> ExitCode {
    match invocation::role(std::env::args_os()) {
        Role::Hook(call) => {
            let root = std::env::var_os(paths::ROOT_VARIABLE).map_or_else(|| PathBuf::from("/"), PathBuf::from);
            process::end(answer(hook::answer(&call, &root), &root))
        }
        Role::Administrator => {
            let live = io::stderr().is_terminal();
            let (paint, errors_paint) = (Paint::choose(io::stdout().is_terminal()), Paint::choose(live));
            let (output, errors) = (&mut io::stdout(), &mut io::stderr());
            let (width, json) = (console::width(), false);
            admin::main(std::env::args_os(), Console { output, errors, paint, errors_paint, live, width, json })
        }
    }
}

/// Writes the document first: if it cannot be written whole, the code must be another. Then keeps the record, and starts
/// what nobody waits for, unless there is a no after all.
fn answer(answer: Answer, root: &Path) -> u8 {
    let Answer { mut code, document, mut words, mut background, record } = answer;
    if let Some(Err(error)) = document.as_ref().map(|document| document.write_to(io::stdout())) {
        code = hookmux::verdict::FAULT;
        words = format!("hookmux: the filtered XML could not be written: {error}\n").into_bytes();
        background = None;
    }
    // Nobody reads it any more: that changes no answer.
    let _ = io::stderr().write_all(&words);
    if let Some(record) = record {
        record.keep(root, code);
    }
    if let Some(background) = background {
        background.start(document);
    }
    code
}
