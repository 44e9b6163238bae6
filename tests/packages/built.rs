//! The packages under test, and those of an older version. In: the packages of `make packages`. Out: their paths. Does:
//! makes the older ones, once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use support::packages::{find, stdout};
use support::repository;

/// The version that hosts are upgraded from.
const OLDER: &str = "0.0.9";

/// The last line of its settings file.
pub(crate) const OLDER_SETTING: &str = "#older = true\n";

/// Returns a package, by its name and its file's extension.
pub(crate) fn package(name: &str, ending: &str) -> PathBuf {
    find(&repository().join("target/packages"), env!("CARGO_PKG_VERSION"), name, ending)
}

/// Returns the same package of an older version, which has another program and other settings.
pub(crate) fn older(name: &str, ending: &str) -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    find(MADE.get_or_init(make_older), OLDER, name, ending)
}

fn make_older() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let [sources, extracted, packages] = ["sources", "extracted", "packages"].map(|name| temporary.join(name));
    let _ = (fs::remove_dir_all(&sources), fs::remove_dir_all(&extracted));
    fs::create_dir_all(&sources).unwrap();
    let parts = fs::read_dir(repository()).unwrap().map(|entry| entry.unwrap().path());
    let parts = parts.filter(|part| !part.ends_with("target") && !part.ends_with(".git"));
    stdout(Command::new("cp").arg("--archive").args(parts).arg(&sources));
    let settings = sources.join("packaging/hookmux.toml");
    fs::write(&settings, fs::read_to_string(&settings).unwrap() + OLDER_SETTING).unwrap();
    // The programs of the package under test with some appended bytes, so no other build is needed.
    stdout(Command::new("dpkg-deb").arg("--extract").arg(package("hookmux", "deb")).arg(&extracted));
    let program = extracted.join("usr/bin/hookmux");
    for program in [&program, &extracted.join("usr/bin/hookmux-hook")] {
        fs::write(program, [fs::read(program).unwrap(), OLDER.into()].concat()).unwrap();
    }
    let build = &mut Command::new(sources.join("packaging/build"));
    build.arg(&program).arg(&packages).env("HOOKMUX_PACKAGE_VERSION", OLDER).env("SOURCE_DATE_EPOCH", "1700000000");
    stdout(build);
    packages
}
