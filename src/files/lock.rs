//! Locks that calls and `hookmux adopt` hold against each other. In: libvirt's own directory of a driver, and its lock file.
//! Out: a lock, held as long as the value lives. Does.
//!
//! A call decides at its start which scripts it leaves to libvirt, and libvirt looks for them after the hook has ended. A
//! script that is moved in between would run in neither place, and one that is moved while both directories are read might
//! run in both. A call therefore holds a shared lock from before it reads anything until it has its answer, and `adopt` holds
//! an exclusive lock while it moves scripts out of libvirt's directory.
//!
//! A shared lock is granted even while an exclusive one is waited for: with overlapping calls, `adopt` would wait for ever.
//! Both therefore lock the first byte of the file before the second, and `adopt` keeps the first one while it waits.
//!
//! The file belongs to root, and an exclusive lock needs write permission: flock on a directory that every user may read
//! would let any user block the start of every guest. Other users can at most make `adopt` wait, which then gives up.

use std::ffi::OsStr;
use std::fs::{DirBuilder, DirEntry, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use crate::files::paths;

/// The mode of the file: a user who may read it may hold a shared lock, for which `adopt` and then every new call waits.
const MODE: u32 = 0o600;

/// The time that a call waits for `adopt`: longer than [`EXCLUSIVE_TIMEOUT`] and [`SETTLE`] together. Then it continues
/// without the lock.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The time that `adopt` waits for running calls, while new ones wait for it.
const EXCLUSIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The time from a hook's end until libvirt reads its directory, and from the end of one script in it to the start of the
/// next: less than a millisecond, with a margin for a loaded machine.
const SETTLE: Duration = Duration::from_millis(250);

const PAUSE: Duration = Duration::from_millis(2);

/// The time between two scans of all processes.
const LOOK: Duration = Duration::from_millis(10);

/// A lock that is held until this value is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// The two bytes of the file.
#[derive(Debug, Clone, Copy)]
enum Byte {
    /// The byte that decides who may take the lock next.
    Next = 0,
    Lock = 1,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Shared = libc::F_RDLCK as isize,
    Exclusive = libc::F_WRLCK as isize,
    Unlocked = libc::F_UNLCK as isize,
}

/// Returns the lock file for a driver's directories below `root`.
pub(crate) fn file(root: &Path, driver: &OsStr) -> PathBuf {
    paths::below(root, "/run/hookmux").join(paths::with_ending(driver, ".lock"))
}

/// Takes the shared lock of a call. `None` if libvirt has no directory to move a script out of, or if the lock cannot be
/// taken: the call is made nevertheless.
pub(crate) fn shared(libvirts: &Path, file: &Path) -> Option<Lock> {
    if !libvirts.is_dir() {
        return None;
    }
    let file = open(file, OpenOptions::new().read(true)).ok()?;
    let until = Instant::now().checked_add(CALL_TIMEOUT)?;
    // Held only until the second byte is locked.
    hold(&file, Byte::Next, Mode::Shared, until).ok()?;
    hold(&file, Byte::Lock, Mode::Shared, until).ok()?;
    hold(&file, Byte::Next, Mode::Unlocked, until).ok()?;
    Some(Lock { _file: file })
}

/// Takes the exclusive lock: waits until no call is running and libvirt has run the scripts after it; new calls wait until
/// the lock is dropped.
///
/// libvirt reads the names of its directory once and then runs them one by one: a file that has gone when its turn comes is a
/// failure, which at `reconnect` kills a running guest. None of them may therefore run for the time of `SETTLE`.
///
/// # Errors
/// `WouldBlock` if a call took too long; those of opening the file.
pub(crate) fn exclusive(libvirts: &Path, file: &Path) -> io::Result<Lock> {
    let until = Instant::now().checked_add(EXCLUSIVE_TIMEOUT).ok_or(Errno::EINVAL)?;
    let file = open(file, OpenOptions::new().read(true).write(true))?;
    file.set_permissions(Permissions::from_mode(MODE))?;
    hold(&file, Byte::Next, Mode::Exclusive, until)?;
    hold(&file, Byte::Lock, Mode::Exclusive, until)?;
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < SETTLE {
        if runs_from(libvirts) {
            quiet_since = Instant::now();
        }
        if quiet_since > until {
            return Err(Errno::EWOULDBLOCK.into());
        }
        thread::sleep(LOOK);
    }
    Ok(Lock { _file: file })
}

fn open(path: &Path, how: &OpenOptions) -> io::Result<File> {
    let open = || how.clone().custom_flags(libc::O_NOFOLLOW).open(path);
    let make = || OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(path);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = path.parent().unwrap_or(path);
            DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
            make()?;
            open()
        }
        file => file,
    }
}

/// Reports whether a process of our own user was started with a file of that directory: as the program, or as the script
/// of an interpreter.
fn runs_from(directory: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_named = |process: &DirEntry| {
        let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let mut words = words.split(|byte| *byte == 0).take(3).map(|word| Path::new(OsStr::from_bytes(word)));
        words.any(|word| word.parent() == Some(directory))
    };
    let user = nix::unistd::geteuid();
    processes.filter(is_named).any(|process| {
        let status = std::fs::read_to_string(process.path().join("status")).unwrap_or_default();
        belongs_to(&status, user.as_raw())
    })
}

/// Reports whether all four user ids in /proc/PID/status are `user`. Any user can start a set-uid program under any name,
/// and stays its real user.
fn belongs_to(status: &str, user: u32) -> bool {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    ids.is_some_and(|ids| ids.split_whitespace().all(|id| id.parse() == Ok(user)))
}

/// Tries until the deadline, because an endless wait would hang libvirt. The lock belongs to the open file description, and
/// ends with it (`F_OFD_SETLK`).
fn hold(file: &File, byte: Byte, mode: Mode, until: Instant) -> io::Result<()> {
    // l_whence 0 is SEEK_SET: l_start counts from the beginning.
    let lock =
        libc::flock { l_type: mode as libc::c_short, l_whence: 0, l_start: byte as libc::off_t, l_len: 1, l_pid: 0 };
    loop {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&lock)) {
            Ok(_) => return Ok(()),
            Err(Errno::EAGAIN | Errno::EACCES | Errno::EINTR) if Instant::now() < until => {}
            Err(Errno::EAGAIN | Errno::EACCES) => return Err(Errno::EWOULDBLOCK.into()),
            Err(errno) => return Err(errno.into()),
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusive_lock_waits_for_calls_and_new_calls_wait_for_it() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("run")).unwrap();
        let (libvirts, file) = (root.path().join("qemu.d"), file(root.path(), OsStr::new("qemu")));
        assert!(shared(&libvirts, &file).is_none(), "nothing can be moved out of no directory");
        std::fs::create_dir(&libvirts).unwrap();
        let first = shared(&libvirts, &file);
        let second = shared(&libvirts, &file);
        assert!(first.is_some() && second.is_some(), "calls do not wait for each other");
        let began = Instant::now();
        thread::scope(|scope| {
            let mover = scope.spawn(|| exclusive(&libvirts, &file).map(|turn| (turn, began.elapsed())));
            thread::sleep(Duration::from_millis(100));
            let third = scope.spawn(|| shared(&libvirts, &file).map(|_turn| began.elapsed()));
            thread::sleep(Duration::from_millis(100));
            assert!(!mover.is_finished() && !third.is_finished(), "both wait");
            drop((first, second));
            let (turn, after) = mover.join().unwrap().unwrap();
            assert!(after >= Duration::from_millis(200) + SETTLE, "{after:?}");
            drop(turn);
            assert!(third.join().unwrap().unwrap() >= after);
        });
    }

    #[test]
    fn a_user_who_can_only_read_the_file_delays_no_call() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("run/hookmux")).unwrap();
        let (libvirts, path) = (root.path().to_owned(), file(root.path(), OsStr::new("qemu")));
        drop(shared(&libvirts, &path));
        let stranger = File::open(&path).unwrap();
        let now = Instant::now();
        assert!(
            hold(&stranger, Byte::Next, Mode::Exclusive, now).is_err(),
            "a read-only descriptor cannot hold it alone"
        );
        hold(&stranger, Byte::Next, Mode::Shared, now).unwrap();
        hold(&stranger, Byte::Lock, Mode::Shared, now).unwrap();
        assert!(shared(&libvirts, &path).is_some());
    }
}
