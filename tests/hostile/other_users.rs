//! Attacks by another user of the host: an ACL, a mask, a dangling link, a lock. An attack that needs a user is made as
//! `nobody`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rustix::fs::XattrFlags;
use support::builder::{HANG, Hooks, copy, output, spawn};
use support::{binary, hook_program};

const START: &str = "qemu vm1 start begin -";

/// A user and a group that own nothing: `nobody`.
const OTHER_USER: u32 = 65_534;

fn as_other_user(script: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "sh", "-c", script]);
    command
}

fn can_write(path: &Path) -> bool {
    let script = format!("[ -w '{}' ]", path.display());
    output(&mut as_other_user(&script)).status.success()
}

/// Sets an ACL as `setfacl -m` does: tag 2 is a named user, 8 a named group.
fn set_acl(path: &Path, tag: u16, permissions: u16) {
    let undefined = u32::MAX;
    let entries: [(u16, u16, u32); 5] =
        [(1, 7, undefined), (tag, permissions, OTHER_USER), (4, 5, undefined), (16, 7, undefined), (32, 5, undefined)];
    let mut value = 2_u32.to_le_bytes().to_vec();
    let mut entries = entries.to_vec();
    entries.sort_by_key(|(tag, ..)| *tag);
    for (tag, permissions, id) in entries {
        value.extend(tag.to_le_bytes().iter().chain(&permissions.to_le_bytes()).chain(&id.to_le_bytes()));
    }
    rustix::fs::setxattr(path, "system.posix_acl_access", &value, XattrFlags::empty()).unwrap();
}

#[test]
fn an_acl_that_lets_another_user_or_group_write_is_not_trusted() {
    for (tag, who) in [(2, "user 'nobody'"), (8, "group 'nogroup'")] {
        for name in ["qemu.d/10-a", "qemu.d", "hookmux.toml"] {
            let hooks = Hooks::new().script("qemu.d/10-a", "").settings("parallel = 2\n");
            hooks.call(START).is(0, ["10-a"], "");
            let path = hooks.path(name);
            set_acl(&path, tag, 7);
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o775,
                "the mode shows no other user"
            );
            assert!(can_write(&path), "{name}: another user can write");
            let fix = format!("/etc/hookmux/{name} is writable by {who}, by its ACL (setfacl -b /etc/hookmux/{name})");
            hooks.call(START).is_like(1, [], &[&fix]);
        }
    }
}

#[test]
fn an_acl_that_lets_another_user_only_read_is_harmless() {
    let hooks = Hooks::new().script("qemu.d/10-a", "");
    set_acl(&hooks.path("qemu.d/10-a"), 2, 5);
    assert!(!can_write(&hooks.path("qemu.d/10-a")));
    hooks.call(START).is(0, ["10-a"], "");
}

#[test]
fn a_mask_or_dangling_link_of_another_user_disables_no_rule() {
    for target in ["/dev/null", "/nowhere"] {
        let hooks = Hooks::new()
            .file("lib:hookmux.toml.d/50-p.toml", 0o644, "[[rule]]\nscript = '10-a'\nrun = false\n")
            .script("qemu.d/10-a", "");
        hooks.call(START).is(0, [], "");
        hooks.directory(&hooks.path("hookmux.toml.d"));
        fs::set_permissions(hooks.path("hookmux.toml.d"), Permissions::from_mode(0o777)).unwrap();
        let link = hooks.path("hookmux.toml.d/50-p.toml");
        assert!(output(&mut as_other_user(&format!("ln -s {target} '{}'", link.display()))).status.success());
        hooks.call(START).is_like(1, [], &["not read: ", "hookmux.toml.d is writable by every user"]);
    }
}

#[test]
fn a_directory_of_settings_that_other_users_may_write_to_is_not_trusted() {
    let hooks = Hooks::new().script("qemu.d/10-a", "");
    hooks.directory(&hooks.path("hookmux.toml.d"));
    fs::set_permissions(hooks.path("hookmux.toml.d"), Permissions::from_mode(0o777)).unwrap();
    hooks.call(START).is_like(1, [], &["hookmux.toml.d is writable by every user"]);
}

#[test]
fn a_dangling_link_of_another_user_masks_no_script() {
    let hooks = Hooks::new().link("qemu.d/10-a", "/nowhere").script("lib:qemu.d/10-a", "");
    hooks.call(START).is(0, [], "");
    lchown(hooks.path("qemu.d/10-a"), Some(OTHER_USER), None).unwrap();
    hooks.call(START).is_like(1, [], &["10-a was not run: /etc/hookmux/qemu.d/10-a belongs to user 'nobody'"]);
}

#[test]
fn a_link_into_an_unmounted_file_system_is_unreadable_and_not_absent() {
    let unmounted = |name: &str| {
        let hooks = Hooks::new();
        hooks.directory(&hooks.root().join("etc"));
        if name != "/etc/hookmux" {
            return hooks.link(name, "/not/mounted");
        }
        std::os::unix::fs::symlink("/not/mounted", hooks.root().join("etc/hookmux")).unwrap();
        hooks
    };
    let places = [
        "hookmux.toml",
        "hookmux.toml.d",
        "hookmux.toml.d/50-a.toml",
        "lib:hookmux.toml.d",
        "qemu.d",
        "run:qemu.d",
        "lib:qemu.d",
        "base:qemu.d",
        "qemu.d/vm1",
        "qemu.d/vm*",
        "qemu.d/vm1/start",
        "qemu.d/vm1/start/begin",
        "/etc/hookmux",
    ];
    for name in places {
        let hooks = unmounted(name);
        let path = if name.starts_with('/') { name.into() } else { hooks.path(name).display().to_string() };
        let path = path.replace(hooks.root().to_str().unwrap(), "");
        let message = format!("{path}: cannot be read: no such file or directory");
        let or = format!("{path} cannot be read: no such file or directory");
        let seen = hooks.call(START);
        assert!(seen.code == Some(1) && (seen.err.contains(&message) || seen.err.contains(&or)), "{name}: {seen:?}");
        hooks.call("qemu vm1 reconnect begin -").is(0, [], "");
        if !name.contains("vm") {
            let mut check = Command::new(binary());
            check.args(["check", "--root"]).arg(hooks.root());
            let found = hooks.see(check);
            let out = String::from_utf8(found.out).unwrap();
            assert!(out.contains("no such file or directory"), "{name}: {out}");
        }
    }
}

#[test]
fn no_user_can_hold_the_lock_of_a_call_or_of_adopt() {
    let hooks = Hooks::new().script("base:qemu.d/10-a", "").script("qemu.d/20-b", "");
    // Commands with a root follow links within it.
    fs::remove_file(hooks.path("base:qemu")).unwrap();
    copy(&hook_program(), &hooks.path("base:qemu"));
    hooks.call(START).is(0, ["10-a", "20-b"], "");
    let lock = hooks.root().join("run/hookmux/qemu.lock");
    assert_eq!(fs::metadata(&lock).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!output(&mut as_other_user(&format!("exec <'{}'", lock.display()))).status.success());
    // A program of the other user and a set-uid program, with the name of a script that libvirt runs.
    let name = hooks.path("base:qemu.d/10-a").display().to_string();
    let script = format!("exec -a {name} sleep 30");
    let mut other_user = Command::new("setpriv");
    other_user.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "bash", "-c", &script]);
    let mut set_uid = Command::new("setpriv");
    set_uid.args(["--ruid", "65534", "--clear-groups", "bash", "-pc", &script]);
    let mut children = [spawn(&mut other_user), spawn(&mut set_uid)];
    std::thread::sleep(std::time::Duration::from_millis(300));
    fs::set_permissions(&lock, Permissions::from_mode(0o644)).unwrap();
    let started = Instant::now();
    let mut adopt = Command::new(binary());
    adopt.args(["adopt", "--root"]).arg(hooks.root()).args(["qemu", "10-a"]);
    let seen = hooks.see(adopt);
    let took = started.elapsed();
    for child in &mut children {
        assert!(child.try_wait().unwrap().is_none(), "the attack is still running");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(seen.code == Some(0) && took < HANG / 5, "{took:?} {seen:?}");
    assert_eq!(fs::metadata(&lock).unwrap().permissions().mode() & 0o777, 0o600, "repaired");
}

#[test]
fn what_another_user_puts_in_the_place_of_a_kept_document_is_neither_followed_nor_read() {
    let keeps = || {
        Hooks::new()
            .settings("keep-document = true\n")
            .script("qemu.d/10-a", "echo \"${HOOKMUX_STARTED-none}\" >>$HOOKMUX_ROOT/notes")
    };
    let notes = |hooks: &Hooks| {
        for call in ["qemu vm1 started begin -", "qemu vm1 stopped end -", "qemu vm1 release end -"] {
            hooks.call(call).is(0, ["10-a"], "");
        }
        let _ = fs::remove_file(hooks.root().join("ran"));
        let notes = hooks.text("notes");
        fs::remove_file(hooks.root().join("notes")).unwrap();
        notes
    };
    let hooks = keeps();
    let (directory, elsewhere) = (hooks.path("run:qemu.started"), hooks.root().join("elsewhere"));
    hooks.directory(&hooks.path("run:"));
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("vm1"), "precious").unwrap();

    // A link to a directory of root, and a dangling one.
    for target in [&elsewhere, Path::new("/nowhere")] {
        symlink(target, &directory).unwrap();
        assert_eq!(notes(&hooks), "none\n".repeat(3));
        fs::remove_file(&directory).unwrap();
    }
    // A directory that belongs to the other user, with a forged document; and one that every user may read.
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("vm1"), "forged").unwrap();
    lchown(&directory, Some(OTHER_USER), Some(OTHER_USER)).unwrap();
    assert_eq!(notes(&hooks), "none\n".repeat(3));
    lchown(&directory, Some(0), Some(0)).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(notes(&hooks), "none\n".repeat(3));
    assert_eq!(fs::read_to_string(directory.join("vm1")).unwrap(), "forged");
    // /run/hookmux that every user may write to.
    fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(hooks.path("run:"), Permissions::from_mode(0o777)).unwrap();
    assert_eq!(notes(&hooks), "none\n".repeat(3));
    fs::set_permissions(hooks.path("run:"), Permissions::from_mode(0o755)).unwrap();
    // A link within the directory, in the place of the document, is replaced.
    fs::remove_file(directory.join("vm1")).unwrap();
    symlink(elsewhere.join("vm1"), directory.join("vm1")).unwrap();
    let path = directory.join("vm1").display().to_string();
    assert_eq!(notes(&hooks), format!("none\n{path}\n{path}\n"));
    symlink(elsewhere.join("vm1"), directory.join("vm1")).unwrap();
    hooks.call("qemu vm1 stopped end -").is(0, ["10-a"], "");
    assert_eq!(hooks.text("notes"), "none\n");
    assert_eq!(fs::read_to_string(elsewhere.join("vm1")).unwrap(), "precious");
}
