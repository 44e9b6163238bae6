//! Hooks that are older than hookmux, with each kind of dependency on their path (tests/fixtures/hooks): a guest's life with
//! the hooks alone, beside hookmux and after `uninstall`. Does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use support::guests;
use support::host::Host;
use support::pair::Pair;
use support::programs;

const HOOKS: &str = "/etc/libvirt/hooks";

/// The log of libvirtd, which contains each command that it runs.
const COMMANDS: &str = "/var/log/libvirt/libvirtd.log";

const SETTINGS: &str = "/etc/libvirt/libvirtd.conf";

/// Copies a folder of tests/fixtures/hooks to libvirt's directory.
fn put(host: &Host, folder: &Path, below: &str) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        let inside = format!("{below}/{name}");
        match name.split_once('.') {
            _ if path.is_dir() => put(host, &path, &inside),
            Some((name, "link")) => {
                fs::create_dir_all(host.path(below)).unwrap();
                symlink(fs::read_to_string(&path).unwrap(), host.path(&format!("{below}/{name}"))).unwrap();
            }
            Some((name, "c")) => {
                let made = tempfile::tempdir().unwrap();
                programs::compile(&path, &made.path().join(name));
                host.file(&format!("{below}/{name}"), 0o755, &fs::read(made.path().join(name)).unwrap());
            }
            _ => {
                let content = fs::read(&path).unwrap();
                host.file(&inside, if content.starts_with(b"#!") { 0o755 } else { 0o644 }, &content);
            }
        }
    }
}

/// Lists every path below libvirt's directory, with type, mode, link and content.
fn tree(host: &Host) -> String {
    let find = format!("cd {HOOKS} && find . -printf '%P %M %l\\n' | sort && find . -type f | sort | xargs md5sum");
    host.run(&["sh", "-c", &find]).succeeded().stdout
}

/// The actions of the hooks in a guest's life, and libvirtd's calls in order: the hook with its arguments, and its exit code.
#[derive(Debug, PartialEq)]
struct Life {
    actions: String,
    calls: Vec<(String, u8)>,
}

/// Lists the calls in libvirtd's log. Each thread makes one call at a time.
fn calls(host: &Host) -> Vec<(String, u8)> {
    let (log, mut running, mut calls) = (text(host, COMMANDS), BTreeMap::new(), Vec::new());
    for line in log.lines() {
        let mut parts = line.splitn(3, ": ").skip(1);
        let (Some(thread), Some(message)) = (parts.next(), parts.next()) else { continue };
        if let Some((_, hook)) = message.split_once(" : About to run ").and_then(|(_, run)| run.split_once(HOOKS)) {
            running.insert(thread, (format!("{HOOKS}{hook}"), 0));
        } else if let Some((_, code)) = message.split_once(" unexpected exit status ") {
            let Some((_, exited)) = running.get_mut(thread) else { continue };
            *exited = code.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
        } else if message.contains(" : Result ") {
            calls.extend(running.remove(thread));
        }
    }
    calls
}

fn text(host: &Host, path: &str) -> String {
    fs::read_to_string(host.path(path)).unwrap_or_default()
}

/// Starts a guest, saves and restores it, migrates it away and back, restarts the daemon meanwhile, and destroys it; the
/// start of another one is refused.
fn life(pair: &Pair) -> Life {
    let host = &pair.destination;
    for file in ["/run/actions", "/run/ours"] {
        host.file(file, 0o666, b"");
    }
    host.file(COMMANDS, 0o600, b"");
    host.start_libvirtd();
    for (name, uuid) in [("vm1", "11111111-"), ("vm2", "22222222-"), ("vm3", "33333333-")] {
        let document = guests::qemu(name, "").replace("11111111-", uuid);
        host.virsh(&format!("define {}", host.document(name, &document))).succeeded();
    }
    for command in ["start vm1", "save vm1 /run/vm1.saved", "restore /run/vm1.saved"] {
        host.virsh(command).succeeded();
    }
    pair.migrate_back("vm1").succeeded();
    pair.migrate("vm1").succeeded();
    host.stop_libvirtd();
    host.start_libvirtd();
    host.wait_until("the guest to be found again", || host.virsh("domstate vm1").stdout.trim() == "running");
    host.virsh("start vm2").failed();
    host.virsh("destroy vm1").succeeded();
    host.wait_until("the guest's release", || host.virsh("domstate vm1").stdout.trim() == "shut off");
    Life { actions: text(host, "/run/actions"), calls: calls(host) }
}

/// The calls of vm1 in [`life`].
const OPERATIONS: [&str; 18] = [
    "prepare",
    "start",
    "started",
    "stopped",
    "release",
    "restore",
    "prepare",
    "start",
    "started",
    "stopped",
    "release",
    "migrate",
    "prepare",
    "start",
    "started",
    "reconnect",
    "stopped",
    "release",
];

/// Lists the operations of calls about vm1.
fn of_vm1<'a>(calls: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    calls.filter_map(|call| call.strip_prefix("vm1 ")?.split(' ').next()).collect()
}

fn behaves_as_before(name: &str) {
    let folder: PathBuf = support::repository().join("tests/fixtures/hooks").join(name);
    let pair = Pair::new(&format!("existing-{name}"));
    pair.source.start_libvirtd();
    let host = &pair.destination;
    let settings =
        text(host, SETTINGS) + &format!("log_filters=\"1:util.command\"\nlog_outputs=\"1:file:{COMMANDS}\"\n");
    host.file(SETTINGS, 0o600, settings.as_bytes());
    host.run(&["mkdir", "-p", HOOKS]).succeeded();
    put(host, &folder, HOOKS);
    let before = tree(host);
    let alone = life(&pair);
    host.stop_libvirtd();
    let main = format!("{HOOKS}/qemu ");
    assert_eq!(of_vm1(alone.calls.iter().filter_map(|(call, _)| call.strip_prefix(&main))), OPERATIONS);
    let failed = alone.calls.iter().filter(|(_, code)| *code != 0);
    let failed: Vec<_> = failed.filter_map(|(call, code)| Some((call.split_once(' ')?.1, *code))).collect();
    assert_eq!(failed, [("vm2 prepare begin -", 3), ("vm2 release end -", 1)]);

    host.link_hookmux(&[]);
    let ours = b"#!/bin/sh\necho \"$*\" >>/run/ours\n[ \"$1 $2\" != 'vm3 prepare' ] || { echo refused >&2; exit 4; }\n";
    host.file("/etc/hookmux/qemu.d/10-ours", 0o755, ours);
    let installed = host.run(&["/usr/bin/hookmux", "install", "qemu"]).succeeded().stdout;
    assert!(installed.starts_with("qemu: installed as /etc/libvirt/hooks/qemu.d/00-hookmux\n"), "{installed}");
    let mut beside = life(&pair);
    // libvirt runs hookmux after another program's hook that has failed, too.
    let (ours, theirs): (Vec<_>, _) = beside.calls.into_iter().partition(|(call, _)| call.contains("/00-hookmux "));
    beside.calls = theirs;
    assert_eq!(beside, alone);
    assert!(ours.iter().all(|(_, code)| *code == 0), "{ours:?}");
    assert_eq!(of_vm1(text(host, "/run/ours").lines()), OPERATIONS);
    let vetoed = host.virsh("start vm3").failed();
    assert!(vetoed.stderr.contains("qemu prepare 'vm3' refused"), "{vetoed:?}");
    host.stop_libvirtd();

    host.run(&["/usr/bin/hookmux", "uninstall"]).succeeded();
    assert_eq!(tree(host), before);
    assert_eq!(life(&pair), alone);
    assert_eq!(text(host, "/run/ours"), "");
}

macro_rules! hooks {
    ($($name:ident: $folder:literal)*) => {
        $(#[test]
        fn $name() {
            behaves_as_before($folder);
        })*

        #[test]
        fn each_folder_of_hooks_has_its_test() {
            let folders = fs::read_dir(support::repository().join("tests/fixtures/hooks")).unwrap();
            let mut folders: Vec<String> = folders
                .map(|entry| entry.unwrap())
                .filter(|entry| entry.path().is_dir())
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect();
            folders.sort();
            let mut tested = [$($folder),*];
            tested.sort_unstable();
            assert_eq!(folders, tested);
        }
    };
}

hooks! {
    a_python_hook_with_a_file_beside_it_behaves_as_before: "python"
    a_bash_hook_that_reads_its_own_name_behaves_as_before: "bash"
    a_hook_with_a_library_beside_it_behaves_as_before: "library"
    a_hook_with_a_file_of_its_own_name_behaves_as_before: "sidecar"
    a_hook_that_reads_its_own_directory_behaves_as_before: "name"
    a_link_to_a_dispatcher_behaves_as_before: "link"
    a_dispatcher_with_directories_per_guest_behaves_as_before: "per-guest"
    a_compiled_hook_behaves_as_before: "compiled"
    a_hook_with_scripts_in_libvirts_own_directory_behaves_as_before: "dot-d"
}
