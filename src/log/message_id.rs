//! The kinds of messages in the journal, each with its `MESSAGE_ID`. Pure: a table, checked against the manual and the
//! catalog.

use log::Level;

/// The subject of a message; [`MESSAGES`] describes each.
#[allow(missing_docs, reason = "the table describes them")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    Failed,
    StillRunning,
    Changed,
    ScriptOutput,
    Skipped,
    OwnFault,
    DefaultSettings,
    NotStarted,
    InDaemonsCgroup,
    Overruled,
}

/// Each kind with its number, which is the same in every version, and a description.
pub const MESSAGES: [(Message, &str, &str); 10] = [
    (Message::Failed, "2ede801140d74dacac55c43d7c3c2910", "a script failed, or could not be run"),
    (Message::StillRunning, "91c7217f842143aaa028787e0683aa8c", "a script is still running, and libvirt waits"),
    (Message::Changed, "a7117d1784ae4e84af8d0f6a49b94222", "what a filter changed in the XML"),
    (Message::ScriptOutput, "acee06ed22ee4d1cbee7ca1c3fb76105", "a line that a script wrote"),
    (Message::Skipped, "d6b7e99c1cef4dcf9f717dae8348a57f", "which files are not run, and why"),
    (Message::OwnFault, "bdcd4c1edd8b4a92af95547f399457ec", "hookmux itself could not carry out a call"),
    (
        Message::DefaultSettings,
        "7ed54b1bbe5f4ec9b91fd3dfbd08deff",
        "a call used the default settings, since the settings cannot be read",
    ),
    (Message::NotStarted, "c4b826404cf843fca362aa94e4944024", "a background script could not be started"),
    (
        Message::InDaemonsCgroup,
        "b637e4a610cb4c4799352a86e081b595",
        "background scripts stay in the daemon's cgroup, since systemd created no scope",
    ),
    (Message::Overruled, "93730cb9051948f09e3d2062b3ce3a21", "a failure was not passed on, since the guest has ended"),
];

impl Message {
    pub(super) fn id(self) -> &'static str {
        MESSAGES.iter().find(|(message, ..)| *message == self).map_or("", |(_, id, _)| id)
    }

    pub(super) fn level(self) -> Level {
        match self {
            Self::Failed | Self::OwnFault | Self::DefaultSettings | Self::NotStarted => Level::Error,
            Self::StillRunning | Self::InDaemonsCgroup | Self::Overruled => Level::Warn,
            Self::Changed | Self::ScriptOutput | Self::Skipped => Level::Info,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_unique() {
        let mut ids: Vec<&str> = MESSAGES.iter().map(|(message, ..)| message.id()).collect();
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), MESSAGES.len());
    }
}
