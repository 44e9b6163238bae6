//! The journal, by its native protocol. In: a message's fields. Out: a datagram to journald's socket. Does.
//!
//! <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>. Ours, since the crates that speak it send without any limit of time:
//! a journald that is stopped, or whose disk is frozen, would hold libvirt up for as long.

use std::io::Write;
use std::path::Path;

use crate::log::socket::{Sent, Socket};
use crate::run::spool::Writer;

/// Where journald listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// A way to the journal, opened with the first message.
#[derive(Debug)]
pub struct Journal(Socket);

impl Journal {
    /// The journal behind the socket at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(Socket::new(path))
    }

    /// Writes one message. False if there is no journal; otherwise the message is in it, or lost.
    pub fn write(&mut self, fields: &[(&str, &str)]) -> bool {
        let message = encode(fields);
        let sent = match self.0.send(&message) {
            // Longer than a datagram may be: journald takes a sealed file instead.
            Sent::TooLong => sealed(&message).map_or(Sent::Done, |file| self.0.pass(&file)),
            sent => sent,
        };
        sent != Sent::Nobody
    }
}

fn sealed(message: &[u8]) -> std::io::Result<std::fs::File> {
    let mut writer = Writer::new(message.len() as u64)?;
    writer.write_all(message)?;
    writer.finish()?.reader()
}

/// `NAME=value` and a line's end; where the value has one itself, its length stands before it.
#[must_use]
pub fn encode(fields: &[(&str, &str)]) -> Vec<u8> {
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
    fn a_value_with_a_line_end_is_counted_and_any_other_is_a_line() {
        let message = encode(&[("MESSAGE", "one"), ("A", "x\ny"), ("B", "")]);
        assert_eq!(message, b"MESSAGE=one\nA\n\x03\0\0\0\0\0\0\0x\ny\nB=\n");
    }

    #[test]
    fn without_a_journal_somebody_else_is_asked() {
        assert!(!Journal::new(Path::new("/nowhere/socket")).write(&[("MESSAGE", "x")]));
    }
}
