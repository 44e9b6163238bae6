//! `install` and `uninstall`: the hooks, and what was there before.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::root::{YES, hookmux, root};

/// A hook that another program has put there.
const THEIRS: &str = "#!/bin/sh\nexit 7\n";

/// What libvirt would call: a link's target, or a file's first line.
fn hook(root: &Path, driver: &str) -> Option<String> {
    let hook = root.join("etc/libvirt/hooks").join(driver);
    match fs::read_link(&hook) {
        Ok(says) => Some(says.display().to_string()),
        Err(_) => fs::read(&hook).ok().map(|bytes| String::from_utf8_lossy(&bytes[..9.min(bytes.len())]).into_owned()),
    }
}

/// The files of a root, without the log's directory.
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
fn install_links_the_usual_hooks_once_and_uninstall_takes_exactly_those_away() {
    let root = root(&[("usr/bin/hookmux", YES), ("etc/libvirt/hooks/daemon", THEIRS)]);
    let before = files(root.path());
    let line = |driver: &str, state: &str| format!("{driver}: {state} /etc/libvirt/hooks/{driver}\n");
    let lines = |state: &str| ["qemu", "lxc", "libxl", "network"].map(|driver| line(driver, state)).concat();
    let said = |state: &str| (Some(0), lines(state), String::new());
    assert_eq!(hookmux(root.path(), "install --root ROOT"), said("installed as"));
    let installed = files(root.path());
    assert_eq!(hookmux(root.path(), "install --root ROOT"), said("installed already as"));
    assert_eq!(files(root.path()), installed);
    let hooks = ["qemu", "lxc", "libxl", "network", "daemon", "bhyve"].map(|driver| hook(root.path(), driver));
    let ours = || Some("/usr/bin/hookmux".to_owned());
    assert_eq!(hooks, [ours(), ours(), ours(), ours(), Some("#!/bin/sh".into()), None]);
    let (code, out, err) = hookmux(root.path(), "uninstall --root ROOT");
    let removed = ["qemu", "lxc", "libxl", "network"].map(|driver| line(driver, "removed from")).concat();
    assert_eq!((code, out, err), (Some(0), removed, String::new()));
    assert_eq!(files(root.path()), before);
    let nothing = (Some(0), "no hook is hookmux: nothing to do\n".to_owned(), String::new());
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT"), nothing);
}

#[test]
fn the_hook_of_a_driver_that_nobody_knows_yet_goes_with_the_others() {
    let root = root(&[("usr/bin/hookmux", YES), ("etc/libvirt/hooks/theirs", THEIRS)]);
    fs::create_dir(root.path().join("etc/libvirt/hooks/nbd.d")).unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT nbd").0, Some(0));
    let removed = "nbd: removed from /etc/libvirt/hooks/nbd\n".to_owned();
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT"), (Some(0), removed, String::new()));
    assert_eq!(["nbd", "theirs"].map(|driver| hook(root.path(), driver).is_some()), [false, true]);
}

#[test]
fn drivers_are_named_by_words_or_as_a_list() {
    let root = root(&[("usr/bin/hookmux", YES)]);
    assert_eq!(hookmux(root.path(), "install --root ROOT --drivers bhyve,daemon lxc").0, Some(0));
    let hooks = || ["qemu", "bhyve", "daemon", "lxc"].map(|driver| hook(root.path(), driver).is_some());
    assert_eq!(hooks(), [false, true, true, true]);
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT --drivers daemon").0, Some(0));
    assert_eq!(hooks(), [false, true, false, true]);
}

#[test]
fn a_hook_that_is_there_runs_on_as_the_first_script_and_comes_back() {
    let root = root(&[("usr/bin/hookmux", YES), ("etc/libvirt/hooks/qemu", THEIRS), ("etc/hookmux/qemu.d/10-a", YES)]);
    let (code, out, err) = hookmux(root.path(), "install --root ROOT qemu");
    let expected = "qemu: installed as /etc/libvirt/hooks/qemu\n  \
        the hook that was there is kept, and runs as /etc/hookmux/qemu.d/00-original\n";
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), expected, ""));
    assert_eq!(fs::read_to_string(root.path().join("etc/hookmux/qemu.d/00-original")).unwrap(), THEIRS);
    // Once more: it is not taken for another's.
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu").0, Some(0));
    let (code, _, err) = hookmux(root.path(), "run --root ROOT qemu vm1 start");
    assert!(code == Some(1) && err.contains("exit code 7: then the start is aborted"), "{err}");
    let (code, out, _) = hookmux(root.path(), "uninstall --root ROOT qemu");
    let expected = "qemu: removed from /etc/libvirt/hooks/qemu\n  \
        the hook that was there before is back from /etc/hookmux/qemu.d/00-original\n  \
        1 script of hookmux's directories will not run any more: hookmux list qemu --root \n";
    assert_eq!((code, out.as_str()), (Some(0), expected));
    assert_eq!(hook(root.path(), "qemu").as_deref(), Some("#!/bin/sh"));
    let left = ["etc/hookmux/qemu.d/10-a", "etc/libvirt/hooks/qemu", "usr/bin/hookmux"];
    assert_eq!(files(root.path()), left);
}

#[test]
fn a_link_that_was_there_leads_where_it_led() {
    let root = root(&[("usr/bin/hookmux", YES), ("etc/libvirt/vfio/hook", THEIRS)]);
    fs::create_dir(root.path().join("etc/libvirt/hooks")).unwrap();
    symlink("../vfio/hook", root.path().join("etc/libvirt/hooks/qemu")).unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu").0, Some(0));
    assert_eq!(fs::read_to_string(root.path().join("etc/hookmux/qemu.d/00-original")).unwrap(), THEIRS);
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT qemu").0, Some(0));
    assert_eq!(fs::read_to_string(root.path().join("etc/libvirt/hooks/qemu")).unwrap(), THEIRS);
}

#[test]
fn a_hook_that_cannot_be_kept_is_left_alone_with_the_way_to_mend_that() {
    let root = root(&[
        ("usr/bin/hookmux", YES),
        ("etc/libvirt/hooks/qemu", THEIRS),
        ("etc/libvirt/hooks/lxc", THEIRS),
        ("etc/hookmux/lxc.d/00-original", YES),
        ("etc/libvirt/hooks/network/oops", ""),
    ]);
    fs::set_permissions(root.path().join("etc/libvirt/hooks/qemu"), Permissions::from_mode(0o777)).unwrap();
    let before = files(root.path());
    let expected = "qemu: left alone: /etc/libvirt/hooks/qemu\n  it could not be kept as \
        /etc/hookmux/qemu.d/00-original: /etc/libvirt/hooks/qemu is writable by everybody\n  fix: chmod o-w \
        /etc/libvirt/hooks/qemu\nlxc: left alone: /etc/libvirt/hooks/lxc\n  it could not be kept: there is another \
        /etc/hookmux/lxc.d/00-original already\n  fix: mv -n /etc/hookmux/lxc.d/00-original \
        /etc/hookmux/lxc.d/01-original\nnetwork: left alone: /etc/libvirt/hooks/network\n  \
        /etc/libvirt/hooks/network is no file\n";
    let said = hookmux(root.path(), "install --root ROOT qemu lxc network");
    assert_eq!(said, (Some(1), expected.to_owned(), String::new()));
    let (code, out, _) = hookmux(root.path(), "uninstall --root ROOT qemu");
    let expected = "qemu: left alone: /etc/libvirt/hooks/qemu\n  /etc/libvirt/hooks/qemu is not hookmux\n";
    assert_eq!((code, out.as_str()), (Some(1), expected));
    assert_eq!(files(root.path()), before);
}

#[test]
fn a_copy_becomes_a_link_and_a_link_a_copy() {
    let root = root(&[("usr/bin/hookmux", YES)]);
    for (words, expected) in [
        ("install --root ROOT qemu", "/usr/bin/hookmux"),
        ("install --root ROOT --copy qemu", "\u{7f}ELF"),
        ("install --root ROOT --copy qemu", "\u{7f}ELF"),
        ("install --root ROOT qemu", "/usr/bin/hookmux"),
    ] {
        assert_eq!(hookmux(root.path(), words).0, Some(0), "{words}");
        let hook = hook(root.path(), "qemu").unwrap();
        assert!(hook.starts_with(expected), "{words}: {hook}");
    }
    assert!(!root.path().join("etc/hookmux/qemu.d/00-original").exists());
}

#[test]
fn without_a_program_to_link_to_nothing_is_done_and_the_next_step_is_said() {
    let root = root(&[]);
    let (code, out, err) = hookmux(root.path(), "install --root ROOT");
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        err.starts_with("hookmux: nothing to link to: there is no /usr/bin/hookmux. Try: install -D -m 755 "),
        "{err}"
    );
    for driver in ["..", "a/b", "."] {
        let (code, _, err) = hookmux(root.path(), &format!("install --copy --root ROOT {driver}"));
        assert_eq!((code, err), (Some(1), format!("hookmux: '{driver}' is no hook's name: see `hookmux contract`\n")));
    }
    assert_eq!(files(root.path()), [""; 0]);
}

#[test]
fn a_place_that_apparmor_forbids_is_said_when_the_hook_is_put_there() {
    let root = root(&[("usr/bin/hookmux", YES), ("etc/apparmor.d/usr.sbin.libvirtd", "profile libvirtd {}\n")]);
    let (code, out, _) = hookmux(root.path(), "install --root ROOT --copy qemu");
    let expected = "  AppArmor keeps a copy in libvirt's own profile, which lets it execute no script in /etc/hookmux; \
        fix: /usr/bin/hookmux install --root \n";
    assert_eq!((code, out.split_once('\n').unwrap().1), (Some(0), expected));
}

#[test]
fn the_guest_agents_hook_goes_where_its_agent_looks() {
    let root = root(&[("usr/bin/hookmux", YES)]);
    fs::create_dir_all(root.path().join("etc/qemu-ga")).unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT fsfreeze-hook").0, Some(0));
    let says = fs::read_link(root.path().join("etc/qemu-ga/fsfreeze-hook")).unwrap();
    assert_eq!(says, Path::new("/usr/bin/hookmux"));
}

#[test]
fn where_only_free_places_are_wanted_a_hook_that_is_there_stays_and_one_line_says_how_to_take_it_over() {
    let root =
        root(&[("usr/bin/hookmux", YES), ("etc/libvirt/hooks/qemu", THEIRS), ("etc/libvirt/hooks/network/oops", "")]);
    symlink("/opt/lxc-hook", root.path().join("etc/libvirt/hooks/lxc")).unwrap();
    let expected = "qemu: left alone: /etc/libvirt/hooks/qemu is another program's hook; to take it over: hookmux install \
        --reload --root  qemu\nlxc: left alone: /etc/libvirt/hooks/lxc is another program's hook; to take it over: hookmux \
        install --reload --root  lxc\nlibxl: installed as /etc/libvirt/hooks/libxl\nnetwork: left alone: \
        /etc/libvirt/hooks/network is no file, and libvirt calls nothing\n";
    let said = hookmux(root.path(), "install --root ROOT --free-only");
    assert_eq!(said, (Some(0), expected.to_owned(), String::new()));
    let hooks = || ["qemu", "lxc", "libxl", "network", "daemon"].map(|driver| hook(root.path(), driver));
    let left = [Some("#!/bin/sh"), Some("/opt/lxc-hook"), Some("/usr/bin/hookmux"), None, None];
    assert_eq!(hooks(), left.map(|hook| hook.map(str::to_owned)));
    // The command that was offered does it.
    assert_eq!(hookmux(root.path(), "install --root ROOT --reload qemu").0, Some(0));
    assert_eq!(hook(root.path(), "qemu").as_deref(), Some("/usr/bin/hookmux"));
}

#[test]
fn where_only_free_places_are_wanted_ours_stay_as_they_are_and_one_that_leads_nowhere_is_mended() {
    let root = root(&[("usr/bin/hookmux", YES)]);
    let at = |driver: &str| root.path().join("etc/libvirt/hooks").join(driver);
    assert_eq!(hookmux(root.path(), "install --root ROOT --copy qemu").0, Some(0));
    symlink("/opt/gone/hookmux", at("lxc")).unwrap();
    symlink("../../../usr/bin/hookmux", at("libxl")).unwrap();
    let expected = ["qemu: installed already", "lxc: installed", "libxl: installed already", "network: installed"];
    let (code, out, _) = hookmux(root.path(), "install --root ROOT --free-only");
    let said: Vec<&str> = out.lines().map(|line| line.split(" as ").next().unwrap()).collect();
    assert_eq!((code, said), (Some(0), expected.to_vec()), "{out}");
    let hooks = ["qemu", "lxc", "libxl", "network"].map(|driver| hook(root.path(), driver).unwrap());
    assert!(hooks[0].starts_with("\u{7f}ELF"));
    assert_eq!(hooks[1..], ["/usr/bin/hookmux", "../../../usr/bin/hookmux", "/usr/bin/hookmux"]);
}

#[test]
fn a_refresh_renews_copies_of_another_version_and_nothing_else() {
    let root = root(&[("usr/bin/hookmux", YES), ("etc/libvirt/hooks/network", THEIRS)]);
    assert_eq!(hookmux(root.path(), "install --root ROOT --copy qemu lxc").0, Some(0));
    assert_eq!(hookmux(root.path(), "install --root ROOT libxl").0, Some(0));
    let nothing = (Some(0), String::new(), String::new());
    assert_eq!(hookmux(root.path(), "install --root ROOT --refresh"), nothing, "both are of this version");
    let copy = root.path().join("etc/libvirt/hooks/qemu");
    let ours = fs::read(&copy).unwrap();
    // Another version: the mark is in it, and something else.
    fs::write(&copy, [&ours[..], b"\0"].concat()).unwrap();
    let refreshed = (Some(0), "qemu: installed as /etc/libvirt/hooks/qemu\n".to_owned(), String::new());
    assert_eq!(hookmux(root.path(), "install --root ROOT --refresh --drivers lxc,network"), nothing, "not asked for");
    assert_eq!(hookmux(root.path(), "install --root ROOT --refresh"), refreshed);
    assert!(fs::read(&copy).unwrap() == ours);
    let hooks = ["libxl", "network", "daemon"].map(|driver| hook(root.path(), driver));
    assert_eq!(hooks, [Some("/usr/bin/hookmux".into()), Some("#!/bin/sh".into()), None]);
    assert_eq!(hookmux(root.path(), "install --root ROOT --refresh --copy").0, Some(2));
}

#[test]
fn the_binary_of_the_package_for_guests_is_a_command_line_and_its_link_is_known() {
    let root = root(&[("etc/qemu/x", "")]);
    let program = root.path().join("usr/bin/hookmux-guest");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::copy(support::binary(), &program).unwrap();
    let run = |words: &str| {
        let words = words.split(' ').map(|word| word.replace("ROOT", root.path().to_str().unwrap()));
        std::process::Command::new(&program).args(words).output().unwrap().status.code()
    };
    assert_eq!(run("install --root ROOT fsfreeze-hook"), Some(0));
    let hook = root.path().join("etc/qemu/fsfreeze-hook");
    assert_eq!(fs::read_link(&hook).unwrap(), Path::new("/usr/bin/hookmux-guest"));
    // The hooks of a host are the other package's, as links and as copies.
    assert_eq!(hookmux(root.path(), "install --root ROOT --copy lxc").0, Some(0));
    fs::write(root.path().join("usr/bin/hookmux"), "").unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu").0, Some(0));
    assert_eq!(run("uninstall --root ROOT"), Some(0));
    let left = ["etc/libvirt/hooks/lxc", "etc/libvirt/hooks/qemu", "etc/qemu/fsfreeze-hook"]
        .map(|hook| fs::symlink_metadata(root.path().join(hook)).is_ok());
    assert_eq!(left, [true, true, false]);
    assert_eq!(run("install --root ROOT fsfreeze-hook"), Some(0));
    // Who names it means it.
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT fsfreeze-hook").0, Some(0));
    assert!(fs::symlink_metadata(&hook).is_err());
}

#[test]
fn the_hook_of_the_package_for_guests_is_the_agents_where_it_does_not_divert_qemus() {
    let root = root(&[
        ("usr/bin/hookmux-guest", YES),
        ("etc/qemu-ga/fsfreeze-hook", THEIRS),
        ("etc/qemu-ga/fsfreeze-hook.d/10-a", YES),
        ("bin/sh", YES),
        ("var/log/hookmux/calls.jsonl", ""),
    ]);
    let packaged = root.path().join("usr/libexec/hookmux");
    fs::create_dir_all(&packaged).unwrap();
    symlink("../../bin/hookmux-guest", packaged.join("fsfreeze-hook")).unwrap();
    symlink("../../../etc/qemu-ga/fsfreeze-hook.d", packaged.join("fsfreeze-hook.d")).unwrap();
    let listed = "fsfreeze-hook\n  /usr/libexec/hookmux/fsfreeze-hook.d/10-a\n";
    assert_eq!(hookmux(root.path(), "list --root ROOT"), (Some(0), listed.to_owned(), String::new()));
    let well = "all is well with 7 hooks and 1 script\n";
    assert_eq!(hookmux(root.path(), "check --root ROOT"), (Some(0), well.to_owned(), String::new()));
    // It is not the host package's to take away.
    let nothing = (Some(0), "no hook is hookmux: nothing to do\n".to_owned(), String::new());
    assert_eq!(hookmux(root.path(), "uninstall --root ROOT"), nothing);
}
