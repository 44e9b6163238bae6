//! qemu.d/30-hugepages on this machine's kernel: calls → pages of its pool. A few dozen MiB are reserved for a moment. Does.

use crate::{Answer, Example, passes, refuses};
use std::fs::{self, File};

const POOL: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

/// A guest of 33 MiB, for which 17 pages of 2 MiB are needed.
const GUEST: &str = "<domain type='qemu'><uuid>11111111-1111-4111-8111-111111111111</uuid>\
    <memory unit='MiB'>33</memory><memoryBacking><hugepages/></memoryBacking></domain>";

/// Another guest: 8 pages for cell 0 on the host's node 0; cell 1 has pages of the usual size.
const CELLS: &str = "<domain type='qemu'><uuid>22222222-2222-4222-8222-222222222222</uuid><memory unit='MiB'>24</memory>\
    <memoryBacking><hugepages><page size='2' unit='MiB' nodeset='0'/></hugepages></memoryBacking>\
    <numatune><memory mode='strict' nodeset='0'/></numatune>\
    <cpu><numa><cell id='0' memory='16' unit='MiB'/><cell id='1' memory='8192'/></numa></cpu></domain>";

/// Locks the machine's pool, which all tests share, and returns its size.
fn alone() -> (File, usize) {
    let file = File::open(POOL).expect("a kernel with huge pages of 2 MiB");
    file.lock().unwrap();
    let pages = pool();
    (file, pages)
}

fn pool() -> usize {
    fs::read_to_string(POOL).unwrap().trim().parse().unwrap()
}

fn hugepages(settings: &str) -> Example {
    Example::new("qemu.d/30-hugepages").setting("hugepages", settings)
}

/// Makes a call; returns the answer and by how much the pool has changed since `before`.
fn call(example: &Example, before: usize, operation: &str, guest: &str) -> (Answer, usize) {
    let answer = example.call(&["vm1", operation, "begin", "-"], guest);
    (answer, pool() - before)
}

#[test]
fn pages_are_reserved_once_for_a_guest_and_freed_with_it() {
    let (_lock, before) = alone();
    let example = hugepages("# all of the databases\nvm*\n");
    let calls = [
        ("prepare", GUEST, 17),
        ("prepare", GUEST, 17),
        ("prepare", CELLS, 25),
        ("started", GUEST, 25),
        ("release", GUEST, 8),
        ("release", GUEST, 8),
        ("release", CELLS, 0),
    ];
    let seen = calls.map(|(operation, guest, _)| call(&example, before, operation, guest));
    assert_eq!(seen, calls.map(|(_, _, pages)| (passes(), pages)));
}

#[test]
fn a_guest_that_has_changed_since_its_last_start_gets_what_it_needs_now() {
    let (_lock, before) = alone();
    let example = hugepages("vm1\n");
    let smaller = GUEST.replace("33", "4");
    let calls = [("prepare", GUEST, 17), ("prepare", &smaller, 2), ("release", &smaller, 0)];
    let seen = calls.map(|(operation, guest, _)| call(&example, before, operation, guest));
    assert_eq!(seen, calls.map(|(_, _, pages)| (passes(), pages)));
}

#[test]
fn a_guest_that_needs_more_than_the_host_has_is_refused_with_both_numbers_and_reserves_nothing() {
    let (_lock, before) = alone();
    let example = hugepages("vm1\n");
    // The first kind can be had, the second cannot.
    let huge = CELLS
        .replace("nodeset='0'/></hugepages>", "nodeset='0'/><page size='1' unit='GiB' nodeset='1'/></hugepages>")
        .replace("<cell id='1' memory='8192'/>", "<cell id='1' memory='4' unit='PiB'/>");
    let (answer, pages) = call(&example, before, "prepare", &huge);
    let start =
        "hugepages: guest 'vm1': it needs 4194304 huge pages of 1048576 KiB on node 0, and the host has memory for ";
    assert!(answer.code == 1 && answer.stderr.starts_with(start), "{answer:?}");
    assert_eq!((pages, call(&example, before, "release", &huge)), (0, (passes(), 0)));
}

#[test]
fn without_a_line_for_the_guest_or_hugepages_in_its_document_nothing_is_reserved() {
    let (_lock, before) = alone();
    let unset = Example::new("qemu.d/30-hugepages");
    let other = hugepages("vm2\nvm\n#vm1\n");
    let set = hugepages("*\n");
    let plain = GUEST.replace("<hugepages/>", "");
    let seen = [(&unset, GUEST), (&other, GUEST), (&set, plain.as_str())]
        .map(|(example, guest)| call(example, before, "prepare", guest));
    assert_eq!(seen, [(); 3].map(|()| (passes(), 0)));
}

#[test]
fn an_invalid_document_is_refused_and_reserves_nothing() {
    let (_lock, before) = alone();
    let example = hugepages("*\n");
    let line = |reason: &str| refuses(&format!("hugepages: guest 'vm1': {reason}"));
    let cases = [
        (String::new(), line("no element found: line 1, column 0")),
        (GUEST.replace("11111111-", "../"), line("its document has no UUID")),
        (GUEST.replace("33", "many"), line("invalid literal for int() with base 10: 'many'")),
        (GUEST.replace("MiB", "MB of"), line("'mb of'")),
    ];
    for (document, wanted) in cases {
        assert_eq!(call(&example, before, "prepare", &document), (wanted, 0), "{document}");
    }
}
