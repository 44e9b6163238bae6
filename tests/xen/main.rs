//! libvirt's driver libxl on a real Xen, emulated: every operation, and migrations that scripts refuse and filter. Does:
//! needs root and the host that tests/xen/build builds. `make test-xen`. The host boots once, runs scenario.sh, and each
//! test reads one part of its output.

use std::fs;

use support::emulator::{self, Machine, Parts};
use support::{recorder, repository};

static XEN: Machine = Machine::new(boot);

fn boot() -> Parts {
    let host = repository().join("target/xen");
    assert!(host.exists(), "{} is missing: tests/xen/build makes it", host.display());
    let files = tempfile::tempdir_in(support::scratch()).unwrap();
    fs::copy(support::binary(), files.path().join("hookmux")).unwrap();
    fs::copy(repository().join("tests/xen/scenario.sh"), files.path().join("scenario.sh")).unwrap();
    let file = |name: &str| host.join(name).to_str().unwrap().to_owned();
    // Of the emulated processor's features, three break Xen or its guests.
    let processor = "max,-smap,-smep,-rdtscp";
    let hypervisor = "console=com1 com1=115200 dom0_mem=1536M,max:1536M noreboot ucode=no-scan spec-ctrl=no xpti=0";
    let first_domain =
        format!("{} console=hvc0 quiet loglevel=4 mitigations=off,{}", file("vmlinuz"), file("initrd.img"));
    let arguments = ["-machine", "pc,accel=tcg", "-cpu", processor, "-smp", "1", "-m", "4096", "-kernel", &file("xen")];
    let arguments = [&arguments[..], &["-append", hypervisor, "-initrd", &first_domain]].concat();
    let parts = emulator::run(&arguments, &host.join("root.img"), files.path());
    for line in parts.values().flat_map(|part| part.lines()) {
        if let [driver @ "libxl", _, operation, ..] = line.split(' ').collect::<Vec<_>>()[..] {
            recorder::note(driver, operation);
        }
    }
    parts
}

#[test]
fn a_guests_life_calls_each_operation_once() {
    let operations = ["prepare begin", "start begin", "started begin", "reconnect begin", "stopped end", "release end"];
    let calls = operations.map(|operation| format!("libxl pv1 {operation} -\n")).concat();
    assert_eq!(XEN.part("life"), format!("running\n{calls}"));
}

#[test]
fn a_refused_migration_shows_the_scripts_message_and_the_guest_stays() {
    let refusal =
        "hookmux: libxl migrate 'pv1m' refused: /etc/hookmux/libxl.d/20-filter exited 1\nrefused by a script\n";
    let states = "here: running; there: error: failed to get domain 'pv1m'\n";
    assert_eq!(XEN.part("refused"), format!("{refusal}{states}libxl pv1m migrate begin -\n"));
}

#[test]
fn an_unfit_document_is_rejected_and_the_guest_stays() {
    let failure = "hookmux: libxl migrate 'pv1m' failed: /etc/hookmux/libxl.d/20-filter wrote XML that libvirt must not \
                   get: line 1, column 1: found no type, expected one of: xen\n";
    let states = "here: running; there: error: failed to get domain 'pv1m'\n";
    assert_eq!(XEN.part("unfit"), format!("{failure}{states}"));
}

#[test]
fn the_guest_arrives_with_the_filtered_document() {
    let (state, calls) = XEN.part("filtered").split_once("here:\n").unwrap();
    assert!(state.ends_with("there: running\n<title>as filtered</title>\n"), "{state}");
    let here = "libxl pv1 stopped end -\nlibxl pv1 release end -\n";
    let there = ["migrate", "prepare", "start", "started"].map(|operation| format!("libxl pv1m {operation} begin -\n"));
    assert_eq!(calls, format!("{here}there:\n{}", there.concat()));
}
