//! Passes the commit and the target to `hookmux --version`. In: `$HOOKMUX_COMMIT`, or git's HEAD of this checkout. Out: the
//! commit (7 characters; "unknown" in a tarball) and the target, for `env!`. Reads.
//!
//! Cargo runs this again when the commit changes, and not when another branch does.

use std::env;
use std::path::Path;
use std::process::Command;

const LENGTH: usize = 7;

fn main() {
    println!("cargo::rerun-if-changed=packaging/build.rs");
    println!("cargo::rerun-if-env-changed=HOOKMUX_COMMIT");
    let given = env::var("HOOKMUX_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(checked_out).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=HOOKMUX_COMMIT={}", commit.get(..LENGTH).unwrap_or(&commit));
    println!("cargo::rustc-env=HOOKMUX_TARGET={}", env::var("TARGET").unwrap_or_default());
}

/// Returns the commit of this checkout; `None` in a tarball, even if it was unpacked inside another project's checkout.
fn checked_out() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    watch("HEAD");
    if let Some(branch) = git(&["symbolic-ref", "--quiet", "HEAD"]) {
        watch(&branch);
    }
    git(&["rev-parse", "HEAD"])
}

/// Makes cargo run this again when one of git's files changes. A branch in git's packed list gets a file of its own with the
/// next commit; until then, its directory is watched.
fn watch(name: &str) {
    let Some(file) = git(&["rev-parse", "--git-path", name]) else { return };
    let nearest = Path::new(&file).ancestors().find(|path| path.exists());
    if let Some(nearest) = nearest {
        println!("cargo::rerun-if-changed={}", nearest.display());
    }
    if nearest != Some(Path::new(&file))
        && let Some(packed) =
            git(&["rev-parse", "--git-path", "packed-refs"]).filter(|packed| Path::new(packed).exists())
    {
        println!("cargo::rerun-if-changed={packed}");
    }
}

/// Returns the output of git; `None` if git is not installed or fails.
fn git(args: &[&str]) -> Option<String> {
    let git = Command::new("git").args(args).output().ok().filter(|git| git.status.success())?;
    Some(String::from_utf8(git.stdout).ok()?.trim_end().to_owned())
}
