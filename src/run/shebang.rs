//! The `#!` line, as the kernel and the interpreters read it. In: a script's first bytes. Out: how it begins. Pure.

/// The beginning of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// It is empty, or could not be read.
    Empty,
    Elf,
    /// A byte order mark precedes its `#!`.
    ByteOrderMark,
    NoShebang,
    Shebang {
        program: String,
        /// The text that follows the program, which the kernel passes as one argument.
        argument: String,
        /// True if the line ends in CRLF and fails for that.
        crlf: bool,
    },
}

impl Beginning {
    /// Reads the beginning of a file; 256 bytes are as much as the kernel reads (`BINPRM_BUF_SIZE`).
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match first.strip_prefix(b"#!") {
            Some(line) => shebang(line),
            None if bytes.is_empty() => Self::Empty,
            None if bytes.starts_with(b"\x7fELF") => Self::Elf,
            None if bytes.starts_with(b"\xef\xbb\xbf#!") => Self::ByteOrderMark,
            None => Self::NoShebang,
        }
    }
}

fn shebang(line: &[u8]) -> Beginning {
    let text = String::from_utf8_lossy(line);
    let (program, argument) = text.trim().split_once([' ', '\t']).unwrap_or((text.trim(), ""));
    let argument = argument.trim();
    let crlf = line.ends_with(b"\r") && !takes_crlf(program, argument);
    Beginning::Shebang { program: program.to_owned(), argument: argument.to_owned(), crlf }
}

/// Reports whether an interpreter takes CRLF for the end of a line like any: the carriage return must be part of its
/// argument (otherwise the kernel looks for a file whose name ends in it), and `env -S` splits that at white space.
fn takes_crlf(program: &str, argument: &str) -> bool {
    match program.rsplit('/').next().unwrap_or_default() {
        "perl" | "ruby" => !argument.is_empty(),
        "env" => argument.starts_with("-S"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(program: &str, argument: &str, crlf: bool) -> Beginning {
        Beginning::Shebang { program: program.into(), argument: argument.into(), crlf }
    }

    #[test]
    fn a_beginning_is_read_as_the_kernel_reads_it() {
        let rows: [(&[u8], Beginning); 9] = [
            (b"#!/bin/sh\necho\n", with("/bin/sh", "", false)),
            (b"#! /usr/bin/env  python3 -u\n", with("/usr/bin/env", "python3 -u", false)),
            (b"#!/bin/sh", with("/bin/sh", "", false)),
            (b"#!\n", with("", "", false)),
            (b"\xef\xbb\xbf#!/bin/sh\n", Beginning::ByteOrderMark),
            (b"echo\n", Beginning::NoShebang),
            (b"\n#!/bin/sh\n", Beginning::NoShebang),
            (b"\x7fELF...", Beginning::Elf),
            (b"", Beginning::Empty),
        ];
        for (bytes, expected) in rows {
            assert_eq!(Beginning::new(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn crlf_is_blamed_only_where_the_script_fails_for_it() {
        let rows = [
            ("#!/bin/sh\r\necho\r\n", with("/bin/sh", "", true)),
            ("#!/bin/bash -e\r\n", with("/bin/bash", "-e", true)),
            ("#!/usr/bin/env sh\r\n", with("/usr/bin/env", "sh", true)),
            ("#!/usr/bin/perl\r\n", with("/usr/bin/perl", "", true)),
            ("#!/usr/bin/perl -w\r\n", with("/usr/bin/perl", "-w", false)),
            ("#! /usr/bin/ruby -w\r\n", with("/usr/bin/ruby", "-w", false)),
            ("#!/usr/bin/env -S sh -e\r\n", with("/usr/bin/env", "-S sh -e", false)),
        ];
        for (text, expected) in rows {
            assert_eq!(Beginning::new(text.as_bytes()), expected, "{text:?}");
        }
    }
}
