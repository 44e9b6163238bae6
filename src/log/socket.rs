//! The socket of a log daemon. In: datagrams. Out: whether they were taken. Does, within a time limit.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};

use crate::files::resolve;

/// The time for which logging may hold up a call in total: a busy daemon takes milliseconds.
const TIMEOUT: Duration = Duration::from_millis(250);

/// A connection to a daemon.
#[derive(Debug)]
pub(super) struct Socket<'a> {
    path: &'a str,
    /// Opened at the first datagram. An error is final, and is what becomes of each further datagram.
    connection: Option<Result<UnixDatagram, Sent>>,
}

/// The result of sending a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It was taken, or is lost since the daemon does not read.
    Done,
    /// It is too long for a datagram.
    TooLong,
    NoListener,
}

impl<'a> Socket<'a> {
    pub(super) fn new(path: &'a str) -> Self {
        Self { path, connection: None }
    }

    pub(super) fn send(&mut self, datagram: &[u8]) -> Sent {
        self.attempt(|socket| socket.send(datagram).map(|_| ()))
    }

    /// Sends a file instead of bytes.
    pub(super) fn pass(&mut self, file: &File) -> Sent {
        self.attempt(|socket| {
            let files = [file.as_raw_fd()];
            let rights = [ControlMessage::ScmRights(&files)];
            let (nothing, flags) = ([IoSlice::new(&[])], MsgFlags::MSG_NOSIGNAL);
            sendmsg::<UnixAddr>(socket.as_raw_fd(), &nothing, &rights, flags, None)?;
            Ok(())
        })
    }

    fn attempt(&mut self, send: impl Fn(&UnixDatagram) -> io::Result<()>) -> Sent {
        // A second time where the daemon was restarted, and listens at a new socket of the same name.
        for _ in 0..2 {
            let open = || open(self.path).map_err(|_| Sent::NoListener);
            let socket = match self.connection.get_or_insert_with(open) {
                Ok(socket) => socket,
                Err(end) => return *end,
            };
            match send(socket).map_err(|error| resolve::errno(&error)) {
                Ok(()) => return Sent::Done,
                Err(Errno::EMSGSIZE | Errno::ENOBUFS) => return Sent::TooLong,
                // It does not read, and is not waited for again.
                Err(Errno::EAGAIN) => return self.fail(Sent::Done),
                Err(_) => self.connection = None,
            }
        }
        self.fail(Sent::NoListener)
    }

    fn fail(&mut self, sent: Sent) -> Sent {
        self.connection = Some(Err(sent));
        sent
    }
}

fn open(path: &str) -> io::Result<UnixDatagram> {
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
        let mut socket = Socket::new(path.to_str().unwrap());
        let begin = Instant::now();
        // More than any net.unix.max_dgram_qlen, and than a socket's buffer.
        (0..10_000).for_each(|_| assert_eq!(socket.send(&[b'x'; 1000]), Sent::Done));
        assert!(
            matches!(socket.connection, Some(Err(Sent::Done))) && begin.elapsed() < 20 * TIMEOUT,
            "{:?}",
            begin.elapsed()
        );
    }

    #[test]
    fn a_daemon_that_was_restarted_is_found() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let mut socket = Socket::new(path.to_str().unwrap());
        let heard = ["first", "second"].map(|line| {
            let _ = std::fs::remove_file(&path);
            let daemon = UnixDatagram::bind(&path).unwrap();
            (socket.send(line.as_bytes()), received(&daemon))
        });
        assert_eq!(heard, [(Sent::Done, b"first".to_vec()), (Sent::Done, b"second".to_vec())]);
    }

    #[test]
    fn without_a_daemon_nothing_happens() {
        let mut socket = Socket::new("/nowhere/log");
        assert_eq!([socket.send(b"x"), socket.send(b"x")], [Sent::NoListener; 2]);
    }

    #[test]
    fn a_line_too_long_for_a_datagram_does_not_end_the_log() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let mut socket = Socket::new(path.to_str().unwrap());
        let sent = [socket.send(&vec![b'x'; 8 << 20]), socket.send(b"short")];
        assert_eq!((sent, received(&daemon)), ([Sent::TooLong, Sent::Done], b"short".to_vec()));
    }
}
