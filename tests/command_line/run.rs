//! `run`: a call by hand.

use std::fs;
use std::process::Command;

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
        "the XML is made up (--xml FILE gives another): libvirt does not run below another root",
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
fn a_script_meets_what_libvirt_gives_it_and_nothing_of_ours() {
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
    let said: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("    | ")).collect();
    let version = concat!("HOOKMUX_VERSION=", env!("CARGO_PKG_VERSION"));
    let (last, said) = said.split_last().unwrap();
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let environment = ["HOOKMUX_DAEMON=-", "HOOKMUX_DRIVER=qemu", "HOOKMUX_ROOT=", version, "LC_ALL=C", path];
    let expected = ["/", "0022"].iter().chain(&environment);
    assert_eq!(said, expected.copied().collect::<Vec<_>>());
    assert!(last.contains("memfd:"), "{last}");
}

#[test]
fn what_libvirt_runs_itself_is_run_afterwards_and_as_it_does() {
    let root = root(&[
        ("etc/hookmux/qemu.d/20-ours", "#!/bin/sh\nsed s/one/two/\n"),
        ("etc/libvirt/hooks/qemu.d/10-theirs", "#!/bin/sh\nsed s/two/three/\n"),
        ("etc/libvirt/hooks/qemu.d/30-theirs", "#!/bin/sh\n[ $2 = migrate ]\n"),
        ("etc/libvirt/hooks/qemu.d/40-theirs", "#!/bin/sh\necho still\n"),
        ("in.xml", "<domain type='kvm'><name>vm1</name><title>one</title></domain>\n"),
    ]);
    let steps = |words: &str| {
        let (code, out, err) = hookmux(root.path(), words);
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
fn a_dry_run_starts_nothing_and_says_what_would_be() {
    let root = root(&[
        ("etc/hookmux/qemu.d/10-a", "#!/bin/sh\ntouch $HOOKMUX_ROOT/started\n"),
        ("etc/hookmux/qemu.d/20-b.bak", YES),
    ]);
    let expected = "qemu start 'vm1': nothing is started; these would be:\n  /etc/hookmux/qemu.d/10-a\nnot run:\n  \
        /etc/hookmux/qemu.d/20-b.bak\n    a leftover, by its '.bak'\n";
    let said = hookmux(root.path(), "run --dry-run --root ROOT qemu vm1 start");
    assert_eq!(said, (Some(0), expected.to_owned(), String::new()));
    assert!(!root.path().join("started").exists());
}

#[test]
fn a_terminal_sees_colours_and_how_long_a_step_has_been_running() {
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
fn a_script_gets_default_dispositions_whatever_the_caller_ignores() {
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
