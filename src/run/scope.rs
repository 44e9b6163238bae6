//! Moves this process out of the daemon's cgroup, into a scope of systemd's. Does, within a time limit.
//!
//! systemd answers at a socket of its own for root, in D-Bus's format and without a message bus: `systemctl` uses it as well
//! (`bus_connect_transport_systemd`). docs/decisions/11-scopes.md has the reasons.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process;
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use crate::printable::printable;

/// The socket on which systemd listens; only root may connect.
const SOCKET: &str = "/run/systemd/private";

/// The time that the scripts wait for their scope: a busy systemd takes tens of milliseconds.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The time between two looks at the cgroup.
const PAUSE: Duration = Duration::from_millis(1);

/// Moves this process into a scope of its own, where systemd runs the host and this process is root's: what it starts is
/// born there. The scope ends with its last process.
pub(crate) fn enter() -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let until = Instant::now().checked_add(TIMEOUT).ok_or(Errno::EINVAL)?;
    let Some(mut stream) = open()? else { return Ok(()) };
    let before = cgroup()?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(&request())?;
    await_reply(&mut BufReader::new(Systemd { stream, until }))?;
    // The reply means that the job is queued.
    while cgroup()? == before {
        if Instant::now() >= until {
            return Err(Errno::ETIMEDOUT.into());
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Connects to systemd without waiting; `None` where it does not run the host.
fn open() -> io::Result<Option<UnixStream>> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    match connect(socket.as_raw_fd(), &UnixAddr::new(SOCKET)?) {
        Err(Errno::ENOENT) => return Ok(None),
        connected => connected?,
    }
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(Some(stream))
}

fn cgroup() -> io::Result<Vec<u8>> {
    fs::read("/proc/self/cgroup")
}

/// A reader of what systemd sends until a deadline. Its end is an error, since a reply is missing then.
struct Systemd {
    stream: UnixStream,
    until: Instant,
}

impl Read for Systemd {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let rest = self.until.saturating_duration_since(Instant::now()).max(PAUSE);
        self.stream.set_read_timeout(Some(rest))?;
        match self.stream.read(bytes)? {
            0 => Err(Errno::ECONNRESET.into()),
            length => Ok(length),
        }
    }
}

/// Reads up to the reply. The answer to AUTH is one line; messages follow, signals among them.
fn await_reply(systemd: &mut impl BufRead) -> io::Result<()> {
    systemd.read_until(b'\n', &mut Vec::new())?;
    loop {
        let mut start = [0; 4];
        systemd.read_exact(&mut start)?;
        let [body, _serial, fields] = [number(systemd)?, number(systemd)?, number(systemd)?];
        let mut rest = Vec::new();
        systemd.take(fields.next_multiple_of(8).saturating_add(body)).read_to_end(&mut rest)?;
        // The second byte is the type of the message.
        match start {
            [_, 2, ..] => return Ok(()),
            [_, 3, ..] => return Err(io::Error::other(text(&rest))),
            _ => {}
        }
    }
}

fn number(systemd: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 4];
    systemd.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes).into())
}

/// Returns the text of an error: the last string of its message.
fn text(error: &[u8]) -> String {
    let text = error.rsplit(u8::is_ascii_control).find(|part| !part.is_empty()).unwrap_or_default();
    printable(String::from_utf8_lossy(text).as_ref())
}

/// Returns what is sent: a login, and a call of `StartTransientUnit` for a scope with the process that sends it.
///
/// The call is little-endian, a value is aligned to its size and a structure to 8 bytes, and strings are preceded by their
/// length. It is the same each time but for the digits in the unit's name: process numbers have at most 7, and microseconds
/// since 1970 have 16 until the year 2286.
fn request() -> Vec<u8> {
    let now = UNIX_EPOCH.elapsed().unwrap_or_default();
    let unit = format!("hookmux-{:07}-{:016}.scope", process::id(), now.as_micros());
    let pieces: [&[u8]; 13] = [
        // The user's number, 0, in hexadecimal digits of its text.
        b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n",
        // A call in version 1 of the protocol: 152 bytes of body, serial number 1, 182 bytes of fields.
        b"l\x01\0\x01\x98\0\0\0\x01\0\0\0\xb6\0\0\0",
        // The fields: object, interface, method, destination, types in the body.
        b"\x01\x01o\0\x19\0\0\0/org/freedesktop/systemd1\0\0\0\0\0\0\0",
        b"\x02\x01s\0\x20\0\0\0org.freedesktop.systemd1.Manager\0\0\0\0\0\0\0\0",
        b"\x03\x01s\0\x12\0\0\0StartTransientUnit\0\0\0\0\0\0",
        b"\x06\x01s\0\x18\0\0\0org.freedesktop.systemd1\0\0\0\0\0\0\0\0",
        b"\x08\x01g\0\x10ssa(sv)a(sa(sv))\0\0\0",
        // The body. An existing unit of that name is an error ("fail").
        b"\x26\0\0\0",
        unit.as_bytes(),
        b"\0\0\x04\0\0\0fail\0\0\0\0",
        // 80 bytes of properties. systemd takes process 0 for the sender, which may have another number in its namespace.
        b"\x50\0\0\0\0\0\0\0\x0b\0\0\0Description\0\x01s\0\0\x1d\0\0\0Background scripts of hookmux\0\0\0",
        b"\x04\0\0\0PIDs\0\x02au\0\0\0\0\x04\0\0\0\0\0\0\0",
        // No further units.
        b"\0\0\0\0\0\0\0\0",
    ];
    pieces.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lengths_in_a_call_are_those_of_its_parts() {
        let request = request();
        let begin = request.windows(4).position(|start| start == b"l\x01\0\x01").unwrap();
        let call = &request[begin..];
        let number = |at: usize| usize::try_from(number(&mut &call[at..]).unwrap()).unwrap();
        let body = (16 + number(12)).next_multiple_of(8);
        assert_eq!((body + number(4), number(body)), (call.len(), "hookmux-0000001-1700000000000000.scope".len()));
        let unit = std::str::from_utf8(&call[body + 4..][..number(body)]).unwrap();
        assert!(unit.starts_with("hookmux-") && unit.find(".scope") == Some(unit.len() - 6), "{unit}");
        let properties = call.windows(5).position(|start| start == b"fail\0").unwrap() + 8;
        assert_eq!(call.len() - properties - 8 - number(properties), 8);
    }
}
