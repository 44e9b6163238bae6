//! Text of other users, guests and images does not reach an administrator's terminal, shell or files.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::root::{PROGRAM, YES, root, verbatim};

/// A first line that runs a command if it is pasted into a shell, and colours a terminal that prints it.
const EVIL: &str = "#!/opt/bin/sh x|' /dev/null; touch PWNED; : '$(touch PWNED)\u{1b}[31m\u{9b}31m\nvirsh list\n";

fn system(script: &str) -> TempDir {
    root(&[
        ("usr/bin/hookmux-hook", PROGRAM),
        ("usr/bin/env", YES),
        ("bin/sh", YES),
        ("etc/libvirt/hooks/qemu.d/keep", YES),
        ("etc/hookmux/qemu.d/10-a", script),
        ("var/log/hookmux/calls.jsonl", ""),
    ])
}

/// Returns everything that `check` prints, as text and as JSON, and the findings.
fn check(root: &Path) -> (String, Vec<Value>) {
    let (_, text, errors) = verbatim(root, "check --root ROOT");
    let (_, json, _) = verbatim(root, "check --root ROOT --json");
    let document: Value = serde_json::from_str(&json).unwrap();
    (text + &json + &errors, document["findings"].as_array().unwrap().clone())
}

/// Runs every command that `check` prints as a fix, and reports whether one of them ran the command of a file.
fn is_injected(root: &Path) -> bool {
    let (_, findings) = check(root);
    for fix in findings.iter().filter_map(|finding| finding["fix"].as_str()) {
        let mut shell = Command::new("sh");
        shell.args(["-c", fix]).current_dir(root).env("EDITOR", "true").env("PATH", "/usr/bin:/bin");
        shell.stdin(Stdio::null()).output().unwrap();
    }
    root.join("PWNED").exists()
}

fn has_control_characters(text: &str) -> bool {
    text.contains(['\u{1b}', '\u{9b}', '\u{7}', '\u{202e}'])
}

#[test]
fn check_prints_nothing_from_an_untrusted_script() {
    for text in [EVIL, "touch PWNED\n", "#!/bin/touch PWNED\r\n", "\u{feff}#!/bin/touch PWNED\n"] {
        let root = system(&format!("#!{text}"));
        let script = root.path().join("etc/hookmux/qemu.d/10-a");
        fs::write(&script, text).unwrap();
        chown(&script, Some(1000), None).unwrap();
        let (printed, findings) = check(root.path());
        let about: Vec<&str> = findings
            .iter()
            .filter(|finding| finding["about"].as_str().unwrap().ends_with("10-a"))
            .map(|finding| finding["kind"].as_str().unwrap())
            .collect();
        assert_eq!((about, printed.contains("PWNED")), (vec!["untrusted"], false), "{text:?}: {printed}");
    }
}

#[test]
fn check_does_not_read_an_untrusted_script_in_libvirts_directory() {
    let root = system(YES);
    let script = root.path().join("etc/libvirt/hooks/qemu.d/keep");
    fs::write(&script, EVIL).unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o777)).unwrap();
    let (printed, _) = check(root.path());
    assert!(!printed.contains("PWNED"), "{printed}");
}

#[test]
fn no_fix_that_check_prints_executes_a_text_or_a_name() {
    let root = system(EVIL);
    let name = "20-x'; touch PWNED; '$(touch PWNED)";
    let copy = |from: &str, to: &str| {
        fs::create_dir_all(root.path().join(to).parent().unwrap()).unwrap();
        fs::copy(root.path().join(from), root.path().join(to)).unwrap();
    };
    copy("etc/hookmux/qemu.d/10-a", &format!("etc/hookmux/qemu.d/{name}"));
    copy("usr/bin/env", &format!("etc/hookmux/qemu.d/{name}.bak"));
    copy("usr/bin/env", &format!("etc/libvirt/hooks/qemu.d/{name}"));
    copy("usr/bin/env", "etc/hookmux/x'$(touch PWNED)'; touch PWNED; '.d/10-a");
    copy("usr/bin/env", "etc/libvirt/hooks/x'$(touch PWNED)'; touch PWNED; '.d/10-a");
    fs::write(root.path().join("usr/bin/sh"), YES).unwrap();
    assert!(!is_injected(root.path()), "{:#?}", check(root.path()).1);
}

#[test]
fn check_and_list_print_no_control_characters() {
    let root = system(&EVIL.replace("/opt/bin/sh", "/opt/\u{1b}[31m\u{202e}\u{9b}31m"));
    let hooks = root.path().join("etc/libvirt/hooks");
    symlink("/opt/\u{1b}[31m\u{9b}31m/hookmux", hooks.join("qemu")).unwrap();
    fs::create_dir(root.path().join("etc/hookmux/x\u{1b}[31m\u{9b}.d")).unwrap();
    fs::copy(root.path().join("usr/bin/env"), root.path().join("etc/hookmux/x\u{1b}[31m\u{9b}.d/10-\u{1b}a")).unwrap();
    fs::create_dir(root.path().join("etc/hookmux/hookmux.toml.d")).unwrap();
    fs::write(root.path().join("etc/hookmux/hookmux.toml.d/5\u{1b}\u{9b}.toml"), "[[rule]]\nscript='none'\n").unwrap();
    let (printed, findings) = check(root.path());
    assert!(!has_control_characters(&printed) && findings.len() > 3, "{printed:?}");
    let (_, out, errors) = verbatim(root.path(), "list --root ROOT --json");
    assert!(!has_control_characters(&(out + &errors)));
}

#[test]
fn a_record_that_is_a_fifo_blocks_no_command() {
    let root = system(YES);
    let calls = root.path().join("var/log/hookmux/calls.jsonl");
    fs::remove_file(&calls).unwrap();
    nix::unistd::mkfifo(&calls, nix::sys::stat::Mode::S_IRUSR).unwrap();
    for command in ["check", "history", "stats"] {
        let binary = std::env::var_os("HOOKMUX_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_hookmux").into());
        let mut timeout = Command::new("timeout");
        timeout.arg("60").arg(binary).args([command, "--root"]).arg(root.path());
        let code = timeout.output().unwrap().status.code();
        assert_ne!(code, Some(124), "{command}");
    }
}

/// Creates an image with links to scripts that lead elsewhere below its root than on the host; `host` is a directory there.
fn image_with_links(host: &Path) -> TempDir {
    let image = system(YES);
    let scripts = image.path().join("etc/hookmux/qemu.d");
    let opt = image.path().join("opt");
    fs::create_dir_all(opt.join("vm1/start/begin")).unwrap();
    for script in ["inside", "vm1/start/begin/50-guest"] {
        fs::copy(image.path().join("bin/sh"), opt.join(script)).unwrap();
    }
    for directory in ["", "vm1", "vm1/start", "vm1/start/begin"] {
        fs::set_permissions(opt.join(directory), Permissions::from_mode(0o755)).unwrap();
    }
    fs::create_dir_all(host.join("vm2/start/begin")).unwrap();
    for script in ["outside", "vm2/start/begin/60-host"] {
        fs::write(host.join(script), format!("#!/opt/PWNED\ntouch {}/PWNED\n", image.path().display())).unwrap();
        fs::set_permissions(host.join(script), Permissions::from_mode(0o755)).unwrap();
    }
    let dots = format!("{}{}/outside", "../".repeat(20), host.strip_prefix("/").unwrap().display());
    for (name, text) in [
        ("20-absolute", host.join("outside")),
        ("21-dots", dots.into()),
        ("30-inside", "/opt/inside".into()),
        ("40-mask", "/dev/null".into()),
        ("vm1", "/opt/vm1".into()),
        ("vm2", host.join("vm2")),
    ] {
        symlink(text, scripts.join(name)).unwrap();
    }
    image
}

#[test]
fn a_link_in_an_image_is_resolved_within_the_image() {
    let host = tempfile::tempdir().unwrap();
    let image = image_with_links(host.path());
    let states = |command: &str| {
        let (_, out, errors) = verbatim(image.path(), command);
        let json: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{command}: {errors}"));
        let scripts = json.get("scripts").unwrap_or_else(|| &json["drivers"][0]["scripts"]);
        let name = |script: &Value| script["path"].as_str().unwrap().split_once("/qemu.d/").unwrap().1.to_owned();
        let state = |script: &Value| (name(script), script["state"].as_str().unwrap().to_owned());
        let mut states: Vec<(String, String)> = scripts.as_array().unwrap().iter().map(state).collect();
        states.sort();
        states
    };
    let every = [
        ("10-a", "runs"),
        ("20-absolute", "skipped"),
        ("21-dots", "skipped"),
        ("30-inside", "runs"),
        ("40-mask", "skipped"),
        ("keep", "left-to-libvirt"),
    ];
    let with = |more: &[(&str, &str)]| {
        let all = every.iter().chain(more).map(|(name, state)| ((*name).to_owned(), (*state).to_owned()));
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    };
    let vm1 = ("vm1/start/begin/50-guest", "runs");
    assert_eq!(states("list qemu --root ROOT --json"), with(&[vm1, ("vm2", "skipped")]));
    assert_eq!(states("explain qemu vm1 start --root ROOT --json"), with(&[vm1, ("vm2", "skipped")]));
    assert_eq!(states("explain qemu vm2 start --root ROOT --json"), with(&[("vm2", "untrusted")]));
}

#[test]
fn no_file_of_the_host_is_read_or_started_in_place_of_an_images_script() {
    let host = tempfile::tempdir().unwrap();
    let image = image_with_links(host.path());
    let (printed, _) = check(image.path());
    assert!(!printed.contains("PWNED") && printed.contains("20-absolute"), "{printed}");
    // A link that leads elsewhere on this system is not started, whether the host has that file or not.
    let shadow = image.path().join(host.path().strip_prefix("/").unwrap());
    fs::create_dir_all(&shadow).unwrap();
    fs::copy(image.path().join("bin/sh"), shadow.join("outside")).unwrap();
    for (driver, text) in [("lxc", host.path().join("outside")), ("libxl", "/opt/inside".into())] {
        let scripts = image.path().join(format!("etc/hookmux/{driver}.d"));
        fs::create_dir(&scripts).unwrap();
        symlink(text, scripts.join("10-a")).unwrap();
        let (code, out, errors) = verbatim(image.path(), &format!("run {driver} vm start --root ROOT"));
        assert!(errors.contains("10-a leads out of the root"), "{driver}: {code:?} {out} {errors}");
        assert_ne!(code, Some(0), "{driver}");
    }
    assert!(!image.path().join("PWNED").exists());
}

#[test]
fn an_interpreter_is_searched_for_in_the_image() {
    for (target, kinds) in [("/opt/only-here", vec![]), ("/opt/only-on-host", vec!["interpreter-missing"])] {
        let image = system("#!/usr/bin/link\n");
        let file = image.path().join(target.strip_prefix('/').unwrap());
        fs::create_dir_all(image.path().join("opt")).unwrap();
        let host = tempfile::tempdir().unwrap();
        let text = if kinds.is_empty() { target.into() } else { host.path().join("only-on-host") };
        fs::write(if kinds.is_empty() { &file } else { &text }, YES).unwrap();
        symlink(text, image.path().join("usr/bin/link")).unwrap();
        let (_, findings) = check(image.path());
        let found = findings.iter().map(|found| found["kind"].as_str().unwrap());
        let found: Vec<&str> = found.filter(|kind| kind.starts_with("interpreter")).collect();
        assert_eq!(found, kinds, "{target}");
    }
}

#[test]
fn adopt_moves_a_link_in_an_image_only_if_its_target_is_in_the_image() {
    let host = tempfile::tempdir().unwrap();
    let image = image_with_links(host.path());
    symlink("/usr/bin/hookmux-hook", image.path().join("etc/libvirt/hooks/qemu")).unwrap();
    for (name, text) in [("50-out", host.path().join("outside")), ("51-in", "/opt/inside".into())] {
        symlink(text, image.path().join("etc/libvirt/hooks/qemu.d").join(name)).unwrap();
    }
    let (code, _, errors) = verbatim(image.path(), "adopt qemu 50-out --root ROOT");
    assert!(code != Some(0) && errors.contains("cannot find"), "{errors}");
    assert_eq!(verbatim(image.path(), "adopt qemu 51-in --root ROOT").0, Some(0));
    assert_eq!(fs::read_link(image.path().join("etc/hookmux/qemu.d/51-in")).unwrap(), Path::new("/opt/inside"));
}

#[test]
fn check_reports_a_directory_of_scripts_that_other_users_may_write_to() {
    for at in ["etc/hookmux/lxc.d", "usr/lib/hookmux/qemu.d", "etc/hookmux/qemu.d/vm1/start"] {
        let root = system(YES);
        let directory = root.path().join(at);
        fs::create_dir_all(&directory).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(0o777)).unwrap();
        let (_, findings) = check(root.path());
        let about = |finding: &&Value| finding["about"].as_str().unwrap() == directory.to_str().unwrap();
        let found: Vec<_> = findings.iter().filter(about).map(|found| (&found["kind"], &found["severity"])).collect();
        assert_eq!(found, [(&Value::from("untrusted"), &Value::from("error"))], "{at}: {findings:#?}");
        assert_eq!(verbatim(root.path(), "check --root ROOT").0, Some(1), "{at}");
    }
}
