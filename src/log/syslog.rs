//! Writes to syslog, on hosts without journald. In: lines. Out: datagrams to /dev/log, where a syslog daemon listens. Does.
//!
//! Not by syslog(3), which waits until the daemon reads: a daemon whose disk is frozen reads nothing before the thaw, and
//! the thaw would wait for hookmux.

use log::Level;

use crate::log::socket::Socket;

pub(super) const SOCKET: &str = "/dev/log";

/// `LOG_DAEMON`, as syslog(3) has it: 3, in front of three bits of severity.
const FACILITY: u32 = 3 << 3;

/// Writes one line. A line that cannot be written, or is too long for a datagram, is lost.
pub(super) fn write(syslog: &mut Socket, level: Level, line: &str) {
    // The daemons add the time themselves.
    let datagram = format!("<{}>hookmux[{}]: {line}", FACILITY | severity(level), std::process::id());
    syslog.send(datagram.as_bytes());
}

/// Returns the number of a level in syslog(3).
pub(super) fn severity(level: Level) -> u32 {
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
        let mut log = Socket::new(path.to_str().unwrap());
        let mut chunk = [0; 200];
        let lines = [Level::Error, Level::Warn, Level::Info].map(|level| {
            write(&mut log, level, "qemu stop 'vm1' refused");
            let length = daemon.recv(&mut chunk).unwrap();
            String::from_utf8_lossy(&chunk[..length]).into_owned()
        });
        let line = |number: u32| format!("<{number}>hookmux[{}]: qemu stop 'vm1' refused", std::process::id());
        assert_eq!(lines, [line(27), line(28), line(30)]);
    }
}
