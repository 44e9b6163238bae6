//! Scripts that are not shell scripts: small static C programs, for tests that need a system call or a small process. In: a
//! C file in tests/support/programs. Out: the program, built once. Does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::builder::spawn;

/// Returns the program of `tests/support/programs/<name>.c`, which is built once in a test run, in cargo's directory for tests.
///
/// Needs musl-gcc (Debian: musl-tools), because a static glibc takes longer to start than what is tested here.
pub fn program(name: &'static str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let directory = BUILT.get_or_init(|| {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
        let directory = crate::scratch();
        for source in fs::read_dir(&sources).unwrap().map(|source| source.unwrap().path()) {
            if source.extension().is_some_and(|ending| ending == "c") {
                compile(&source, &directory.join(source.file_stem().unwrap()));
            }
        }
        directory
    });
    directory.join(name)
}

/// Compiles one C file to a static program.
pub fn compile(source: &Path, made: &Path) {
    // Replaced atomically, because another test may be executing the previous one.
    let new = made.with_extension(std::process::id().to_string());
    let mut cc = Command::new("musl-gcc");
    cc.args(["-static", "-O1", "-Wall", "-Werror", "-o"]).arg(&new).arg(source);
    assert!(spawn(&mut cc).wait().unwrap().success(), "{cc:?}");
    fs::rename(new, made).unwrap();
}
