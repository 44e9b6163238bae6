//! Packages that have been built. In: their directory. Out: the file of each, and what programs print about it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The drivers whose hooks the packages install.
pub const HOOKS: [&str; 4] = ["qemu", "lxc", "libxl", "network"];

/// Returns those of them whose hook leads to hookmux, on the system below `root`.
pub fn hooks(root: &Path) -> Vec<&'static str> {
    let target = |driver: &str| fs::read_link(root.join("etc/libvirt/hooks").join(driver)).ok();
    let leads_here = |driver: &&str| target(driver).is_some_and(|target| target == Path::new("/usr/bin/hookmux-hook"));
    HOOKS.into_iter().filter(leads_here).collect()
}

/// Runs a command that must succeed, and returns its standard output.
pub fn stdout(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error} (tests/needs)"));
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{command:?}\n{out}\n{err}");
    out.into_owned()
}

/// Returns the file of a package of that version, by its name and its file's ending.
pub fn find(directory: &Path, version: &str, name: &str, ending: &str) -> PathBuf {
    let files = fs::read_dir(directory).into_iter().flatten().map(|file| file.unwrap().path());
    let starts = [format!("{name}_{version}_"), format!("{name}-{version}-")];
    let wanted = |file: &PathBuf| {
        let file = file.file_name().unwrap().to_str().unwrap();
        starts.iter().any(|start| file.starts_with(start)) && file.ends_with(&format!(".{ending}"))
    };
    let found: Vec<PathBuf> = files.filter(wanted).collect();
    assert_eq!(found.len(), 1, "{name} {version} .{ending} in {} (make packages): {found:?}", directory.display());
    found[0].clone()
}
