//! The system's log, by its socket. In: lines. Out: datagrams to /dev/log, where journald or a syslog daemon listens.
//! Does.
//!
//! Not syslog(3): that waits for as long as the daemon takes nothing more, and a daemon whose disk is frozen takes
//! nothing until thaw, for which it would be us to make way.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use log::Level;
use nix::errno::Errno;

/// Where the daemon listens.
pub const SOCKET: &str = "/dev/log";

/// How long a call may be held up by the log, in all its life: a busy daemon takes milliseconds.
const PATIENCE: Duration = Duration::from_millis(250);

/// `LOG_DAEMON`, as syslog(3) has it: 3, in front of three bits of severity.
const FACILITY: u32 = 3 << 3;

/// A way to the log, opened with the first line.
#[derive(Debug)]
pub struct Syslog {
    path: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    Unopened,
    Open(UnixDatagram),
    /// Nobody listens, or somebody who does not take what is sent: there is no log in this process's life.
    GivenUp,
}

impl Syslog {
    /// The log behind the socket at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), state: State::Unopened }
    }

    /// Writes one line. One that cannot be written is lost.
    pub fn write(&mut self, level: Level, line: &str) {
        // journald and the syslog daemons put the time to it themselves.
        let datagram = format!("<{}>hookmux[{}]: {line}", FACILITY | severity(level), std::process::id());
        let state = std::mem::replace(&mut self.state, State::GivenUp);
        self.state = match state {
            State::Unopened => self.open_and_send(datagram.as_bytes()),
            State::Open(socket) => match send(&socket, datagram.as_bytes()) {
                Ok(()) => State::Open(socket),
                Err(error) if error.kind() == ErrorKind::WouldBlock => State::GivenUp,
                // The daemon was started anew, and listens at another socket of the same name.
                Err(_) => self.open_and_send(datagram.as_bytes()),
            },
            State::GivenUp => State::GivenUp,
        }
    }

    fn open_and_send(&self, datagram: &[u8]) -> State {
        let opened = open(&self.path).and_then(|socket| send(&socket, datagram).map(|()| socket));
        opened.map_or(State::GivenUp, State::Open)
    }
}

fn send(socket: &UnixDatagram, datagram: &[u8]) -> io::Result<()> {
    match socket.send(datagram) {
        // Longer than a datagram may be: this line is lost, and the next one is not.
        Err(error) if error.raw_os_error() == Some(Errno::EMSGSIZE as i32) => Ok(()),
        sent => sent.map(|_| ()),
    }
}

fn open(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    // The time that a send may wait for room; the first that waits in vain is the last.
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// As syslog(3) numbers them.
fn severity(level: Level) -> u32 {
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
    use std::time::Instant;

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

    #[test]
    fn a_daemon_that_takes_nothing_costs_a_moment_once() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let _daemon = UnixDatagram::bind(&path).unwrap();
        let mut log = Syslog::new(&path);
        let begin = Instant::now();
        // More than any net.unix.max_dgram_qlen, and than a socket's buffer.
        (0..10_000).for_each(|_| log.write(Level::Info, &"x".repeat(1000)));
        assert!(matches!(log.state, State::GivenUp) && begin.elapsed() < 20 * PATIENCE, "{:?}", begin.elapsed());
    }

    #[test]
    fn a_daemon_that_was_started_anew_is_found() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let mut log = Syslog::new(&path);
        let heard = ["first", "second"].map(|line| {
            let _ = std::fs::remove_file(&path);
            let daemon = UnixDatagram::bind(&path).unwrap();
            log.write(Level::Info, line);
            let mut chunk = [0; 200];
            let length = daemon.recv(&mut chunk).unwrap();
            chunk[..length].ends_with(line.as_bytes())
        });
        assert_eq!(heard, [true, true]);
    }

    #[test]
    fn without_a_daemon_nothing_happens() {
        let mut log = Syslog::new(Path::new("/nowhere/log"));
        log.write(Level::Error, "x");
        assert!(matches!(log.state, State::GivenUp));
    }

    #[test]
    fn a_line_too_long_for_a_datagram_does_not_end_the_log() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let mut log = Syslog::new(&path);
        log.write(Level::Info, &"x".repeat(8 << 20));
        log.write(Level::Info, "short");
        let mut chunk = [0; 200];
        let length = daemon.recv(&mut chunk).unwrap();
        assert!(chunk[..length].ends_with(b": short"));
    }
}
