//! `hookmux --version`: the commit and the target that it was built from, and what the build script
//! prints outside a checkout.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::root::hookmux;

/// Returns what git prints in a directory, if it succeeds.
fn git(directory: &Path, args: &str) -> Option<String> {
    let mut git = Command::new("git");
    git.current_dir(directory).args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(args.split(' '));
    let output = git.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
}

/// Returns the lines that the build script prints for cargo in a directory.
fn build_output(script: &Path, directory: &Path, commit: Option<&str>) -> Vec<String> {
    let mut script = Command::new(script);
    script.current_dir(directory).env("TARGET", "x-y-z").env_remove("HOOKMUX_COMMIT");
    script.envs(commit.map(|commit| ("HOOKMUX_COMMIT", commit)));
    let stdout = String::from_utf8(script.output().unwrap().stdout).unwrap();
    let ours = |line: &&str| !line.ends_with("=packaging/build.rs") && !line.ends_with("-changed=HOOKMUX_COMMIT");
    stdout.lines().filter(ours).map(|line| line.replace("cargo::", "")).collect()
}

#[test]
fn version_names_the_commit_and_the_target() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commit = std::env::var("HOOKMUX_COMMIT").ok().filter(|commit| !commit.is_empty());
    let checked_out = || git(here, "rev-parse HEAD").filter(|_| here.join(".git").exists());
    let commit = commit.or_else(checked_out).unwrap_or_else(|| "unknown".into());
    let commit = commit.get(..7).unwrap_or(&commit);
    let expected = format!("hookmux {} ({commit}, {})\n", env!("CARGO_PKG_VERSION"), env!("HOOKMUX_TARGET"));
    for option in ["--version", "-V"] {
        assert_eq!(hookmux(Path::new("/nowhere"), option), (Some(0), expected.clone(), String::new()));
    }
}

#[test]
fn the_commit_is_that_of_the_checkout_or_what_is_given_or_unknown() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let script = at("build");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(rustc).args(["--edition=2024", source, "-o"]).arg(&script).status().unwrap();
    assert!(built.success());
    let target = "rustc-env=HOOKMUX_TARGET=x-y-z";
    let commit = |commit: &str| format!("rustc-env=HOOKMUX_COMMIT={commit}");
    let watch = |path: &Path| format!("rerun-if-changed={}", path.display());

    // A tarball, also one inside another project's checkout.
    fs::create_dir_all(at("other/tarball")).unwrap();
    assert!(git(&at("other"), "init --quiet --initial-branch=main").is_some(), "git is needed (tests/needs)");
    assert!(git(&at("other"), "commit --quiet --allow-empty --message=one").is_some());
    let tarball = at("other/tarball");
    assert_eq!(build_output(&script, &tarball, None), [commit("unknown"), target.into()]);
    assert_eq!(build_output(&script, &tarball, Some("")), [commit("unknown"), target.into()]);
    assert_eq!(build_output(&script, &tarball, Some("0123456789")), [commit("0123456"), target.into()]);
    assert_eq!(build_output(&script, &tarball, Some("v1")), [commit("v1"), target.into()]);

    // A checkout, whose branch has a file; then one whose branch is in the packed list only; then a detached one.
    let one = git(&at("other"), "rev-parse HEAD").unwrap()[..7].to_owned();
    let relative = |name: &str| watch(&Path::new(".git").join(name));
    let seen = build_output(&script, &at("other"), None);
    assert_eq!(seen, [relative("HEAD"), relative("refs/heads/main"), commit(&one), target.into()]);
    assert!(git(&at("other"), "pack-refs --all").is_some());
    let seen = build_output(&script, &at("other"), None);
    let heads = relative("refs/heads");
    assert_eq!(seen, [relative("HEAD"), heads, relative("packed-refs"), commit(&one), target.into()]);
    assert!(git(&at("other"), "worktree add --quiet --detach ../detached").is_some());
    let head = root.path().canonicalize().unwrap().join("other/.git/worktrees/detached/HEAD");
    assert_eq!(build_output(&script, &at("detached"), None), [watch(&head), commit(&one), target.into()]);
}
