//! The record of a call: one line of JSON, whatever happens.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use support::builder::{HANG, Hooks, args, domain, spawn};

const LOG: &str = "var/log/hookmux/calls.jsonl";

/// Adds the directory that the package creates.
fn recorded(hooks: Hooks) -> Hooks {
    hooks.directory(&hooks.root().join("var/log/hookmux"));
    hooks
}

fn lines(hooks: &Hooks) -> Vec<Value> {
    let text = std::fs::read_to_string(hooks.root().join(LOG)).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    let root = hooks.root().to_str().unwrap();
    text.lines().map(|line| serde_json::from_str(&line.replace(root, "")).unwrap()).collect()
}

/// Waits for N lines, and returns them: some are written after the call has returned.
fn lines_in_time<const N: usize>(hooks: &Hooks) -> [Value; N] {
    let started = Instant::now();
    while lines(hooks).len() < N {
        assert!(started.elapsed() < HANG, "not all lines were written: {:?}", lines(hooks));
        std::thread::sleep(Duration::from_millis(10));
    }
    lines(hooks).try_into().unwrap()
}

/// Returns a record without the fields that differ each time, whose types are checked.
fn without_times(mut record: Value) -> Value {
    let record_object = record.as_object_mut().unwrap();
    let time = record_object.remove("time").unwrap();
    let age = SystemTime::now().duration_since(humantime::parse_rfc3339(time.as_str().unwrap()).unwrap()).unwrap();
    assert!(age < HANG && time.as_str().unwrap().len() == "2026-11-21T05:32:06.123456Z".len(), "{time}");
    assert!(record_object.remove("pid").unwrap().as_u64().unwrap() > 0);
    let whole = record_object.remove("duration_us").unwrap().as_u64().unwrap();
    for steps in ["steps", "undone"] {
        for step in record_object.get_mut(steps).and_then(Value::as_array_mut).into_iter().flatten() {
            let step = step.as_object_mut().unwrap();
            let after = step.remove("after_us").map(|after| after.as_u64().unwrap());
            let took = step.remove("duration_us").unwrap().as_u64().unwrap();
            let ran = !["untrusted", "not-run", "not-started"].contains(&step["outcome"].as_str().unwrap());
            assert_eq!((after.is_some(), took > 0), (ran, ran), "{step:?}");
            assert!(after.unwrap_or_default() + took <= whole, "{step:?} in {whole}");
        }
    }
    record
}

fn step(path: &str, outcome: &str, code: Option<i32>, bytes: [u64; 2]) -> Value {
    let mut step = json!({ "path": path, "outcome": outcome, "bytes_out": bytes[0], "bytes_err": bytes[1] });
    if let Some(code) = code {
        step["code"] = code.into();
    }
    step
}

fn record(call: &str, verdict: Option<u8>, steps: &[Value]) -> Value {
    let args: Vec<&str> = call.split(' ').collect();
    json!({ "v": 1, "driver": args[0], "object": args[1], "operation": args[2], "sub_operation": args[3],
        "extra": args[4], "verdict": verdict, "steps": steps })
}

#[test]
fn a_call_is_one_line_with_every_step() {
    let hooks = recorded(
        Hooks::new()
            .script("qemu.d/10-a", "printf 12345; printf 678 >&2; sleep 0.02")
            .script("qemu.d/20-b", "kill -9 $$")
            .script("qemu.d/30-c", "exit 0"),
    );
    assert_eq!(hooks.call("qemu vm1 stop begin -").code, Some(137));
    assert_eq!(hooks.call("qemu vm2 release end destroyed").code, Some(137));
    let steps = |last: Value| {
        let killed = step("/etc/hookmux/qemu.d/20-b", "killed", Some(9), [0, 0]);
        [step("/etc/hookmux/qemu.d/10-a", "exited", Some(0), [5, 3]), killed, last]
    };
    let not_run = step("/etc/hookmux/qemu.d/30-c", "not-run", None, [0, 0]);
    let ran = step("/etc/hookmux/qemu.d/30-c", "exited", Some(0), [0, 0]);
    let expected = [
        record("qemu vm1 stop begin -", Some(137), &steps(not_run)),
        record("qemu vm2 release end destroyed", Some(137), &steps(ran)),
    ];
    assert_eq!(lines(&hooks).into_iter().map(without_times).collect::<Vec<_>>(), expected);
    let mode = std::fs::metadata(hooks.root().join(LOG)).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o640);
}

#[test]
fn calls_without_scripts_and_calls_that_fail_before_any_script_are_recorded_too() {
    let hooks = recorded(Hooks::new());
    hooks.call("network net1 updated begin -").is(0, [], "");
    let hooks = hooks.settings("zzz = 1\n").file("qemu.d/10-open", 0o777, "#!/bin/sh\n");
    assert_eq!(hooks.call("qemu vm1 start begin -").code, Some(1));
    assert_eq!(hooks.call("qemu vm1 stopped end -").code, Some(1));
    let [quiet, broken, refused]: [Value; 3] = lines(&hooks).try_into().unwrap();
    assert_eq!(without_times(quiet), record("network net1 updated begin -", Some(0), &[]));
    assert!(broken["fault"].as_str().unwrap().starts_with("/etc/hookmux/hookmux.toml:1:1: "), "{broken}");
    assert_eq!((&broken["verdict"], &broken["steps"]), (&json!(1), &json!([])));
    let mut open = step("/etc/hookmux/qemu.d/10-open", "untrusted", None, [0, 0]);
    open["why"] = "/etc/hookmux/qemu.d/10-open was not run: /etc/hookmux/qemu.d/10-open is writable by every user \
        (chmod o-w /etc/hookmux/qemu.d/10-open)"
        .into();
    assert_eq!(without_times(refused), record("qemu vm1 stopped end -", Some(1), &[open]));
}

#[test]
fn without_the_directory_nothing_is_recorded_or_created() {
    let hooks = Hooks::new().script("qemu.d/10-a", "");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a"], "");
    assert!(!hooks.root().join("var").exists());
}

#[test]
fn names_that_are_not_utf_8_are_recorded() {
    let hooks = recorded(Hooks::new().script("qemu.d/10-a", ""));
    let script = hooks.path("qemu.d").join(OsStr::from_bytes(b"20-\xff"));
    std::fs::hard_link(hooks.path("qemu.d/10-a"), script).unwrap();
    hooks.call_args(&args(&[b"qemu", b"vm\n\xfe\"", b"start", b"begin", b"-"]));
    let record = lines(&hooks).remove(0);
    assert_eq!(record["object"], json!(b"vm\n\xfe\""));
    let path = [hooks.path("qemu.d/").as_os_str().as_bytes(), b"20-\xff"].concat();
    assert_eq!(record["steps"][1]["path"], json!(path));
}

#[test]
fn a_filters_changes_are_recorded_without_secrets_and_documents() {
    let document = |passwd: &str, title: &str| {
        format!(
            "<domain type='qemu'><name>vm1</name><title>{title}</title><devices><graphics type='vnc' passwd='{passwd}'/>\
             </devices></domain>\n"
        )
    };
    let filter = "sed -e s/hunter2/s3cr3t/ -e s/one/two/; echo from hunter2 to s3cr3t >&2";
    let hooks = recorded(Hooks::new().script("qemu.d/10-a", filter).document(document("hunter2", "one")));
    hooks.call("qemu vm1 migrate begin -").prints(document("s3cr3t", "two"));
    let record = lines(&hooks).remove(0);
    let changes = ["/domain/title: 'one' → 'two'", "/domain/devices/graphics/@passwd: changed"];
    assert_eq!(record["steps"][0]["changes"], json!(changes));
    let text = hooks.text(LOG);
    assert!(!["hunter2", "s3cr3t", "<domain", "vnc"].iter().any(|secret| text.contains(secret)), "{text}");
}

#[test]
fn a_port_is_recorded_with_the_guest_that_owns_it() {
    let port = include_bytes!("../fixtures/xml/network-port-created.xml");
    let hooks = recorded(Hooks::new().script("network.d/10-a", "").document(port));
    hooks.call("network tnet port-created begin -").is(0, ["10-a"], "");
    assert_eq!(lines(&hooks)[0]["guest"], "net-vm");
}

#[test]
fn lines_of_two_hundred_calls_at_once_never_mix() {
    let hooks = recorded(Hooks::new().script("qemu.d/10-a", ""));
    // Longer than a page and than an atomic write to a pipe.
    let extra = "x".repeat(9000);
    let call = |at: usize| {
        let object = format!("vm{at}");
        let mut command = hooks.command(&["qemu", &object, "stopped", "end", &extra].map(OsStr::new));
        spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
    };
    let calls: Vec<_> = (0..200).map(call).collect();
    for mut call in calls {
        assert_eq!(call.wait().unwrap().code(), Some(0));
    }
    let mut seen: Vec<String> = lines(&hooks).iter().map(|line| line["object"].as_str().unwrap().to_owned()).collect();
    seen.sort();
    let mut expected: Vec<String> = (0..200).map(|at| format!("vm{at}")).collect();
    expected.sort();
    assert_eq!(seen, expected);
}

#[test]
fn a_log_that_cannot_be_written_does_not_change_the_exit_code() {
    type Spoil = fn(&Path);
    let outside = |hooks: &Hooks| hooks.root().join("outside");
    let spoil: [(&str, Spoil); 4] = [
        ("a FIFO", |path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap()),
        ("a directory", |path| std::fs::create_dir(path).unwrap()),
        ("a link", |path| symlink(path.ancestors().nth(4).unwrap().join("outside"), path).unwrap()),
        ("a full disk", |path| {
            // Character device 1:7 is /dev/full.
            let mode = nix::sys::stat::Mode::S_IRWXU;
            nix::sys::stat::mknod(path, nix::sys::stat::SFlag::S_IFCHR, mode, nix::sys::stat::makedev(1, 7)).unwrap();
        }),
    ];
    for (what, spoil) in spoil {
        let hooks = recorded(Hooks::new().script("qemu.d/10-a", "exit 3"));
        spoil(&hooks.root().join(LOG));
        let line = "hookmux: qemu stop 'vm1' refused: /etc/hookmux/qemu.d/10-a exited 3\n";
        hooks.call("qemu vm1 stop begin -").is(3, ["10-a"], line).within(HANG);
        assert!(!outside(&hooks).exists(), "{what}");
    }
}

#[test]
fn a_background_script_has_its_own_line() {
    let hooks = recorded(
        Hooks::new()
            .settings("[[rule]]\nscript = '50-*'\nwait = false\n")
            .script("qemu.d/10-a", "")
            .script("qemu.d/50-late", "sleep 0.2; echo late; exit 4"),
    );
    // The second script may or may not have started by then.
    assert_eq!(hooks.call("qemu vm1 start begin -").code, Some(0));
    let [call, mut late] = lines_in_time(&hooks);
    assert_ne!(call["pid"], late["pid"]);
    assert!(late["time"].as_str() >= call["time"].as_str() && late["duration_us"].as_u64() > Some(150_000), "{late}");
    assert_eq!(late.as_object_mut().unwrap().remove("background"), Some(json!(true)));
    let steps = [step("/etc/hookmux/qemu.d/50-late", "exited", Some(4), [5, 0])];
    assert_eq!(without_times(late), record("qemu vm1 start begin -", None, &steps));
    let steps = [step("/etc/hookmux/qemu.d/10-a", "exited", Some(0), [0, 0])];
    assert_eq!(without_times(call), record("qemu vm1 start begin -", Some(0), &steps));
}

#[test]
fn a_call_that_is_stopped_by_a_signal_is_recorded_as_such() {
    let hooks = recorded(Hooks::new().script("qemu.d/10-a", "touch $HOOKMUX_ROOT/asleep; sleep 1000"));
    let mut call = spawn(
        hooks
            .command(&["qemu", "vm1", "start", "begin", "-"].map(OsStr::new))
            .stdin(Stdio::null())
            .stderr(Stdio::null()),
    );
    while !hooks.root().join("asleep").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = nix::unistd::Pid::from_raw(call.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    call.wait().unwrap();
    let mut expected =
        record("qemu vm1 start begin -", Some(143), &[step("/etc/hookmux/qemu.d/10-a", "killed", Some(15), [0, 0])]);
    expected["fault"] = "stopped by SIGTERM".into();
    assert_eq!(without_times(lines(&hooks).remove(0)), expected);
}

const FREEZE: &str = "fsfreeze-hook - freeze - -";
const THAW: &str = "fsfreeze-hook - thaw - -";

#[test]
fn the_record_of_a_freeze_is_kept_in_memory_until_thaw() {
    // A file system in memory, as /run is.
    let hooks = recorded(Hooks::within(Path::new("/dev/shm")).script("fsfreeze-hook.d/10-a", ""));
    hooks.directory(&hooks.root().join("run"));
    hooks.call("fsfreeze-hook freeze").is(0, ["10-a"], "");
    assert_eq!(lines(&hooks), [Value::Null; 0]);
    hooks.call("fsfreeze-hook thaw").is(0, ["10-a"], "");
    let step = [step("/etc/hookmux/fsfreeze-hook.d/10-a", "exited", Some(0), [0, 0])];
    let seen = lines_in_time(&hooks).map(without_times);
    assert_eq!(seen, [record(FREEZE, Some(0), &step), record(THAW, Some(0), &step)]);
    let left: Vec<_> = std::fs::read_dir(hooks.root().join("run/hookmux")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_freeze_is_not_recorded_without_a_file_system_in_memory() {
    let hooks = recorded(Hooks::within(Path::new(env!("CARGO_TARGET_TMPDIR"))).script("fsfreeze-hook.d/10-a", ""));
    hooks.directory(&hooks.root().join("run"));
    hooks.call("fsfreeze-hook freeze").is(0, ["10-a"], "");
    assert!(!hooks.root().join("run/hookmux").exists() && !hooks.root().join(LOG).exists());
    hooks.call("fsfreeze-hook thaw").is(0, ["10-a"], "");
    let step = [step("/etc/hookmux/fsfreeze-hook.d/10-a", "exited", Some(0), [0, 0])];
    assert_eq!(lines_in_time(&hooks).map(without_times), [record(THAW, Some(0), &step)]);
}

#[test]
fn a_failed_freeze_is_recorded_at_once_with_its_thaws() {
    let hooks = recorded(Hooks::new().script("fsfreeze-hook.d/10-a", "[ $1 = thaw ] || exit 3; exit 5"));
    assert_eq!(hooks.call("fsfreeze-hook freeze").code, Some(3));
    let step = |code| step("/etc/hookmux/fsfreeze-hook.d/10-a", "exited", Some(code), [0, 0]);
    let mut expected = record(FREEZE, Some(3), &[step(3)]);
    expected["undone"] = json!([step(5)]);
    assert_eq!(lines_in_time(&hooks).map(without_times), [expected]);
}

#[test]
fn recording_a_call_does_not_change_the_document() {
    let hooks = recorded(Hooks::new().script("qemu.d/10-a", "cat"));
    hooks.call("qemu vm1 migrate begin -").is(0, ["10-a"], "").prints("");
    let length = u64::try_from(domain("qemu", "one").len()).unwrap();
    let expected = record(
        "qemu vm1 migrate begin -",
        Some(0),
        &[step("/etc/hookmux/qemu.d/10-a", "exited", Some(0), [length, 0])],
    );
    assert_eq!(without_times(lines(&hooks).remove(0)), expected);
}

#[test]
fn the_end_of_a_failing_scripts_standard_error_is_recorded() {
    let hooks = recorded(
        Hooks::new()
            .script("qemu.d/10-a", "echo fine >&2")
            .script("qemu.d/20-b", "echo first >&2; printf 'red \\033[31m\\n' >&2; exit 1")
            .script("qemu.d/30-c", "head -c 5000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 2")
            .script("qemu.d/40-d", "echo ignored >&2; exit 3")
            .settings("[[rule]]\nscript = \"40-d\"\non-failure = \"ignore\"\n"),
    );
    assert_eq!(hooks.call("qemu vm1 stopped end -").code, Some(1));
    let [record]: [Value; 1] = lines(&hooks).try_into().unwrap();
    let recorded: Vec<Option<&str>> = record["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step.get("stderr").map(|text| text.as_str().unwrap()))
        .collect();
    let long = "x".repeat(397) + "end";
    assert_eq!(recorded, [None, Some("first\nred \\u{1b}[31m"), Some(long.as_str()), Some("ignored")]);
}

#[test]
fn many_changes_under_long_names_are_a_short_line() {
    let name = "n".repeat(4_000);
    let inner = "<leaf>x</leaf>".repeat(300);
    let nested = format!("{}{inner}{}", format!("<{name}>").repeat(38), format!("</{name}>").repeat(38));
    let document = domain("qemu", "t").replace("</domain>", &format!("<metadata>{nested}</metadata></domain>"));
    let filter = "sed 's/>x</>y</g'";
    let hooks = recorded(Hooks::new().script("qemu.d/10-a", filter).document(document));
    assert_eq!(hooks.call("qemu vm1 migrate begin -").code, Some(0));
    let line = std::fs::read(hooks.root().join(LOG)).unwrap();
    assert!(line.len() < 64 << 10, "{}", line.len());
    assert_eq!(lines(&hooks)[0]["steps"][0]["more_changes"], json!(true));
}
