//! The system calls that hookmux makes in a call. In: a root with hooks, a call. Out: the lines of `strace`. Does.
//!
//! Counts are compared, so everything that has a part in them is the same each time: hookmux's parent is a process named
//! libvirtd, where its look at its ancestors ends; and what a script does after its start is not hookmux's.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::Command;

use crate::builder::{Hooks, hook, stand_in};

/// System calls that are about memory alone.
pub const MEMORY: [&str; 6] = ["mmap", "munmap", "mremap", "brk", "madvise", "mprotect"];

/// The system calls of hookmux, and of each of its children until that is a script; a line each.
#[derive(Debug)]
pub struct Trace(Vec<String>);

impl Trace {
    /// Makes a call that succeeds. Its scripts start no processes of their own.
    pub fn of(hooks: &Hooks, call: &str) -> Self {
        Self::of_program(hooks, &hook(hooks, call))
    }

    /// The same of any program that runs scripts, by its path and words.
    pub fn of_program(hooks: &Hooks, words: &[OsString]) -> Self {
        let file = hooks.root().join("trace");
        let daemon = stand_in(hooks, "libvirtd", None);
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-s", "4096", "-e", "signal=none", "-o"]).arg(&file);
        command.arg(daemon.get_program()).args(daemon.get_args()).args(words);
        hooks.as_libvirt(&mut command);
        hooks.see(command).is_like(0, [], &[]);
        Self(of_hookmux(&fs::read_to_string(file).unwrap(), &words[0]))
    }

    /// How many.
    pub fn total(&self) -> usize {
        self.0.len()
    }

    /// How many, by name.
    pub fn by_name(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for line in &self.0 {
            *counts.entry(line.split('(').next().unwrap_or_default()).or_default() += 1;
        }
        counts
    }

    /// Those that mention a text in their words.
    pub fn about(&self, text: &str) -> usize {
        self.0.iter().filter(|line| line.contains(text)).count()
    }
}

/// The lines of the process that executes `hook`, from then on, and of every process that appears after that, up to the
/// script that it executes. Without the processes' numbers.
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
