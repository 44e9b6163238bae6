//! The packages that `rpmbuild -ba` makes of the source tarball, as distributions build them: contents, dependencies, and life
//! under rpm. Does: needs root, what `make test-source-rpm` builds, and the roots (tests/packages/roots).

mod contents;
mod life;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::packages::{find, stdout};
use support::repository;

/// Returns one of the packages.
fn package(name: &str) -> PathBuf {
    let architecture = if name == "hookmux-selinux" { "noarch" } else { std::env::consts::ARCH };
    let directory = repository().join("target/source-rpm/RPMS").join(architecture);
    find(&directory, env!("CARGO_PKG_VERSION"), name, "rpm")
}

/// Unpacks a package below a directory.
fn unpack(package: &Path, directory: &Path) {
    stdout(
        Command::new("sh").args(["-euc", "rpm2cpio \"$0\" | cpio -idm --quiet"]).arg(package).current_dir(directory),
    );
}

/// Makes the release's own packages in a directory, from the same sources, programs and time.
fn make_release(directory: &Path, version: &str) {
    let name = concat!("hookmux-", env!("CARGO_PKG_VERSION"));
    let tarball = repository().join(format!("target/source-rpm/SOURCES/{name}.tar.xz"));
    let tree = tempfile::tempdir().unwrap();
    stdout(Command::new("tar").arg("xf").arg(tarball).arg("-C").arg(tree.path()));
    let sources = tree.path().join(name);
    let time = fs::metadata(sources.join("CHANGELOG.md")).unwrap().mtime().to_string();
    unpack(&package("hookmux"), tree.path());
    let mut build = Command::new(sources.join("packaging/build"));
    build.arg(tree.path().join("usr/bin/hookmux")).arg(directory);
    stdout(build.env("SOURCE_DATE_EPOCH", time).env("HOOKMUX_PACKAGE_VERSION", version));
}
