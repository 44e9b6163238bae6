//! Packages of this crate's own binary, made once. In: nothing. Out: the directory where they lie. Does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The commit's time does not matter here.
pub(crate) const TIME: &str = "1790000000";

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a command prints; it must succeed.
pub(crate) fn said(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error} (tests/needs)"));
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{command:?}\n{out}\n{err}");
    out.into_owned()
}

/// The paths of all files below a directory of the repository, from there.
pub(crate) fn files_below(directory: &str) -> Vec<String> {
    let mut find = Command::new("find");
    let found = said(find.current_dir(repository()).args([directory, "-type", "f"]));
    found.lines().map(str::to_owned).collect()
}

/// The program, without what a debugger would want: that would take minutes to compress.
pub(crate) fn program() -> &'static Path {
    static STRIPPED: OnceLock<PathBuf> = OnceLock::new();
    STRIPPED.get_or_init(|| {
        let binary = std::env::var_os("HOOKMUX_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_hookmux").into());
        let stripped = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hookmux-stripped");
        said(Command::new("strip").arg("--strip-all").arg("-o").arg(&stripped).arg(binary));
        stripped
    })
}

/// The packages.
pub(crate) fn packages() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("made");
        let _ = fs::remove_dir_all(&made);
        let build = repository().join("packaging/build");
        said(Command::new(build).arg(program()).arg(&made).env("SOURCE_DATE_EPOCH", TIME));
        made
    })
}

/// The one file there of that name's start and ending.
pub(crate) fn package(start: &str, ending: &str) -> PathBuf {
    let version = env!("CARGO_PKG_VERSION");
    let found = fs::read_dir(packages()).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let starts = [format!("{start}_{version}_"), format!("{start}-{version}-")];
    let wanted =
        |path: &PathBuf| starts.iter().any(|start| name(path).starts_with(start)) && name(path).ends_with(ending);
    let found: Vec<PathBuf> = found.filter(wanted).collect();
    assert_eq!(found.len(), 1, "{start} {ending}: {found:?}");
    found[0].clone()
}
