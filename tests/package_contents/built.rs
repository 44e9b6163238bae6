//! Packages of this crate's own binary, made once. In: nothing. Out: their directory. Does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use support::packages::{find, stdout};
use support::repository;

/// The commit's time does not matter here.
pub(crate) const TIME: &str = "1790000000";

/// Lists the files below a directory of the repository, relative to it.
pub(crate) fn files_below(directory: &str) -> Vec<String> {
    let mut find = Command::new("find");
    let found = stdout(find.current_dir(repository()).args([directory, "-type", "f"]));
    found.lines().map(str::to_owned).collect()
}

/// Builds the program and the one for hooks, both without debug information, which would take minutes to compress.
pub(crate) fn program() -> &'static Path {
    static STRIPPED: OnceLock<PathBuf> = OnceLock::new();
    STRIPPED.get_or_init(|| {
        let stripped = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hookmux-stripped");
        for (built, ending) in [(support::binary(), ""), (support::hook_program(), "-hook")] {
            let stripped = format!("{}{ending}", stripped.display());
            stdout(Command::new("strip").args(["--strip-all", "-o", &stripped]).arg(built));
        }
        stripped
    })
}

/// Makes the packages.
pub(crate) fn packages() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("made");
        let _ = fs::remove_dir_all(&made);
        let build = repository().join("packaging/build");
        stdout(Command::new(build).arg(program()).arg(&made).env("SOURCE_DATE_EPOCH", TIME));
        made
    })
}

/// Returns one of them, by its name and its file's extension.
pub(crate) fn package(name: &str, ending: &str) -> PathBuf {
    find(packages(), env!("CARGO_PKG_VERSION"), name, ending)
}
