//! What a script's text contains. In: its first bytes. Out: how it begins, and which words are in it. Pure, but for
//! `read`.

use std::path::Path;

use crate::files::{resolve, trust};
use crate::run::shebang::Beginning;

/// How much of a script is read, in bytes: more than any script has.
const MOST: u64 = 1 << 20;

/// A script's text.
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

    /// Returns how it begins.
    pub(crate) fn beginning(&self) -> Beginning {
        Beginning::new(&self.0)
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
