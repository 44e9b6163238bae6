//! The reason why a script does not start. In: the script, and the errno of execve. Out: a phrase with what to do.
//! Reads the script's first bytes, and only after a failure.
//!
//! The two most confusing errors: a script from Windows (`#!/bin/sh\r`) yields "No such file or directory", one without a
//! `#!` line yields "Exec format error".

use std::path::Path;

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};

use crate::files::resolve;
use crate::printable;
use crate::run::shebang::Beginning;

/// The number of bytes of a script that the kernel reads for its `#!` line (`BINPRM_BUF_SIZE`).
const FIRST_BYTES: u64 = 256;

const CRLF: &str = "its first line ends in CRLF, as on Windows (fix it: sed -i 's/\\r$//' on the file)";

/// Returns why `path` could not be started.
pub(super) fn explain(path: &Path, errno: Errno) -> String {
    let noexec = || statvfs(path).is_ok_and(|system| system.flags().contains(FsFlags::ST_NOEXEC));
    if errno == Errno::EACCES && noexec() {
        return "its file system is mounted noexec".into();
    }
    describe(errno, &beginning(path))
}

/// Returns what is wrong with the first line of a script that did start and failed: the kernel executes
/// `#!/usr/bin/env sh\r`, and env fails.
pub(super) fn first_line(path: &Path) -> Option<String> {
    matches!(beginning(path), Beginning::Shebang { crlf: true, .. }).then(|| CRLF.into())
}

fn beginning(path: &Path) -> Beginning {
    // Another file, such as a FIFO, may have replaced the script by now.
    Beginning::new(&resolve::read(Path::new(resolve::HOST), path, FIRST_BYTES).unwrap_or_default())
}

fn describe(errno: Errno, beginning: &Beginning) -> String {
    use Beginning::{ByteOrderMark, Elf, Empty, Shebang};
    let program = match beginning {
        Shebang { program, .. } => printable::printable(program),
        _ => String::new(),
    };
    match (errno, beginning) {
        (Errno::ENOENT, Shebang { crlf: true, .. }) => CRLF.into(),
        (Errno::ENOENT, Shebang { .. }) => {
            format!("its interpreter {program} does not exist (install it, or fix line 1)")
        }
        (Errno::ENOENT, Empty) => "it was deleted after the directory was read".into(),
        (Errno::ENOENT, _) => "the loader that it needs does not exist (built for another system?)".into(),
        (Errno::ENOEXEC, ByteOrderMark) => {
            "it starts with a byte order mark (save it as plain UTF-8, so that #! comes first)".into()
        }
        (Errno::ENOEXEC, Shebang { .. }) => format!("its interpreter {program} is not a program for this machine"),
        (Errno::ENOEXEC, Elf) => "it is a program for another machine".into(),
        (Errno::ENOEXEC, _) => "it has no #! line (add one as its first line, such as #!/bin/sh)".into(),
        (Errno::EACCES, Shebang { .. }) => format!(
            "permission denied: its interpreter {program} may not be executed, or AppArmor or SELinux forbids it (see the \
             audit log; SELinux: restorecon)"
        ),
        (Errno::EACCES, _) => {
            "permission denied: AppArmor or SELinux may forbid it (see the audit log; SELinux: restorecon)".into()
        }
        (Errno::ETXTBSY, _) => "a process has it open for writing".into(),
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
    fn each_errno_is_explained() {
        let rows: [(Errno, &[u8], &str); 13] = [
            (Errno::ENOENT, b"#!/bin/sh\r\nexit 0\r\n", "CRLF"),
            (Errno::ENOENT, b"#!/bin/sh -e\r\n", "CRLF"),
            (Errno::ENOENT, b"#! /opt/no/python3 -u\n", "interpreter /opt/no/python3 does not exist"),
            (Errno::ENOENT, b"#!/opt/no/sh", "interpreter /opt/no/sh does not exist"),
            (Errno::ENOENT, b"\x7fELF", "loader"),
            (Errno::ENOENT, b"", "was deleted"),
            (Errno::ENOEXEC, b"echo hello\n", "no #! line"),
            (Errno::ENOEXEC, b"\xef\xbb\xbf#!/bin/sh\n", "byte order mark"),
            (Errno::ENOEXEC, b"\x7fELF", "another machine"),
            (Errno::ENOEXEC, b"#!/etc/passwd\n", "/etc/passwd is not a program"),
            (Errno::EACCES, b"#!/etc/passwd\n", "/etc/passwd may not be executed"),
            (Errno::EAGAIN, b"#!/bin/sh\n", "limit on processes"),
            (Errno::EIO, b"#!/bin/sh\n", "i/o error"),
        ];
        for (errno, first, expected) in rows {
            let reason = describe(errno, &Beginning::new(first));
            assert!(reason.contains(expected), "{errno} {}: {reason}", first.escape_ascii());
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
            [blamed("#!/usr/bin/env sh\r\n"), blamed("#!/usr/bin/perl -w\r\n"), blamed("#!/bin/sh\n"), blamed("\r\n")],
            [true, false, false, false]
        );
        assert_eq!(first_line(Path::new("/nowhere")), None);
    }
}
