//! Why a script does not start, in words that say what to do. In: the script, and the errno of execve. Out: words.
//! Reads the script's first bytes, and only once something has gone wrong.
//!
//! The two that puzzle users most: a script from Windows (`#!/bin/sh\r`) is "No such file or directory", one without a
//! first line is "Exec format error".

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};

use crate::files::resolve;
use crate::printable::printable;

/// As much of a script's beginning as the kernel reads for its `#!` line (`BINPRM_BUF_SIZE`).
const FIRST_BYTES: u64 = 256;

const CRLF: &str = "its first line ends in CRLF, as on Windows (fix it: sed -i 's/\\r$//' on the file)";

/// Says why `path` could not be started.
#[must_use]
pub fn explain(path: &Path, errno: Errno) -> String {
    let noexec = || statvfs(path).is_ok_and(|system| system.flags().contains(FsFlags::ST_NOEXEC));
    match errno {
        Errno::EACCES if noexec() => "its file system is mounted noexec".into(),
        _ => in_words(errno, &first_bytes(path)),
    }
}

/// Says what is wrong with the first line of a script that did start and failed: `#!/usr/bin/env sh\r` is executed by
/// the kernel, and fails in env.
#[must_use]
pub fn first_line(path: &Path) -> Option<String> {
    let first = first_bytes(path);
    let line = interpreter(&first)?;
    (line.ends_with(b"\r") && !is_tolerant(line)).then(|| CRLF.into())
}

/// Whether the program of a first line takes CRLF for an end like any: what a script of its says is the script's word.
fn is_tolerant(line: &[u8]) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let program = words.next().unwrap_or_default().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    // `env -S` splits its one word at white space, and a carriage return is some.
    matches!(program, b"perl" | b"ruby")
        || (program == b"env" && words.next().is_some_and(|word| word.starts_with(b"-S")))
}

fn first_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    // By now a FIFO may lie there.
    if let Ok(file) = resolve::open_regular(path) {
        let _ = file.take(FIRST_BYTES).read_to_end(&mut bytes);
    }
    bytes
}

/// The `#!` line without these two bytes.
fn interpreter(first: &[u8]) -> Option<&[u8]> {
    first.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()
}

fn in_words(errno: Errno, first: &[u8]) -> String {
    let interpreter = interpreter(first);
    let program = interpreter.map(|line| {
        let path = line.trim_ascii().split(|byte| *byte == b' ' || *byte == b'\t').next().unwrap_or_default();
        printable(OsStr::from_bytes(path))
    });
    match (errno, program) {
        (Errno::ENOENT, _) if interpreter.is_some_and(|line| line.ends_with(b"\r")) => CRLF.into(),
        (Errno::ENOENT, Some(program)) => {
            format!("its interpreter {program} does not exist (install it, or fix line 1)")
        }
        (Errno::ENOENT, None) if first.is_empty() => "it has gone since the directory was read".into(),
        (Errno::ENOENT, None) => "the loader that it needs does not exist (built for another system?)".into(),
        (Errno::ENOEXEC, _) if first.starts_with(b"\xef\xbb\xbf#!") => {
            "it starts with a byte order mark (save it as plain UTF-8, so that #! comes first)".into()
        }
        (Errno::ENOEXEC, Some(program)) => format!("its interpreter {program} is no program for this machine"),
        (Errno::ENOEXEC, None) if first.starts_with(b"\x7fELF") => "it is a program for another machine".into(),
        (Errno::ENOEXEC, None) => "it has no #! line (add one as its first line, such as #!/bin/sh)".into(),
        (Errno::EACCES, Some(program)) => format!(
            "permission denied: its interpreter {program} may not be executed, or AppArmor or SELinux forbids it \
             (see the audit log; SELinux: restorecon)"
        ),
        (Errno::EACCES, None) => {
            "permission denied: AppArmor or SELinux may forbid it (see the audit log; SELinux: restorecon)".into()
        }
        (Errno::ETXTBSY, _) => "somebody is still writing to it".into(),
        (Errno::ELOOP, _) => "its interpreter is a script, whose interpreter is a script, and so on".into(),
        (Errno::EMFILE | Errno::ENFILE, _) => "no file descriptor is left".into(),
        (Errno::EAGAIN, _) => "no process is left: a limit on processes is reached".into(),
        (Errno::ENOMEM, _) => "no memory is left".into(),
        (Errno::E2BIG, _) => "its arguments and environment are too long".into(),
        (errno, _) => errno.desc().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_obstacle_is_named_in_plain_words() {
        let rows: [(Errno, &[u8], &str); 13] = [
            (Errno::ENOENT, b"#!/bin/sh\r\nexit 0\r\n", "CRLF"),
            (Errno::ENOENT, b"#!/bin/sh -e\r\n", "CRLF"),
            (Errno::ENOENT, b"#! /opt/no/python3 -u\n", "interpreter /opt/no/python3 does not exist"),
            (Errno::ENOENT, b"#!/opt/no/sh", "interpreter /opt/no/sh does not exist"),
            (Errno::ENOENT, b"\x7fELF", "loader"),
            (Errno::ENOENT, b"", "gone"),
            (Errno::ENOEXEC, b"echo hello\n", "no #! line"),
            (Errno::ENOEXEC, b"\xef\xbb\xbf#!/bin/sh\n", "byte order mark"),
            (Errno::ENOEXEC, b"\x7fELF", "another machine"),
            (Errno::ENOEXEC, b"#!/etc/passwd\n", "/etc/passwd is no program"),
            (Errno::EACCES, b"#!/etc/passwd\n", "/etc/passwd may not be executed"),
            (Errno::EAGAIN, b"#!/bin/sh\n", "limit on processes"),
            (Errno::EIO, b"#!/bin/sh\n", "i/o error"),
        ];
        for (errno, first, expected) in rows {
            let words = in_words(errno, first);
            assert!(words.contains(expected), "{errno} {}: {words}", first.escape_ascii());
        }
    }

    #[test]
    fn a_first_line_is_only_blamed_for_its_own_ending() {
        let scratch = tempfile::tempdir().unwrap();
        let blamed = |text: &str| {
            let path = scratch.path().join("script");
            std::fs::write(&path, text).unwrap();
            first_line(&path).is_some()
        };
        assert_eq!(
            [blamed("#!/usr/bin/env sh\r\n"), blamed("#!/bin/sh\nexit 1\r\n"), blamed("\r\n")],
            [true, false, false]
        );
        let tolerant = ["#!/usr/bin/perl -w\r\n", "#!/usr/bin/env -S sh -e\r\n", "#! /usr/bin/ruby -w\r\n"];
        assert_eq!(tolerant.map(blamed), [false; 3]);
        assert!(blamed("#!/bin/bash -e\r\n"));
        assert_eq!(first_line(Path::new("/nowhere")), None);
    }
}
