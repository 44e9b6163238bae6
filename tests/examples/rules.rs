//! The rules of the recipes (hookmux.toml.d): which calls start a script, and how. Each with the documents that real daemons
//! wrote, through `hookmux explain`. Does.

use crate::{EXAMPLES, install, open_file};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Returns the state of a script in this call, as `explain` prints it.
fn state(script: &str, call: &str, document: &str) -> String {
    let root = tempfile::tempdir().unwrap();
    let (driver, name) = script.split_once(".d/").unwrap();
    let below = |directory: &str, name: &str| root.path().join("etc/hookmux").join(directory).join(name);
    install(Path::new(EXAMPLES).join(script), Stdio::null(), &below("", script));
    for interpreter in ["bin/sh", "usr/bin/python3"] {
        install("/bin/true", Stdio::null(), &root.path().join(interpreter));
    }
    let rule = fs::read_to_string(Path::new(EXAMPLES).join(format!("hookmux.toml.d/{name}.toml"))).unwrap();
    // The rules are for root's daemon; here it is that of the user who runs the tests.
    let user = if nix::unistd::geteuid().is_root() { "root".to_owned() } else { nix::unistd::geteuid().to_string() };
    let rule = open_file(rule.replace("user = \"root\"", &format!("user = \"{user}\"")));
    install("/dev/stdin", rule.into(), &below("hookmux.toml.d", "rule.toml"));
    let mut explain = Command::new(support::binary());
    explain.args(["explain", "--json", "--root"]).arg(root.path()).args(["--xml", "/dev/stdin", driver, "any"]);
    let output = explain.args(call.split(' ')).stdin(open_file(document)).output().unwrap();
    let explained: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    explained["scripts"][0]["state"].as_str().unwrap().to_owned()
}

/// Reads a document of the fixtures, and adds `more` to its root element.
fn document(name: &str, more: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/xml").join(name);
    let text = fs::read_to_string(file).unwrap();
    let end = text.rfind("</").unwrap();
    format!("{}{more}{}", &text[..end], &text[end..])
}

#[test]
fn a_recipe_is_started_only_for_the_calls_and_guests_that_it_is_for() {
    let minimal = document("running/minimal.xml", "");
    let card = document("defined/hostdev-pci.xml", "");
    let usb = document("defined/hostdev-usb.xml", "");
    let pinned = document("running/vcpus-and-threads.xml", "");
    let huge = document("running/minimal.xml", "<memoryBacking><hugepages/></memoryBacking>");
    let without_usb = minimal.replace("type='usb'", "type='ide'");
    let (network, port) = (document("network-started.xml", ""), document("network-port-created.xml", ""));
    let bridge = network.replace("<ip ", "<other ").replace("</ip>", "</other>");
    let rows = [
        ("qemu.d/20-gpu", "prepare begin -", &card, "runs"),
        ("qemu.d/20-gpu", "prepare begin -", &usb, "skipped"),
        ("qemu.d/20-gpu", "start begin -", &card, "skipped"),
        ("qemu.d/20-gpu", "release end destroyed", &minimal, "runs"),
        ("qemu.d/30-cpus", "prepare begin -", &pinned, "runs"),
        ("qemu.d/30-cpus", "prepare begin -", &minimal, "skipped"),
        ("qemu.d/30-cpus", "started begin -", &pinned, "skipped"),
        ("qemu.d/30-cpus", "release end failed", &minimal, "runs"),
        ("qemu.d/30-hugepages", "prepare begin -", &huge, "runs"),
        ("qemu.d/30-hugepages", "prepare begin -", &minimal, "skipped"),
        ("qemu.d/30-hugepages", "release end failed", &minimal, "runs"),
        ("network.d/50-port-forward", "started begin -", &network, "runs"),
        ("network.d/50-port-forward", "started begin -", &bridge, "skipped"),
        ("network.d/50-port-forward", "port-created begin -", &port, "runs"),
        ("network.d/50-port-forward", "stopped end -", &bridge, "runs"),
        ("network.d/50-port-forward", "port-deleted begin -", &bridge, "runs"),
        ("network.d/50-port-forward", "start begin -", &network, "skipped"),
        ("qemu.d/90-attach-usb", "started begin -", &minimal, "background"),
        ("qemu.d/90-attach-usb", "started begin -", &without_usb, "skipped"),
        ("qemu.d/90-attach-usb", "prepare begin -", &minimal, "skipped"),
        ("qemu.d/90-backup", "release end shutdown", &minimal, "runs"),
        ("qemu.d/90-backup", "release end destroyed", &minimal, "runs"),
        ("qemu.d/90-backup", "release end crashed", &minimal, "skipped"),
        ("qemu.d/90-backup", "stopped end shutdown", &minimal, "skipped"),
        ("qemu.d/95-notify", "started begin -", &minimal, "background"),
        ("qemu.d/95-notify", "release end crashed", &minimal, "background"),
        ("qemu.d/95-notify", "prepare begin -", &minimal, "skipped"),
    ];
    let seen = rows.map(|(script, call, document, _)| (script, call, state(script, call, document)));
    assert_eq!(seen, rows.map(|(script, call, _, wanted)| (script, call, wanted.to_owned())));
}
