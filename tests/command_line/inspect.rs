//! Commands that start nothing: `list`, `explain`, `contract`, and the errors of wrong arguments.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::root::{PROGRAM, YES, hookmux, root};

/// Creates a root with an interpreter, and the hooks of these drivers.
fn installed(drivers: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = root(&[&[("usr/bin/hookmux-hook", PROGRAM), ("bin/sh", YES)], files].concat());
    let (code, _, err) = hookmux(root.path(), &format!("install --root ROOT {drivers}"));
    assert_eq!(code, Some(0), "{err}");
    root
}

#[test]
fn a_rule_matches_the_path_of_a_script_without_the_root() {
    let rule = "[[rule]]\nscript = '/etc/hookmux/qemu.d/10-*'\nrun = false\n";
    let scripts = [("etc/hookmux/qemu.d/10-a", YES), ("etc/hookmux/qemu.d/20-b", YES)];
    let root = installed("qemu", &[&scripts[..], &[("etc/hookmux/hookmux.toml", rule)]].concat());
    let expected = "qemu runs /etc/hookmux/qemu.d/20-b skipped /etc/hookmux/qemu.d/10-a excluded by the rule at \
        /etc/hookmux/hookmux.toml:1 fix: ${EDITOR:-vi} +1 /etc/hookmux/hookmux.toml";
    let (code, out, err) = hookmux(root.path(), "list --root ROOT");
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), expected, ""));
    let (code, out, _) = hookmux(root.path(), "check --root ROOT");
    assert_eq!((code, out.contains("matches nothing")), (Some(0), false), "{out}");
}

#[test]
fn list_shows_every_script_in_order_and_why_others_do_not_run() {
    let root = installed(
        "qemu",
        &[
            ("etc/hookmux/qemu.d/20-b", YES),
            ("etc/hookmux/qemu.d/vm1/start/begin/10-a", YES),
            ("etc/hookmux/qemu.d/README", "text\n"),
            ("etc/hookmux/qemu.d/20-b.bak", YES),
            ("usr/lib/hookmux/qemu.d/20-b", YES),
            ("etc/libvirt/hooks/qemu.d/30-own", YES),
            ("etc/hookmux/lxc.d/40-open", YES),
        ],
    );
    fs::set_permissions(root.path().join("etc/hookmux/lxc.d/40-open"), Permissions::from_mode(0o777)).unwrap();
    let expected = "\
qemu
  runs          /etc/hookmux/qemu.d/vm1/start/begin/10-a
  runs          /etc/hookmux/qemu.d/20-b
  by libvirt    /etc/libvirt/hooks/qemu.d/30-own
                without limits or log
  skipped       /usr/lib/hookmux/qemu.d/20-b
                hidden by /etc/hookmux/qemu.d/20-b
  skipped       /etc/hookmux/qemu.d/20-b.bak
                a leftover, by its '.bak'
  skipped       /etc/hookmux/qemu.d/README
                not executable
lxc
warning: /etc/libvirt/hooks/lxc: does not exist, and 1 script needs it
  fix: hookmux install --root  lxc
  untrusted     /etc/hookmux/lxc.d/40-open
                /etc/hookmux/lxc.d/40-open is writable by every user: the call fails
                fix: chmod o-w /etc/hookmux/lxc.d/40-open
";
    let wide = |out: String| out.replace("writable by every\n                user", "writable by every user");
    let (code, out, err) = hookmux(root.path(), "list --root ROOT");
    assert_eq!((code, wide(out).as_str(), err.as_str()), (Some(0), expected, ""));
    let lxc = &expected[expected.find("lxc\n").unwrap()..];
    let (code, out, err) = hookmux(root.path(), "list lxc --root ROOT");
    assert_eq!((code, wide(out).as_str(), err.as_str()), (Some(0), lxc, ""));
    assert_eq!(hookmux(root.path(), "list nbd --force --root ROOT"), (Some(0), "nbd\n".to_owned(), String::new()));
}

#[test]
fn a_script_that_the_kernel_cannot_start_is_shown_with_the_consequence() {
    let root = installed(
        "qemu",
        &[
            (
                "etc/hookmux/hookmux.toml",
                "[[rule]]\nscript = '30-*'\nwait = false\n[[rule]]\nscript = '40-*'\non-fault = 'ignore'\n",
            ),
            ("etc/hookmux/qemu.d/10-windows", "#!/bin/sh\r\nexit 0\r\n"),
            ("etc/hookmux/qemu.d/20-none", "#!/opt/none\n"),
            ("etc/hookmux/qemu.d/30-background", "#!/opt/none\n"),
            ("etc/hookmux/qemu.d/40-ignored", "#!/opt/none\n"),
            ("etc/libvirt/hooks/qemu.d/50-own", "#!/opt/none\n"),
        ],
    );
    let shown = |command: &str| {
        let (code, out, err) = hookmux(root.path(), &format!("{command} --json --root ROOT"));
        assert_eq!((code, err.as_str()), (Some(0), ""));
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let scripts = if command == "list" { &json["drivers"][0]["scripts"] } else { &json["scripts"] };
        let script = |script: &serde_json::Value| {
            let [path, state, reason] = ["path", "state", "reason"].map(|key| script[key].as_str().unwrap().to_owned());
            assert!(script["fix"].is_string(), "{script}");
            format!("{} {state}: {reason}", path.rsplit('/').next().unwrap())
        };
        scripts.as_array().unwrap().iter().map(script).collect::<Vec<_>>()
    };
    let lines = |fault: &str| {
        [
            format!("10-windows cannot-start: its lines end in CRLF, as on Windows: {fault}"),
            format!("20-none cannot-start: /opt/none does not exist: {fault}"),
            "40-ignored cannot-start: /opt/none does not exist: that is logged".into(),
            "30-background cannot-start: /opt/none does not exist: that is logged".into(),
            "50-own left-to-libvirt: /opt/none does not exist".into(),
        ]
    };
    assert_eq!(shown("list"), lines("the call fails"));
    assert_eq!(shown("explain qemu vm1 start"), lines("the start is aborted"));
    assert_eq!(shown("explain qemu vm1 restore"), lines("the restore is aborted"));
    assert_eq!(shown("explain qemu vm1 reconnect"), lines("that is logged"));
    assert_eq!(shown("explain qemu vm1 snapshot --force"), lines("the call fails"));
}

#[test]
fn list_applies_the_settings_that_hold_for_every_call_and_names_the_others() {
    let root = installed(
        "qemu",
        &[
            (
                "etc/hookmux/hookmux.toml",
                "strict = false\nlibvirt-runs-dot-d = false\n[[rule]]\nscript = '20-*'\nrun = false\n\
                 [[rule]]\nscript = '30-*'\nguest = ['db-*', 'web-1']\noperation = 'stop'\nrun = false\n\
                 [[rule]]\nscript = '30-*'\nguest = 'x'\ntimeout = '5s'\n",
            ),
            ("etc/libvirt/hooks/qemu.d/05-own", YES),
            ("etc/hookmux/qemu.d/10-open", YES),
            ("etc/hookmux/qemu.d/20-b", YES),
            ("etc/hookmux/qemu.d/30-c", YES),
        ],
    );
    fs::set_permissions(root.path().join("etc/hookmux/qemu.d/10-open"), Permissions::from_mode(0o777)).unwrap();
    let expected = "\
qemu
  runs          /etc/libvirt/hooks/qemu.d/05-own
  runs          /etc/hookmux/qemu.d/10-open
  runs          /etc/hookmux/qemu.d/30-c
                excluded for guest 'db-*' or 'web-1', operation 'stop' (/etc/hookmux/hookmux.toml:6)
                timeout = 5 s for guest 'x': then it is killed, and the call fails (/etc/hookmux/hookmux.toml:11)
  skipped       /etc/hookmux/qemu.d/20-b
                excluded by the rule at /etc/hookmux/hookmux.toml:3
                fix: ${EDITOR:-vi} +3 /etc/hookmux/hookmux.toml
";
    assert_eq!(unfolded(root.path(), "list --root ROOT"), (Some(0), expected.to_owned(), String::new()));
}

/// Runs hookmux like [`hookmux`], and joins the lines of each detail below a path.
fn unfolded(root: &Path, args: &str) -> (Option<i32>, String, String) {
    let (code, out, err) = hookmux(root, args);
    let details = ["excluded", "timeout", "on-fault", "wait", "fix", "/bin", "without", "hidden", "hookmux"];
    let mut whole = String::new();
    for line in out.lines() {
        let detail = line.strip_prefix("                ");
        match detail.filter(|detail| !details.iter().any(|start| detail.starts_with(start))) {
            Some(rest) => whole = format!("{} {rest}\n", whole.trim_end()),
            None => whole.push_str(&format!("{line}\n")),
        }
    }
    (code, whole, err)
}

#[test]
fn explain_names_the_rule_of_every_setting_and_what_a_limit_does() {
    let root = installed(
        "qemu",
        &[
            (
                "etc/hookmux/hookmux.toml",
                "[[rule]]\ntimeout = '30s'\n\n[[rule]]\nscript = '10-*'\ntimeout = '5s'\non-fault = 'ignore'\n",
            ),
            (
                "etc/hookmux/hookmux.toml.d/50-x.toml",
                "[[rule]]\nscript = '30-*'\nrun = false\n[[rule]]\nscript = '40-*'\nwait = false\n",
            ),
            ("etc/hookmux/qemu.d/10-a", YES),
            ("etc/hookmux/qemu.d/20-b", YES),
            ("etc/hookmux/qemu.d/30-c", YES),
            ("etc/hookmux/qemu.d/40-d", YES),
        ],
    );
    let expected = "\
qemu start 'vm1': if the hook fails, the start is aborted
  runs          /etc/hookmux/qemu.d/10-a
                timeout = 5 s: then it is killed, and that is logged (/etc/hookmux/hookmux.toml:4)
                on-fault = ignore (/etc/hookmux/hookmux.toml:4)
  runs          /etc/hookmux/qemu.d/20-b
                timeout = 30 s: then it is killed, and the start is aborted (/etc/hookmux/hookmux.toml:1)
  background    /etc/hookmux/qemu.d/40-d
                timeout = 30 s: then it is killed, and that is logged (/etc/hookmux/hookmux.toml:1)
                wait = false (/etc/hookmux/hookmux.toml.d/50-x.toml:4)
  skipped       /etc/hookmux/qemu.d/30-c
                excluded by the rule at /etc/hookmux/hookmux.toml.d/50-x.toml:1
                fix: ${EDITOR:-vi} +1 /etc/hookmux/hookmux.toml.d/50-x.toml
";
    assert_eq!(
        unfolded(root.path(), "explain qemu vm1 start --root ROOT"),
        (Some(0), expected.to_owned(), String::new())
    );
}

#[test]
fn with_broken_settings_list_and_explain_show_what_the_hook_would_do() {
    let root = installed("qemu", &[("etc/hookmux/hookmux.toml", "parallel = 'x'\n"), ("etc/hookmux/qemu.d/10-a", YES)]);
    let finding = "error: /etc/hookmux/hookmux.toml: because of it, every call that can be aborted fails, and no guest starts: \
        /etc/hookmux/hookmux.toml:1:12: 'parallel': invalid type: string \"x\", expected a whole number from 1 to 64\n  \
        fix: ${EDITOR:-vi} +1 /etc/hookmux/hookmux.toml\n";
    let runs = "  runs          /etc/hookmux/qemu.d/10-a\n";
    let rows = [
        ("list", format!("a call whose failure is ignored continues with the defaults:\nqemu\n{runs}")),
        (
            "explain qemu vm1 start",
            "qemu start 'vm1': the hook fails for its settings, so the start is aborted\n  hookmux runs nothing\n"
                .into(),
        ),
        (
            "explain qemu vm1 release",
            format!(
                "qemu release 'vm1': the hook continues with the defaults; if it fails, nothing: libvirt goes on\n{runs}"
            ),
        ),
    ];
    for (command, expected) in rows {
        let (code, out, err) = hookmux(root.path(), &format!("{command} --root ROOT"));
        assert_eq!((code, out, err), (Some(1), format!("{finding}{expected}"), String::new()), "{command}");
        let (code, out, _) = hookmux(root.path(), &format!("{command} --json --root ROOT"));
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &json["findings"][0]["kind"]), (Some(1), &"broken-settings".into()), "{command}");
    }
    let (code, out, err) = hookmux(root.path(), "run --root ROOT qemu vm1 start");
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.starts_with("hookmux: /etc/hookmux/hookmux.toml:1:12: 'parallel': "), "{err}");
}

#[test]
fn freeze_and_thaw_have_a_time_limit_that_a_rule_can_change() {
    let rule = "[[rule]]\nscript = '20-b'\ntimeout = 'none'\n";
    let root = installed(
        "fsfreeze-hook",
        &[
            ("etc/qemu/README", ""),
            ("etc/hookmux/hookmux.toml", rule),
            ("etc/hookmux/fsfreeze-hook.d/10-a", YES),
            ("etc/hookmux/fsfreeze-hook.d/20-b", YES),
        ],
    );
    let first = |then: &str| {
        format!(
            "  runs          /etc/hookmux/fsfreeze-hook.d/10-a\n                \
             timeout = 30 s: then it is killed, and {then} (by the operation)\n"
        )
    };
    let second = "  runs          /etc/hookmux/fsfreeze-hook.d/20-b\n                \
        timeout = none (/etc/hookmux/hookmux.toml:1)\n";
    let [freeze, thaw] = ["freeze", "thaw"].map(|operation| {
        let (code, out, err) = unfolded(root.path(), &format!("explain fsfreeze-hook - {operation} --root ROOT"));
        assert_eq!((code, err.as_str()), (Some(0), ""));
        out.split_once('\n').unwrap().1.to_owned()
    });
    let expected = [
        format!("{}{second}", first("the file systems are not frozen")),
        format!("{second}{}", first("that is logged")),
    ];
    assert_eq!([freeze, thaw], expected);
}

#[test]
fn a_wrong_argument_is_a_usage_error_and_help_is_not() {
    let nowhere = Path::new("/nowhere");
    for args in ["lst", "run", "run qemu vm1 start --nope", "list --root"] {
        let (code, out, err) = hookmux(nowhere, args);
        assert_eq!(
            (code, out.as_str(), err.contains("Usage:") || err.contains("tip:") || err.contains("error:")),
            (Some(2), "", true)
        );
    }
    let (code, out, err) = hookmux(nowhere, "--help");
    assert!(
        code == Some(0)
            && err.is_empty()
            && ["list", "explain", "run", "contract"].iter().all(|word| out.contains(word))
    );
}

#[test]
fn a_misspelt_driver_or_operation_is_an_error() {
    let files = [
        ("usr/bin/hookmux-hook", PROGRAM),
        ("etc/hookmux/qemu.d/10-a", YES),
        ("etc/libvirt/qemu/db-1.xml", ""),
        ("etc/libvirt/qemu/networks/lan.xml", ""),
    ];
    let root = root(&files);
    let commands = [
        "explain db-1",
        "explain qemu",
        "run stopped db-1",
        "install nonsense",
        "install qemu nonsense",
        "list kvm",
        "explain qemu web-1 strat",
        "explain qemu web-1 START",
        "explain qemu web-1 start end",
        "run start web-1 x",
        "run start web-1",
        "explain web-1",
    ];
    for command in commands {
        let (code, out, err) = hookmux(root.path(), &format!("{command} --root ROOT"));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{command}: {err}");
        assert!(
            err.contains("did you mean") || err.contains("expected") || err.contains("such as"),
            "{command}: {err}"
        );
    }
    assert!(!root.path().join("etc/libvirt/hooks").exists(), "nothing was installed");
    for (call, short) in [("qemu db-1 start", "db-1 start"), ("network lan started", "lan started")] {
        let [call, short] = [call, short].map(|call| hookmux(root.path(), &format!("explain {call} --root ROOT")));
        assert_eq!((short.0, short), (Some(0), call));
    }
    for command in ["install nonsense", "list kvm", "explain qemu web-1 strat", "run qemu web-1 strat"] {
        assert_eq!(hookmux(root.path(), &format!("{command} --force --root ROOT")).0, Some(0), "{command}");
    }
}

#[test]
fn the_help_of_each_command_ends_with_two_examples_that_are_valid_and_the_manuals() {
    let command = hookmux::admin::command();
    for one in command.get_subcommands() {
        let help = one.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines: Vec<&str> = help.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[3]), (5, "Examples:", ""), "{help}");
        assert!(lines[4].starts_with("Manuals: hookmux(8)"), "{help}");
        for example in &lines[1..3] {
            let words = example.split(" <").next().unwrap().split_whitespace();
            let parsed = command.clone().try_get_matches_from(words);
            assert_eq!(parsed.unwrap().subcommand_name(), Some(one.get_name()), "{example}");
        }
    }
}

#[test]
fn contract_prints_every_operation_as_text_and_as_json() {
    let (code, out, err) = hookmux(Path::new("/nowhere"), "contract");
    let operation = |row: &hookmux::call::contract::Row| out.matches(&format!("\n  {} ", row.operation)).count() > 0;
    assert_eq!((code, err.as_str(), hookmux::call::contract::ROWS.iter().all(operation)), (Some(0), "", true), "{out}");
    assert_eq!(out.lines().filter(|line| line.chars().count() > 80).collect::<Vec<_>>(), [""; 0]);
    let (code, out, _) = hookmux(Path::new("/nowhere"), "contract --json");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let names =
        |row: &serde_json::Value| (row["driver"].to_string(), row["operation"].to_string(), row["failure"].to_string());
    let rows = json["operations"].as_array().unwrap();
    assert_eq!((code, rows.len()), (Some(0), hookmux::call::contract::ROWS.len()));
    assert!(
        rows.iter().map(names).any(|row| row == ("\"qemu\"".into(), "\"reconnect\"".into(), "\"kills-guest\"".into()))
    );
}

#[test]
fn beside_another_hook_the_commands_show_who_runs_what_in_which_order() {
    let root = root(&[
        ("usr/bin/hookmux-hook", PROGRAM),
        ("bin/sh", YES),
        ("etc/libvirt/hooks/qemu", YES),
        ("etc/libvirt/hooks/qemu.d/05-own", YES),
        ("etc/libvirt/hooks/qemu.d/90-own", YES),
        ("etc/libvirt/hooks/qemu.d/vm1/start/begin/10-dispatched", YES),
        ("etc/hookmux/qemu.d/10-a", "#!/bin/sh\nexit 3\n"),
        ("etc/hookmux/qemu.d/90-own", YES),
    ]);
    for name in ["50-hookmux", "60-hookmux"] {
        std::os::unix::fs::symlink("/usr/bin/hookmux-hook", root.path().join("etc/libvirt/hooks/qemu.d").join(name))
            .unwrap();
    }
    let sections = "  by libvirt    /etc/libvirt/hooks/qemu\n                without limits or log\n  \
        by libvirt    /etc/libvirt/hooks/qemu.d/05-own\n                without limits or log\n  \
        runs          /etc/hookmux/qemu.d/10-a\n  \
        by libvirt    /etc/libvirt/hooks/qemu.d/90-own\n                without limits or log\n  \
        skipped       /etc/libvirt/hooks/qemu.d/60-hookmux\n                hookmux itself\n                \
        fix: rm /etc/libvirt/hooks/qemu.d/60-hookmux\n  \
        skipped       /etc/hookmux/qemu.d/90-own\n                hidden by /etc/libvirt/hooks/qemu.d/90-own\n";
    let (_, list, _) = hookmux(root.path(), "list --root ROOT");
    assert_eq!(list, format!("qemu\n{sections}"));
    let (_, explain, _) = hookmux(root.path(), "explain --root ROOT qemu vm1 start");
    assert_eq!(explain, format!("qemu start 'vm1': if the hook fails, the start is aborted\n{sections}"));
    let (code, run, _) = hookmux(root.path(), "run --json --root ROOT qemu vm1 start");
    let run: serde_json::Value = serde_json::from_str(&run).unwrap();
    let step = |step: &serde_json::Value| ["path", "by", "kind"].map(|key| step[key].as_str().unwrap().to_owned());
    let steps: Vec<[String; 3]> = run["steps"].as_array().unwrap().iter().map(step).collect();
    let expected = [
        ["/etc/libvirt/hooks/qemu", "libvirt", "success"],
        ["/etc/libvirt/hooks/qemu.d/05-own", "libvirt", "success"],
        ["/etc/hookmux/qemu.d/10-a", "hookmux", "verdict"],
        ["/etc/libvirt/hooks/qemu.d/90-own", "libvirt", "success"],
    ];
    assert_eq!((code, steps), (Some(1), expected.map(|step| step.map(str::to_owned)).to_vec()));
    let (_, found, _) = hookmux(root.path(), "check --root ROOT");
    assert!(!["adopt", "another-hook", "another program"].iter().any(|word| found.contains(word)), "{found}");
}

#[test]
fn explain_and_run_show_which_paths_of_rules_select_something() {
    let root = root(&[
        (
            "etc/hookmux/hookmux.toml",
            "[[rule]]\nscript = '10-a'\nrun = false\n[[rule]]\nscript = '10-a'\n\
             xml = ['/domain/devices/hostdev', \"/domain/name = 'vm*'\"]\nrun = true\n",
        ),
        ("etc/hookmux/qemu.d/10-a", YES),
        ("gpu.xml", "<domain><name>vm1</name><devices><hostdev/></devices></domain>\n"),
        ("plain.xml", "<domain><name>vm1</name></domain>\n"),
        ("broken.xml", "<domain>\n"),
    ]);
    let lines = |hostdev: &str, name: &str| {
        let rule = "(the rule at /etc/hookmux/hookmux.toml:4)";
        format!(
            "rules that look at the document:\n  /domain/devices/hostdev {hostdev} {rule}\n  /domain/name = 'vm*' {name} {rule}\n"
        )
    };
    let (something, nothing, unknown) = ("selects something", "selects nothing", "is not known without --xml FILE");
    for (document, hostdev, name) in [
        (" --xml ROOT/gpu.xml", something, something),
        (" --xml ROOT/plain.xml", nothing, something),
        ("", unknown, unknown),
    ] {
        let (code, out, err) = hookmux(root.path(), &format!("explain --root ROOT qemu vm1 start{document}"));
        assert_eq!((code, err.as_str()), (Some(0), ""));
        assert!(out.ends_with(&lines(hostdev, name)), "{out}");
        assert_eq!(out.contains("  skipped "), hostdev != something, "{out}");
    }
    let (_, out, _) = hookmux(root.path(), "run --dry-run --root ROOT qemu vm1 start --xml ROOT/plain.xml");
    assert!(out.ends_with(&lines(nothing, something)), "{out}");
    let (_, _, err) = hookmux(root.path(), "run --root ROOT qemu vm1 start --xml ROOT/gpu.xml");
    assert!(err.starts_with(&lines(something, something)), "{err}");
    for command in ["explain", "run"] {
        let (code, _, err) =
            hookmux(root.path(), &format!("{command} --root ROOT qemu vm1 start --xml ROOT/broken.xml"));
        let expected = "hookmux: a rule looks at the document, which cannot be read: line 2, column 1";
        assert!(code == Some(1) && err.starts_with(expected), "{err}");
    }
}

/// Runs `sha256sum -c` on these lines, and returns its exit code and output.
fn verified(sums: &str) -> (Option<i32>, String) {
    let mut command = Command::new("sha256sum");
    command.args(["--check", "--strict"]).env("LC_ALL", "C");
    let mut command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    command.stdin.take().unwrap().write_all(sums.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = command.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

#[test]
fn sha256sum_verifies_the_sums_of_hooks_settings_and_scripts_that_run() {
    let odd = "etc/hookmux/qemu.d/20-a\\b\nc\rd e";
    let root = root(&[
        ("usr/bin/hookmux-hook", PROGRAM),
        ("etc/libvirt/hooks/qemu.d/05-own", YES),
        ("etc/hookmux/qemu.d/10-a", YES),
        ("etc/hookmux/qemu.d/30-off", YES),
        ("etc/hookmux/qemu.d/README", "text\n"),
        (odd, "#!/bin/sh\nexit 3\n"),
        ("etc/hookmux/hookmux.toml", "[[rule]]\nscript = '30-off'\nrun = false\n"),
        ("etc/hookmux/hookmux.toml.d/10-site.toml", "[[rule]]\nscript = '10-a'\nwait = false\n"),
        ("usr/lib/hookmux/hookmux.toml.d/10-site.toml", "parallel = 9\n"),
        ("usr/lib/hookmux/hookmux.toml.d/20-package.toml", "parallel = 2\n"),
    ]);
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu").0, Some(0));
    // sha256sum follows links as on this system, and not inside the root.
    let hook = root.path().join("etc/libvirt/hooks/qemu");
    fs::remove_file(&hook).unwrap();
    symlink("../../../usr/bin/hookmux-hook", &hook).unwrap();
    let sums = || hookmux(root.path(), "list --sums --root ROOT");
    let (code, shown, err) = sums();
    let paths: Vec<&str> = shown.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    let expected = [
        "/usr/lib/hookmux/hookmux.toml.d/20-package.toml",
        "/etc/hookmux/hookmux.toml",
        "/etc/hookmux/hookmux.toml.d/10-site.toml",
        "/etc/libvirt/hooks/qemu",
        "/etc/hookmux/qemu.d/20-a\\\\b\\nc\\rd e",
        "/etc/hookmux/qemu.d/10-a",
        "/etc/libvirt/hooks/qemu.d/05-own",
    ];
    assert_eq!((code, paths, err.as_str()), (Some(0), expected.to_vec(), ""));
    let lines = shown.replace("  /", &format!("  {}/", root.path().display()));
    let (code, printed) = verified(&lines);
    assert_eq!((code, printed.matches(": OK\n").count()), (Some(0), 7), "{printed}");
    let document: serde_json::Value = serde_json::from_str(&hookmux(root.path(), "list --json --root ROOT").1).unwrap();
    let facts = |file: &serde_json::Value| ["sha256", "owner", "mode"].map(|key| file[key].clone());
    let files = document["files"].as_array().unwrap();
    let of_json: Vec<&str> = files.iter().map(|file| file["sha256"].as_str().unwrap()).collect();
    let of_lines = shown.lines().map(|line| line.trim_start_matches('\\').split_once("  ").unwrap().0);
    assert_eq!(of_json, of_lines.collect::<Vec<_>>());
    assert_eq!(facts(&files[1])[1..], [user(), "0644".into()]);
    assert_eq!((&files[5]["path"], &facts(&files[5])[1..]), (&expected[5].into(), &[user(), "0755".into()][..]));

    fs::write(root.path().join(odd), YES).unwrap();
    assert_eq!(verified(&lines).0, Some(1));
    let changed = sums().1;
    assert_eq!(changed.lines().zip(shown.lines()).filter(|(one, other)| one != other).count(), 1, "{changed}");
}

/// Returns the name of the user who runs the tests.
fn user() -> serde_json::Value {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().into()
}

#[test]
fn a_file_without_a_sum_is_named_and_is_an_error() {
    let root = root(&[("etc/hookmux/qemu.d/10-a", YES), ("etc/hookmux/qemu.d/20-b", YES)]);
    let path = root.path().join("etc/hookmux/qemu.d/10-a");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o757)).unwrap();
    let (code, out, err) = hookmux(root.path(), "list --sums --root ROOT");
    let why = "hookmux: /etc/hookmux/qemu.d/10-a: untrusted: /etc/hookmux/qemu.d/10-a is writable by every user \
               (chmod o-w /etc/hookmux/qemu.d/10-a)\n";
    assert_eq!((code, out.lines().count(), err.as_str()), (Some(1), 1, why));
    let document: serde_json::Value = serde_json::from_str(&hookmux(root.path(), "list --json --root ROOT").1).unwrap();
    let facts = ["sha256", "mode"].map(|key| document["files"][0][key].clone());
    assert_eq!(facts, [serde_json::Value::Null, "0757".into()]);
    fs::write(root.path().join("etc/hookmux/hookmux.toml"), "parallel = 'x'\n").unwrap();
    let (code, _, err) = hookmux(root.path(), "list --sums --root ROOT");
    assert!(code == Some(1) && err.starts_with("hookmux: /etc/hookmux/hookmux.toml:1:"), "{err}");
}

#[test]
fn names_from_other_programs_are_aliases_of_commands() {
    let command = hookmux::admin::command();
    let found = |alias: &str| command.find_subcommand(alias).map(|found| found.get_name().to_owned());
    assert_eq!(["logs", "test", "ps"].map(found), ["history", "run", "status"].map(|name| Some(name.to_owned())));
}
