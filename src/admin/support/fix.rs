//! The command that fixes something. In: what is wrong. Out: a command of the shell's. Pure, but for a look at whether a
//! name is free.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::files::ignored::Ignored;
use crate::plan::admission::Skip;
use crate::printable::quoted;
use crate::settings::Origin;

/// What makes a script run that is passed over, or takes away what is no script.
pub(crate) fn skip(path: &Path, skip: &Skip) -> String {
    let at = quoted(path);
    match skip {
        Skip::NotExecutable => format!("chmod +x {at}"),
        Skip::Name(name) => unignored(path, *name),
        Skip::Masked | Skip::NotRegular | Skip::BrokenLink(_) | Skip::Hookmux => format!("rm {at}"),
        Skip::Hidden(by) if is_mask(by) => format!("rm {}", quoted(by)),
        Skip::Hidden(_) => {
            let mut other = path.as_os_str().to_owned();
            other.push("-too");
            format!("mv -n {at} {}", quoted(Path::new(&other)))
        }
        Skip::ByRule(rule) => edit(rule),
    }
}

/// Gives a file the name that it would have if it were not ignored.
pub(crate) fn unignored(path: &Path, why: Ignored) -> String {
    let name = path.file_name().unwrap_or_default();
    match why {
        Ignored::DotFile => rename(path, &stripped(name)),
        Ignored::Leftover(ending) => rename(path, &without(name, ending)),
    }
}

/// Opens an editor at a line.
pub(crate) fn edit(at: &Origin) -> String {
    format!("${{EDITOR:-vi}} +{} {}", at.line, quoted(&*at.file))
}

/// A mask has no content, whether it is an empty file or a link to /dev/null.
pub(crate) fn is_mask(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|node| !node.is_dir() && node.len() == 0)
}

/// Gives a file the name that it would run under, if that is free; takes it away, if not.
fn rename(path: &Path, name: &Path) -> String {
    let other = path.with_file_name(name);
    if name.as_os_str().is_empty() || std::fs::symlink_metadata(&other).is_ok() {
        return format!("rm {}", quoted(path));
    }
    format!("mv -n {} {}", quoted(path), quoted(&other))
}

fn stripped(name: &OsStr) -> PathBuf {
    let bytes = name.as_bytes();
    OsStr::from_bytes(bytes.strip_prefix(b".").unwrap_or(bytes)).into()
}

/// The name before an ending, or before a part such as `.dpkg-` and what follows it.
fn without(name: &OsStr, ending: &str) -> PathBuf {
    let bytes = name.as_bytes();
    let at = bytes.windows(ending.len().max(1)).rposition(|window| window == ending.as_bytes());
    OsStr::from_bytes(at.and_then(|at| bytes.get(..at)).unwrap_or(bytes)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_command() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::write(at("10-a"), "x").unwrap();
        std::fs::write(at("mask"), "").unwrap();
        let origin = Origin { file: Path::new("/etc/hookmux/hookmux.toml").into(), line: 3 };
        let rows = [
            ("20 b", Skip::NotExecutable, "chmod +x '/20 b'"),
            ("10-a.bak", Skip::Name(Ignored::Leftover(".bak")), "rm /10-a.bak"),
            ("20-b.disabled", Skip::Name(Ignored::Leftover(".disabled")), "mv -n /20-b.disabled /20-b"),
            ("20-b.dpkg-old", Skip::Name(Ignored::Leftover(".dpkg-")), "mv -n /20-b.dpkg-old /20-b"),
            (".20-b", Skip::Name(Ignored::DotFile), "mv -n /.20-b /20-b"),
            ("20-b", Skip::Hidden(at("mask")), "rm /mask"),
            ("20-b", Skip::Hidden(at("10-a")), "mv -n /20-b /20-b-too"),
            ("mask", Skip::Masked, "rm /mask"),
            ("20-b", Skip::ByRule(origin), "${EDITOR:-vi} +3 /etc/hookmux/hookmux.toml"),
        ];
        for (name, reason, command) in rows {
            let said = skip(&at(name), &reason).replace(root.path().to_str().unwrap(), "");
            assert_eq!(said, command, "{name}");
        }
    }
}
