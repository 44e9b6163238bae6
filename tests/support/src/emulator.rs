//! An emulated machine that runs one scenario and powers itself off. In: kernel, disk, a directory with scenario.sh. Out: the
//! output of the scenario, part by part. Does: needs the emulator and tar.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// Longer than a scenario takes on a busy machine.
const LIMIT: &str = "2400";

/// The output of a scenario, by part.
pub type Parts = BTreeMap<String, String>;

/// A machine that boots when a test first asks for a part; a failed boot fails all tests.
pub struct Machine(LazyLock<Parts>);

impl Machine {
    pub const fn new(boot: fn() -> Parts) -> Self {
        Self(LazyLock::new(boot))
    }

    /// Returns what the scenario printed in one of its parts.
    pub fn part(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("no part {name}"))
    }
}

/// Runs QEMU with `arguments`, the disk, which stays as it is, and an archive of `files` as the second disk. Returns the
/// lines of each part: what follows a line `== NAME` on the serial console, between `=====BEGIN` and `=====END`.
pub fn run(arguments: &[&str], disk: &Path, files: &Path) -> Parts {
    let scratch = tempfile::tempdir_in(crate::scratch()).unwrap();
    let archive = scratch.path().join("archive");
    let mut tar = Command::new("tar");
    tar.args(["--create", "--owner=0", "--group=0", "--blocking-factor=64", "--file"]).arg(&archive);
    assert!(tar.arg("--directory").arg(files).arg(".").status().unwrap().success(), "{tar:?}");
    let drive = |file: &Path, options: &str| format!("file={},format=raw,if=virtio,{options}", file.display());
    let drives = ["-drive", &drive(disk, "snapshot=on"), "-drive", &drive(&archive, "readonly=on")];
    boot("qemu-system-x86_64", &[arguments, &drives].concat())
}

/// Runs an emulator with `arguments`, and returns what the scenario printed, as [`run`] does.
pub fn boot(emulator: &str, arguments: &[&str]) -> Parts {
    let scratch = tempfile::tempdir_in(crate::scratch()).unwrap();
    let serial = scratch.path().join("serial");
    let mut qemu = Command::new("timeout");
    qemu.args([LIMIT, emulator, "-nodefaults", "-display", "none", "-no-reboot", "-monitor", "none"]).args(arguments);
    qemu.args(["-serial", &format!("file:{}", serial.display())]).stdin(File::open("/dev/null").unwrap());
    let ended = qemu.output().unwrap();
    let console = String::from_utf8_lossy(&fs::read(&serial).unwrap_or_default()).replace('\r', "");
    let printed = console.split_once("=====BEGIN\n").and_then(|(_, rest)| rest.split_once("=====END"));
    let (printed, _) = printed.unwrap_or_else(|| {
        eprintln!("{console}");
        let last = console.lines().next_back();
        panic!("the scenario did not end: {ended:?}, the last line of the console: {last:?}")
    });
    let parts = printed.split("== ").skip(1).map(|part| part.split_once('\n').unwrap());
    parts.map(|(name, lines)| (name.to_owned(), lines.to_owned())).collect()
}
