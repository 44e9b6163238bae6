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
    /// Returns the variables of an environment, `NAME=value`.
    pub(crate) fn variables<N: AsRef<OsStr>, V: AsRef<OsStr>>(variables: impl Iterator<Item = (N, V)>) -> Self {
        // Room for the few variables that libvirt passes on, and hookmux's.
        let mut builder = StringsBuilder::new(1 << 10);
        for (name, value) in variables {
            builder.add(&[name.as_ref(), OsStr::new("="), value.as_ref()]);
        }
        builder.finish()
    }

    /// Returns the array, for execve.
    pub(super) fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

impl<S: AsRef<OsStr>> FromIterator<S> for Strings {
    fn from_iter<T: IntoIterator<Item = S>>(from: T) -> Self {
        // Room for the arguments of a call. For more than this, musl maps a page for each script, and unmaps it.
        let mut builder = StringsBuilder::new(1 << 8);
        for string in from {
            builder.add(&[string.as_ref()]);
        }
        builder.finish()
    }
}

/// [`Strings`] without their pointers, which are taken once the bytes no longer move.
struct StringsBuilder {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl StringsBuilder {
    fn new(room: usize) -> Self {
        Self { bytes: Vec::with_capacity(room), starts: Vec::with_capacity(room >> 5) }
    }

    /// Adds one string, made of parts. What comes from the kernel contains no NUL; a part that does is cut there.
    fn add(&mut self, parts: &[&OsStr]) {
        self.starts.push(self.bytes.len());
        for part in parts {
            let until_nul = part.as_bytes().split(|byte| *byte == 0).next();
            self.bytes.extend_from_slice(until_nul.unwrap_or_default());
        }
        self.bytes.push(0);
    }

    fn finish(self) -> Strings {
        let first: *const c_char = self.bytes.as_ptr().cast();
        let pointers = self.starts.into_iter().map(|start| first.wrapping_add(start)).chain([ptr::null()]).collect();
        Strings { bytes: self.bytes, pointers }
    }
}

/// A program and what it starts with.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    /// The file to execute; PATH is not searched.
    pub(super) program: &'a CStr,
    /// argv, the program's own name first.
    pub(super) argv: &'a Strings,
    /// The environment, `NAME=value`.
    pub(super) environment: &'a Strings,
    /// Become its descriptors 0, 1 and 2; must not be one of these three.
    pub(super) streams: [BorrowedFd<'a>; 3],
    /// Whether it gets a session of its own, and not only a process group.
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
        let arguments: Strings = ["/h/a b", "", "-", "cut\0here", &long].into_iter().collect();
        assert_eq!(read(&arguments), ["/h/a b", "", "-", "cut", &long]);
        let moved = Some(Strings::variables([("A", "1"), ("EMPTY", ""), ("B", "x=y")].into_iter()));
        assert_eq!(read(moved.as_ref().unwrap()), ["A=1", "EMPTY=", "B=x=y"]);
        assert_eq!(arguments.pointers.last().copied(), Some(ptr::null()));
        assert_eq!(read(&std::iter::empty::<&OsStr>().collect()), [""; 0]);
    }
}
