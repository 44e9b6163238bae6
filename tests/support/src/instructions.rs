//! Counts the instructions that hookmux executes in a call. In: a root with hooks, a call. Out: a number. Does: needs valgrind.

use std::ffi::OsString;
use std::fs;

use crate::builder::{Hooks, hook, stand_in};

/// Counts the instructions of a call that succeeds: hookmux's own, without those of its children and of the kernel.
///
/// Addresses are the same each time (`setarch -R`), as is the environment; what still varies is in how many turns the end
/// of a script and of its pipes is seen.
pub fn instructions(hooks: &Hooks, call: &str) -> u64 {
    instructions_of_program(hooks, &hook(hooks, call))
}

/// Counts the same for any program that runs scripts, by its path and arguments.
pub fn instructions_of_program(hooks: &Hooks, args: &[OsString]) -> u64 {
    let file = hooks.root().join("instructions");
    let _ = fs::remove_file(&file);
    let mut command = stand_in(hooks, "libvirtd", None);
    command.args(["setarch", "-R", "valgrind", "--quiet", "--tool=callgrind"]);
    command.arg(format!("--callgrind-out-file={}", file.display())).args(args);
    hooks.see(command).is_like(0, [], &[]);
    let profile = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    total.and_then(|total| total.trim().parse().ok()).unwrap_or_else(|| panic!("no total in {}", file.display()))
}
