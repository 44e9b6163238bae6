//! qemu.d/20-gpu without a device; tests/host runs it with a card. Does.

use crate::{Answer, Example, passes, refuses};
use std::fs;
use std::path::Path;

/// A device that no host has.
const GUEST: &str = "<domain type='qemu'><uuid>11111111-1111-4111-8111-111111111111</uuid><devices>\
    <hostdev type='usb'><source><address bus='1' device='2'/></source></hostdev>\
    <hostdev type='pci'><source><address domain='0xfffe' bus='0xff' slot='31' function='7'/></source></hostdev>\
    </devices></domain>";

fn gpu(settings: &str) -> Example {
    Example::new("qemu.d/20-gpu").setting("gpu", settings)
}

/// Calls the script, which finds hookmux on PATH.
fn call(example: &Example, operation: &str, document: &str) -> Answer {
    let mut command = example.command(&["win 10", operation, "begin", "-"]);
    let directory = example.path("bin");
    fs::create_dir_all(&directory).unwrap();
    let _ = std::os::unix::fs::symlink(support::binary(), directory.join("hookmux"));
    command.env("PATH", format!("{}:/usr/bin:/bin", directory.display()));
    example.answer(command, document)
}

fn refused(reason: &str) -> Answer {
    refuses(&format!("gpu: guest 'win 10': {reason}"))
}

#[test]
fn a_guest_without_a_line_or_a_device_is_left_alone() {
    let unset = Example::new("qemu.d/20-gpu");
    let other = gpu("# win 10\n\nwin\n0000:01:00.0 win\nwin 10 a\n");
    let set = gpu("win 10\n");
    let plain = GUEST.replace("type='pci'", "type='usb'");
    let seen = [
        call(&unset, "prepare", GUEST),
        call(&unset, "release", GUEST),
        call(&other, "prepare", GUEST),
        call(&set, "prepare", &plain),
        call(&set, "started", GUEST),
        call(&set, "release", GUEST),
        set.call::<&str>(&[], ""),
    ];
    assert_eq!(seen, [(); 7].map(|()| passes()));
}

#[test]
fn the_devices_are_those_of_the_guest_unless_the_settings_name_others() {
    // (settings, the device that is looked for first)
    let cases = [
        ("win 10", "fffe:ff:1f.7"),
        ("web-1\n*\n", "fffe:ff:1f.7"),
        ("fffd:fe:01.0 win 10\nwin*\n", "fffd:fe:01.0"),
        ("fffd:fe:01.0 web-1\nfffd:fe:02.0 win*", "fffd:fe:02.0"),
    ];
    for (settings, device) in cases {
        let example = gpu(settings);
        let wanted = refused(&format!("the host has no device {device}"));
        assert_eq!(call(&example, "prepare", GUEST), wanted, "{settings}");
        assert_eq!(recorded(&example), ["lock"], "{settings}");
    }
}

/// Lists the files that the script has recorded.
fn recorded(example: &Example) -> Vec<String> {
    let directory = example.path("run/hookmux/gpu");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    if Path::new(&directory).exists() { fs::read_dir(directory).unwrap().map(name).collect() } else { Vec::new() }
}

#[test]
fn an_invalid_document_is_refused_and_leaves_nothing() {
    let example = gpu("*\n");
    for document in ["", "<domain/>", &GUEST.replace("11111111-", "../")] {
        let answer = call(&example, "prepare", document);
        let last = answer.stderr.lines().last().map(str::to_owned);
        assert_eq!((answer.code, last.as_deref()), (1, Some("gpu: guest 'win 10': its document has no UUID")));
    }
    assert_eq!(recorded(&example), [""; 0]);
}
