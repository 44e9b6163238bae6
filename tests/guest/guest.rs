//! A guest with an agent that has a freeze hook. In: the agent's release, the hook, scripts. Out: the agent's answers,
//! and which scripts ran. Does.

use std::fmt;
use std::time::Duration;

use crate::agent::{Agent, Answer};
use crate::machine::Machine;
use crate::prerequisites;
use support::image::{Image, Release};
use support::shell::Shell;

/// The path of the hook for Debian's agent.
pub(crate) const DEBIAN: &str = "/etc/qemu/fsfreeze-hook";

/// The path of the hook for Red Hat's agent.
pub(crate) const RED_HAT: &str = "/etc/qemu-ga/fsfreeze-hook";

/// An answer within this time is immediate: the machine is emulated, and the host may be busy.
const IMMEDIATE: Duration = Duration::from_secs(6);

/// The hook that an agent runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    /// A link to hookmux.
    Hookmux,
    /// The script of QEMU.
    Qemus,
}

/// A guest, and a connection to its agent.
pub(crate) struct Guest {
    machine: Machine,
    pub(crate) agent: Agent,
}

impl Hook {
    fn path(self) -> &'static str {
        match self {
            Self::Hookmux => "/usr/bin/hookmux",
            Self::Qemus => "/usr/share/qemu/fsfreeze-hook",
        }
    }

    /// Returns its name in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hookmux => "hookmux",
            Self::Qemus => "QEMU's",
        }
    }
}

impl Guest {
    /// Starts a guest whose agent runs `hook`, from `link`.
    pub(crate) fn new(release: Release, hook: Hook, link: &str) -> Self {
        prerequisites::assert_present();
        let mut machine = Machine::start(&Image::new(release));
        machine.shell.link_hook(hook.path(), link);
        machine.shell.start_agent(link);
        let agent = Agent::connect(&machine.agent_socket());
        let mut guest = Self { machine, agent };
        guest.check_release(release);
        guest
    }

    fn check_release(&mut self, release: Release) {
        let info = self.agent.ask("guest-info").result.unwrap().unwrap();
        let version = info["version"].as_str().unwrap().to_owned();
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap());
        let is_new = (numbers.next(), numbers.next()) >= (Some(9), Some(1));
        assert_eq!(is_new, release == Release::New, "the agent is {version}");
    }

    /// Returns the shell in the guest.
    pub(crate) fn shell(&mut self) -> &mut Shell {
        &mut self.machine.shell
    }

    /// Kills the agent, as a crash would, and starts it again.
    pub(crate) fn restart_agent(&mut self, link: &str) {
        self.shell().run("kill -9 $(cat /run/qga.pid); while [ -d /proc/$(cat /run/qga.pid) ]; do sleep 0.1; done");
        self.shell().start_agent(link);
        self.agent.synchronise();
    }

    /// Freezes, and returns the agent's answer as in a table.
    pub(crate) fn freeze(&mut self) -> String {
        self.agent.ask("guest-fsfreeze-freeze").to_string()
    }

    /// Thaws, and returns the agent's answer as in a table.
    pub(crate) fn thaw(&mut self) -> String {
        self.agent.ask("guest-fsfreeze-thaw").to_string()
    }

    /// Asks the agent whether the guest is `frozen` or `thawed`.
    pub(crate) fn status(&mut self) -> String {
        let status = self.agent.ask("guest-fsfreeze-status").result.unwrap().unwrap();
        status.as_str().unwrap().to_owned()
    }
}

/// As a cell of a table: `2 frozen`, or the error in quotation marks, and the time, if it was not immediate.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match &self.result {
            None => return write!(f, "no answer in {} s", self.took.as_secs()),
            Some(Ok(number)) => write!(f, "{number}")?,
            Some(Err(error)) => {
                let (first, rest) = error.split_once('\n').unwrap_or((error, ""));
                let rest = rest.trim_end();
                let more = match rest.len() {
                    0 => String::new(),
                    1..600 => format!(" / {}", rest.replace('\n', " / ")),
                    length => format!(" / … {} KiB", length.div_ceil(1024)),
                };
                write!(f, "\"{first}{more}\"")?;
            }
        }
        // Rounded down to tens: the limits are 30 s, the children sleep for 10 s, and a slow machine adds a little.
        let tens = self.took.as_secs() / 10 * 10;
        if self.took < IMMEDIATE { Ok(()) } else { write!(f, " after {tens} s") }
    }
}
