//! Names that keep a file from being run or read. In: a file name. Out: why it is ignored. Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Endings that editors, package managers and patch leave behind; the list of QEMU's own fsfreeze-hook is among them.
const LEFTOVERS: &[&str] = &[
    "~",
    ".bak",
    ".orig",
    ".rej",
    ".swp",
    ".tmp",
    ".sample",
    ".disabled",
    ".rpmnew",
    ".rpmsave",
    ".rpmorig",
    ".pacnew",
    ".pacsave",
];

/// Leftovers with a word after these: `10-net.dpkg-old`, `10-net.ucf-dist`.
const LEFTOVER_PARTS: &[&str] = &[".dpkg-", ".ucf-"];

/// The reason why a file with such a name is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// The name starts with a dot.
    DotFile,
    /// The name has this ending, or this part, which editors and package managers leave behind.
    Leftover(&'static str),
}

/// Returns why a file with this name is ignored; `None` if the name is that of a script or of a settings file.
#[must_use]
pub fn ignored(name: &OsStr) -> Option<Ignored> {
    let name = name.as_bytes();
    if name.starts_with(b".") {
        return Some(Ignored::DotFile);
    }
    let ends = |ending: &str| name.ends_with(ending.as_bytes());
    let contains = |part: &str| name.windows(part.len()).any(|window| window == part.as_bytes());
    let leftover = LEFTOVERS.iter().find(|ending| ends(ending));
    leftover.or_else(|| LEFTOVER_PARTS.iter().find(|part| contains(part))).map(|ending| Ignored::Leftover(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_and_dot_files_are_ignored() {
        let ignored = |name: &str| ignored(OsStr::new(name));
        for name in [".x", "...", ".10-a.bak"] {
            assert_eq!(ignored(name), Some(Ignored::DotFile), "{name}");
        }
        let leftovers = "a~ a.bak a.orig a.rej a.swp a.tmp a.sample a.disabled a.rpmnew a.rpmsave a.rpmorig a.dpkg-old \
            a.dpkg-dist a.dpkg-new a.ucf-dist a.ucf-old a.pacnew a.pacsave 10-net.dpkg-bak";
        for name in leftovers.split_whitespace() {
            assert!(matches!(ignored(name), Some(Ignored::Leftover(_))), "{name}");
        }
        for name in "a a.sh a.py 10-bak bak samples 10.tmpl dpkg-x a.back orig -x a.d".split_whitespace() {
            assert_eq!(ignored(name), None, "{name}");
        }
    }
}
