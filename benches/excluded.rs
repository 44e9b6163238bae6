//! What a call costs whose scripts are all left out by rules, against one with an empty directory: without any settings,
//! and with the same. In: the built binary (`HOOKMUX_BIN` names another). Out: the ratios, with their spread. `cargo bench --bench excluded`.
//!
//! The two are called in turn, so that whatever else the machine does is in both. `tests/hostile/excluded.rs` counts the
//! system calls instead, which is repeatable.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Medians are taken of this many calls each, and the spread over this many rounds.
const CALLS: usize = 200;
const ROUNDS: usize = 15;

const RULE: &str = "[[rule]]\nscript = '*-backup'\nrun = false\n";

fn main() {
    let scratch = tempfile::tempdir().unwrap();
    println!("a call whose scripts are all left out; medians of {CALLS} calls, and the middle half of {ROUNDS} rounds");
    for scripts in [0, 1, 10, 50] {
        let at = |name: &str, scripts, rule| root(scratch.path(), &format!("{name}-{scripts}"), scripts, rule);
        let excluded = at("excluded", scripts, RULE);
        let bare = ratios(&at("bare", 0, ""), &excluded);
        let ruled = ratios(&at("ruled", 0, RULE), &excluded);
        println!(
            "{scripts:>3} scripts: {bare} x an empty directory without settings, {ruled} x one with the same settings"
        );
        fs::remove_dir_all(scratch.path().join("bare-0")).unwrap();
        fs::remove_dir_all(scratch.path().join("ruled-0")).unwrap();
    }
}

/// The median of the rounds' ratios, and the quarters around it.
fn ratios(empty: &Path, excluded: &Path) -> String {
    let mut ratios: Vec<f64> = (0..ROUNDS).map(|_| round(empty, excluded)).collect();
    ratios.sort_by(f64::total_cmp);
    let (low, median, high) = (ratios[ROUNDS / 4], ratios[ROUNDS / 2], ratios[ROUNDS * 3 / 4]);
    format!("{median:.2} ({low:.2} to {high:.2})")
}

fn root(scratch: &Path, name: &str, scripts: usize, rule: &str) -> PathBuf {
    let root = scratch.join(name);
    let directory = root.join("etc/hookmux/qemu.d");
    fs::create_dir_all(&directory).unwrap();
    for at in 0..scripts {
        let script = directory.join(format!("{at:02}-backup"));
        fs::write(&script, "#!/bin/sh\nexit 1\n").unwrap();
        fs::set_permissions(script, Permissions::from_mode(0o755)).unwrap();
    }
    if !rule.is_empty() {
        fs::write(root.join("etc/hookmux/hookmux.toml"), rule).unwrap();
    }
    let binary = support::binary();
    symlink(binary, root.join("qemu")).unwrap();
    root
}

/// The ratio of the medians of two roots that are called in turn.
fn round(empty: &Path, excluded: &Path) -> f64 {
    let mut times = [Vec::with_capacity(CALLS), Vec::with_capacity(CALLS)];
    for _ in 0..CALLS {
        for (root, times) in [empty, excluded].into_iter().zip(&mut times) {
            times.push(call(root));
        }
    }
    let [empty, excluded] = times.map(|mut times| {
        times.sort();
        times[CALLS / 2].as_secs_f64()
    });
    excluded / empty
}

fn call(root: &Path) -> Duration {
    let mut command = Command::new(root.join("qemu"));
    command.args(["vm1", "start", "begin", "-"]).env_clear().env("HOOKMUX_ROOT", root);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    assert!(command.status().unwrap().success());
    started.elapsed()
}
