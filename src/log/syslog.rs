//! The log of hosts without journald. In: lines. Out: datagrams to /dev/log, where a syslog daemon listens. Does.
//!
//! Not syslog(3): that waits for as long as the daemon takes nothing more, and a daemon whose disk is frozen takes
//! nothing until thaw, for which it would be us to make way.

use std::path::Path;

use log::Level;

use crate::log::socket::Socket;

/// Where the daemon listens.
pub const SOCKET: &str = "/dev/log";

/// `LOG_DAEMON`, as syslog(3) has it: 3, in front of three bits of severity.
const FACILITY: u32 = 3 << 3;

/// A way to the log, opened with the first line.
#[derive(Debug)]
pub struct Syslog(Socket);

impl Syslog {
    /// The log behind the socket at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(Socket::new(path))
    }

    /// Writes one line. One that cannot be written, or is longer than a datagram may be, is lost.
    pub fn write(&mut self, level: Level, line: &str) {
        // The daemons put the time to it themselves.
        let datagram = format!("<{}>hookmux[{}]: {line}", FACILITY | severity(level), std::process::id());
        self.0.send(datagram.as_bytes());
    }
}

/// As syslog(3) numbers them.
#[must_use]
pub fn severity(level: Level) -> u32 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn a_line_is_one_datagram_with_priority_name_and_process() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let mut log = Syslog::new(&path);
        let mut chunk = [0; 200];
        let lines = [Level::Error, Level::Warn, Level::Info].map(|level| {
            log.write(level, "qemu stop 'vm1' refused");
            let length = daemon.recv(&mut chunk).unwrap();
            String::from_utf8_lossy(&chunk[..length]).into_owned()
        });
        let line = |number: u32| format!("<{number}>hookmux[{}]: qemu stop 'vm1' refused", std::process::id());
        assert_eq!(lines, [line(27), line(28), line(30)]);
    }
}
