//! A program, its arguments and its environment, as execve expects them. Pure.

use std::ffi::{CStr, OsStr, c_char};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::ptr;

/// Strings as execve expects them: each ends with NUL, all in one piece of memory, with an array of pointers to them that
/// ends with null.
#[derive(Debug)]
pub(crate) struct Strings {
    #[allow(dead_code, reason = "owns what the pointers point to: its bytes do not move when the vector does")]
    bytes: Vec<u8>,
    pointers: Vec<*const c_char>,
}

impl Strings {
    /// Returns the arguments of a program, its own name first.
    pub(super) fn arguments<'s>(arguments: impl Iterator<Item = &'s OsStr>) -> Self {
        // Room for the arguments of a call. For more than this, musl maps a page for each script, and unmaps it.
        Self::new(1 << 8, arguments.map(|argument| [argument]))
    }

    /// Returns the variables of an environment, `NAME=value`.
    pub(crate) fn variables<'s>(variables: impl Iterator<Item = (&'s OsStr, &'s OsStr)>) -> Self {
        // Room for the few variables that libvirt passes on, and hookmux's.
        Self::new(1 << 10, variables.map(|(name, value)| [name, OsStr::new("="), value]))
    }

    /// Joins the parts of each string. What comes from the kernel contains no NUL; a part that does is cut there.
    fn new<'s, const N: usize>(room: usize, strings: impl Iterator<Item = [&'s OsStr; N]>) -> Self {
        let mut bytes = Vec::with_capacity(room);
        let mut starts = Vec::with_capacity(room >> 5);
        for parts in strings {
            starts.push(bytes.len());
            for part in parts {
                let until_nul = part.as_bytes().split(|byte| *byte == 0).next();
                bytes.extend_from_slice(until_nul.unwrap_or_default());
            }
            bytes.push(0);
        }
        // The bytes no longer move.
        let first: *const c_char = bytes.as_ptr().cast();
        let pointers = starts.into_iter().map(|start| first.wrapping_add(start)).chain([ptr::null()]).collect();
        Self { bytes, pointers }
    }

    pub(super) fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

/// A program and what it starts with.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    /// The file to execute; PATH is not searched.
    pub(super) program: &'a CStr,
    pub(super) argv: &'a Strings,
    pub(super) environment: &'a Strings,
    /// Become its descriptors 0, 1 and 2; must not be one of these three.
    pub(super) streams: [BorrowedFd<'a>; 3],
    /// True if it gets a session of its own, and not only a process group.
    pub(super) session: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(strings: &Strings) -> Vec<String> {
        let first = strings.bytes.as_ptr().addr();
        let offsets = strings
            .pointers
            .iter()
            .filter(|pointer| !pointer.is_null())
            .map(|pointer| pointer.addr().wrapping_sub(first));
        let until_nul = |at: usize| strings.bytes[at..].split(|byte| *byte == 0).next().unwrap().to_vec();
        offsets.map(|at| String::from_utf8(until_nul(at)).unwrap()).collect()
    }

    #[test]
    fn arguments_and_variables_are_as_execve_expects_them() {
        let long = "x".repeat(5000);
        let arguments = Strings::arguments(["/h/a b", "", "-", "cut\0here", &long].into_iter().map(OsStr::new));
        assert_eq!(read(&arguments), ["/h/a b", "", "-", "cut", &long]);
        let variables = [("A", "1"), ("EMPTY", ""), ("B", "x=y")];
        let variables = variables.into_iter().map(|(name, value)| (OsStr::new(name), OsStr::new(value)));
        let moved = Some(Strings::variables(variables));
        assert_eq!(read(moved.as_ref().unwrap()), ["A=1", "EMPTY=", "B=x=y"]);
        assert_eq!(arguments.pointers.last().copied(), Some(ptr::null()));
        assert_eq!(read(&Strings::arguments(std::iter::empty())), [""; 0]);
    }
}
