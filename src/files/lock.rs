//! Keeps calls and `hookmux adopt` apart. In: libvirt's own directory of a driver, and a file that stands for it. Out: a
//! lock, held as long as the value lives. Does.
//!
//! A call decides at its beginning which scripts it leaves to libvirt, and libvirt looks for them once the hook has ended.
//! A script that moved in between would run in neither place, and one that moved while both directories are being read
//! might run in both. So a call holds the lock shared from before it reads anything until it has its answer, and whoever
//! moves a script out of libvirt's directory holds it alone.
//!
//! Readers of a lock pass a writer that waits: where calls overlap, its turn would never come. So both pass through a door
//! first, the file's first byte, and the writer stays in that door; the lock is its second byte.
//!
//! The file is root's, and holding it alone takes the right to write to it: flock on a directory that everybody may read
//! would let any user hold up every guest's start. Others can at most keep `adopt` waiting, which then gives up.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use crate::files::paths;

/// How long a call waits for somebody who moves scripts: longer than [`EXCLUSIVE_TIMEOUT`] and [`SETTLE`] together, and then
/// it goes on all the same.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long somebody who moves scripts waits for the calls that are under way, while new ones wait for him.
const EXCLUSIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// From a hook's end to libvirt's look into its directory, and from one script's end in there to the next one's start:
/// below a millisecond, and this is for a machine that has other things to do as well.
const SETTLE: Duration = Duration::from_millis(250);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(2);

/// Between two looks at all processes.
const LOOK: Duration = Duration::from_millis(10);

/// A turn; it ends with this value.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The two bytes of the file.
#[derive(Debug, Clone, Copy)]
enum Byte {
    Door = 0,
    Lock = 1,
}

/// How a byte is held.
#[derive(Debug, Clone, Copy)]
enum How {
    Shared = libc::F_RDLCK as isize,
    Alone = libc::F_WRLCK as isize,
    NotAtAll = libc::F_UNLCK as isize,
}

/// The file that stands for a driver's directories below `root`.
#[must_use]
pub fn file(root: &Path, driver: &OsStr) -> PathBuf {
    let mut name = driver.to_owned();
    name.push(".lock");
    paths::below(root, "/run/hookmux").join(name)
}

/// Begins a call. `None` where libvirt has no directory that something could be moved out of, or where the lock cannot be
/// had: a call is made all the same.
#[must_use]
pub fn shared(libvirts: &Path, file: &Path) -> Option<Lock> {
    if !libvirts.is_dir() {
        return None;
    }
    let file = open(file, OpenOptions::new().read(true)).ok()?;
    let until = Instant::now().checked_add(CALL_TIMEOUT)?;
    // Held for a moment only.
    hold(&file, Byte::Door, How::Shared, until).ok()?;
    hold(&file, Byte::Lock, How::Shared, until).ok()?;
    hold(&file, Byte::Door, How::NotAtAll, until).ok()?;
    Some(Lock { _file: file })
}

/// Waits until no call is under way and libvirt has run what came after it; new ones wait until the turn ends.
///
/// libvirt reads the names of its directory once and then runs them one by one: one that had gone by its turn would be a
/// failure, and at `reconnect` the end of a running guest. So none of these may run for the while of `SETTLE`.
///
/// # Errors
/// `WouldBlock` if a call took too long; those of opening the file.
pub fn exclusive(libvirts: &Path, file: &Path) -> io::Result<Lock> {
    let until = Instant::now().checked_add(EXCLUSIVE_TIMEOUT).ok_or(Errno::EINVAL)?;
    let file = open(file, OpenOptions::new().read(true).write(true))?;
    hold(&file, Byte::Door, How::Alone, until)?;
    hold(&file, Byte::Lock, How::Alone, until)?;
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < SETTLE {
        if someone_runs_from(libvirts) {
            quiet_since = Instant::now();
        }
        if quiet_since > until {
            return Err(Errno::EWOULDBLOCK.into());
        }
        thread::sleep(LOOK);
    }
    Ok(Lock { _file: file })
}

/// Opens the file, and makes it and its directory if need be.
fn open(path: &Path, how: &OpenOptions) -> io::Result<File> {
    let open = || how.clone().custom_flags(libc::O_NOFOLLOW).open(path);
    let make = || OpenOptions::new().write(true).create(true).truncate(false).mode(0o644).open(path);
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

/// Whether a process was started with a file of that directory: as the program, or as the script of an interpreter.
fn someone_runs_from(directory: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok()).any(|words| {
        let words = words.split(|byte| *byte == 0).take(3).map(|word| Path::new(OsStr::from_bytes(word)));
        words.into_iter().any(|word| word.parent() == Some(directory))
    })
}

/// Tries until it is too late: a wait that nothing ends would hang libvirt. The lock belongs to the open file, and ends
/// with it (`F_OFD_SETLK`).
fn hold(file: &File, byte: Byte, how: How, until: Instant) -> io::Result<()> {
    // l_whence 0 is SEEK_SET: l_start counts from the beginning.
    let lock =
        libc::flock { l_type: how as libc::c_short, l_whence: 0, l_start: byte as libc::off_t, l_len: 1, l_pid: 0 };
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
    fn a_mover_waits_for_calls_and_new_calls_wait_for_the_mover() {
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
    fn who_may_only_read_the_file_holds_no_call_up() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("run/hookmux")).unwrap();
        let (libvirts, path) = (root.path().to_owned(), file(root.path(), OsStr::new("qemu")));
        drop(shared(&libvirts, &path));
        let stranger = File::open(&path).unwrap();
        let now = Instant::now();
        assert!(hold(&stranger, Byte::Door, How::Alone, now).is_err(), "a read-only descriptor cannot hold it alone");
        hold(&stranger, Byte::Door, How::Shared, now).unwrap();
        hold(&stranger, Byte::Lock, How::Shared, now).unwrap();
        assert!(shared(&libvirts, &path).is_some());
    }
}
