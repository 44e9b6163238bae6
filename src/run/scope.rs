//! Moves this process out of the daemon's cgroup, into a scope of systemd's. Does, within a time limit.
//!
//! systemd answers at a socket of its own for root, in D-Bus's format and without a message bus: `systemctl` uses it as well
//! (`bus_connect_transport_systemd`). docs/decisions/11-scopes.md has the reasons.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process;
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use crate::printable::printable;

/// Where systemd listens; only root may connect.
const SOCKET: &str = "/run/systemd/private";

/// How long the scripts wait for their scope: a busy systemd takes tens of milliseconds.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The time between two looks at the cgroup.
const PAUSE: Duration = Duration::from_millis(1);

/// The type of a D-Bus message that is a successful reply.
const REPLY: u8 = 2;

/// The type of one that reports an error.
const ERROR: u8 = 3;

/// Moves this process into a scope of its own, where systemd runs the host and this process is root's: what it starts is
/// born there. The scope ends with its last process.
///
/// # Errors
/// Why it stays in its cgroup.
pub(crate) fn enter() -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let until = Instant::now().checked_add(TIMEOUT).ok_or(Errno::EINVAL)?;
    let Some(mut systemd) = open()? else { return Ok(()) };
    let before = cgroup()?;
    systemd.set_write_timeout(Some(TIMEOUT))?;
    // The user's number, 0, in hexadecimal digits of its text.
    systemd.write_all(&[b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n", call(&unit()).as_slice()].concat())?;
    let mut received = Vec::new();
    let mut end = None;
    loop {
        // The reply to AUTH is one line; messages follow, signals among them.
        end = end.or_else(|| Some(received.windows(2).position(|end| end == b"\r\n")?.saturating_add(2)));
        let message = end.and_then(|at| message(received.get(at..)?));
        match (message.and_then(|message| message.get(1)), message) {
            (Some(&REPLY), _) => break,
            (Some(&ERROR), Some(error)) => return Err(io::Error::other(text(error))),
            (Some(_), Some(signal)) => end = end.map(|at| at.saturating_add(signal.len())),
            _ => read(&mut systemd, until, &mut received)?,
        }
    }
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

fn read(systemd: &mut UnixStream, until: Instant, reply: &mut Vec<u8>) -> io::Result<()> {
    let rest = until.saturating_duration_since(Instant::now()).max(PAUSE);
    systemd.set_read_timeout(Some(rest))?;
    let mut chunk = [0; 512];
    match systemd.read(&mut chunk)? {
        0 => Err(Errno::ECONNRESET.into()),
        length => {
            reply.extend_from_slice(chunk.get(..length).unwrap_or_default());
            Ok(())
        }
    }
}

fn cgroup() -> io::Result<Vec<u8>> {
    fs::read("/proc/self/cgroup")
}

/// Returns the first message, if it is complete: 16 bytes, the fields that follow them, and the body.
fn message(received: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| {
        let bytes = received.get(at..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let header = number(12)?.saturating_add(16).next_multiple_of(8);
    received.get(..header.saturating_add(number(4)?))
}

/// Returns the name of a scope that did not exist before.
fn unit() -> String {
    let now = UNIX_EPOCH.elapsed().unwrap_or_default();
    format!("hookmux-{}-{}.scope", process::id(), now.as_micros())
}

/// Returns the text of an error: the last string of its message.
fn text(error: &[u8]) -> String {
    let text = error.rsplit(u8::is_ascii_control).find(|part| !part.is_empty()).unwrap_or_default();
    printable(String::from_utf8_lossy(text).as_ref())
}

/// Returns a call of `StartTransientUnit` for a scope with the process that sends it.
fn call(unit: &str) -> Vec<u8> {
    let mut body = Encoder::default();
    body.string(unit);
    // An existing unit of that name is an error.
    body.string("fail");
    body.array(|properties| {
        properties.string("Description");
        properties.signature("s");
        properties.string("Background scripts of hookmux");
        properties.align(8);
        properties.string("PIDs");
        properties.signature("au");
        properties.number(4);
        // systemd takes 0 for the sender, which may have another number in its namespace.
        properties.number(0);
    });
    // No further units.
    body.array(|_| {});
    let mut header = Encoder(b"l\x01\0\x01".to_vec());
    header.number(u32::try_from(body.0.len()).unwrap_or_default());
    let serial = 1;
    header.number(serial);
    header.array(|fields| {
        let texts = [
            (1, "o", "/org/freedesktop/systemd1"),
            (2, "s", "org.freedesktop.systemd1.Manager"),
            (3, "s", "StartTransientUnit"),
            (6, "s", "org.freedesktop.systemd1"),
        ];
        for (field, kind, value) in texts {
            fields.align(8);
            fields.0.push(field);
            fields.signature(kind);
            fields.string(value);
        }
        fields.align(8);
        fields.0.push(8);
        fields.signature("g");
        fields.signature("ssa(sv)a(sa(sv))");
    });
    header.align(8);
    [header.0, body.0].concat()
}

/// Writes a message in D-Bus's format, or its body: little-endian, each value aligned to its size.
#[derive(Default)]
struct Encoder(Vec<u8>);

impl Encoder {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn number(&mut self, number: u32) {
        self.align(4);
        self.0.extend(number.to_le_bytes());
    }

    fn string(&mut self, text: &str) {
        self.number(u32::try_from(text.len()).unwrap_or_default());
        self.0.extend(text.bytes().chain([0]));
    }

    fn signature(&mut self, text: &str) {
        self.0.push(u8::try_from(text.len()).unwrap_or_default());
        self.0.extend(text.bytes().chain([0]));
    }

    /// Adds an array of structures, whose length does not include what aligns the first one.
    fn array(&mut self, fill: impl FnOnce(&mut Self)) {
        self.number(0);
        let end = self.0.len();
        self.align(8);
        let start = self.0.len();
        fill(self);
        let length = u32::try_from(self.0.len().saturating_sub(start)).unwrap_or_default();
        if let Some(place) = self.0.get_mut(end.saturating_sub(4)..end) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }
}
