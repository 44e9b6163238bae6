//! Recognizes hookmux itself among the files that libvirt calls. In: a path. Out: whether hookmux lies there. Reads.

use std::fs::{self, File};
use std::hint;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::files::resolve::{self, FileFacts, FileKind, HOST};

/// Aligned to its own length, in memory and therefore in the program's file.
#[repr(align(64))]
pub(crate) struct Mark(pub(crate) [u8; 64]);

/// Contained in every hookmux program, so that a copy is recognized whatever its version.
pub(crate) static MARK: Mark = Mark(*b"hookmux: a hook for libvirt 5e1d6c0a-2f7b-4b0e-9a34-7d1f0c8e6b52");

/// Fewer bytes than any build of hookmux has, and more than any script: what is smaller is not looked into.
const SMALLEST: u64 = 1 << 19;

/// The program that libvirt calls as a driver's main hook, `base/<driver>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Main {
    /// Nothing that can be executed.
    Nothing,
    Hookmux,
    Another,
}

/// Returns what libvirt calls at `path`, on a system whose root directory is `root`.
pub(crate) fn main_hook(root: &Path, path: &Path) -> Main {
    if root != Path::new(HOST) {
        let target = resolve::resolve(root, path).target;
        return target.map_or(Main::Nothing, |file| main_hook(Path::new(HOST), &file.path));
    }
    // As libvirt itself asks (virFileIsExecutable).
    match fs::metadata(path) {
        Ok(file) if file.is_file() && file.mode() & 0o111 != 0 => {
            if file.len() >= SMALLEST && is_hookmux(path) {
                Main::Hookmux
            } else {
                Main::Another
            }
        }
        _ => Main::Nothing,
    }
}

/// The paths at which packages install the programs that hooks lead to: the host's program for hooks, the guest's
/// program, and the command line.
pub(crate) const INSTALLED: [&str; 3] = ["/usr/bin/hookmux-hook", "/usr/bin/hookmux-guest", "/usr/bin/hookmux"];

/// Reports whether what lies at `path` and leads to `target` is hookmux. A link to where packages have it is, even if it is
/// not there: it was removed, or the link is an image's.
pub(crate) fn leads_to_hookmux(path: &Path, target: Result<&FileFacts, &Errno>) -> bool {
    let is_installed = |text: PathBuf| INSTALLED.iter().any(|installed| text == Path::new(installed));
    let Ok(file) = target else { return fs::read_link(path).is_ok_and(is_installed) };
    // Other names are not read on: scripts may be large.
    let is_named = || file.path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"hookmux"));
    let is_ours = || if is_named() { is_hookmux(&file.path) } else { is_running(&file.path) };
    file.kind == FileKind::Regular && file.size >= SMALLEST && is_ours()
}

/// Reports whether a file is this program, or another version of it.
pub(crate) fn is_hookmux(path: &Path) -> bool {
    is_running(path) || has_mark(path).unwrap_or(false)
}

/// Reports whether the process that runs now was started from this file, or from another link to it.
fn is_running(path: &Path) -> bool {
    let (Ok(ours), Ok(theirs)) = (fs::metadata("/proc/self/exe"), fs::metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino())
}

/// Reports whether a file is a program with the mark of hookmux in it.
fn has_mark(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut bytes = vec![0; 4];
    if file.read_exact(&mut bytes).is_err() || bytes != b"\x7fELF" {
        return Ok(false);
    }
    file.read_to_end(&mut bytes)?;
    // Not inlined as numbers, which would not be a mark.
    let mark = &hint::black_box(&MARK).0;
    Ok(bytes.chunks_exact(mark.len()).any(|chunk| chunk == mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_main_hook_is_hookmux_another_program_or_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        let big = vec![0; usize::try_from(SMALLEST).unwrap()];
        let files: [(&str, &[&[u8]], u32); 4] = [
            ("script", &[b"#!/bin/sh\n"], 0o755),
            ("switched-off", &[b"#!/bin/sh\n"], 0o644),
            ("older", &[b"\x7fELF", &[0; 60], &big, &MARK.0], 0o755),
            ("compiled", &[b"\x7fELF", &big], 0o755),
        ];
        for (name, parts, mode) in files {
            fs::write(at(name), parts.concat()).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink(std::env::current_exe().unwrap(), at("link")).unwrap();
        symlink("nowhere", at("broken")).unwrap();
        let rows = [
            ("script", Main::Another),
            ("switched-off", Main::Nothing),
            ("older", Main::Hookmux),
            ("compiled", Main::Another),
            ("link", Main::Hookmux),
            ("broken", Main::Nothing),
            ("missing", Main::Nothing),
            (".", Main::Nothing),
        ];
        assert_eq!(rows.map(|(name, _)| (name, main_hook(Path::new(HOST), &at(name)))), rows);
    }
}
