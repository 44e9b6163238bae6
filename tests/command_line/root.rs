//! A root of its own with files in it, and the command line on it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A script that allows every operation.
pub(crate) const YES: &str = "#!/bin/sh\nexit 0\n";

/// A program that has the mark of every hookmux, 64 bytes after its start: what hooks lead to.
pub(crate) const PROGRAM: &str = "\x7fELF............................................................\
    hookmux: a hook for libvirt 5e1d6c0a-2f7b-4b0e-9a34-7d1f0c8e6b52";

/// Creates a root with these files; one whose text starts with `#!` is executable.
pub(crate) fn root(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        let parent = path.parent().unwrap();
        fs::create_dir_all(parent).unwrap();
        for directory in parent.ancestors().take_while(|directory| *directory != root.path()) {
            fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
        }
        // By a copy of its own: a descriptor for writing that another test's child inherits makes a script "busy".
        let source = root.path().join("source");
        // A program is longer than any script.
        let rest = if *text == PROGRAM { vec![0; 1 << 20] } else { Vec::new() };
        fs::write(&source, [text.as_bytes(), &rest].concat()).unwrap();
        let mode = if text.starts_with("#!") { "755" } else { "644" };
        assert!(Command::new("install").args(["-m", mode]).args([&source, &path]).status().unwrap().success());
        fs::remove_file(source).unwrap();
    }
    root
}

/// Runs hookmux with these arguments, and returns exit code, standard output and standard error.
pub(crate) fn verbatim(root: &Path, args: &str) -> (Option<i32>, String, String) {
    let args = args.split(' ').map(|arg| arg.replace("ROOT", root.to_str().unwrap()));
    let binary = support::binary();
    let Output { status, stdout, stderr } = Command::new(binary).args(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Runs hookmux like [`verbatim`], and removes the root from what it printed.
pub(crate) fn hookmux(root: &Path, args: &str) -> (Option<i32>, String, String) {
    let (code, out, err) = verbatim(root, args);
    let [out, err] = [out, err].map(|text| text.replace(root.to_str().unwrap(), ""));
    (code, out, err)
}
