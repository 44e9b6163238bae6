//! Keeps calls and `hookmux adopt` apart. In: libvirt's own directory of a driver, and ours. Out: a lock, held as long as
//! the value lives. Does.
//!
//! A call decides at its beginning which scripts it leaves to libvirt, and libvirt looks for them once the hook has ended.
//! A script that moved in between would run in neither place, and one that moved while both directories are being read
//! might run in both. So a call holds libvirt's directory shared from before it reads anything until it has its answer,
//! and whoever moves a script out of it holds it alone.
//!
//! flock lets readers pass a writer that waits: where calls overlap, its turn would never come. So both pass through our
//! own directory first, and the writer stays in that door.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

/// How long a call waits for somebody who moves scripts: longer than [`MOVER_PATIENCE`] and [`SETTLE`] together, and then
/// it goes on all the same.
const CALL_PATIENCE: Duration = Duration::from_secs(10);

/// How long somebody who moves scripts waits for the calls that are under way, while new ones wait for him.
const MOVER_PATIENCE: Duration = Duration::from_secs(5);

/// From a hook's end to libvirt's look into its directory, and from one script's end in there to the next one's start:
/// below a millisecond, and this is for a machine that has other things to do as well.
const SETTLE: Duration = Duration::from_millis(250);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(2);

/// Between two looks at all processes.
const LOOK: Duration = Duration::from_millis(10);

/// A turn; it ends with this value.
#[derive(Debug)]
pub struct Turn {
    _locks: Vec<Flock<File>>,
}

/// Begins a call. `None` where libvirt has no directory that something could be moved out of, or where a lock cannot be
/// had: a call is made all the same.
#[must_use]
pub fn enter(libvirts: &Path, ours: &Path) -> Option<Turn> {
    let inner = open(libvirts).ok()?;
    let until = Instant::now().checked_add(CALL_PATIENCE)?;
    // Held for a moment only.
    let outer = open(ours).ok().map(|outer| lock(outer, FlockArg::LockSharedNonblock, until));
    let inner = lock(inner, FlockArg::LockSharedNonblock, until).ok()?;
    drop(outer);
    Some(Turn { _locks: vec![inner] })
}

/// Waits until no call is under way and libvirt has run what came after it; new ones wait until the turn ends.
///
/// libvirt reads the names of its directory once and then runs them one by one: one that had gone by its turn would be a
/// failure, and at `reconnect` the end of a running guest. So none of these may run for the while of [`SETTLE`].
///
/// # Errors
/// `WouldBlock` if a call took too long; those of opening the directories.
pub fn alone(libvirts: &Path, ours: &Path) -> io::Result<Turn> {
    let until = Instant::now().checked_add(MOVER_PATIENCE).ok_or(Errno::EINVAL)?;
    let outer = lock(open(ours)?, FlockArg::LockExclusiveNonblock, until)?;
    let inner = lock(open(libvirts)?, FlockArg::LockExclusiveNonblock, until)?;
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
    Ok(Turn { _locks: vec![outer, inner] })
}

fn open(directory: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlag::O_DIRECTORY.bits()).open(directory)
}

/// Whether a process was started with a file of that directory: as the program, or as the script of an interpreter.
fn someone_runs_from(directory: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok()).any(|words| {
        let words = words.split(|byte| *byte == 0).take(3).map(|word| Path::new(OsStr::from_bytes(word)));
        words.into_iter().any(|word| word.parent() == Some(directory))
    })
}

/// Tries until it is too late: a wait that nothing ends would hang libvirt.
fn lock(mut file: File, how: FlockArg, until: Instant) -> io::Result<Flock<File>> {
    loop {
        match Flock::lock(file, how) {
            Ok(lock) => return Ok(lock),
            Err((again, Errno::EWOULDBLOCK | Errno::EINTR)) if Instant::now() < until => file = again,
            Err((_, errno)) => return Err(errno.into()),
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
        let (libvirts, ours) = (root.path().join("a"), root.path().join("b"));
        assert!(enter(&libvirts, &ours).is_none(), "nothing can be moved out of no directory");
        std::fs::create_dir(&libvirts).unwrap();
        let first = enter(&libvirts, &ours);
        assert!(first.is_some(), "without ours, nobody can move anything into it yet");
        std::fs::create_dir(&ours).unwrap();
        let second = enter(&libvirts, &ours);
        assert!(second.is_some(), "calls do not wait for each other");
        let began = Instant::now();
        thread::scope(|scope| {
            let mover = scope.spawn(|| alone(&libvirts, &ours).map(|turn| (turn, began.elapsed())));
            thread::sleep(Duration::from_millis(100));
            let third = scope.spawn(|| enter(&libvirts, &ours).map(|_turn| began.elapsed()));
            thread::sleep(Duration::from_millis(100));
            assert!(!mover.is_finished() && !third.is_finished(), "both wait");
            drop((first, second));
            let (turn, after) = mover.join().unwrap().unwrap();
            assert!(after >= Duration::from_millis(200) + SETTLE, "{after:?}");
            drop(turn);
            assert!(third.join().unwrap().unwrap() >= after);
        });
    }
}
