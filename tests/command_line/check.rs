//! `check`: each problem on a tree of its own is found with its severity, and the command that is printed fixes it.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::root::{PROGRAM, YES, hookmux, root, verbatim};

/// Creates a system without problems.
fn healthy() -> TempDir {
    let root = root(&[
        ("usr/bin/hookmux-hook", PROGRAM),
        ("bin/sh", YES),
        ("usr/bin/env", YES),
        ("usr/bin/python3", YES),
        ("etc/hookmux/qemu.d/50-well", "#!/bin/sh\nexit 0\n"),
        ("etc/hookmux/hookmux.toml", "[[rule]]\nscript = '50-*'\noperation = 'start'\ntimeout = '30s'\n"),
    ]);
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu").0, Some(0));
    root
}

/// Runs a line of shell in the root; the editor there deletes the file that it opens.
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

/// A finding: its severity, its kind, what it is about (without the root), what fixes it.
type Found = (String, String, String, Option<String>);

/// Returns the exit code of `check`, and its findings.
fn found(root: &Path) -> (Option<i32>, Vec<Found>) {
    let (code, out, err) = verbatim(root, "check --root ROOT --json");
    let json: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let finding = |found: &Value| {
        let about = text(&found["about"]).unwrap().replace(root.to_str().unwrap(), "");
        (text(&found["severity"]).unwrap(), text(&found["kind"]).unwrap(), about, text(&found["fix"]))
    };
    (code, json["findings"].as_array().unwrap().iter().map(finding).collect())
}

/// A shell command that breaks something, and what is found then. `D` is the administrator's directory, `L` libvirt's. The
/// severity is in capitals if no command fixes the finding.
const FAULTS: &[(&str, &str, &str, &str)] = &[
    ("rm etc/libvirt/hooks/qemu", "warning", "not-installed", "/etc/libvirt/hooks/qemu"),
    (
        "rm etc/libvirt/hooks/qemu; cp bin/sh etc/libvirt/hooks/qemu",
        "warning",
        "another-hook",
        "/etc/libvirt/hooks/qemu",
    ),
    ("ln -sf /usr/bin/hookmux-guest etc/libvirt/hooks/qemu", "error", "broken-hook", "/etc/libvirt/hooks/qemu"),
    (
        "mkdir -p etc/apparmor.d opt; touch etc/apparmor.d/usr.sbin.libvirtd; cp -L tools/hookmux opt/hookmux; \
      ln -sf /opt/hookmux etc/libvirt/hooks/qemu",
        "error",
        "apparmor",
        "/etc/libvirt/hooks/qemu",
    ),
    ("cp D/50-well D/10-a; chmod 644 D/10-a", "note", "not-executable", "D/10-a"),
    ("echo text >D/README", "NOTE", "not-executable", "D/README"),
    ("cp D/50-well D/10-a; sed -i 's/$/\\r/' D/10-a", "error", "crlf", "D/10-a"),
    ("cp D/50-well D/10-a; sed -i '1s/^/\\xef\\xbb\\xbf/' D/10-a", "error", "byte-order-mark", "D/10-a"),
    ("cp D/50-well D/10-a; sed -i 1d D/10-a", "error", "no-interpreter", "D/10-a"),
    ("cp D/50-well D/10-a; sed -i '1s|.*|#!/opt/bin/python3 -u|' D/10-a", "error", "interpreter-missing", "D/10-a"),
    ("cp D/50-well D/10-a; sed -i '1s|.*|#!/usr/bin/env perl|' D/10-a", "error", "interpreter-missing", "D/10-a"),
    ("cp D/50-well D/50-well.bak", "NOTE", "leftover", "D/50-well.bak"),
    ("cp D/50-well D/60-x.disabled", "NOTE", "leftover", "D/60-x.disabled"),
    ("cp D/50-well L/50-well.bak", "warning", "leftover-runs", "L/50-well.bak"),
    ("mkfifo D/10-a", "WARNING", "no-script", "D/10-a"),
    ("ln -s nowhere D/10-a", "WARNING", "no-script", "D/10-a"),
    ("chmod g-w,o+w D/50-well", "error", "untrusted", "D/50-well"),
    ("chown 1000 D/50-well", "error", "untrusted", "D/50-well"),
    ("chown 1000 etc/hookmux/qemu.d", "error", "untrusted", "D/50-well"),
    ("cp D/50-well L/10-a", "note", "libvirts-own", "L/10-a"),
    ("cp D/50-well L/10-a; chmod 777 L/10-a", "error", "libvirts-own-untrusted", "L/10-a"),
    (
        "mkdir -p usr/lib/hookmux/qemu.d; cp D/50-well usr/lib/hookmux/qemu.d/70-p; ln -s /dev/null D/70-p",
        "NOTE",
        "masked",
        "/usr/lib/hookmux/qemu.d/70-p",
    ),
    ("mkdir D/win10; cp D/50-well D/win10/y.sh", "WARNING", "wrong-level", "D/win10/y.sh"),
    ("mkdir -p D/win10/prepare; cp D/50-well D/win10/prepare/y.sh", "WARNING", "never-called", "D/win10/prepare/y.sh"),
    (
        "mkdir -p D/win10/prepare/begin/sub; cp D/50-well D/win10/prepare/begin/sub/y.sh",
        "WARNING",
        "wrong-level",
        "D/win10/prepare/begin/sub/y.sh",
    ),
    (
        "mkdir -p etc/libvirt/qemu D/prepare/begin; cp D/50-well D/prepare/begin/y.sh; touch etc/libvirt/qemu/win10.xml",
        "WARNING",
        "wrong-level",
        "D/prepare/begin/y.sh",
    ),
    ("mkdir D/prepare; cp D/50-well D/prepare/y.sh", "WARNING", "wrong-level", "D/prepare/y.sh"),
    (
        "mkdir -p etc/libvirt/qemu D/wim10/start/begin; cp D/50-well D/wim10/start/begin; touch etc/libvirt/qemu/win10.xml",
        "WARNING",
        "unknown-guest",
        "D/wim10",
    ),
    (
        "mkdir -p etc/libvirt/qemu; touch etc/libvirt/qemu/win10.xml; sed -i '$aguest = \"wim10\"' T",
        "WARNING",
        "unknown-guest",
        "T:1",
    ),
    ("sed -i s/50/51/ T", "warning", "unused-rule", "T:1"),
    ("sed -i s/start/strat/ T", "warning", "unused-rule", "T:1"),
    ("sed -i 's/.start.$/[\"start\", \"relaese\"]/' T", "warning", "unused-pattern", "T:1"),
    (
        "mkdir -p etc/libvirt/qemu; touch etc/libvirt/qemu/win10.xml; sed -i '$aguest = [\"win10\", \"wim11\"]' T",
        "WARNING",
        "unknown-guest",
        "T:1",
    ),
    ("sed -i /timeout/d T", "warning", "unused-rule", "T:1"),
    ("printf '[[rule]]\\ntimeout = \"9s\"\\n' >>T", "warning", "unused-rule", "T:1"),
    ("printf 'may-change = []\\n' >>T", "warning", "nothing-filtered", "T:1"),
    ("sed -i s/start/restore/ T; printf 'wait = false\\n' >>T", "warning", "background-filter", "T:1"),
    ("printf 'on-failure = \"ignore\"\\n' >>T", "warning", "fault-aborts", "T:1"),
    ("echo 'parallel = x' >T", "error", "broken-settings", "T"),
    ("chmod 666 T", "error", "broken-settings", "T"),
    ("cp D/50-well D/10-a; echo 'virsh domstate $1' >>D/10-a", "warning", "calls-virsh", "D/10-a"),
    ("cp D/50-well D/10-a; echo '[ $2 = stop ] && exit 1' >>D/10-a", "WARNING", "never-called", "D/10-a"),
    ("chmod 777 usr/bin/hookmux-hook", "error", "changeable", "/etc/libvirt/hooks/qemu"),
    ("rmdir var/log/hookmux", "note", "log-missing", "/var/log/hookmux"),
    ("setlabel etc/libvirt/hooks/qemu user_home_t", "error", "selinux", "/etc/libvirt/hooks/qemu"),
    (
        "setlabel etc/libvirt/hooks/qemu virt_hook_t; setlabel usr/bin/hookmux-hook bin_t",
        "error",
        "selinux",
        "/usr/bin/hookmux-hook",
    ),
];

#[test]
fn each_problem_is_found_and_the_printed_command_fixes_it() {
    let absolute = |text: &str| {
        let text = text.replace("D/", "/etc/hookmux/qemu.d/").replace("L/", "/etc/libvirt/hooks/qemu.d/");
        if text.starts_with('T') { text.replacen('T', "/etc/hookmux/hookmux.toml", 1) } else { text }
    };
    for (breaks, severity, kind, about) in FAULTS {
        let root = healthy();
        std::fs::create_dir_all(root.path().join("etc/libvirt/hooks/qemu.d")).unwrap();
        assert_eq!(found(root.path()), (Some(0), vec![]), "{breaks}");
        let relative = breaks.replace("D/", "etc/hookmux/qemu.d/").replace("L/", "etc/libvirt/hooks/qemu.d/");
        let relative = relative.replace(" T;", " etc/hookmux/hookmux.toml;").replace(">T", ">etc/hookmux/hookmux.toml");
        let relative =
            relative.strip_suffix(" T").map_or(relative.clone(), |it| format!("{it} etc/hookmux/hookmux.toml"));
        let label = "setlabel() { python3 -c 'import os,sys; os.setxattr(sys.argv[1], \"security.selinux\", \
            f\"system_u:object_r:{sys.argv[2]}:s0\".encode(), follow_symlinks=False)' \"$@\"; }; \
            semodule() { :; }; restorecon() { shift; case \"$1\" in */bin/*) setlabel \"$1\" hookmux_exec_t;; \
            *) setlabel \"$1\" virt_hook_t;; esac; }; ";
        shell(root.path(), &format!("umask 022; {label}{relative}"));
        let (code, findings) = found(root.path());
        let seen: Vec<_> =
            findings.iter().map(|(severity, kind, about, _)| [severity, kind, about].map(String::as_str)).collect();
        let (lower, about) = (severity.to_lowercase(), absolute(about));
        let expected = (Some(i32::from(lower == "error")), vec![[lower.as_str(), *kind, about.as_str()]]);
        assert_eq!((code, seen), expected, "{breaks}: {findings:?}");
        let fix = findings[0].3.as_deref();
        assert_eq!(fix.is_some(), *severity == lower, "{breaks}: {fix:?}");
        if let Some(fix) = fix {
            shell(root.path(), &format!("{label}{fix}"));
            assert_eq!(found(root.path()), (Some(0), vec![]), "{breaks}; {fix}");
        }
    }
}

#[test]
fn a_finding_that_no_command_fixes_has_advice() {
    let root = healthy();
    shell(root.path(), "mkdir -p etc/hookmux/qemu.d/vm1/strat/begin etc/hookmux/qemu.d/vm1/stopped/begin");
    shell(
        root.path(),
        "for at in strat stopped; do cp etc/hookmux/qemu.d/50-well etc/hookmux/qemu.d/vm1/$at/begin/; done",
    );
    let (code, out, err) = hookmux(root.path(), "check --root ROOT");
    let expected = "warning: /etc/hookmux/qemu.d/vm1/stopped/begin/50-well: never runs: stopped has no 'begin'\n  \
        its sub-operation is end\n\
        warning: /etc/hookmux/qemu.d/vm1/strat/begin/50-well: never runs: 'strat' is not an operation\n  \
        did you mean 'start'? operations are prepare, start, started, stop, stopped, release, migrate, restore, preswitchover, reconnect, attach\n2 warnings\n";
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), expected, ""));
    assert_eq!(hookmux(root.path(), "check --strict --root ROOT").0, Some(1));
}

#[test]
fn a_settings_file_can_be_checked_before_it_is_put_in_place() {
    let root = healthy();
    let new = root.path().join("new.toml");
    let check = |text: &str| {
        std::fs::write(&new, text).unwrap();
        hookmux(root.path(), "check --root ROOT ROOT/new.toml")
    };
    let good = check("[[rule]]\nscript = '50-well'\non-fault = 'ignore'\n");
    assert_eq!(good, (Some(0), "no problems found in /new.toml\n".into(), String::new()));
    let (code, out, _) = check("[[rule]]\nscript = '51-well'\non-fault = 'ignore'\n");
    let expected = "warning: /new.toml:1: does nothing: script = '51-well' matches nothing; did you mean '50-well'?\n  \
        fix: ${EDITOR:-vi} +1 /new.toml\n1 warning\n";
    assert_eq!((code, out.as_str()), (Some(0), expected));
    let (code, out, _) = check("strict = false\nparalel = 2\n");
    assert!(code == Some(1) && out.starts_with("error: /new.toml:") && out.ends_with("\n1 error\n"), "{out}");
    assert_eq!(hookmux(root.path(), "check --root ROOT ROOT/no.toml").0, Some(1));
}

#[test]
fn a_pattern_that_matches_nothing_is_reported_with_a_suggestion() {
    let root = healthy();
    shell(
        root.path(),
        "mkdir -p etc/libvirt/qemu etc/hookmux/nbd.d; touch etc/libvirt/qemu/win10.xml etc/libvirt/qemu/web-1.xml; \
         cp etc/hookmux/qemu.d/50-well etc/hookmux/nbd.d/",
    );
    let rows = [
        ("script = '50-wel'", "does nothing: script = '50-wel' matches nothing; did you mean '50-well'?"),
        ("script = ['50-*', 'zzz']", "script = 'zzz' matches nothing"),
        ("driver = 'qmeu'", "does nothing: driver = 'qmeu' matches nothing; did you mean 'qemu'?"),
        ("driver = ['qemu', 'kvm*']", "driver = 'kvm*' matches nothing"),
        ("operation = 'Start'", "does nothing: operation = 'Start' matches nothing; did you mean 'start'?"),
        ("operation = ['start', 'relaese']", "operation = 'relaese' matches nothing; did you mean 'release'?"),
        ("driver = 'network'\noperation = 'release'", "does nothing: operation = 'release' matches nothing"),
        (
            "guest = 'win1O'",
            "does nothing: no guest or network that libvirt knows has the name 'win1O'\n  did you mean 'win10'?",
        ),
        (
            "guest = ['win10', 'wbe-1']",
            "no guest or network that libvirt knows has the name 'wbe-1'\n  did you mean 'web-1'?",
        ),
        ("guest = ['w*']", ""),
        ("driver = 'nbd'\noperation = 'export'", ""),
    ];
    for (patterns, expected) in rows {
        let rule = format!("[[rule]]\n{patterns}\nrun = false\n");
        std::fs::write(root.path().join("new.toml"), rule).unwrap();
        let (code, out, err) = hookmux(root.path(), "check --root ROOT ROOT/new.toml");
        let out = out.replace(root.path().to_str().unwrap(), "");
        let expected = if expected.is_empty() {
            "no problems found in /new.toml\n".to_owned()
        } else {
            format!("warning: /new.toml:1: {expected}")
        };
        assert!(code == Some(0) && err.is_empty() && out.starts_with(&expected), "{patterns}: {out}");
    }
}

#[test]
fn an_ordinary_user_gets_the_list_of_unreadable_files_and_no_findings_about_them() {
    let root = healthy();
    std::fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
    shell(
        root.path(),
        "mkdir etc/libvirt/qemu; echo broken >etc/hookmux/hookmux.toml; chmod 600 etc/hookmux/hookmux.toml; \
         chmod 700 etc/libvirt/qemu var/log/hookmux etc/hookmux/qemu.d; cp usr/bin/env etc/hookmux/qemu.d/10-a",
    );
    // A copy that this user may execute.
    let binary = std::env::var_os("HOOKMUX_BIN").unwrap_or_else(|| support::binary().into());
    std::fs::copy(binary, root.path().join("hookmux")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(root.path().join("hookmux"));
    let output = command.args(["check", "--json", "--root"]).arg(root.path()).current_dir("/").output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let shown = |value: &Value| value.to_string().replace(root.path().to_str().unwrap(), "");
    let unseen = r#"["/etc/hookmux/hookmux.toml","/etc/hookmux/qemu.d","/etc/libvirt/qemu","/var/log/hookmux""#;
    assert_eq!((shown(&json["findings"]).as_str(), output.status.code()), ("[]", Some(0)), "{json}");
    assert!(shown(&json["unseen"]).starts_with(unseen), "{json}");
}

#[test]
fn without_any_hook_check_prints_how_to_install_one() {
    let root = root(&[("usr/bin/hookmux-hook", PROGRAM), ("var/log/hookmux/calls.jsonl", "")]);
    let (code, out, _) = hookmux(root.path(), "check --root ROOT");
    let expected = "warning: /etc/libvirt/hooks: no hookmux hook is installed, and no script needs one\n  \
        fix: hookmux install --root \n1 warning\n";
    assert_eq!((code, out.as_str()), (Some(0), expected));
}
