//! Writes to the journal by its native protocol. In: a message's fields. Out: a datagram to journald's socket. Does.
//!
//! <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>. Not with a crate, since those send without a time limit: a journald that
//! is stopped, or whose disk is frozen, would hold up libvirt for as long.

use std::io::Write;
use std::path::Path;

use crate::log::socket::{Sent, Socket};
use crate::run::spool::SpoolWriter;

/// Where journald listens.
pub(crate) const SOCKET: &str = "/run/systemd/journal/socket";

/// The journal, connected to at the first message.
#[derive(Debug)]
pub(crate) struct Journal(Socket);

impl Journal {
    /// Returns the journal that listens at `path`.
    pub(crate) fn new(path: &Path) -> Self {
        Self(Socket::new(path))
    }

    /// Writes one message. False without a journal; otherwise the message is written or lost.
    pub(crate) fn write(&mut self, fields: &[(&str, &str)]) -> bool {
        let message = encode(fields);
        let sent = match self.0.send(&message) {
            // journald accepts a sealed file instead of a datagram that is too long.
            Sent::TooLong => sealed(&message).map_or(Sent::Done, |file| self.0.pass(&file)),
            sent => sent,
        };
        sent != Sent::NoListener
    }
}

fn sealed(message: &[u8]) -> std::io::Result<std::fs::File> {
    let mut writer = SpoolWriter::new(message.len() as u64)?;
    writer.write_all(message)?;
    writer.finish()?.reader()
}

/// Encodes fields as lines, `NAME=value`; a value with a line feed is preceded by its length instead.
pub(crate) fn encode(fields: &[(&str, &str)]) -> Vec<u8> {
    let room = fields.iter().map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(10)).sum();
    let mut message = Vec::with_capacity(room);
    for (name, value) in fields {
        message.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            message.push(b'\n');
            message.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            message.push(b'=');
        }
        message.extend_from_slice(value.as_bytes());
        message.push(b'\n');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_line_feed_is_preceded_by_its_length() {
        let message = encode(&[("MESSAGE", "one"), ("A", "x\ny"), ("B", "")]);
        assert_eq!(message, b"MESSAGE=one\nA\n\x03\0\0\0\0\0\0\0x\ny\nB=\n");
    }

    #[test]
    fn without_a_journal_a_message_is_not_taken() {
        assert!(!Journal::new(Path::new("/nowhere/socket")).write(&[("MESSAGE", "x")]));
    }
}
