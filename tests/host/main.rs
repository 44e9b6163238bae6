//! The packages on a whole host: Debian 13 with systemd, journald and AppArmor enforcing, emulated. Does: needs root, the
//! packages (`make packages`) and the host that tests/host/build builds. `make test-host`. The host boots once, runs
//! scenario.sh, and each test reads one part of what that printed.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use support::packages::{find, said};
use support::{emulator, repository};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A version before every other, of the same program.
const OLDER: &str = "0.0.1";

/// What the scenario printed in one of its parts.
fn part(name: &str) -> &'static str {
    static PARTS: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    PARTS.get_or_init(boot).get(name).unwrap_or_else(|| panic!("no part {name}"))
}

fn boot() -> BTreeMap<String, String> {
    let host = repository().join("target/host");
    assert!(host.exists(), "{} is missing: tests/host/build makes it", host.display());
    let files = tempfile::tempdir_in(support::scratch()).unwrap();
    let package = find(&repository().join("target/packages"), VERSION, "hookmux", "deb");
    fs::copy(package, files.path().join("hookmux.deb")).unwrap();
    fs::copy(repository().join("tests/host/scenario.sh"), files.path().join("scenario.sh")).unwrap();
    fs::copy(older(files.path()), files.path().join("older.deb")).unwrap();
    let file = |name: &str| host.join(name).to_str().unwrap().to_owned();
    let append = "root=/dev/vda rw console=ttyS0 quiet loglevel=3 mitigations=off apparmor=1 security=apparmor \
                  systemd.show_status=false net.ifnames=0 systemd.mask=serial-getty@ttyS0.service \
                  systemd.mask=getty@tty1.service";
    let mut arguments = vec!["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3072"];
    let (kernel, initrd) = (file("vmlinuz"), file("initrd.img"));
    arguments.extend(["-kernel", &kernel, "-initrd", &initrd, "-append", append]);
    emulator::run(&arguments, &host.join("root.img"), files.path())
}

/// The package that is upgraded: the same program under an older version.
fn older(directory: &std::path::Path) -> std::path::PathBuf {
    let made = directory.join("older");
    let extracted = directory.join("extracted");
    let package = find(&repository().join("target/packages"), VERSION, "hookmux", "deb");
    said(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&extracted));
    let mut build = Command::new(repository().join("packaging/build"));
    build.arg(extracted.join("usr/bin/hookmux")).arg(&made).env("HOOKMUX_PACKAGE_VERSION", OLDER);
    said(build.env("SOURCE_DATE_EPOCH", "1700000000"));
    fs::remove_dir_all(extracted).unwrap();
    find(&made, OLDER, "hookmux", "deb")
}
