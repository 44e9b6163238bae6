//! The contents of a script's text. In: its first bytes. Out: what keeps the kernel from starting it, and which words
//! are in it. Reads it, and which interpreters exist.

use std::path::Path;

use rustix::fs::OFlags;

use crate::files::{paths, resolve, trust};
use crate::printable::quoted;
use crate::run::shebang::Beginning;

/// The directories that hold the programs of a system.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// A word for programs, which never changes.
    pub(crate) kind: &'static str,
    pub(crate) what: String,
    pub(crate) fix: String,
}

/// The number of bytes of a script that are read: more than any script has.
pub(crate) const MOST: u64 = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(Vec<u8>);

impl Text {
    #[cfg(test)]
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Reads a script that no other user can change. Any other script, and anything but a regular file, is not read: what
    /// another user wrote must not reach a terminal, and a FIFO must not block the reader.
    pub(crate) fn read(root: &Path, path: &Path) -> Self {
        let bytes = match trust::distrust(&resolve::resolve(root, path)) {
            None => resolve::read(root, path, MOST).unwrap_or_default(),
            Some(_) => Vec::new(),
        };
        Self(bytes)
    }

    pub(crate) fn beginning(&self) -> Beginning {
        Beginning::new(&self.0)
    }

    /// Returns what keeps it from starting as `path`, as far as its first line shows that.
    pub(crate) fn trouble(&self, system: &Path, path: &Path) -> Option<Trouble> {
        let sed = |script: &str| format!("sed -i '{script}' {}", quoted(path));
        let (kind, what, fix) = match self.beginning() {
            Beginning::Empty | Beginning::Elf => return None,
            Beginning::Shebang { crlf: true, .. } => {
                ("crlf", "its lines end in CRLF, as on Windows".into(), sed(r"s/\r$//"))
            }
            Beginning::ByteOrderMark => {
                ("byte-order-mark", "a byte order mark comes before its #!".into(), sed(r"1s/^\xef\xbb\xbf//"))
            }
            Beginning::NoShebang => {
                ("no-interpreter", "its first line does not begin with #!".into(), sed("1i #!/bin/sh"))
            }
            Beginning::Shebang { program, argument, .. } => {
                let missing = missing(system, &program, &argument)?;
                let name = Path::new(&missing).file_name()?.to_str()?;
                // A name that means nothing to the shell, nor to sed.
                let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte));
                let fix = match installed(system, name).filter(|_| missing == program && is_plain) {
                    Some(program) => sed(&format!("1s|^#![[:blank:]]*[^[:blank:]]*|#!{program}|")),
                    None => format!("${{EDITOR:-vi}} +1 {}", quoted(path)),
                };
                ("interpreter-missing", format!("{missing} does not exist"), fix)
            }
        };
        Some(Trouble { kind, what, fix })
    }

    /// Reports whether it tests for an operation: as a pattern of `case` (`stop)`, `stop|`, `stop/`), as a string of its
    /// own, or after `=` or an opening parenthesis. An operation's name in a message does not count.
    pub(crate) fn handles(&self, operation: &str) -> bool {
        let is_part = |character: char| character.is_alphanumeric() || "_-.".contains(character);
        self.lines().any(|line| {
            line.match_indices(operation).any(|(at, _)| {
                let before = line.get(..at).unwrap_or_default();
                let after = line.get(at.saturating_add(operation.len())..).unwrap_or_default();
                let is_quoted = before.ends_with(['"', '\'']) && after.starts_with(['"', '\'']);
                let is_pattern = after.trim_start().starts_with([')', '|', '/']);
                let is_compared = before.trim_end().ends_with(['=', '|', '(']);
                !before.ends_with(is_part) && !after.starts_with(is_part) && (is_quoted || is_pattern || is_compared)
            })
        })
    }

    /// Reports whether it contains a word outside comments; the last part of a path counts as a word.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.lines().any(|line| {
            let between = |character: char| !(character.is_alphanumeric() || "_-.".contains(character));
            line.split(between).any(|one| one == word)
        })
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        let is_program = self.beginning() == Beginning::Elf;
        let lines = self.0.split(|byte| *byte == b'\n').filter(move |_| !is_program);
        lines.map(|line| String::from_utf8_lossy(line).into_owned()).filter(|line| !line.trim_start().starts_with('#'))
    }
}

/// Returns the program of a first line that does not exist; for env, the one that env looks for.
fn missing(system: &Path, program: &str, rest: &str) -> Option<String> {
    if !exists(system, program) {
        return Some(program.to_owned());
    }
    let looked_for = rest.split_whitespace().find(|word| !word.starts_with('-') && !word.contains('='))?;
    (program.ends_with("/env") && installed(system, looked_for).is_none()).then(|| looked_for.to_owned())
}

/// Returns where a program is installed on a system whose root directory is `system`.
fn installed(system: &Path, name: &str) -> Option<String> {
    PATH.map(|directory| format!("{directory}/{name}")).into_iter().find(|program| exists(system, program))
}

fn exists(system: &Path, program: &str) -> bool {
    resolve::open(system, &paths::below(system, program), OFlags::PATH).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_handled_where_it_is_tested_for_and_not_in_a_message() {
        let handles = |line: &str| Text::new(format!("#!/bin/sh\n{line}\n")).handles("stop");
        let lines = [
            "[ \"$2\" = stop ] || exit 0",
            "case $2 in start|stop) ;; esac",
            "  stop | start)",
            "case $2/$3 in stop/begin) ;; esac",
            "if sys.argv[2] == 'stop':",
            "if op in (\"start\", \"stop\"):",
            "case $2 in stopped) ;; esac",
            "echo 'to stop it, ask'",
            "printf \"is not stopped: %s\"",
            "# stop)",
        ];
        assert_eq!(lines.map(handles), [true, true, true, true, true, true, false, false, false, false]);
    }

    #[test]
    fn a_word_is_found_as_a_command_or_a_path_and_not_in_a_comment() {
        let has = |line: &str| Text::new(format!("#!/bin/sh\n{line}\n")).has("virsh");
        let lines = ["virsh list", "x=$(/usr/bin/virsh list)", "  # virsh", "myvirsh", "virsh-x", "echo;virsh"];
        assert_eq!(lines.map(has), [true, true, false, false, false, true]);
    }
}
