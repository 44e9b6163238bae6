//! The socket of a log daemon. In: datagrams. Out: whether they were taken. Does, within a time limit.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};

/// How long logging may hold up a call in total: a busy daemon takes milliseconds.
const TIMEOUT: Duration = Duration::from_millis(250);

/// A connection to a daemon, opened at the first datagram.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    state: Connection,
}

#[derive(Debug)]
enum Connection {
    Unopened,
    Open(UnixDatagram),
    /// No daemon listens; not tried again.
    NoListener,
    /// A daemon listens and does not read; hookmux has waited for it once.
    Unresponsive,
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It was taken, or is lost since the daemon does not read.
    Done,
    /// It is too long for a datagram.
    TooLong,
    /// No daemon listens.
    NoListener,
}

impl Socket {
    /// Returns a connection to the daemon that listens at `path`.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), state: Connection::Unopened }
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, datagram: &[u8]) -> Sent {
        self.attempt(|socket| socket.send(datagram).map(|_| ()))
    }

    /// Sends a file instead of bytes.
    pub(crate) fn pass(&mut self, file: &File) -> Sent {
        self.attempt(|socket| {
            let files = [file.as_raw_fd()];
            let rights = [ControlMessage::ScmRights(&files)];
            let (nothing, flags) = ([IoSlice::new(&[])], MsgFlags::MSG_NOSIGNAL);
            sendmsg::<UnixAddr>(socket.as_raw_fd(), &nothing, &rights, flags, None)?;
            Ok(())
        })
    }

    fn attempt(&mut self, send: impl Fn(&UnixDatagram) -> io::Result<()>) -> Sent {
        let state = std::mem::replace(&mut self.state, Connection::NoListener);
        let (state, outcome) = match state {
            Connection::Unopened => self.open_and(&send),
            Connection::Open(socket) => match judge(send(&socket)) {
                Ok(outcome) => (Connection::Open(socket), outcome),
                Err(Connection::Unresponsive) => (Connection::Unresponsive, Sent::Done),
                // The daemon was restarted, and listens at a new socket of the same name.
                Err(_) => self.open_and(&send),
            },
            Connection::NoListener => (Connection::NoListener, Sent::NoListener),
            Connection::Unresponsive => (Connection::Unresponsive, Sent::Done),
        };
        self.state = state;
        outcome
    }

    fn open_and(&self, send: impl Fn(&UnixDatagram) -> io::Result<()>) -> (Connection, Sent) {
        let Ok(socket) = open(&self.path) else { return (Connection::NoListener, Sent::NoListener) };
        match judge(send(&socket)) {
            Ok(outcome) => (Connection::Open(socket), outcome),
            Err(Connection::Unresponsive) => (Connection::Unresponsive, Sent::Done),
            Err(state) => (state, Sent::NoListener),
        }
    }
}

/// Returns what became of a datagram, or the new state of the socket.
fn judge(sent: io::Result<()>) -> Result<Sent, Connection> {
    match sent {
        Ok(()) => Ok(Sent::Done),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(Connection::Unresponsive),
        Err(error) if [Errno::EMSGSIZE, Errno::ENOBUFS].iter().any(|no| error.raw_os_error() == Some(*no as i32)) => {
            Ok(Sent::TooLong)
        }
        Err(_) => Err(Connection::NoListener),
    }
}

fn open(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    // How long a send waits for room; the first that fails is the last.
    socket.set_write_timeout(Some(TIMEOUT))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn received(daemon: &UnixDatagram) -> Vec<u8> {
        let mut chunk = [0; 200];
        let length = daemon.recv(&mut chunk).unwrap();
        chunk[..length].to_vec()
    }

    #[test]
    fn an_unresponsive_daemon_is_waited_for_once() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let _daemon = UnixDatagram::bind(&path).unwrap();
        let mut socket = Socket::new(&path);
        let begin = Instant::now();
        // More than any net.unix.max_dgram_qlen, and than a socket's buffer.
        (0..10_000).for_each(|_| assert_eq!(socket.send(&[b'x'; 1000]), Sent::Done));
        assert!(
            matches!(socket.state, Connection::Unresponsive) && begin.elapsed() < 20 * TIMEOUT,
            "{:?}",
            begin.elapsed()
        );
    }

    #[test]
    fn a_daemon_that_was_restarted_is_found() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let mut socket = Socket::new(&path);
        let heard = ["first", "second"].map(|line| {
            let _ = std::fs::remove_file(&path);
            let daemon = UnixDatagram::bind(&path).unwrap();
            (socket.send(line.as_bytes()), received(&daemon))
        });
        assert_eq!(heard, [(Sent::Done, b"first".to_vec()), (Sent::Done, b"second".to_vec())]);
    }

    #[test]
    fn without_a_daemon_nothing_happens() {
        let mut socket = Socket::new(Path::new("/nowhere/log"));
        assert_eq!([socket.send(b"x"), socket.send(b"x")], [Sent::NoListener; 2]);
    }

    #[test]
    fn a_line_too_long_for_a_datagram_does_not_end_the_log() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let mut socket = Socket::new(&path);
        let sent = [socket.send(&vec![b'x'; 8 << 20]), socket.send(b"short")];
        assert_eq!((sent, received(&daemon)), ([Sent::TooLong, Sent::Done], b"short".to_vec()));
    }
}
