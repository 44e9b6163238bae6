//! qemu.d/90-backup until it starts a backup; tests/host runs that with systemd. Does.

use crate::{Answer, Example, passes, refuses};

fn backup(settings: &str) -> Example {
    Example::new("qemu.d/90-backup").setting("backup", settings)
}

fn release(example: &Example, reason: &str) -> Answer {
    example.call(&["db 1", "release", "end", reason], "<domain/>")
}

/// A line whose command is missing is an error, so that a call that passes has not matched it.
#[test]
fn only_a_guest_that_ended_normally_and_has_a_line_is_backed_up() {
    let example = backup("*\n");
    let reasons = ["-", "unknown", "crashed", "migrated", "saved", "failed", "from snapshot", "daemon"];
    let seen = reasons.map(|reason| release(&example, reason));
    assert_eq!(seen, reasons.map(|_| passes()));
    let seen = [
        example.call(&["db 1", "stopped", "end", "shutdown"], "<domain/>"),
        release(&Example::new("qemu.d/90-backup"), "shutdown"),
        release(&backup("# db?1\n\ndb\ndb-*\ndb 1\n"), "shutdown"),
        example.call::<&str>(&[], ""),
    ];
    assert_eq!(seen, [(); 4].map(|()| passes()));
}

#[test]
fn a_line_without_a_command_is_an_error() {
    let wanted = || refuses("backup: guest 'db 1': ROOT/etc/hookmux/backup: no command after db?1");
    let example = backup("web-* true\ndb?1");
    assert_eq!(["shutdown", "destroyed"].map(|reason| release(&example, reason)), [(); 2].map(|()| wanted()));
}
