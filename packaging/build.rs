//! What `hookmux --version` says of its build. In: `$HOOKMUX_COMMIT`, or the checkout that this file lies in, as git knows
//! it. Out: the commit (7 characters; "unknown" in a tarball) and the target, for `env!`. Reads.
//!
//! Built again when the commit changes, and not when another branch does.

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

/// The commit of this checkout; `None` in a tarball, even in one that was unpacked inside another project's checkout.
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

/// Has this run again when one of git's files changes. A branch that git keeps in its packed list gets a file of its own
/// with the next commit: until then, its directory is what changes.
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

/// What git says; `None` if it is not there, or says no.
fn git(words: &[&str]) -> Option<String> {
    let said = Command::new("git").args(words).output().ok().filter(|said| said.status.success())?;
    Some(String::from_utf8(said.stdout).ok()?.trim_end().to_owned())
}
