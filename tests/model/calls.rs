//! Every call that libvirt and the guest agent make, and some that no release makes yet. A table of its own, written from
//! libvirt's manual.

/// The effect of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    Abort,
    KillGuest,
    GoOn,
}

/// The calls of one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Aborts,
    Late,
    Filters,
    Agent,
}

/// A call: driver, operation, sub-operation, extra.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub driver: &'static str,
    pub operation: &'static str,
    pub sub: &'static str,
    pub extra: &'static str,
    pub after: After,
    pub kind: Kind,
}

const fn call(
    driver: &'static str,
    operation: &'static str,
    sub: &'static str,
    extra: &'static str,
    after: After,
) -> Call {
    let kind = if matches!(after, After::Abort) { Kind::Aborts } else { Kind::Late };
    Call { driver, operation, sub, extra, after, kind }
}

const fn filter(driver: &'static str, operation: &'static str) -> Call {
    Call { kind: Kind::Filters, ..call(driver, operation, "begin", "-", After::Abort) }
}

const fn agent(operation: &'static str, after: After) -> Call {
    Call { kind: Kind::Agent, ..call("fsfreeze-hook", operation, "-", "-", after) }
}

pub const CALLS: &[Call] = &[
    call("qemu", "prepare", "begin", "-", After::Abort),
    call("qemu", "start", "begin", "-", After::Abort),
    call("qemu", "started", "begin", "-", After::Abort),
    call("qemu", "stop", "begin", "-", After::Abort),
    call("qemu", "attach", "begin", "-", After::Abort),
    call("qemu", "stopped", "end", "-", After::GoOn),
    call("qemu", "release", "end", "destroyed", After::GoOn),
    call("qemu", "release", "end", "from snapshot", After::GoOn),
    call("qemu", "reconnect", "begin", "-", After::KillGuest),
    call("lxc", "prepare", "begin", "-", After::Abort),
    call("lxc", "start", "begin", "-", After::Abort),
    call("lxc", "started", "begin", "-", After::Abort),
    call("lxc", "stopped", "end", "-", After::GoOn),
    call("lxc", "release", "end", "-", After::GoOn),
    call("lxc", "reconnect", "begin", "-", After::KillGuest),
    call("libxl", "start", "begin", "-", After::Abort),
    call("libxl", "stopped", "end", "-", After::GoOn),
    call("libxl", "reconnect", "begin", "-", After::KillGuest),
    call("bhyve", "prepare", "begin", "-", After::Abort),
    call("bhyve", "release", "end", "-", After::GoOn),
    call("network", "start", "begin", "-", After::Abort),
    call("network", "started", "begin", "-", After::Abort),
    call("network", "updated", "begin", "-", After::Abort),
    call("network", "port-created", "begin", "-", After::Abort),
    call("network", "plugged", "begin", "-", After::Abort),
    call("network", "stopped", "end", "-", After::GoOn),
    call("network", "port-deleted", "begin", "-", After::GoOn),
    call("network", "unplugged", "begin", "-", After::GoOn),
    call("daemon", "start", "-", "start", After::GoOn),
    call("daemon", "shutdown", "-", "shutdown", After::GoOn),
    call("daemon", "reload", "begin", "SIGHUP", After::GoOn),
    // No release makes these yet: their failures abort the operation.
    call("qemu", "snapshot", "begin", "-", After::Abort),
    call("lxc", "migrate", "begin", "-", After::Abort),
    call("daemon", "restore", "begin", "-", After::Abort),
    call("nbd", "start", "begin", "-", After::Abort),
    call("nbd", "stopped", "end", "-", After::Abort),
    filter("qemu", "migrate"),
    filter("qemu", "restore"),
    filter("libxl", "migrate"),
    agent("freeze", After::Abort),
    agent("thaw", After::GoOn),
    agent("status", After::Abort),
];

impl Call {
    /// Returns the names of this operation, old and new.
    pub fn names(&self) -> Vec<&'static str> {
        match (self.driver, self.operation) {
            ("network", "port-created" | "plugged") => vec!["port-created", "plugged"],
            ("network", "port-deleted" | "unplugged") => vec!["port-deleted", "unplugged"],
            _ => vec![self.operation],
        }
    }

    pub fn is_agents(&self) -> bool {
        self.driver == "fsfreeze-hook"
    }
}
