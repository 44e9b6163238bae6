//! Writes to the journal by its native protocol. In: a message's fields. Out: a datagram to journald's socket. Does.
//!
//! <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>. Not with a crate, since those send without a time limit: a journald that
//! is stopped, or whose disk is frozen, would hold up libvirt for as long.

use std::fs::File;
use std::io::{self, Write};

use crate::log::socket::{Sent, Socket};
use crate::run::spool::SpoolWriter;

pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// A message as journald reads it.
#[derive(Debug, Default)]
pub(super) struct JournalEntry(Vec<u8>);

impl JournalEntry {
    /// Adds a line, `NAME=value`; a value with a line feed is preceded by its length instead.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            self.0.push(b'\n');
            self.0.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            self.0.push(b'=');
        }
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }
}

/// Writes one message. False without a journal; otherwise the message is written or lost.
pub(super) fn write(journal: &mut Socket, entry: &JournalEntry) -> bool {
    let sent = match journal.send(&entry.0) {
        // journald accepts a sealed file instead of a datagram that is too long.
        Sent::TooLong => sealed(&entry.0).map_or(Sent::Done, |file| journal.pass(&file)),
        sent => sent,
    };
    sent != Sent::NoListener
}

fn sealed(message: &[u8]) -> io::Result<File> {
    let mut writer = SpoolWriter::new(message.len() as u64)?;
    writer.write_all(message)?;
    writer.finish()?.reader()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_line_feed_is_preceded_by_its_length() {
        let mut entry = JournalEntry::default();
        for (name, value) in [("MESSAGE", "one"), ("A", "x\ny"), ("B", "")] {
            entry.field(name, value);
        }
        assert_eq!(entry.0, b"MESSAGE=one\nA\n\x03\0\0\0\0\0\0\0x\ny\nB=\n");
    }

    #[test]
    fn without_a_journal_a_message_is_not_taken() {
        assert!(!write(&mut Socket::new("/nowhere/socket"), &JournalEntry::default()));
    }
}
