//! The program that libvirt's hooks lead to: a call from its arguments to its exit code, without the command line.
#![warn(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use std::io::{self, Write};
use std::process::ExitCode;

use hookmux::call::invocation::{self, Role};
use hookmux::hook;

fn main() -> ExitCode {
    if let Role::Hook(call) = invocation::role(std::env::args_os()) {
        hook::serve(&call, io::stdout(), io::stderr());
    }
    let usage = concat!(
        "hookmux-hook ",
        env!("CARGO_PKG_VERSION"),
        ": it runs as a hook, by a link with the hook's name, such as /etc/libvirt/hooks/qemu; the command line is hookmux\n"
    );
    // Without a reader the exit code is the same.
    let _ = io::stderr().write_all(usage.as_bytes());
    ExitCode::from(hook::USAGE)
}
