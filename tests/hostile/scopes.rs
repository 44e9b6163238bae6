//! Background scripts and systemd, which gives them a scope of their own: a stand-in at /run/systemd/private creates it,
//! refuses, or does not reply. tests/host uses the real systemd.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::thread;

use nix::sys::socket::{Backlog, getsockopt, listen, sockopt::PeerCredentials};

use support::builder::Hooks;
use support::cgroups::Cgroups;

use crate::waiting::becomes_true;

const START: &str = "qemu vm1 start begin -";

/// A signal that systemd sends to every connection: 16 bytes, 5 of fields and their padding, 3 of body.
const SIGNAL: &[u8] = b"l\x04\0\x01\x03\0\0\0\x07\0\0\0\x05\0\0\0fieldsss~~~";

/// An empty reply, and one that reports an error.
const REPLY: &[u8] = b"l\x02\0\x01\0\0\0\0\x08\0\0\0\0\0\0\0";
const ERROR: &[u8] = b"l\x03\0\x01\x17\0\0\0\x08\0\0\0\x08\0\0\0\x05\x01u\0\x01\0\0\0\x12\0\0\0Unit is in the way\0";

const OK: &[u8] = b"OK 0123456789abcdef0123456789abcdef\r\n";

/// Makes a root whose background script and other script record their cgroups.
fn hooks() -> Hooks {
    let notes = |name: &str| {
        format!("cp /proc/self/cgroup $HOOKMUX_ROOT/{name}.new; mv $HOOKMUX_ROOT/{name}.new $HOOKMUX_ROOT/{name}")
    };
    let hooks = Hooks::new()
        .settings("[[rule]]\nscript = '50-*'\nwait = false\n")
        .script("qemu.d/10-now", &notes("now"))
        .script("qemu.d/50-late", &notes("late"));
    fs::create_dir_all(hooks.root().join("systemd/journal")).unwrap();
    hooks
}

/// Makes a call on a host whose /run/systemd is in the root, and waits for the background script. Returns whether its
/// cgroups differ from those of the other script, and what hookmux logged.
fn call(hooks: &Hooks) -> (bool, String) {
    let journal = UnixDatagram::bind(hooks.root().join("systemd/journal/socket")).unwrap();
    let set_up = "mount -t tmpfs tmpfs /run && mkdir /run/systemd && mount --bind $HOOKMUX_ROOT/systemd /run/systemd && exec \"$@\"";
    let args = ["unshare", "--mount", "--propagation", "private", "sh", "-c", set_up, "sh"];
    let seen = hooks.see(hooks.through(&args, START));
    assert_eq!((seen.code, seen.err.as_str()), (Some(0), ""));
    let late = hooks.root().join("late");
    assert!(becomes_true(|| late.exists()), "the background script did not run: {seen:?}");
    journal.set_nonblocking(true).unwrap();
    let mut logged = [0; 4096];
    let length = journal.recv(&mut logged).unwrap_or(0);
    let logged = String::from_utf8_lossy(&logged[..length]);
    let line = logged.lines().find_map(|line| line.strip_prefix("MESSAGE=")).unwrap_or_default().to_owned();
    (hooks.text("late") != hooks.text("now"), line)
}

fn listener(hooks: &Hooks) -> UnixListener {
    UnixListener::bind(hooks.root().join("systemd/private")).unwrap()
}

/// Reads what hookmux sends, which is one call of `StartTransientUnit` for the process that sends it.
fn request(stream: &mut UnixStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    while !request.ends_with(&[0; 8]) {
        let length = stream.read(&mut chunk).unwrap();
        assert!(length > 0, "{}", request.escape_ascii());
        request.extend_from_slice(&chunk[..length]);
    }
    request
}

const STAYS: &str = "qemu start 'vm1': the background scripts stay in the daemon's cgroup: ";

#[test]
fn background_scripts_run_in_the_scope_that_systemd_creates_and_the_others_do_not() {
    let hooks = hooks();
    let cgroups = Cgroups::new("scope");
    let directories = cgroups.directories.clone();
    let is_empty =
        || cgroups.directories.iter().all(|directory| fs::read(directory.join("cgroup.procs")).unwrap().is_empty());
    let listener = listener(&hooks);
    let systemd = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = request(&mut stream);
        let process = getsockopt(&stream, PeerCredentials).unwrap().pid().to_string();
        // In pieces, with a signal before the reply, and later than the reply, as systemd does.
        for piece in OK.chunks(7).chain(SIGNAL.chunks(9)).chain([REPLY]) {
            stream.write_all(piece).unwrap();
        }
        for directory in directories {
            fs::write(directory.join("cgroup.procs"), &process).unwrap();
        }
        request
    });
    let (has_left, logged) = call(&hooks);
    assert!(becomes_true(is_empty), "a process stays in the scope");
    assert_eq!((has_left, logged.as_str()), (true, ""));
    let request = systemd.join().unwrap();
    assert!(request.starts_with(b"\0AUTH EXTERNAL 30\r\nBEGIN\r\nl\x01\0\x01"), "{}", request.escape_ascii());
    let has = |part: &[u8]| request.windows(part.len()).any(|window| window == part);
    let parts: [&[u8]; 4] = [b"StartTransientUnit\0", b"hookmux-", b".scope\0", b"PIDs\0"];
    assert!(parts.into_iter().all(has), "{}", request.escape_ascii());
}

#[test]
fn whatever_systemd_replies_the_call_succeeds_and_the_scripts_run() {
    let nothing: &[u8] = b"";
    let rows = [
        ([OK, ERROR].concat(), "Unit is in the way"),
        (b"REJECTED EXTERNAL\r\n".to_vec(), "Connection reset by peer (os error 104)"),
        (nothing.to_vec(), "Connection reset by peer (os error 104)"),
        (
            [OK, &[b'l', 4, 0, 1, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255]].concat(),
            "Connection reset by peer (os error 104)",
        ),
        // systemd reports success, but does not move the process.
        ([OK, REPLY].concat(), "Connection timed out (os error 110)"),
    ];
    for (answer, why) in rows {
        let hooks = hooks();
        let listener = listener(&hooks);
        let systemd = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            request(&mut stream);
            stream.write_all(&answer).unwrap();
        });
        let (has_left, logged) = call(&hooks);
        // musl has another text for one errno.
        let logged = logged.replace("Operation timed out", "Connection timed out");
        assert_eq!((has_left, logged), (false, format!("{STAYS}{why}")));
        systemd.join().unwrap();
    }
}

#[test]
fn a_systemd_that_does_not_reply_or_listen_blocks_neither_the_call_nor_the_scripts() {
    let silent = hooks();
    let _listener = listener(&silent);
    let (has_left, logged) = call(&silent);
    assert_eq!((has_left, logged), (false, format!("{STAYS}Resource temporarily unavailable (os error 11)")));

    // systemd has ended, and its socket is left.
    let dead = hooks();
    drop(listener(&dead));
    let (has_left, logged) = call(&dead);
    assert_eq!((has_left, logged), (false, format!("{STAYS}Connection refused (os error 111)")));

    // The queue of the socket is full.
    let busy = hooks();
    let listener = listener(&busy);
    listen(&listener, Backlog::new(0).unwrap()).unwrap();
    let _waiting = UnixStream::connect(busy.root().join("systemd/private")).unwrap();
    let (has_left, logged) = call(&busy);
    assert_eq!((has_left, logged), (false, format!("{STAYS}Resource temporarily unavailable (os error 11)")));

    let none = hooks();
    let (has_left, logged) = call(&none);
    assert_eq!((has_left, logged.as_str()), (false, ""));
}
