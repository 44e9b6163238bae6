//! The command line, and a hook where a link with a hook's name leads to it: reads argv, hands it on, returns the exit code.
#![warn(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use hookmux::admin;
use hookmux::admin::support::console::{Console, Paint};
use hookmux::call::invocation::{self, Role};
use hookmux::hook;

fn main() -> ExitCode {
    match invocation::role(std::env::args_os()) {
        Role::Hook(call) => hook::serve(&call, io::stdout(), io::stderr()),
        Role::Administrator => {
            let live = io::stderr().is_terminal();
            let on_terminal = io::stdout().is_terminal();
            let (paint, errors_paint) = (Paint::choose(on_terminal), Paint::choose(live));
            let (output, errors) = (&mut io::stdout(), &mut io::stderr());
            let input = Some(io::stdin()).filter(|input| live && input.is_terminal());
            let mut console = Console { output, errors, paint, errors_paint, input, on_terminal, live, json: false };
            admin::main(std::env::args_os(), &mut console)
        }
    }
}
