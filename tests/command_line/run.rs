//! `run`: a call by hand.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::root::{YES, hookmux, root};

#[test]
fn run_shows_each_step_and_what_libvirt_would_do() {
    let root = root(&[
        ("etc/hookmux/qemu.d/10-a", "#!/bin/sh\necho hello \"$@\"; cat | head -1\n"),
        ("etc/hookmux/qemu.d/20-b", "#!/bin/sh\n[ \"$2\" != stop ] || { echo no >&2; exit 3; }\n"),
        ("etc/hookmux/qemu.d/30-c", YES),
    ]);
    let (code, out, err) = hookmux(root.path(), "run --root ROOT qemu vm1 stop");
    let steps: Vec<&str> = err
        .lines()
        .map(|line| {
            line.split_once(", ")
                .filter(|(_, after)| after.ends_with('s') || after.starts_with("since"))
                .map_or(line, |(before, _)| before)
        })
        .collect();
    let expected = [
        "qemu stop 'vm1': 3 scripts to run",
        "no release of libvirt up to 12.8 calls stop",
        "the XML is generated (--xml FILE replaces it): libvirt does not run below another root",
        "  /etc/hookmux/qemu.d/10-a",
        "    | hello vm1 stop begin -",
        "    | <domain type='qemu'>",
        "    exited 0",
        "  /etc/hookmux/qemu.d/20-b",
        "    | no",
        "    exited 3",
        "  /etc/hookmux/qemu.d/30-c",
        "    not run",
        "exit code 3: then the destroy is refused and the guest runs on",
    ];
    assert_eq!((code, out.as_str(), steps), (Some(1), "", expected.to_vec()));
    let (code, out, err) = hookmux(root.path(), "run --root ROOT qemu -- -odd start begin -");
    assert_eq!((code, out.as_str(), err.contains("| hello -odd start begin -")), (Some(0), "", true), "{err}");
}

#[test]
fn run_prints_the_filtered_xml_and_reads_a_given_document() {
    let root = root(&[
        ("etc/hookmux/qemu.d/10-a", "#!/bin/sh\nsed s/one/two/\n"),
        ("in.xml", "<domain type='kvm'><name>vm1</name><title>one</title></domain>\n"),
    ]);
    let (code, out, _) = hookmux(root.path(), "run --root ROOT qemu vm1 migrate --xml ROOT/in.xml");
    assert_eq!((code, out.as_str()), (Some(0), "<domain type='kvm'><name>vm1</name><title>two</title></domain>\n"));
    let (code, _, err) = hookmux(root.path(), "run --root ROOT qemu vm1 migrate --xml ROOT/no.xml");
    assert_eq!(
        (code, err.as_str()),
        (Some(1), "hookmux: cannot open /no.xml: No such file or directory (os error 2)\n")
    );
}

#[test]
fn a_script_gets_what_libvirt_gives_it_and_nothing_from_the_caller() {
    let show = "#!/bin/sh\npwd; umask; tr '\\0' '\\n' <\"/proc/$$/environ\" | sort; ls -l /proc/$$/fd/0\n";
    let root = root(&[("etc/hookmux/qemu.d/10-a", show)]);
    let binary = support::binary();
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\""]).arg(binary).args(["run", "--root"]).arg(root.path());
    command.args(["qemu", "vm1", "start"]).current_dir(root.path()).env_clear();
    command.envs([
        ("PATH", "/usr/bin:/bin"),
        ("HOME", "/root"),
        ("LANG", "de_DE"),
        ("SECRET", "x"),
        ("LC_ALL", "de_DE"),
        ("LD_LIBRARY_PATH", "/root"),
    ]);
    let seen = String::from_utf8(command.output().unwrap().stderr).unwrap().replace(root.path().to_str().unwrap(), "");
    let output: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("    | ")).collect();
    let version = concat!("HOOKMUX_VERSION=", env!("CARGO_PKG_VERSION"));
    let (last, output) = output.split_last().unwrap();
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let environment = ["HOOKMUX_DAEMON=-", "HOOKMUX_DRIVER=qemu", "HOOKMUX_ROOT=", version, "LC_ALL=C", path];
    let expected = ["/", "0022"].iter().chain(&environment);
    assert_eq!(output, expected.copied().collect::<Vec<_>>());
    assert!(last.contains("memfd:"), "{last}");
}

#[test]
fn run_starts_libvirts_own_scripts_last_and_as_libvirt_does() {
    let root = root(&[
        ("etc/hookmux/qemu.d/20-ours", "#!/bin/sh\nsed s/one/two/\n"),
        ("etc/libvirt/hooks/qemu.d/10-theirs", "#!/bin/sh\nsed s/two/three/\n"),
        ("etc/libvirt/hooks/qemu.d/30-theirs", "#!/bin/sh\n[ $2 = migrate ]\n"),
        ("etc/libvirt/hooks/qemu.d/40-theirs", "#!/bin/sh\necho still\n"),
        ("in.xml", "<domain type='kvm'><name>vm1</name><title>one</title></domain>\n"),
    ]);
    let steps = |args: &str| {
        let (code, out, err) = hookmux(root.path(), args);
        let paths = err.lines().filter_map(|line| line.strip_prefix("  /etc/")).map(str::to_owned);
        (code, out, paths.collect::<Vec<_>>(), err.lines().last().unwrap_or_default().to_owned())
    };
    fs::remove_file(root.path().join("etc/libvirt/hooks/qemu.d/40-theirs")).unwrap();
    let (code, out, paths, _) = steps("run --root ROOT qemu vm1 migrate --xml ROOT/in.xml");
    let expected = ["hookmux/qemu.d/20-ours", "libvirt/hooks/qemu.d/10-theirs", "libvirt/hooks/qemu.d/30-theirs"];
    let three = "<domain type='kvm'><name>vm1</name><title>three</title></domain>\n";
    assert_eq!((code, out.as_str(), paths), (Some(0), three, expected.map(str::to_owned).to_vec()));
    let (code, out, _, last) = steps("run --root ROOT qemu vm1 start --xml ROOT/in.xml");
    let expected = "exit code 0, but libvirt's own script failed: then the start is aborted";
    assert_eq!((code, out.as_str(), last.as_str()), (Some(1), "", expected));
}

#[test]
fn a_dry_run_starts_nothing_and_prints_what_would_run() {
    let root = root(&[
        ("bin/sh", YES),
        ("etc/hookmux/qemu.d/10-a", "#!/bin/sh\ntouch $HOOKMUX_ROOT/started\n"),
        ("etc/hookmux/qemu.d/20-b.bak", YES),
    ]);
    let expected = "qemu start 'vm1': nothing is started; these would be:\n  \
        runs          /etc/hookmux/qemu.d/10-a\n  \
        skipped       /etc/hookmux/qemu.d/20-b.bak\n                a leftover, by its '.bak'\n";
    let output = hookmux(root.path(), "run --dry-run --root ROOT qemu vm1 start");
    assert_eq!(output, (Some(0), expected.to_owned(), String::new()));
    assert!(!root.path().join("started").exists());
}

#[test]
fn a_terminal_shows_colours_and_how_long_a_step_has_been_running() {
    let root = root(&[("etc/hookmux/qemu.d/10-a", "#!/bin/sh\nsleep 1.5\n")]);
    let (binary, at) = (support::binary(), root.path().display());
    let on_terminal = |variables: &str| {
        let line = format!("{variables} {} run --root {at} qemu vm1 start", binary.display());
        let seen = Command::new("script").args(["-qec", &line, "/dev/null"]).env_remove("NO_COLOR").output().unwrap();
        String::from_utf8(seen.stdout).unwrap()
    };
    let seen = on_terminal("TERM=xterm");
    assert!(seen.contains("running for 1 s, pid ") && seen.contains("\r\u{1b}[K"), "{seen}");
    assert!(seen.contains("\u{1b}[32mexited 0\u{1b}[0m, 1.5 s"), "{seen}");
    let plain = on_terminal("NO_COLOR=1 TERM=xterm");
    assert!(plain.contains("    exited 0, 1.5 s") && !plain.contains("[32m"), "{plain}");
}

#[test]
fn a_script_gets_default_signal_dispositions_whatever_the_caller_ignores() {
    let root = root(&[("etc/hookmux/qemu.d/10-a", "#!/bin/sh\ngrep -E '^Sig(Blk|Ign):' /proc/self/status >&2\n")]);
    let (binary, at) = (support::binary(), root.path().display());
    let line = format!("trap '' HUP INT QUIT USR1 TERM CHLD; exec {} run --root {at} qemu vm1 start", binary.display());
    let seen = Command::new("sh").args(["-c", &line]).output().unwrap();
    let text = String::from_utf8(seen.stderr).unwrap();
    let mask = |name: &str| {
        let mask = text.split_once(&format!("{name}:\\t")).and_then(|(_, rest)| rest.get(..16)).unwrap();
        u64::from_str_radix(mask, 16).unwrap()
    };
    // Signals 32 to 34 belong to the C library, which lets no program change them.
    assert_eq!((mask("SigBlk"), mask("SigIgn") & !(7 << 31)), (0, 0), "{text}");
}

/// Runs hookmux with these arguments on a terminal, on which `answer` is typed, and returns exit code and text.
fn on_terminal(root: &Path, args: &str, answer: &str) -> (Option<i32>, String) {
    let args = args.replace("ROOT", root.to_str().unwrap());
    let line = format!("NO_COLOR=1 {} {args}", support::binary().display());
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = script.spawn().unwrap();
    script.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    let Output { status, stdout, .. } = script.wait_with_output().unwrap();
    let text = String::from_utf8(stdout).unwrap().replace('\r', "").replace(root.to_str().unwrap(), "");
    (status.code(), text)
}

#[test]
fn background_scripts_start_on_request_and_do_not_change_the_result() {
    let root = root(&[
        ("etc/hookmux/hookmux.toml", "[[rule]]\nscript = 'slow-*'\nwait = false\n"),
        ("etc/hookmux/qemu.d/10-a", "#!/bin/sh\n[ $1 = vm1 ] || exit 1\nsed s/one/two/\n"),
        ("etc/hookmux/qemu.d/slow-b", "#!/bin/sh\necho reads $(cat); exit 3\n"),
        ("in.xml", "<domain type='kvm'><name>vm1</name><title>one</title></domain>\n"),
    ]);
    let run = |args: &str| {
        let (code, out, err) = hookmux(root.path(), &format!("run --root ROOT --xml ROOT/in.xml {args}"));
        (code, out, err.lines().skip_while(|line| !line.starts_with("exit code")).collect::<Vec<_>>().join("\n"))
    };
    let new = "<domain type='kvm'><name>vm1</name><title>two</title></domain>\n";
    let (code, out, err) = run("--background qemu vm1 restore");
    let (err, elapsed) = err.rsplit_once(", ").unwrap();
    let expected = format!(
        "exit code 0: libvirt uses the new XML\nin the background, once libvirt has the answer:\n  \
         /etc/hookmux/qemu.d/slow-b\n    | reads {new}    exited 3"
    );
    assert_eq!((code, out.as_str(), err), (Some(0), new, expected.as_str()));
    assert!(elapsed.ends_with('s'), "{elapsed}");
    let not = |why: &str| format!("  /etc/hookmux/qemu.d/slow-b\n    starts in the background; {why}");
    let (code, _, err) = run("qemu vm1 restore");
    let without = not("not started by hand without --background");
    assert_eq!((code, err), (Some(0), format!("exit code 0: libvirt uses the new XML\n{without}")));
    let (code, _, err) = run("--background qemu vm2 start");
    let failed = not("not started after a failure");
    assert_eq!((code, err), (Some(1), format!("exit code 1: then the start is aborted\n{failed}")));
    let (_, json, _) = hookmux(root.path(), "run --json --background --root ROOT --xml ROOT/in.xml qemu vm1 restore");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let step = &json["background"][0];
    assert_eq!((step["path"].as_str(), step["exit_code"].as_u64()), (Some("/etc/hookmux/qemu.d/slow-b"), Some(3)));
}

#[test]
fn a_running_guest_is_not_released_by_mistake() {
    let root = root(&[
        ("etc/hookmux/qemu.d/10-a", "#!/bin/sh\ntouch $HOOKMUX_ROOT/started\n"),
        ("etc/hookmux/lxc.d/10-a", "#!/bin/sh\ntouch $HOOKMUX_ROOT/started\n"),
    ]);
    let alive = format!("<domstatus state='paused' reason='user' pid='{}'/>", std::process::id());
    let states = [
        ("qemu", "vm1", alive.as_str()),
        ("lxc", "box", &alive),
        ("qemu", "dead", "<domstatus state='running' pid='4194305'/>"),
        ("qemu", "off", "<domstatus state='shutoff' pid='1'/>"),
        ("qemu", "xen", "<domstatus state='running' pid='0'/>"),
    ];
    let user = fs::metadata(root.path()).unwrap().uid();
    for (driver, guest, state) in states {
        let session = format!("run/user/{user}/libvirt/{driver}/run");
        let directory = if user == 0 { format!("run/libvirt/{driver}") } else { session };
        fs::create_dir_all(root.path().join(&directory)).unwrap();
        fs::write(root.path().join(directory).join(guest).with_extension("xml"), state).unwrap();
    }
    let has_started = || fs::remove_file(root.path().join("started")).is_ok();
    let why = |name: &str, operation: &str| {
        format!("'{name}' is running, and libvirt calls {operation} only while it is not")
    };
    let rows = [
        ("qemu vm1", "release"),
        ("qemu vm1", "stopped"),
        ("qemu vm1", "prepare"),
        ("lxc box", "start"),
        ("qemu xen", "start"),
    ];
    for (guest, operation) in rows {
        let (code, out, err) = hookmux(root.path(), &format!("run --root ROOT {guest} {operation}"));
        let why = why(guest.split(' ').nth(1).unwrap(), operation);
        let expected = format!("hookmux: {why}; nothing was started (--yes starts its scripts anyway)\n");
        assert_eq!((code, out.as_str(), err, has_started()), (Some(2), "", expected, false));
        let (code, _, err) = hookmux(root.path(), &format!("run --yes --root ROOT {guest} {operation}"));
        assert_eq!((code, err.starts_with(&format!("{why}\n")), has_started()), (Some(0), true, true), "{err}");
    }
    for call in [
        "qemu vm1 started",
        "qemu vm1 migrate",
        "qemu dead release",
        "qemu off start",
        "qemu new start",
        "qemu .. start",
    ] {
        let (code, _, err) = hookmux(root.path(), &format!("run --root ROOT {call}"));
        assert_eq!((code, has_started(), err.contains("is running")), (Some(0), true, false), "{call}: {err}");
    }
    let question = format!("{}. Start its scripts anyway? [y/N] ", why("vm1", "release"));
    for (answer, code, starts) in [("n\n", 1, false), ("\n", 1, false), ("y\n", 0, true)] {
        let (seen, text) = on_terminal(root.path(), "run --root ROOT qemu vm1 release", answer);
        assert_eq!((seen, text.contains(&question), has_started()), (Some(code), true, starts), "{answer:?}: {text}");
        assert_eq!(text.contains("hookmux: nothing was started"), !starts, "{text}");
    }
}

#[test]
fn new_xml_is_written_to_a_pipe_or_a_file_and_not_to_a_terminal() {
    let root = root(&[
        ("etc/hookmux/qemu.d/10-a", "#!/bin/sh\nsed s/one/two/\n"),
        ("in.xml", "<domain type='kvm'><name>vm1</name><title>one</title></domain>\n"),
        ("same.xml", "<domain type='kvm'><name>vm1</name></domain>\n"),
    ]);
    let (code, text) = on_terminal(root.path(), "run --root ROOT qemu vm1 migrate --xml ROOT/in.xml", "");
    let hint = "the new XML is written by -o FILE, or to a pipe (| less)\n";
    assert_eq!((code, text.contains("<domain"), text.ends_with(hint)), (Some(0), false, true), "{text}");
    assert!(text.contains("/domain/title"), "{text}");
    let out = root.path().join("out.xml");
    let (code, stdout, _) = hookmux(root.path(), "run --root ROOT -o ROOT/out.xml qemu vm1 migrate --xml ROOT/in.xml");
    assert_eq!((code, stdout.as_str()), (Some(0), ""));
    assert_eq!(fs::read_to_string(&out).unwrap(), "<domain type='kvm'><name>vm1</name><title>two</title></domain>\n");
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_file(&out).unwrap();
    let (code, _, err) = hookmux(root.path(), "run --root ROOT -o ROOT/out.xml qemu vm1 migrate --xml ROOT/same.xml");
    let expected = "exit code 0: libvirt keeps its own XML\n/out.xml is not written: libvirt gets no new XML\n";
    assert_eq!((code, err.ends_with(expected), out.exists()), (Some(0), true, false), "{err}");
}

#[test]
fn text_that_a_filter_writes_instead_of_xml_is_quoted() {
    let quoted = |script: &str| {
        let script = format!("#!/bin/sh\n{script}\n");
        let root = root(&[("etc/hookmux/qemu.d/10-a", script.as_str())]);
        let (code, out, err) = hookmux(root.path(), "run --root ROOT qemu vm1 migrate");
        assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
        err.lines().find_map(|line| line.strip_prefix("    | ")).map(str::to_owned)
    };
    let long = "x".repeat(80);
    assert_eq!(quoted("echo; echo 'moving the disks'; cat").as_deref(), Some("moving the disks"));
    assert_eq!(quoted("printf 'log: \\033[31m'; cat").as_deref(), Some("log: \\u{1b}[31m"));
    assert_eq!(quoted(&format!("echo {long}yz; cat")), Some(long));
    assert_eq!(quoted("echo '<domain passwd=\"secret\"'"), None);
}
