//! `hookmux history`, with made-up logs and with those of real calls.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::calls::{call, failed_start, lines, other, step};
use crate::namespaces::{HANG, Hooks};

/// Hooks with a log of these lines.
fn log(text: &str) -> Hooks {
    let hooks = Hooks::new();
    fs::create_dir_all(hooks.path("var/log/hookmux")).unwrap();
    fs::write(hooks.path("var/log/hookmux/calls.jsonl"), text).unwrap();
    hooks
}

const PICTURE: &str = "db-1  2026-11-21 05:32:06
                                              0 ·························· 6.9 s
  qemu prepare                         312 ms ─
    10-maintenance                     2.1 ms █
    20-disk-check                      308 ms █
  network port-created lan              45 ms  ─
    50-port-forward                     44 ms  █
  qemu start                            1.8 s   ─────────
    10-maintenance                     2.1 ms   █
    …-1/start/begin/40-mount-a-share    1.8 s   █████████
  qemu started  exit 3                 520 ms                                ───
    30-register  exited 3              2.1 ms                                █
      | 10.0.3.7 answered 409:
      |   db-1 is already registered
    90-notify  not run
";

#[test]
fn a_guests_calls_are_one_picture_with_a_bar_for_each_script() {
    let hooks = log(&lines(&failed_start()));
    assert_eq!(hooks.hookmux(&["history"]), (Some(0), PICTURE.into(), String::new()));
    let utc = PICTURE.replace("05:32:06\n", "05:32:06 UTC\n");
    assert_eq!(hooks.hookmux(&["history", "--utc"]), (Some(0), utc, String::new()));
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(
        readme.contains(&format!("$ hookmux history --guest db-1\n{PICTURE}```")),
        "the README shows another picture"
    );
    assert!(PICTURE.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn calls_are_chosen_by_guest_operation_time_and_failure() {
    let mut calls = failed_start();
    calls.push(call("2026-11-21T06:00:00Z", ["qemu", "web-1", "started", "begin", "-"], 10, 0, &[]));
    let hooks = log(&lines(&calls));
    let count = |args: &[&str]| {
        let (code, out, err) = hooks.hookmux(&[&["history", "--json"], args].concat());
        assert_eq!((code, err.as_str()), (Some(0), ""));
        out.lines().count()
    };
    let rows: [(&[&str], usize); 8] = [
        (&[], 5),
        (&["--guest", "db-1"], 4),
        (&["--guest", "web-*"], 1),
        (&["--operation", "plugged"], 1),
        (&["--guest", "db-1", "--failed"], 1),
        (&["--since", "2026-11-21 05:32:08"], 3),
        (&["--since", "2026-11-22"], 0),
        (&["--since", "1s"], 0),
    ];
    for (args, expected) in rows {
        assert_eq!(count(args), expected, "{args:?}");
    }
    let (code, _, err) = hooks.hookmux(&["history", "--since", "tomorrow"]);
    assert!(code == Some(2) && err.contains("expected how long ago (90s, 2h, 1day), 16:03, today"), "{err}");
}

#[test]
fn json_prints_the_recorded_lines_by_time_including_the_last_rotated_file() {
    let calls = failed_start();
    let hooks = log(&lines(&calls[3..]));
    // A call that began earlier ended later, and its record follows.
    fs::write(
        hooks.path("var/log/hookmux/calls.jsonl.1"),
        lines(&[calls[1].clone(), calls[0].clone(), calls[2].clone()]),
    )
    .unwrap();
    let (code, out, err) = hooks.hookmux(&["history", "--json"]);
    let seen: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, seen, err.as_str()), (Some(0), calls, ""));
}

#[test]
fn failed_shows_the_end_of_the_standard_error_of_each_failing_script() {
    let hooks = log("")
        .script("10-a", "echo fine >&2")
        .script("20-b", "printf 'no space\\n for \\033[31m%s\\n' $1 >&2; exit 3");
    for (object, code) in [("vm1", 3), ("list", 3)] {
        let hook = Command::new(hooks.path("etc/libvirt/hooks/qemu"))
            .args([object, "start", "begin", "-"])
            .env("HOOKMUX_ROOT", hooks.path(""))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(hook.status.code(), Some(code));
    }
    let (code, out, err) = hooks.hookmux(&["history", "--failed"]);
    let shown: Vec<&str> = out.lines().filter(|line| line.starts_with("      |")).collect();
    assert_eq!(
        (code, shown, err.as_str()),
        (
            Some(0),
            vec!["      | no space", "      |  for \\u{1b}[31mvm1", "      | no space", "      |  for \\u{1b}[31mlist"],
            ""
        )
    );
    let (_, page, _) = hooks.hookmux(&["history", "--failed", "--html", "-"]);
    assert_eq!(page.matches("<div class=\"detail\">|  for \\u{1b}[31mvm1</div>").count(), 1, "{page}");
    let (_, json, _) = hooks.hookmux(&["history", "--failed", "--json", "--guest", "vm1"]);
    let record: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(record["steps"][1]["stderr"], "no space\n for \\u{1b}[31mvm1");
}

#[test]
fn lines_that_are_not_records_are_counted_and_not_shown() {
    let half = &lines(&failed_start())[..200];
    let hooks = log(&format!("\n{{\"foreign\":1}}\n\u{0}\u{0}{}{half}", lines(&failed_start())));
    let (code, out, err) = hooks.hookmux(&["history", "--operation", "started", "--json"]);
    let expected = "hookmux: skipped 4 lines that are not call records\n";
    assert_eq!((code, out.lines().count(), err.as_str()), (Some(0), 1, expected));
}

#[test]
fn control_characters_in_names_are_escaped() {
    let odd = ["qemu", "vm\u{1b}[31m\n", "start", "begin", "\u{9b}2J"];
    let why = "x\u{7}\ny";
    let hooks =
        log(&lines(&[call("2026-11-21T06:00:00Z", odd, 10, 1, &[other("/a.d/1\u{1b}", "untrusted", Some(why))])]));
    let (_, out, _) = hooks.hookmux(&["history"]);
    assert!(!out.contains(['\u{1b}', '\u{7}', '\u{9b}']) && out.contains("vm\\u{1b}[31m\\n  2026"), "{out:?}");
    let (_, out, _) = hooks.hookmux(&["history", "--json"]);
    assert!(!out.contains(['\u{1b}', '\u{7}', '\u{9b}']) && out.contains("vm\\u001b[31m\\n"), "{out:?}");
}

#[test]
fn a_page_follows_no_link_and_is_readable_only_by_its_owner() {
    let hooks = log(&lines(&failed_start()));
    let (page, victim) = (hooks.path("page.html"), hooks.path("victim"));
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &page).unwrap();
    let (code, out, err) = hooks.hookmux(&["history", "--html", page.to_str().unwrap()]);
    let written = fs::symlink_metadata(&page).unwrap();
    let seen = (code, out.as_str(), err.as_str(), fs::read_to_string(&victim).unwrap());
    assert_eq!(seen, (Some(0), "", "", "precious".to_owned()));
    assert_eq!((written.is_file(), written.mode() & 0o777), (true, 0o600));
    let (code, out, _) = hooks.hookmux(&["history", "--html", "-"]);
    assert_eq!((code, out), (Some(0), fs::read_to_string(&page).unwrap()));
    // After an error, the old page exists and no other file.
    let (code, _, _) = hooks.hookmux(&["history", "--html", hooks.path("etc").to_str().unwrap()]);
    let left = fs::read_dir(hooks.path("")).unwrap().filter(|entry| entry.as_ref().unwrap().file_name() != "etc");
    assert_eq!((code, left.count()), (Some(1), 3));
}

#[test]
fn history_shows_the_last_groups_with_scripts_and_counts_those_that_it_omits() {
    let script = |code| step("/etc/hookmux/qemu.d/10-a", 500, 2000, code);
    let prepare = |minute: usize| {
        let args = ["qemu", "vm1", "prepare", "begin", "-"];
        call(&format!("2026-11-21T05:00:{minute:02}Z"), args, 3000, 3, &[script(3)])
    };
    // Attempts to start it, seconds apart.
    let mut calls: Vec<_> = (0..12).map(prepare).collect();
    calls.push(call("2026-11-21T06:00:00Z", ["qemu", "vm2", "started", "begin", "-"], 10, 0, &[]));
    let hooks = log(&lines(&calls));
    let shown = |args: &[&str]| {
        let (code, out, err) = hooks.hookmux(&[&["history"], args].concat());
        assert_eq!((code, err.as_str()), (Some(0), ""));
        let left_out = out.lines().next().filter(|line| line.ends_with("(-n N, --all)")).map(str::to_owned);
        (out.matches("  2026-11-21 0").count(), left_out)
    };
    let left_out = |groups: &str| Some(format!("{groups} not shown (-n N, --all)"));
    let rows: [(&[&str], _); 4] = [
        (&[], (10, left_out("2 earlier groups"))),
        (&["-n", "11"], (11, left_out("1 earlier group"))),
        (&["-n", "99"], (12, None)),
        (&["--all"], (13, None)),
    ];
    for (args, expected) in rows {
        assert_eq!(shown(args), expected, "{args:?}");
    }
    let sentence = |args: &[&str]| hooks.hookmux(&[&["history"], args].concat()).1;
    assert_eq!(sentence(&["--guest", "vm3"]), "no recorded call matches\n");
    assert_eq!(sentence(&["--guest", "vm2"]), "no script ran in the 1 recorded calls that match (--all shows them)\n");
    assert_eq!(log("").hookmux(&["history"]).1, "no call has been recorded yet\n");
}

#[test]
fn an_ignored_failure_is_marked_and_a_reason_is_printed_once() {
    let why = "/etc/hookmux/qemu.d/10-a was not run: /etc is writable by every user";
    let untrusted = other("/etc/hookmux/qemu.d/10-a", "untrusted", Some(why));
    let args = |operation| ["qemu", "vm1", operation, "begin", "-"];
    let calls = [
        call("2026-11-21T05:00:00Z", args("start"), 3000, 0, &[step("/etc/hookmux/qemu.d/20-b", 0, 2000, 3)]),
        call("2026-11-21T05:00:01Z", args("started"), 3000, 1, std::slice::from_ref(&untrusted)),
        call("2026-11-21T05:00:02Z", args("stopped"), 3000, 1, &[untrusted]),
    ];
    let (_, out, _) = log(&lines(&calls)).hookmux(&["history"]);
    let counts =
        ["20-b  exited 3 (ignored)", "10-a  untrusted\n", "      was not run: /etc is writable by every user\n"]
            .map(|part| out.matches(part).count());
    assert_eq!(counts, [1, 2, 1], "{out}");
}

#[test]
fn the_full_width_of_a_terminal_is_used() {
    let hooks = log(&lines(&failed_start()));
    let line = format!("stty cols 140; {} history --root {}", support::binary().display(), hooks.path("").display());
    let output = Command::new("script").args(["-qec", &line, "/dev/null"]).env("NO_COLOR", "1").output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let widest = out.lines().map(|line| line.trim_end().chars().count()).max();
    assert_eq!((widest, out.contains("    db-1/start/begin/40-mount-a-share")), (Some(140), true), "{out}");
}

#[test]
fn a_closed_output_is_not_an_error() {
    let calls: Vec<_> = std::iter::repeat_n(failed_start(), 2000).flatten().collect();
    let hooks = log(&lines(&calls));
    for command in ["history --all", "history --json", "history --html -", "stats --json"] {
        let mut child = Command::new(support::binary());
        child.args(command.split(' ')).arg("--root").arg(hooks.path("")).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]), "{command}");
    }
}

#[test]
fn colours_are_printed_only_on_terminals_and_not_with_no_color() {
    let hooks = log(&lines(&failed_start()));
    let on_terminal = |variable: &str| {
        let binary = support::binary();
        let line = format!("env {variable} {} history --root {}", binary.display(), hooks.path("").display());
        let output = Command::new("script").args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(on_terminal("A=b").contains("\u{1b}[1m\u{1b}[31m  exited 3\u{1b}[0m"));
    assert_eq!(on_terminal("NO_COLOR=1").replace('\r', ""), PICTURE);
}

#[test]
fn without_a_directory_the_error_has_the_command_that_creates_it() {
    let hooks = Hooks::new();
    let (code, out, err) = hooks.hookmux(&["history"]);
    let expected =
        "hookmux: calls are not recorded: /var/log/hookmux does not exist (install -d -m 750 /var/log/hookmux)\n";
    assert_eq!((code, out.as_str(), err.as_str()), (Some(1), "", expected));
    fs::create_dir_all(hooks.path("var/log/hookmux")).unwrap();
    let nothing = "no call has been recorded yet\n".to_owned();
    assert_eq!(hooks.hookmux(&["history"]), (Some(0), nothing, String::new()));
    fs::remove_dir(hooks.path("var/log/hookmux")).unwrap();
    fs::write(hooks.path("var/log/hookmux"), "").unwrap();
    let expected = "hookmux: cannot read /var/log/hookmux: Not a directory (os error 20)\n".to_owned();
    assert_eq!(hooks.hookmux(&["history"]), (Some(1), String::new(), expected));
}

#[test]
fn real_calls_are_shown_and_followed_across_a_rotation() {
    let hooks = log("").script("10-a", "exit 0");
    let path = hooks.path("var/log/hookmux/calls.jsonl");
    let call_hook = |object: &str| {
        let mut hook = Command::new(hooks.path("etc/libvirt/hooks/qemu"));
        hook.args([object, "start", "begin", "-"]).env("HOOKMUX_ROOT", hooks.path("")).stdin(Stdio::null());
        assert!(hook.status().unwrap().success());
    };
    call_hook("before");
    let mut follow = Command::new(support::binary());
    follow.args(["history", "--follow", "--json", "--guest", "vm*", "--root"]).arg(hooks.path(""));
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let (sender, receiver) = mpsc::channel();
    let lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let reader = std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| sender.send(line).unwrap()));
    let object = || {
        let line: serde_json::Value = serde_json::from_str(&receiver.recv_timeout(HANG).unwrap()).unwrap();
        line["object"].as_str().unwrap().to_owned()
    };
    let next = || std::iter::repeat_with(object).find(|object| object.starts_with("vm-")).unwrap();
    // It follows the log once it shows one of these calls.
    let first = (0..).map(|at| {
        call_hook(&format!("vm{at}"));
        receiver.recv_timeout(Duration::from_millis(500)).is_ok()
    });
    assert!(first.take(40).any(|seen| seen));
    call_hook("other");
    call_hook("vm-a");
    fs::rename(&path, path.with_extension("jsonl.1")).unwrap();
    call_hook("vm-b");
    call_hook("vm-c");
    assert_eq!([next(), next(), next()], ["vm-a", "vm-b", "vm-c"]);
    follow.kill().unwrap();
    follow.wait().unwrap();
    reader.join().unwrap();
    let (_, out, _) = hooks.hookmux(&["history", "--guest", "vm-?"]);
    assert_eq!(out.matches("  qemu start ").count(), 3, "{out}");
}

#[test]
fn following_since_a_time_begins_with_the_rotated_file() {
    let calls = failed_start();
    let hooks = log(&lines(&calls[2..]));
    fs::write(hooks.path("var/log/hookmux/calls.jsonl.1"), lines(&calls[..2])).unwrap();
    let mut follow = Command::new(support::binary());
    follow.args(["history", "--follow", "--json", "--since", "2026-11-21 05:32:06", "--root"]).arg(hooks.path(""));
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(follow.stdout.take().unwrap());
    let mut file = fs::OpenOptions::new().append(true).open(hooks.path("var/log/hookmux/calls.jsonl")).unwrap();
    file.write_all(lines(&calls[..1]).as_bytes()).unwrap();
    let seen: Vec<serde_json::Value> =
        output.lines().take(5).map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    follow.kill().unwrap();
    follow.wait().unwrap();
    assert_eq!(seen, [&calls[..], &calls[..1]].concat());
}
