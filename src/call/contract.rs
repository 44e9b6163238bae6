//! The contract of each call with libvirt (or the guest agent): one row for each operation.
//! In: a driver's and an operation's name. Out: the row. Pure: a table and its look-up.
//!
//! Source of the rows: libvirt's `docs/hooks.rst`, `src/util/virhook.c` and the callers in `src/{qemu,lxc,libxl,bhyve,
//! network,remote}`, 5.0 to 12.8.0; `qga/commands-posix.c` for the guest agent. A new operation is one more row and no
//! other change; what holds for all operations of a driver is in [`super::drivers`].

use std::ffi::OsStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// The caller's reaction when the hook exits non-zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// It aborts the operation, or undoes it.
    Aborts,
    /// It kills the running guest.
    KillsGuest,
    /// Nothing: the operation is already over.
    Ignored,
}

/// The caller's use of the hook's standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Dropped.
    Dropped,
    /// Shown with standard error, where the hook fails.
    Shown,
    /// Taken as the new XML; empty output leaves the XML as it is.
    Filter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// By file name.
    Forward,
    /// By file name in reverse, so that what was set up last is taken down first.
    Reverse,
}

/// The data that the caller writes to the hook's standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// The XML of the guest, or of the container.
    Domain,
    /// `<hookData>` around the XML of the network and, where there is one, of its port.
    HookData,
    /// Nothing: standard input is /dev/null, and is not read.
    Nothing,
    /// Whatever is there: the call is not in this table.
    Unknown,
}

/// A moment in a guest's life. The guest does not run at any of them but `Started`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before anything of it is set up.
    Prepare,
    /// Before its process runs.
    Start,
    /// Once its process runs.
    Started,
    /// After its process has ended.
    Stopped,
    /// After everything of it was taken down.
    Release,
}

/// One operation of one driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The hook's file name.
    pub driver: &'static str,
    /// The operation, as libvirt's newest release calls it.
    pub operation: &'static str,
    /// The name that older releases give it; the same operation in rules and directories.
    pub once_called: Option<&'static str>,
    /// The fourth word of argv, for people: the look-up ignores it.
    pub sub_operation: &'static str,
    /// The fifth word of argv, for people.
    pub extra: &'static str,
    /// The first libvirt release that makes this call; `-` for none.
    pub since: &'static str,
    /// The first release that does not make it any more.
    pub(crate) until: Option<&'static str>,
    /// The data on standard input.
    pub input: Input,
    /// The effect of a non-zero exit.
    pub failure: Failure,
    /// The effect of standard output.
    pub output: Output,
    pub(crate) order: Order,
    /// The operation that undoes this one, given to every script that was started when a later one fails, because the
    /// caller gives it to none.
    pub(crate) undone_by: Option<&'static str>,
    /// The time that a script may take without a rule; libvirt itself has no limit.
    #[serde(serialize_with = "in_seconds", rename = "limit_seconds")]
    pub(crate) limit: Option<Duration>,
    /// True if libvirt also makes the call after the guest's process has ended, when a failure would keep it from
    /// cleaning up.
    #[serde(skip)]
    pub(crate) may_come_late: bool,
    /// The moment in a guest's life; `None` for the other operations, and for networks.
    #[serde(skip)]
    pub(crate) moment: Option<Moment>,
    /// The effect of a non-zero exit, in words that follow "then".
    pub effect: &'static str,
}

impl Row {
    /// Reports whether `operation` is this row's, by its newer or its older name.
    #[must_use]
    pub fn is_called(&self, operation: &OsStr) -> bool {
        operation == self.operation || self.once_called.is_some_and(|older| operation == older)
    }

    /// Reports whether libvirt calls this only before a guest runs, or after it: a guest that runs may need what the
    /// scripts then set up or take away.
    pub(crate) fn is_without_guest(&self) -> bool {
        self.moment.is_some_and(|moment| moment != Moment::Started)
    }

    const fn at(self, moment: Moment) -> Self {
        Self { moment: Some(moment), ..self }
    }

    const fn filter(self) -> Self {
        Self { output: Output::Filter, ..self }
    }

    const fn undone_by(self, operation: &'static str) -> Self {
        Self { undone_by: Some(operation), ..self }
    }
}

const fn row(
    driver: &'static str,
    operation: &'static str,
    (sub_operation, extra): (&'static str, &'static str),
    since: &'static str,
    input: Input,
    failure: Failure,
    effect: &'static str,
) -> Row {
    Row { driver, operation, sub_operation, extra, since, input, failure, effect, ..UNKNOWN }
}

const BEGIN: (&str, &str) = ("begin", "-");
const END: (&str, &str) = ("end", "-");

const NOT_STARTED: &str = "the start is aborted";
const KILLED_AT_START: &str = "the start fails and the guest is killed";
const KILLED: &str = "the running guest is killed";
const LOST: &str = "libvirt reports the guest as shut off, and calls stopped and release, while it runs on";
const NOTHING: &str = "nothing: libvirt goes on";

/// A script that hangs leaves the agent unresponsive and everything that was frozen before it locked, unnoticed in the guest.
/// Databases flush in seconds; those that need longer get a rule.
const FREEZE_LIMIT: Duration = Duration::from_secs(30);

/// A guest that migrates is paused for less than a second by default; network connections survive several.
const SWITCHOVER_LIMIT: Duration = Duration::from_secs(5);

#[allow(clippy::ref_option, reason = "serde calls it so")]
fn in_seconds<S: Serializer>(limit: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    limit.map(|limit| limit.as_secs()).serialize(serializer)
}

/// Every operation that is known, driver by driver, in the order of a guest's life.
#[rustfmt::skip]
pub const ROWS: &[Row] = {
    use Failure::{Aborts, Ignored, KillsGuest};
    use Input::{Domain, HookData, Nothing};
    use Moment::{Prepare, Release, Start, Started, Stopped};
    &[
        row("qemu", "prepare", BEGIN, "0.9.0", Domain, Aborts, NOT_STARTED).at(Prepare),
        row("qemu", "start", BEGIN, "0.8.0", Domain, Aborts, NOT_STARTED).at(Start),
        row("qemu", "started", BEGIN, "0.9.13", Domain, Aborts, KILLED_AT_START).at(Started),
        // Proposed on libvirt's list; in no release up to 12.8.0.
        Row {
            may_come_late: true,
            ..row("qemu", "stop", BEGIN, "-", Domain, Aborts, "the destroy is refused and the guest runs on")
        },
        row("qemu", "stopped", END, "0.8.0", Domain, Ignored, NOTHING).at(Stopped),
        row("qemu", "release", ("end", "REASON"), "0.9.0", Domain, Ignored, NOTHING).at(Release),
        row("qemu", "migrate", BEGIN, "0.9.11", Domain, Aborts, "the incoming migration is cancelled").filter(),
        row("qemu", "restore", BEGIN, "1.2.9", Domain, Aborts, "the restore is aborted").filter(),
        // Proposed as well; the guest is paused on the source host, so that every second is downtime.
        Row {
            limit: Some(SWITCHOVER_LIMIT),
            ..row("qemu", "preswitchover", ("-", "-"), "-", Domain, Aborts, "the outgoing migration is cancelled")
        },
        row("qemu", "reconnect", BEGIN, "0.9.13", Domain, KillsGuest, KILLED),
        Row { until: Some("5.5.0"), ..row("qemu", "attach", BEGIN, "0.9.13", Domain, Aborts, "the attach is aborted") },

        row("lxc", "prepare", BEGIN, "0.9.13", Domain, Aborts, NOT_STARTED).at(Prepare),
        row("lxc", "start", BEGIN, "0.8.0", Domain, Aborts, NOT_STARTED).at(Start),
        row("lxc", "started", BEGIN, "0.9.13", Domain, Aborts, KILLED_AT_START).at(Started),
        row("lxc", "stopped", END, "0.8.0", Domain, Ignored, NOTHING).at(Stopped),
        row("lxc", "release", ("end", "REASON"), "0.9.13", Domain, Ignored, NOTHING).at(Release),
        row("lxc", "reconnect", BEGIN, "0.9.13", Domain, KillsGuest, KILLED),

        // Seen on Xen 4.17 with libvirt 9.0.0: after a failing prepare this driver calls nothing more.
        row("libxl", "prepare", BEGIN, "2.1.0", Domain, Aborts, NOT_STARTED).at(Prepare).undone_by("release"),
        row("libxl", "start", BEGIN, "2.1.0", Domain, Aborts, NOT_STARTED).at(Start),
        row("libxl", "started", BEGIN, "2.1.0", Domain, Aborts, KILLED_AT_START).at(Started),
        row("libxl", "stopped", END, "2.1.0", Domain, Ignored, NOTHING).at(Stopped),
        row("libxl", "release", END, "2.1.0", Domain, Ignored, NOTHING).at(Release),
        // Seen there, too: standard input is empty, and what a filter writes is taken all the same.
        row("libxl", "migrate", BEGIN, "2.1.0", Domain, Aborts, "the incoming migration is cancelled").filter(),
        // Seen there, too: libvirt reports "shut off" while the Xen guest keeps running.
        row("libxl", "reconnect", BEGIN, "2.1.0", Domain, KillsGuest, LOST),

        // libvirt has this driver on FreeBSD only, and hookmux runs on Linux only: the rows are for `contract` and for rules.
        // As with libxl, nothing follows a failing prepare.
        row("bhyve", "prepare", BEGIN, "6.1.0", Domain, Aborts, NOT_STARTED).at(Prepare).undone_by("release"),
        row("bhyve", "start", BEGIN, "6.1.0", Domain, Aborts, NOT_STARTED).at(Start),
        row("bhyve", "started", BEGIN, "6.1.0", Domain, Aborts, KILLED_AT_START).at(Started),
        row("bhyve", "stopped", END, "6.1.0", Domain, Ignored, NOTHING).at(Stopped),
        row("bhyve", "release", END, "6.1.0", Domain, Ignored, NOTHING).at(Release),

        row("network", "start", BEGIN, "1.2.2", HookData, Aborts, NOT_STARTED),
        // Seen on 7.0.0 and 9.0.0: libvirt takes down an active network only, and this one becomes active after the call.
        // Seen on 11.3.0: it takes it down, and calls stopped.
        row("network", "started", BEGIN, "1.2.2", HookData, Aborts, "the start fails; libvirt 9.0 leaves the bridge and dnsmasq behind"),
        // Since 11.3.0 or earlier, but after 9.0.0, also after a start that failed; and, when a network is destroyed under
        // running guests, instead of port-deleted.
        row("network", "stopped", END, "1.2.2", HookData, Ignored, NOTHING),
        row("network", "updated", BEGIN, "1.2.2", HookData, Aborts, "the update returns an error, although it is made"),
        // Also for every port whenever the network daemon starts, and when a guest's daemon claims a lost port: the result
        // is ignored then.
        Row {
            once_called: Some("plugged"),
            ..row("network", "port-created", BEGIN, "1.2.2", HookData, Aborts, "the guest's start or attach fails")
        },
        Row { once_called: Some("unplugged"), ..row("network", "port-deleted", BEGIN, "1.2.2", HookData, Ignored, NOTHING) },

        row("daemon", "start", ("-", "start"), "0.8.0", Nothing, Ignored, NOTHING),
        row("daemon", "shutdown", ("-", "shutdown"), "0.8.0", Nothing, Ignored, NOTHING),
        row("daemon", "reload", ("begin", "SIGHUP"), "0.8.0", Nothing, Ignored, NOTHING),

        Row {
            undone_by: Some("thaw"),
            limit: Some(FREEZE_LIMIT),
            output: Output::Shown,
            ..row("fsfreeze-hook", "freeze", ("", ""), "-", Nothing, Aborts, "the file systems are not frozen")
        },
        // The agent returns the error, but thaws the file systems.
        Row {
            order: Order::Reverse,
            limit: Some(FREEZE_LIMIT),
            output: Output::Shown,
            ..row("fsfreeze-hook", "thaw", ("", ""), "-", Nothing, Ignored, "the agent reports it; the file systems are thawed")
        },
    ]
};

/// The row of a call that the table does not contain: the strictest one, so that a veto is effective in future operations of
/// libvirt, and hookmux does not have to be newer than libvirt.
pub(crate) const UNKNOWN: Row = Row {
    driver: "",
    operation: "",
    once_called: None,
    sub_operation: "",
    extra: "",
    since: "-",
    until: None,
    input: Input::Unknown,
    failure: Failure::Aborts,
    output: Output::Dropped,
    order: Order::Forward,
    undone_by: None,
    limit: None,
    may_come_late: false,
    moment: None,
    effect: "what libvirt then does is not known to this version",
};

/// Returns the row of a call, or the row of calls that hookmux does not know.
#[must_use]
pub fn look_up(driver: &OsStr, operation: &OsStr) -> Row {
    ROWS.iter().find(|row| driver == row.driver && row.is_called(operation)).copied().unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::drivers::DRIVERS;

    #[test]
    fn every_row_belongs_to_a_known_driver_and_no_name_is_repeated() {
        for (at, row) in ROWS.iter().enumerate() {
            assert!(DRIVERS.iter().any(|driver| driver.name == row.driver), "{row:?}");
            for name in [Some(row.operation), row.once_called].into_iter().flatten() {
                let found =
                    ROWS.iter().position(|other| other.driver == row.driver && other.is_called(OsStr::new(name)));
                assert_eq!(found, Some(at), "{} {name}", row.driver);
            }
        }
    }

    #[test]
    fn an_older_name_finds_the_row_of_the_newer_one() {
        let found = |name: &str| look_up(OsStr::new("network"), OsStr::new(name)).operation;
        assert_eq!([found("plugged"), found("unplugged")], ["port-created", "port-deleted"]);
    }

    #[test]
    fn a_guest_does_not_run_when_it_is_prepared_started_stopped_or_released() {
        let operations = |driver: &str| {
            let rows = ROWS.iter().filter(|row| row.driver == driver && row.is_without_guest());
            rows.map(|row| row.operation).collect::<Vec<_>>()
        };
        let guests = ["prepare", "start", "stopped", "release"];
        assert_eq!(["qemu", "lxc", "libxl", "bhyve"].map(operations), [guests; 4]);
        assert_eq!(["network", "daemon", "fsfreeze-hook", ""].map(operations), [[""; 0]; 4]);
    }

    #[test]
    fn an_unknown_call_gets_the_strictest_row() {
        let calls = [("qemu", "snapshot"), ("nbd", "start"), ("", ""), ("qemu", "begin"), ("qemu", "PREPARE")];
        for (driver, operation) in calls {
            assert_eq!(look_up(OsStr::new(driver), OsStr::new(operation)), UNKNOWN, "{driver} {operation}");
        }
        assert_eq!(
            (UNKNOWN.failure, UNKNOWN.output, UNKNOWN.order),
            (Failure::Aborts, Output::Dropped, Order::Forward)
        );
    }
}
