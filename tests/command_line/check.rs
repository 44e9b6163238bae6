//! `check`: each fault on a tree of its own is found, and the command that is printed fixes it.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::root::{YES, as_it_is, hookmux, root};

/// A system that all is well with.
fn well() -> TempDir {
    let root = root(&[
        ("usr/bin/hookmux", YES),
        ("bin/sh", YES),
        ("usr/bin/env", YES),
        ("usr/bin/python3", YES),
        ("etc/hookmux/qemu.d/50-well", "#!/bin/sh\nexit 0\n"),
        ("etc/hookmux/hookmux.toml", "[[rule]]\nscript = '50-*'\noperation = 'start'\ntimeout = '30s'\n"),
    ]);
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu").0, Some(0));
    root
}

/// Runs a line of a shell's in the root; a person with an editor takes away the file that it opens.
fn shell(root: &Path, line: &str) {
    let bin = root.join("tools");
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        let binary = support::binary();
        symlink(binary, bin.join("hookmux")).unwrap();
        std::fs::write(bin.join("editor"), "#!/bin/sh\nrm \"$2\"\n").unwrap();
        assert!(Command::new("chmod").arg("755").arg(bin.join("editor")).status().unwrap().success());
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let done =
        Command::new("sh").args(["-ec", line]).current_dir(root).env("PATH", path).env("EDITOR", "editor").output();
    let done = done.unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A finding: its kind, what it is about (without the root), what fixes it (word for word).
type Found = (String, String, Option<String>);

/// What is found.
fn found(root: &Path) -> (Option<i32>, Vec<Found>) {
    let (code, out, err) = as_it_is(root, "check --root ROOT --json");
    let json: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let finding = |found: &Value| {
        let about = text(&found["about"]).unwrap().replace(root.to_str().unwrap(), "");
        (text(&found["kind"]).unwrap(), about, text(&found["fix"]))
    };
    (code, json["findings"].as_array().unwrap().iter().map(finding).collect())
}

/// A line of a shell's that breaks something, and what is found then. `D` is the administrator's directory, `L` libvirt's.
const FAULTS: &[(&str, &str, &str)] = &[
    ("rm etc/libvirt/hooks/qemu", "not-installed", "/etc/libvirt/hooks/qemu"),
    ("rm etc/libvirt/hooks/qemu; cp bin/sh etc/libvirt/hooks/qemu", "another-hook", "/etc/libvirt/hooks/qemu"),
    ("ln -sf /opt/hookmux etc/libvirt/hooks/qemu", "broken-hook", "/etc/libvirt/hooks/qemu"),
    (
        "mkdir -p etc/apparmor.d opt; touch etc/apparmor.d/usr.sbin.libvirtd; cp -L tools/hookmux opt/hookmux; \
      ln -sf /opt/hookmux etc/libvirt/hooks/qemu",
        "apparmor",
        "/etc/libvirt/hooks/qemu",
    ),
    ("cp D/50-well D/10-a; chmod 644 D/10-a", "not-executable", "D/10-a"),
    ("cp D/50-well D/10-a; sed -i 's/$/\\r/' D/10-a", "crlf", "D/10-a"),
    ("cp D/50-well D/10-a; sed -i '1s/^/\\xef\\xbb\\xbf/' D/10-a", "byte-order-mark", "D/10-a"),
    ("cp D/50-well D/10-a; sed -i 1d D/10-a", "no-interpreter", "D/10-a"),
    ("cp D/50-well D/10-a; sed -i '1s|.*|#!/opt/bin/python3 -u|' D/10-a", "interpreter-missing", "D/10-a"),
    ("cp D/50-well D/10-a; sed -i '1s|.*|#!/usr/bin/env perl|' D/10-a", "interpreter-missing", "D/10-a"),
    ("cp D/50-well D/50-well.bak", "leftover", "D/50-well.bak"),
    ("cp D/50-well D/60-x.rpmsave", "leftover", "D/60-x.rpmsave"),
    ("cp D/50-well L/50-well.bak", "leftover", "L/50-well.bak"),
    ("mkfifo D/10-a", "no-script", "D/10-a"),
    ("ln -s nowhere D/10-a", "no-script", "D/10-a"),
    ("chmod g-w,o+w D/50-well", "untrusted", "D/50-well"),
    ("chown 1000 D/50-well", "untrusted", "D/50-well"),
    ("chown 1000 etc/hookmux/qemu.d", "untrusted", "D/50-well"),
    ("cp D/50-well L/10-a", "libvirts-own", "L/10-a"),
    ("cp D/50-well L/10-a; chmod 777 L/10-a", "libvirts-own", "L/10-a"),
    (
        "mkdir -p usr/lib/hookmux/qemu.d; cp D/50-well usr/lib/hookmux/qemu.d/70-p; ln -s /dev/null D/70-p",
        "masked",
        "/usr/lib/hookmux/qemu.d/70-p",
    ),
    ("sed -i s/50/51/ etc/hookmux/hookmux.toml", "unused-rule", "/etc/hookmux/hookmux.toml:1"),
    ("sed -i s/start/strat/ etc/hookmux/hookmux.toml", "unused-rule", "/etc/hookmux/hookmux.toml:1"),
    ("echo 'parallel = x' >etc/hookmux/hookmux.toml", "broken-settings", "/etc/hookmux/hookmux.toml"),
    ("chmod 666 etc/hookmux/hookmux.toml", "broken-settings", "/etc/hookmux/hookmux.toml"),
    ("cp D/50-well D/10-a; echo 'virsh domstate $1' >>D/10-a", "calls-virsh", "D/10-a"),
    ("chmod 777 usr/bin/hookmux", "changeable", "/etc/libvirt/hooks/qemu"),
    ("rmdir var/log/hookmux", "log-missing", "/var/log/hookmux"),
    ("setlabel etc/libvirt/hooks/qemu user_home_t", "selinux", "/etc/libvirt/hooks/qemu"),
    ("setlabel etc/libvirt/hooks/qemu virt_hook_t; setlabel usr/bin/hookmux bin_t", "selinux", "/usr/bin/hookmux"),
];

#[test]
fn each_fault_is_found_and_the_printed_command_mends_it() {
    let long = |text: &str| text.replace("D/", "/etc/hookmux/qemu.d/").replace("L/", "/etc/libvirt/hooks/qemu.d/");
    for (breaks, kind, about) in FAULTS {
        let root = well();
        std::fs::create_dir_all(root.path().join("etc/libvirt/hooks/qemu.d")).unwrap();
        assert_eq!(found(root.path()), (Some(0), vec![]), "{breaks}");
        let relative = breaks.replace("D/", "etc/hookmux/qemu.d/").replace("L/", "etc/libvirt/hooks/qemu.d/");
        let label = "setlabel() { python3 -c 'import os,sys; os.setxattr(sys.argv[1], \"security.selinux\", \
            f\"system_u:object_r:{sys.argv[2]}:s0\".encode(), follow_symlinks=False)' \"$@\"; }; \
            semodule() { :; }; restorecon() { shift; case \"$1\" in */bin/*) setlabel \"$1\" hookmux_exec_t;; \
            *) setlabel \"$1\" virt_hook_t;; esac; }; ";
        shell(root.path(), &format!("umask 022; {label}{relative}"));
        let (code, findings) = found(root.path());
        let seen: Vec<_> = findings.iter().map(|(kind, about, _)| (kind.as_str(), about.as_str())).collect();
        assert_eq!((code, seen), (Some(1), vec![(*kind, long(about).as_str())]), "{breaks}: {findings:?}");
        let fix = findings[0].2.as_deref().unwrap_or_else(|| panic!("no command fixes {breaks}"));
        shell(root.path(), &format!("{label}{fix}"));
        assert_eq!(found(root.path()), (Some(0), vec![]), "{breaks}; {fix}");
    }
}

#[test]
fn what_no_command_mends_has_an_advice() {
    let root = well();
    shell(root.path(), "mkdir -p etc/hookmux/qemu.d/vm1/strat/begin etc/hookmux/qemu.d/vm1/stopped/begin");
    shell(
        root.path(),
        "for at in strat stopped; do cp etc/hookmux/qemu.d/50-well etc/hookmux/qemu.d/vm1/$at/begin/; done",
    );
    let (code, out, err) = hookmux(root.path(), "check --root ROOT");
    let expected = "/etc/hookmux/qemu.d/vm1/stopped/begin/50-well: never runs: stopped has no 'begin'\n  \
        its sub-operation is end\n\
        /etc/hookmux/qemu.d/vm1/strat/begin/50-well: never runs: no operation is called 'strat'\n  \
        operations are prepare, start, started, stop, stopped, release, migrate, restore, reconnect, attach\n";
    assert_eq!((code, out.as_str(), err.as_str()), (Some(1), expected, ""));
}

#[test]
fn a_system_without_any_hook_is_told_how_to_begin() {
    let root = root(&[("usr/bin/hookmux", YES), ("var/log/hookmux/calls.jsonl", "")]);
    let (code, out, _) = hookmux(root.path(), "check --root ROOT");
    let expected = "/etc/libvirt/hooks: hookmux is no hook here, and has no scripts\n  fix: hookmux install --root \n";
    assert_eq!((code, out.as_str()), (Some(1), expected));
}
