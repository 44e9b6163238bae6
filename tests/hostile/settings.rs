//! Settings that are not a regular file, or that another user controls: they are not even read.

use std::os::unix::fs::{PermissionsExt, chown};

use nix::sys::stat::Mode;

use support::builder::{HANG, Hooks};

const START: &str = "qemu vm1 start begin -";

fn fifo(hooks: &Hooks, name: &str) {
    let path = hooks.path(name);
    hooks.directory(path.parent().unwrap());
    nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o644)).unwrap();
}

#[test]
fn settings_that_are_a_fifo_are_a_fault_and_delay_no_call() {
    let hooks = Hooks::new().script("qemu.d/10-a", "");
    fifo(&hooks, "hookmux.toml");
    hooks.call(START).is_like(1, [], &["hookmux.toml: cannot be read: not a regular file"]).within(HANG);
    hooks.call("qemu vm1 reconnect begin -").is(0, ["10-a"], "").within(HANG);
}

#[test]
fn a_drop_in_of_another_user_is_not_opened() {
    let hooks = Hooks::new().script("qemu.d/10-a", "");
    fifo(&hooks, "hookmux.toml.d/50-x.toml");
    chown(hooks.path("hookmux.toml.d/50-x.toml"), Some(1234), None).unwrap();
    hooks.call(START).is_like(1, [], &["50-x.toml: not read: ", "belongs to user 1234"]).within(HANG);
    let hooks = Hooks::new().script("qemu.d/10-a", "").link("hookmux.toml.d/50-x.toml", "/dev/zero");
    std::fs::set_permissions(hooks.path("hookmux.toml.d"), PermissionsExt::from_mode(0o777)).unwrap();
    hooks.call(START).is_like(1, [], &["hookmux.toml.d: not read: ", "is writable by every user"]).within(HANG);
}

#[test]
fn endless_settings_are_not_read() {
    let hooks = Hooks::new().script("qemu.d/10-a", "").link("hookmux.toml", "/dev/zero");
    let seen = hooks.call(START);
    assert!(seen.code == Some(1) && seen.err.contains("hookmux.toml: "), "{seen:?}");
    seen.within(HANG);
}

#[test]
fn circular_or_binary_settings_fail_only_the_calls_that_can_be_aborted() {
    for hooks in [
        Hooks::new().script("qemu.d/10-a", "").link("hookmux.toml", "hookmux.toml"),
        Hooks::new().script("qemu.d/10-a", "").file("hookmux.toml", 0o644, b"\xff\xfe"),
        Hooks::new().script("qemu.d/10-a", "").file("hookmux.toml", 0o644, vec![b'['; 1 << 20]),
        Hooks::new().script("qemu.d/10-a", "").file("hookmux.toml", 0o644, format!("x = {}", "[".repeat(1 << 16))),
    ] {
        hooks.call(START).is_like(1, [], &["hookmux: qemu start 'vm1' failed: /etc/hookmux/hookmux.toml"]).within(HANG);
        hooks.call("qemu vm1 stopped end -").is(0, ["10-a"], "").within(HANG);
        hooks.call("qemu vm1 reconnect begin -").is(0, ["10-a"], "").within(HANG);
    }
}
