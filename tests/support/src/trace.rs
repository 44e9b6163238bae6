//! The system calls that hookmux makes in a call. In: a root with hooks, a call. Out: the lines of `strace`. Does.
//!
//! Counts are compared, so everything that affects them is the same each time: hookmux's parent is a process named
//! libvirtd, where its search for a daemon ends; and the system calls of a script after its start are not counted.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::Command;

use crate::builder::{Hooks, hook, stand_in};

/// System calls that only manage memory.
pub const MEMORY: [&str; 6] = ["mmap", "munmap", "mremap", "brk", "madvise", "mprotect"];

/// The system calls of hookmux, and of each of its children until it executes a script; a line each.
#[derive(Debug)]
pub struct Trace(Vec<String>);

impl Trace {
    /// Makes a call that succeeds. Its scripts start no processes of their own.
    pub fn of_call(hooks: &Hooks, call: &str) -> Self {
        Self::of_program(hooks, &hook(hooks, call))
    }

    /// Traces any program that runs scripts, by its path and arguments.
    pub fn of_program(hooks: &Hooks, args: &[OsString]) -> Self {
        let file = hooks.root().join("trace");
        let daemon = stand_in(hooks, "libvirtd", None);
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-s", "4096", "-e", "signal=none", "-o"]).arg(&file);
        command.arg(daemon.get_program()).args(daemon.get_args()).args(args);
        hooks.as_libvirt(&mut command);
        hooks.see(command).is_like(0, [], &[]);
        Self(of_hookmux(&fs::read_to_string(file).unwrap(), &args[0]))
    }

    /// Returns the number of system calls.
    pub fn total(&self) -> usize {
        self.0.len()
    }

    /// Returns the number of system calls by name.
    pub fn by_name(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for line in &self.0 {
            *counts.entry(line.split('(').next().unwrap_or_default()).or_default() += 1;
        }
        counts
    }

    /// Returns the number of system calls whose arguments contain a text.
    pub fn about(&self, text: &str) -> usize {
        self.0.iter().filter(|line| line.contains(text)).count()
    }
}

/// Returns the lines of the process that executes `hook`, from then on, and of every later process up to the script that it
/// executes, without the process numbers.
fn of_hookmux(lines: &str, hook: &OsStr) -> Vec<String> {
    let executes_hook = format!("execve(\"{}\"", hook.display());
    let (mut others, mut counted) = (HashSet::new(), Vec::new());
    let mut begun = false;
    for line in lines.lines() {
        let (process, line) = line.split_once(' ').unwrap();
        let line = line.trim_start();
        if !begun {
            begun = line.starts_with(&executes_hook);
            if begun {
                others.remove(process)
            } else {
                others.insert(process)
            };
        } else if !others.contains(process) && !line.starts_with("<...") {
            counted.push(line.to_owned());
            if line.starts_with("execve(") {
                others.insert(process);
            }
        }
    }
    assert!(begun && !counted.is_empty(), "{} was not executed: {lines}", hook.display());
    counted
}
