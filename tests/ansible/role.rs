//! The life of a host with the role: what a play changes, what it refuses, and what it leaves alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::built::{OLDER_SETTING, older, package};
use crate::host::Host;
use support::debian;

const SCRIPT: &str = "/etc/hookmux/qemu.d/10-mounted";
const GUEST_SCRIPT: &str = "/etc/hookmux/qemu.d/db-1/start/begin/40-share";
const RULE: &str = "/etc/hookmux/hookmux.toml.d/10-mounted.toml";
const SETTINGS: &str = "/etc/hookmux/hookmux.toml";

const TEXT: &str = "#!/bin/sh\nexit 0\n";
const RULE_TEXT: &str = "[[rule]]\nscript = \"10-mounted\"\ntimeout = \"5s\"\n";

/// Returns variables with two scripts, one of them for one guest, and a rule.
fn variables() -> Value {
    json!({
        "hookmux_package_file": package("hookmux", "deb"),
        "hookmux_scripts": [
            { "path": "qemu.d/10-mounted", "content": TEXT },
            { "path": "qemu.d/db-1/start/begin/40-share", "content": TEXT, "state": "present" },
        ],
        "hookmux_rules": [{ "name": "10-mounted.toml", "content": RULE_TEXT }],
    })
}

/// Returns the same variables with one more script or rule, or another variable.
fn with(pointer: &str, value: Value) -> Value {
    let mut variables = variables();
    match variables.pointer_mut(&format!("/{pointer}")) {
        Some(Value::Array(list)) => list.push(value),
        _ => variables[pointer] = value,
    }
    variables
}

/// Lists the differences, but for the caches of Ansible and Python.
fn difference(before: &BTreeMap<String, String>, host: &Host) -> Vec<String> {
    let mut all = debian::difference(before, &host.everything());
    all.retain(|line| !line.contains(" /root/.ansible") && !line.contains("/__pycache__"));
    all
}

#[test]
fn the_role_sets_debian_12_up_once_refuses_broken_files_and_removes_everything() {
    let host = Host::new("bookworm", "ansible-life");
    let clean = host.everything();
    let predicted = host.check(&variables()).succeeded();
    assert_eq!((predicted, difference(&clean, &host)), (4, Vec::new()), "check mode on a clean host");

    assert_eq!(host.play(&variables()).succeeded(), 4, "package, directories, rules, scripts");
    assert_eq!([SCRIPT, GUEST_SCRIPT, RULE].map(|path| host.text(path)), [TEXT, TEXT, RULE_TEXT]);
    assert_eq!((host.state("hookmux").as_str(), host.hooks().len()), ("installed", 4));
    let finished = host.everything();
    for script in [SCRIPT, GUEST_SCRIPT] {
        assert!(finished[script].starts_with("file 755 0:0"), "{}", finished[script]);
    }

    assert_eq!((host.play(&variables()).succeeded(), difference(&finished, &host)), (0, Vec::new()), "a second run");
    assert_eq!(host.check(&variables()).succeeded(), 0, "check mode on a finished host");

    let broken = json!({ "path": "qemu.d/20-broken", "content": "#!/bin/missing\n" });
    host.play(&with("hookmux_scripts", broken)).failed(&[
        "error: /etc/hookmux/qemu.d/20-broken: cannot be started: /bin/missing does not exist",
        "Nothing was put in place.",
    ]);
    assert_eq!(difference(&finished, &host), [""; 0], "a broken script");
    let broken = json!({ "name": "20-broken.toml", "content": "[[rule]]\ntimeot = \"5s\"\n" });
    host.check(&with("hookmux_rules", broken)).failed(&["unknown key 'timeot'"]);
    let outside = json!({ "path": "qemu.d/../../cron.d/x", "content": TEXT });
    host.check(&with("hookmux_scripts", outside)).failed(&["A script's path is DRIVER.d/NAME or below it"]);
    assert_eq!(difference(&finished, &host), [""; 0], "a broken rule, and a path that leads elsewhere");

    let gone = json!({
        "hookmux_package_file": package("hookmux", "deb"),
        "hookmux_scripts": [{ "path": "qemu.d/10-mounted", "state": "absent" }],
        "hookmux_rules": [{ "name": "10-mounted.toml", "state": "absent" }],
    });
    assert_eq!(host.play(&gone).succeeded(), 2);
    assert_eq!(difference(&finished, &host), [RULE, SCRIPT].map(|path| format!("- {path}")));

    assert_eq!(host.play(&json!({ "hookmux_state": "absent" })).succeeded(), 1);
    assert_eq!((host.state("hookmux").as_str(), host.hooks()), ("config-files", Vec::new()));
    let paths = [GUEST_SCRIPT, SETTINGS, "/usr/bin/hookmux", "/etc/libvirt"];
    assert_eq!(paths.map(|path| host.has(path)), [true, true, false, false]);
}

#[test]
fn the_role_upgrades_and_removes_an_older_package_on_debian_13_and_findings_fail_the_play() {
    let host = Host::new("trixie", "ansible-upgrade");
    host.install(&older("hookmux", "deb"));
    host.run(&["rm", "/etc/libvirt/hooks/lxc"]).succeeded();
    assert!(host.text(SETTINGS).ends_with(OLDER_SETTING));
    // A warning, which does not fail a play.
    host.file("/etc/hookmux/hookmux.toml.d/50-mine.toml", 0o644, b"[[rule]]\nscript = \"99-missing\"\nrun = false\n");
    assert_eq!(
        host.play(&variables()).succeeded(),
        5,
        "package, directories, rules, scripts, and the link that was missing"
    );
    assert_eq!((host.text(SETTINGS).ends_with(OLDER_SETTING), host.hooks().len()), (false, 4));
    let version = host.run(&["dpkg-query", "--show", "--showformat=${Version}", "hookmux"]).succeeded().stdout;
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert_eq!(host.check(&variables()).succeeded(), 0, "check mode on a finished host");

    host.play(&with("hookmux_fail_on", "warning".into()))
        .failed(&["warning: /etc/hookmux/hookmux.toml.d/50-mine.toml"]);
    host.file("/etc/hookmux/qemu.d/50-mine", 0o777, TEXT.as_bytes());
    host.play(&variables()).failed(&["error: /etc/hookmux/qemu.d/50-mine: "]);

    assert_eq!(host.play(&json!({ "hookmux_state": "absent" })).succeeded(), 1);
    assert_eq!((host.state("hookmux").as_str(), host.hooks()), ("config-files", Vec::new()));
}
