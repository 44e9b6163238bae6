//! `install` and `uninstall`: the hooks, and what was there before.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::root::{PROGRAM, YES, hookmux, root};

/// A hook that another program has installed.
const THEIRS: &str = "#!/bin/sh\nexit 7\n";

/// Returns what libvirt would run as that hook: a link's target, or a file's first line.
fn hook(root: &Path, driver: &str) -> Option<String> {
    let hook = root.join("etc/libvirt/hooks").join(driver);
    match fs::read_link(&hook) {
        Ok(target) => Some(target.display().to_string()),
        Err(_) => fs::read(&hook).ok().map(|bytes| String::from_utf8_lossy(&bytes[..9.min(bytes.len())]).into_owned()),
    }
}

/// Lists the files of a root, without the log's directory.
fn files(root: &Path) -> Vec<String> {
    let mut files: Vec<String> =
        walk(root).iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect();
    files.sort();
    files
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let below = |entry: fs::DirEntry| {
        if entry.file_type().unwrap().is_dir() { walk(&entry.path()) } else { vec![entry.path()] }
    };
    entries.flat_map(below).collect()
}

#[test]
fn install_links_the_usual_hooks_once_and_uninstall_removes_exactly_those() {
    let root = root(&[("usr/bin/hookmux-hook", PROGRAM), ("etc/libvirt/hooks/daemon", THEIRS)]);
    let before = files(root.path());
    let line = |driver: &str, state: &str| format!("{driver}: {state} /etc/libvirt/hooks/{driver}\n");
    let lines = |state: &str| ["qemu", "lxc", "libxl", "network"].map(|driver| line(driver, state)).concat();
    let expected = |state: &str| (Some(0), lines(state), String::new());
    assert_eq!(hookmux(root.path(), "install --root ROOT"), expected("installed as"));
    let installed = files(root.path());
    assert_eq!(hookmux(root.path(), "install --root ROOT"), expected("already installed as"));
    assert_eq!(files(root.path()), installed);
    let hooks = ["qemu", "lxc", "libxl", "network", "daemon", "bhyve"].map(|driver| hook(root.path(), driver));
    let ours = || Some("/usr/bin/hookmux-hook".to_owned());
    assert_eq!(hooks, [ours(), ours(), ours(), ours(), Some("#!/bin/sh".into()), None]);
    let (code, out, err) = hookmux(root.path(), "uninstall --root ROOT");
    let removed = ["qemu", "lxc", "libxl", "network"].map(|driver| line(driver, "removed from")).concat();
    assert_eq!((code, out, err), (Some(0), removed, String::new()));
    assert_eq!(files(root.path()), before);
    let nothing = (Some(0), "no hookmux hook is installed; nothing to do\n".to_owned(), String::new());
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT"), nothing);
}

#[test]
fn the_hook_of_an_unknown_driver_is_uninstalled_with_the_others() {
    let root = root(&[("usr/bin/hookmux-hook", PROGRAM), ("etc/libvirt/hooks/theirs", THEIRS)]);
    fs::create_dir(root.path().join("etc/libvirt/hooks/nbd.d")).unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT nbd").0, Some(0));
    let removed = "nbd: removed from /etc/libvirt/hooks/nbd\n".to_owned();
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT"), (Some(0), removed, String::new()));
    assert_eq!(["nbd", "theirs"].map(|driver| hook(root.path(), driver).is_some()), [false, true]);
}

#[test]
fn drivers_are_given_as_arguments_or_as_a_list() {
    let root = root(&[("usr/bin/hookmux-hook", PROGRAM)]);
    assert_eq!(hookmux(root.path(), "install --root ROOT --drivers bhyve,daemon lxc").0, Some(0));
    let hooks = || ["qemu", "bhyve", "daemon", "lxc"].map(|driver| hook(root.path(), driver).is_some());
    assert_eq!(hooks(), [false, true, true, true]);
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT --drivers daemon").0, Some(0));
    assert_eq!(hooks(), [false, true, false, true]);
}

#[test]
fn without_a_program_to_link_to_install_changes_nothing_and_prints_the_next_step() {
    let root = root(&[]);
    let (code, out, err) = hookmux(root.path(), "install --root ROOT");
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        err.starts_with("hookmux: hooks lead to /usr/bin/hookmux-hook, which does not exist. Try: install -D -m 755 "),
        "{err}"
    );
    for driver in ["..", "a/b", "."] {
        let (code, _, err) = hookmux(root.path(), &format!("uninstall --root ROOT {driver}"));
        assert_eq!(
            (code, err),
            (Some(1), format!("hookmux: '{driver}' is not a hook's name: see `hookmux contract`\n"))
        );
    }
    assert_eq!(files(root.path()), [""; 0]);
}

#[test]
fn the_guest_agents_hook_is_installed_where_its_agent_looks() {
    let root = root(&[("usr/bin/hookmux-hook", PROGRAM)]);
    fs::create_dir_all(root.path().join("etc/qemu-ga")).unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT fsfreeze-hook").0, Some(0));
    let target = fs::read_link(root.path().join("etc/qemu-ga/fsfreeze-hook")).unwrap();
    assert_eq!(target, Path::new("/usr/bin/hookmux-hook"));
}

#[test]
fn the_guest_package_installs_and_uninstalls_only_its_own_hook() {
    let root = root(&[("etc/qemu/x", "")]);
    let program = root.path().join("usr/bin/hookmux-guest");
    // By a process of its own: a child of another test would inherit a descriptor for writing, and make it "busy".
    let mut copy = std::process::Command::new("install");
    assert!(copy.arg("-D").arg(support::binary()).arg(&program).status().unwrap().success());
    let run = |args: &str| {
        let args = args.split(' ').map(|arg| arg.replace("ROOT", root.path().to_str().unwrap()));
        std::process::Command::new(&program).args(args).output().unwrap().status.code()
    };
    assert_eq!(run("install --root ROOT fsfreeze-hook"), Some(0));
    let hook = root.path().join("etc/qemu/fsfreeze-hook");
    assert_eq!(fs::read_link(&hook).unwrap(), Path::new("/usr/bin/hookmux-guest"));
    // The hooks of a host belong to the other package.
    fs::write(root.path().join("usr/bin/hookmux-hook"), PROGRAM).unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT lxc qemu").0, Some(0));
    assert_eq!(run("uninstall --root ROOT"), Some(0));
    let left = ["etc/libvirt/hooks/lxc", "etc/libvirt/hooks/qemu", "etc/qemu/fsfreeze-hook"]
        .map(|hook| fs::symlink_metadata(root.path().join(hook)).is_ok());
    assert_eq!(left, [true, true, false]);
    assert_eq!(run("install --root ROOT fsfreeze-hook"), Some(0));
    // A hook that is named is installed.
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT fsfreeze-hook").0, Some(0));
    assert!(fs::symlink_metadata(&hook).is_err());
}

#[test]
fn list_and_check_find_the_guest_packages_hook_where_it_does_not_divert_qemus() {
    let root = root(&[
        ("usr/bin/hookmux-guest", PROGRAM),
        ("etc/qemu-ga/fsfreeze-hook", THEIRS),
        ("etc/qemu-ga/fsfreeze-hook.d/10-a", YES),
        ("bin/sh", YES),
        ("var/log/hookmux/calls.jsonl", ""),
    ]);
    let packaged = root.path().join("usr/libexec/hookmux");
    fs::create_dir_all(&packaged).unwrap();
    symlink("../../bin/hookmux-guest", packaged.join("fsfreeze-hook")).unwrap();
    symlink("../../../etc/qemu-ga/fsfreeze-hook.d", packaged.join("fsfreeze-hook.d")).unwrap();
    let listed = "fsfreeze-hook\n  runs          /usr/libexec/hookmux/fsfreeze-hook.d/10-a\n";
    assert_eq!(hookmux(root.path(), "list --root ROOT"), (Some(0), listed.to_owned(), String::new()));
    let well = "no problems found in 1 hook and 1 script\n";
    assert_eq!(hookmux(root.path(), "check --root ROOT"), (Some(0), well.to_owned(), String::new()));
    // The host's package does not remove it.
    let nothing = (Some(0), "no hookmux hook is installed; nothing to do\n".to_owned(), String::new());
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT"), nothing);
}

/// Lists every file, directory and link below the root, with mode, content and target.
fn tree(root: &Path) -> Vec<String> {
    let found = std::process::Command::new("sh")
        .args(["-c", "find . -printf '%P %M %l ' \\( -type f -exec md5sum {} ';' -o -printf '\\n' \\) | sort"])
        .current_dir(root)
        .output()
        .unwrap();
    let all = String::from_utf8(found.stdout).unwrap();
    // Without the directories that install creates for hookmux.
    let ours = |line: &&str| !["etc/hookmux", "var"].iter().any(|ours| line.starts_with(ours));
    all.lines().filter(ours).map(str::to_owned).collect()
}

#[test]
fn installing_beside_another_hook_leaves_it_unchanged_and_uninstall_restores_the_host() {
    let files = [
        ("usr/bin/hookmux-hook", PROGRAM),
        ("etc/libvirt/hooks/qemu", THEIRS),
        ("etc/libvirt/hooks/qemu.d/10-theirs", YES),
        ("etc/libvirt/hooks/network", THEIRS),
    ];
    let root = root(&files);
    // Empty, and not hookmux's: it stays.
    fs::create_dir(root.path().join("etc/libvirt/hooks/network.d")).unwrap();
    symlink("../../opt/lxc-hook", root.path().join("etc/libvirt/hooks/lxc")).unwrap();
    let before = tree(root.path());
    let lines = |state: &str| {
        let note = |driver: &str| {
            format!(
                "  libvirt runs /etc/libvirt/hooks/{driver} first, as before, then /etc/libvirt/hooks/{driver}.d by name: \
                hookmux as 00-hookmux\n"
            )
        };
        let line = |driver: &str| format!("{driver}: {state} /etc/libvirt/hooks/{driver}.d/00-hookmux\n");
        ["qemu", "lxc", "network"]
            .map(|driver| line(driver) + &note(driver))
            .concat()
            .replace("network: ", &format!("libxl: {state} /etc/libvirt/hooks/libxl\nnetwork: "))
    };
    for (flags, state) in [("", "installed as"), (" --free-only", "already installed as"), ("", "already installed as")]
    {
        let expected = (Some(0), lines(state), String::new());
        assert_eq!(hookmux(root.path(), &format!("install --root ROOT{flags}")), expected);
    }
    let link = |path: &str| fs::read_link(root.path().join("etc/libvirt/hooks").join(path)).unwrap();
    let targets = ["qemu.d/00-hookmux", "lxc.d/00-hookmux", "libxl", "network.d/00-hookmux"].map(link);
    assert_eq!(targets, [(); 4].map(|()| Path::new("/usr/bin/hookmux-hook")));
    let removed = ["qemu.d/00-hookmux", "lxc.d/00-hookmux", "libxl", "network.d/00-hookmux"]
        .map(|path| format!("{}: removed from /etc/libvirt/hooks/{path}\n", path.split('.').next().unwrap()));
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT"), (Some(0), removed.concat(), String::new()));
    assert_eq!(tree(root.path()), before);
}

#[test]
fn a_hook_that_is_taken_over_runs_as_the_first_script_and_uninstall_restores_it() {
    let root = root(&[
        ("usr/bin/hookmux-hook", PROGRAM),
        ("etc/libvirt/hooks/qemu", THEIRS),
        ("etc/hookmux/qemu.d/10-a", YES),
    ]);
    let before = tree(root.path());
    let (code, out, err) = hookmux(root.path(), "install --take-over --root ROOT qemu");
    let expected = "qemu: installed as /etc/libvirt/hooks/qemu\n  \
        the previous hook is kept, and runs as /etc/hookmux/qemu.d/00-original\n";
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), expected, ""));
    assert_eq!(fs::read_to_string(root.path().join("etc/hookmux/qemu.d/00-original")).unwrap(), THEIRS);
    // Once more: it is not mistaken for another program's hook.
    assert_eq!(hookmux(root.path(), "install --take-over --root ROOT qemu").0, Some(0));
    let (code, _, err) = hookmux(root.path(), "run --root ROOT qemu vm1 start");
    assert!(code == Some(1) && err.contains("exit code 7: then the start is aborted"), "{err}");
    let (code, out, _) = hookmux(root.path(), "uninstall --root ROOT qemu");
    let expected = "qemu: removed from /etc/libvirt/hooks/qemu\n  \
        restored the previous hook from /etc/hookmux/qemu.d/00-original\n  \
        1 script in hookmux's directories will no longer run: hookmux list --root  qemu\n";
    assert_eq!((code, out.as_str()), (Some(0), expected));
    assert_eq!(tree(root.path()), before);
}

#[test]
fn a_hook_that_depends_on_its_place_is_not_taken_over_and_the_message_names_the_line() {
    let root = root(&[
        ("usr/bin/hookmux-hook", PROGRAM),
        ("etc/libvirt/hooks/qemu", "#!/bin/sh\nset -e\n. \"$(dirname \"$0\")/lib.sh\"\n"),
        ("etc/libvirt/hooks/libxl", THEIRS),
        ("etc/hookmux/libxl.d/00-original", YES),
        ("etc/libvirt/hooks/network/oops", ""),
    ]);
    fs::write(root.path().join("etc/libvirt/hooks/daemon"), "\x7fELF").unwrap();
    symlink("../qemu-hook", root.path().join("etc/libvirt/hooks/lxc")).unwrap();
    fs::write(root.path().join("etc/libvirt/qemu-hook"), YES).unwrap();
    fs::write(root.path().join("etc/libvirt/hooks/bhyve"), YES).unwrap();
    fs::set_permissions(root.path().join("etc/libvirt/hooks/bhyve"), Permissions::from_mode(0o777)).unwrap();
    let before = tree(root.path());
    let refused = |driver: &str| {
        let (code, out, _) = hookmux(root.path(), &format!("install --take-over --root ROOT {driver}"));
        let first = format!("{driver}: left alone: /etc/libvirt/hooks/{driver}\n  ");
        (code, out.strip_prefix(&first).unwrap_or(&out).to_owned())
    };
    let rows = [
        (
            "qemu",
            "it cannot run as /etc/hookmux/qemu.d/00-original: line 3 refers to its own path, or to files beside it: $0\n  \
             fix: hookmux install --root  qemu (leaves it where it is)\n",
        ),
        (
            "lxc",
            "it cannot run as /etc/hookmux/lxc.d/00-original: it is a relative link, which points elsewhere from another \
             directory\n  fix: hookmux install --root  lxc (leaves it where it is)\n",
        ),
        (
            "daemon",
            "it cannot run as /etc/hookmux/daemon.d/00-original: it is a program and not a script: what it refers to cannot \
             be read\n  fix: hookmux install --root  daemon (leaves it where it is)\n",
        ),
        (
            "libxl",
            "it could not be kept: /etc/hookmux/libxl.d/00-original exists already and is another file\n  fix: mv -n \
             /etc/hookmux/libxl.d/00-original /etc/hookmux/libxl.d/01-original\n",
        ),
        (
            "bhyve",
            "it could not be kept as /etc/hookmux/bhyve.d/00-original: /etc/libvirt/hooks/bhyve is writable by every user\n  \
             fix: chmod o-w /etc/libvirt/hooks/bhyve\n",
        ),
        ("network", "is not a file, and libvirt does not run it\n"),
    ];
    for (driver, expected) in rows {
        assert_eq!(refused(driver), (Some(1), expected.to_owned()), "{driver}");
    }
    let (code, out, _) = hookmux(root.path(), "uninstall --root ROOT qemu");
    let expected = "qemu: left alone: /etc/libvirt/hooks/qemu\n  it is not hookmux\n";
    assert_eq!((code, out.as_str()), (Some(1), expected));
    assert_eq!(tree(root.path()), before);
}

#[test]
fn install_refuses_to_run_beside_another_hook_where_libvirt_is_too_old() {
    let root = root(&[
        ("usr/bin/hookmux-hook", PROGRAM),
        ("etc/libvirt/hooks/qemu", THEIRS),
        ("etc/qemu/fsfreeze-hook", THEIRS),
        ("usr/lib/x86_64-linux-gnu/libvirt.so.0.6004.0", ""),
        ("usr/lib/x86_64-linux-gnu/libvirt-qemu.so.0.9000.0", ""),
    ]);
    let before = tree(root.path());
    let why = "is another program's hook, and libvirt 6.4 runs one hook and nothing beside it (6.5.0 does); to move it into \
        hookmux's directory: hookmux install --reload --take-over --root  qemu\n";
    let refused = format!("qemu: left alone: /etc/libvirt/hooks/qemu\n  {why}");
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu"), (Some(1), refused, String::new()));
    let left_alone = format!("qemu: left alone: /etc/libvirt/hooks/qemu {why}");
    assert_eq!(hookmux(root.path(), "install --free-only --root ROOT qemu"), (Some(0), left_alone, String::new()));
    let (code, out, _) = hookmux(root.path(), "install --root ROOT fsfreeze-hook");
    assert!(code == Some(1) && out.contains("the guest agent runs one hook and nothing beside it; to move"), "{out}");
    assert_eq!(tree(root.path()), before);
}

#[test]
fn a_program_that_was_overwritten_through_a_link_is_restored_and_what_was_written_becomes_a_hook() {
    let root = root(&[]);
    let (at, binary) = (|path: &str| root.path().join(path), env!("CARGO_BIN_EXE_hookmux"));
    fs::create_dir_all(at("usr/bin")).unwrap();
    fs::copy(binary, at("usr/bin/hookmux-hook")).unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT").0, Some(0));
    let nothing = (Some(0), String::new(), String::new());
    assert_eq!(hookmux(root.path(), "install --restore --root ROOT"), nothing);
    // As `wget -O`, `cp` and `tee` do.
    fs::write(at("usr/bin/hookmux-hook"), THEIRS).unwrap();
    let refused = "qemu: left alone: /etc/libvirt/hooks/qemu\n  /usr/bin/hookmux-hook was overwritten through a hook's link\n  \
        fix: hookmux install --restore --root  qemu\n";
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu"), (Some(1), refused.into(), String::new()));
    let expected = "qemu: installed as /etc/libvirt/hooks/qemu.d/00-hookmux\n  libvirt runs /etc/libvirt/hooks/qemu first, as \
        before, then /etc/libvirt/hooks/qemu.d by name: hookmux as 00-hookmux\n  /usr/bin/hookmux-hook was restored; what \
        was written over it is now /etc/libvirt/hooks/qemu\n";
    assert_eq!(hookmux(root.path(), "install --restore --root ROOT"), (Some(0), expected.into(), String::new()));
    let hooks = ["qemu", "qemu.d/00-hookmux", "lxc", "libxl", "network"].map(|path| hook(root.path(), path).unwrap());
    let ours = "/usr/bin/hookmux-hook";
    assert_eq!(hooks, ["#!/bin/sh", ours, ours, ours, ours]);
    assert!(fs::read(at("usr/bin/hookmux-hook")).unwrap() == fs::read(binary).unwrap());
    let mode = |path: &str| fs::metadata(at(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode("usr/bin/hookmux-hook"), mode("etc/libvirt/hooks/qemu")], [0o755; 2]);
    assert_eq!(hookmux(root.path(), "install --restore --root ROOT"), nothing);
}

#[test]
fn what_was_written_through_a_link_becomes_the_only_hook_where_libvirt_is_too_old() {
    let root = root(&[("usr/lib/x86_64-linux-gnu/libvirt.so.0.6004.0", "")]);
    let (at, binary) = (|path: &str| root.path().join(path), env!("CARGO_BIN_EXE_hookmux"));
    fs::create_dir_all(at("usr/bin")).unwrap();
    fs::create_dir_all(at("etc/qemu")).unwrap();
    fs::copy(binary, at("usr/bin/hookmux-hook")).unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu lxc fsfreeze-hook").0, Some(0));
    let (ours, theirs) = ("/usr/bin/hookmux-hook", "#!/bin/sh");
    let beside = |driver: &str, base: &str, why: &str| {
        format!(
            "{driver}: left alone: {base}/{driver} is another program's hook, and {why}; to move it into hookmux's \
             directory: hookmux install --reload --take-over --root  {driver}\n  /usr/bin/hookmux-hook was restored; \
             what was written over it is now {base}/{driver}\n"
        )
    };
    let rows = [
        ("qemu", "/etc/libvirt/hooks", "libvirt 6.4 runs one hook and nothing beside it (6.5.0 does)"),
        ("fsfreeze-hook", "/etc/qemu", "the guest agent runs one hook and nothing beside it"),
    ];
    for (driver, base, why) in rows {
        fs::write(at("usr/bin/hookmux-hook"), THEIRS).unwrap();
        let expected = (Some(0), beside(driver, base, why), String::new());
        assert_eq!(hookmux(root.path(), &format!("install --restore --root ROOT {driver}")), expected);
        assert!(fs::read(at("usr/bin/hookmux-hook")).unwrap() == fs::read(binary).unwrap());
        assert_eq!(fs::read_to_string(root.path().join(&base[1..]).join(driver)).unwrap(), THEIRS);
    }
    let hooks = ["qemu", "qemu.d/00-hookmux", "lxc"].map(|path| hook(root.path(), path));
    assert_eq!(hooks, [Some(theirs.into()), None, Some(ours.into())]);
}

#[test]
fn what_was_written_through_a_link_beside_another_hook_keeps_running_beside_it() {
    let root = root(&[("etc/libvirt/hooks/qemu", THEIRS), ("etc/libvirt/hooks/lxc", THEIRS)]);
    let (at, binary) = (|path: &str| root.path().join(path), env!("CARGO_BIN_EXE_hookmux"));
    fs::create_dir_all(at("usr/bin")).unwrap();
    fs::copy(binary, at("usr/bin/hookmux-hook")).unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu lxc").0, Some(0));
    let written = "#!/bin/sh\nexit 9\n";
    fs::write(at("usr/bin/hookmux-hook"), written).unwrap();
    let (code, out, _) = hookmux(root.path(), "check --root ROOT");
    let finding = "/etc/libvirt/hooks/qemu.d/00-hookmux: /usr/bin/hookmux-hook was overwritten through a hook's link";
    assert!(code == Some(1) && out.contains(finding), "{out}");
    let expected = "qemu: installed as /etc/libvirt/hooks/qemu.d/00-hookmux\n  /usr/bin/hookmux-hook was restored; what \
        was written over it is now /etc/libvirt/hooks/qemu.d/00-written\n";
    assert_eq!(hookmux(root.path(), "install --restore --root ROOT"), (Some(0), expected.into(), String::new()));
    assert!(fs::read(at("usr/bin/hookmux-hook")).unwrap() == fs::read(binary).unwrap());
    let hooks = ["qemu", "qemu.d/00-hookmux", "qemu.d/00-written", "lxc", "lxc.d/00-hookmux"];
    let (ours, theirs) = ("/usr/bin/hookmux-hook", "#!/bin/sh");
    assert_eq!(hooks.map(|path| hook(root.path(), path).unwrap()), [theirs, ours, theirs, theirs, ours]);
    assert_eq!(fs::read_to_string(at("etc/libvirt/hooks/qemu.d/00-written")).unwrap(), written);
    // If a driver's hook is hookmux, the text was written through that link.
    fs::remove_file(at("etc/libvirt/hooks/lxc")).unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT lxc").0, Some(0));
    assert!(!at("etc/libvirt/hooks/lxc.d").exists());
    fs::write(at("usr/bin/hookmux-hook"), written).unwrap();
    let (_, out, _) = hookmux(root.path(), "install --restore --root ROOT");
    assert!(out.contains("what was written over it is now /etc/libvirt/hooks/lxc\n"), "{out}");
}

#[test]
fn a_link_to_another_program_named_hookmux_is_not_ours() {
    let root = root(&[("usr/bin/hookmux-hook", PROGRAM), ("opt/vfio/hookmux", THEIRS)]);
    fs::create_dir_all(root.path().join("etc/libvirt/hooks")).unwrap();
    let links =
        [("qemu", "/opt/vfio/hookmux"), ("lxc", "/opt/gone/hookmux"), ("libxl", "../../../usr/bin/hookmux-hook")];
    for (driver, text) in links {
        symlink(text, root.path().join("etc/libvirt/hooks").join(driver)).unwrap();
    }
    let removed = "libxl: removed from /etc/libvirt/hooks/libxl\n".to_owned();
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT"), (Some(0), removed, String::new()));
    let hooks = ["qemu", "lxc", "libxl"].map(|driver| hook(root.path(), driver));
    assert_eq!(hooks, [Some("/opt/vfio/hookmux".into()), Some("/opt/gone/hookmux".into()), None]);
}

#[test]
fn an_images_links_never_lead_to_the_host() {
    let scratch = tempfile::tempdir().unwrap();
    let (host, image) = (scratch.path().join("host"), scratch.path().join("image"));
    let host_hook = host.join("libvirt/hooks/qemu");
    for (link, text) in [
        ("etc", host.to_str().unwrap()),
        ("etc", "../../../../../../../../../../../../../../../etc"),
        ("etc/libvirt", host.join("libvirt").to_str().unwrap()),
        ("etc/libvirt/hooks/qemu.d", host.join("libvirt").to_str().unwrap()),
        ("etc/hookmux", host.to_str().unwrap()),
        ("var/log/hookmux", host.to_str().unwrap()),
        ("etc/hookmux/hookmux.toml", host_hook.to_str().unwrap()),
    ] {
        fs::create_dir_all(host_hook.parent().unwrap()).unwrap();
        fs::write(&host_hook, THEIRS).unwrap();
        let link = image.join(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        fs::create_dir_all(image.join("usr/bin")).unwrap();
        fs::write(image.join("usr/bin/hookmux-hook"), PROGRAM).unwrap();
        symlink(text, &link).unwrap();
        let before = tree(&host);
        for command in [
            "install",
            "install --take-over",
            "install --restore",
            "uninstall qemu",
            "list",
            "check",
            "history",
            "stats",
            "explain qemu vm1 start",
            "run qemu vm1 start",
            "adopt qemu 10-a",
        ] {
            let (code, out, err) = hookmux(&image, &format!("{command} --root ROOT"));
            let expected = "leads out of the root\n";
            assert!(code == Some(1) && out.is_empty() && err.ends_with(expected), "{command}: {out}{err}");
        }
        assert_eq!(tree(&host), before);
        fs::remove_dir_all(&image).unwrap();
    }
    // A hook that is a link inside the image is checked, replaced and removed as the image's own.
    fs::create_dir_all(image.join("etc/libvirt/hooks")).unwrap();
    fs::create_dir_all(image.join("usr/bin")).unwrap();
    fs::write(image.join("usr/bin/hookmux-hook"), PROGRAM).unwrap();
    symlink(&host_hook, image.join("etc/libvirt/hooks/qemu")).unwrap();
    assert_eq!(hookmux(&image, "install --root ROOT qemu").0, Some(0));
    assert_eq!(hookmux(&image, "uninstall --root ROOT").0, Some(0));
    assert_eq!(hook(&image, "qemu"), Some(host_hook.display().to_string()));
    assert_eq!(fs::read_to_string(&host_hook).unwrap(), THEIRS);
}
