//! The package for aarch64 on an emulated machine: a call with three scripts, a veto, a filter, and `check`. Does: needs root,
//! that package and the machine that tests/arm/build builds. `make test-arm`. The machine boots once, runs scenario.sh,
//! and each test reads one part of its output.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use support::emulator::{self, Machine, Parts};
use support::packages::{find, stdout};
use support::repository;

static ARM: Machine = Machine::new(boot);

fn boot() -> Parts {
    let machine = repository().join("target/arm");
    assert!(machine.exists(), "{} is missing: tests/arm/build makes it", machine.display());
    let scratch = tempfile::tempdir_in(support::scratch()).unwrap();
    let root = scratch.path().join("root");
    stdout(Command::new("cp").arg("--archive").arg(machine.join("root")).arg(&root));
    for directory in ["proc", "sys", "dev"] {
        fs::create_dir(root.join(directory)).unwrap();
    }
    let package = find(&repository().join("target/packages-arm"), env!("CARGO_PKG_VERSION"), "hookmux", "deb");
    stdout(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&root));
    fs::copy(repository().join("tests/arm/init.sh"), root.join("init")).unwrap();
    fs::copy(repository().join("tests/arm/scenario.sh"), root.join("scenario.sh")).unwrap();
    stdout(Command::new("chmod").arg("755").arg(root.join("init")));
    let archive = scratch.path().join("initrd");
    let mut cpio = Command::new("sh");
    cpio.args(["-c", "find . | cpio --quiet --create --format=newc"]).current_dir(&root).stdin(Stdio::null());
    assert!(cpio.stdout(File::create(&archive).unwrap()).status().unwrap().success());
    let [kernel, initrd] = [machine.join("vmlinuz"), archive].map(|file| file.to_str().unwrap().to_owned());
    let arguments = ["-machine", "virt", "-cpu", "cortex-a57", "-m", "1024", "-kernel", &kernel, "-initrd", &initrd];
    let append = ["-append", "console=ttyAMA0 quiet loglevel=3 panic=-1"];
    emulator::boot("qemu-system-aarch64", &[&arguments[..], &append].concat())
}

#[test]
fn the_program_is_built_for_the_machine_and_installs_itself() {
    let installed = "qemu: installed as /etc/libvirt/hooks/qemu\n/usr/bin/hookmux-hook\n";
    assert_eq!(ARM.part("program"), format!("aarch64\naarch64-unknown-linux-musl\n{installed}"));
}

#[test]
fn three_scripts_run_in_order_each_with_the_document() {
    let calls = ["10-a", "20-b", "30-c"].map(|script| format!("{script} vm1 prepare begin -: 95\n")).concat();
    assert_eq!(ARM.part("three"), format!("exit 0\n{calls}"));
}

#[test]
fn a_veto_fails_the_call_and_the_next_script_does_not_run() {
    let refusal = "hookmux: qemu start 'vm1' refused: /etc/hookmux/qemu.d/20-b exited 3\nnot today\n";
    assert_eq!(ARM.part("veto"), format!("{refusal}exit 3\n10-a vm1 start begin -: 95\n"));
}

#[test]
fn a_filter_changes_the_document() {
    let uuid = "<uuid>9b8b0cbb-64c7-4be4-9e3c-6e6b0a2b6f0e</uuid>";
    let document = format!("<domain type=\"qemu\"><name>vm1</name><title>here</title>{uuid}</domain>\n");
    assert_eq!(ARM.part("filter"), format!("{document}exit 0\n"));
}

#[test]
fn check_finds_a_script_with_crlf() {
    let finding = "error: /etc/hookmux/qemu.d/20-windows: cannot be started: its lines end in CRLF, as on Windows\n";
    let fix = "  fix: sed -i 's/\\r$//' /etc/hookmux/qemu.d/20-windows\n";
    assert_eq!(ARM.part("check"), format!("{finding}{fix}1 error\nexit 1\n"));
}
