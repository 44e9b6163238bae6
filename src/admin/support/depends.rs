//! Checks whether a script still works in another directory under another name. In: its path. Out: why it may not. Reads.

use std::path::Path;

use anyhow::Context;

use crate::admin::support::text;
use crate::files::resolve;

/// The expressions with which scripts of shells, Python, Perl and Ruby refer to their own path or name.
const OWN: &[&str] =
    &["$0", "${0", "BASH_SOURCE", "__file__", "__FILE__", "__DIR__", "__dir__", "argv[0]", "FindBin", "$PROGRAM_NAME"];

/// The programs that find files beside them.
const PROGRAMS: &[&str] = &["realpath", "readlink", "dirname", "basename"];

/// Returns why a hook or a script cannot be moved, if it may depend on its place: it refers to its own path or name, is a
/// program whose text cannot be read, or is a link that leads elsewhere from another directory.
pub(crate) fn on_place(root: &Path, script: &Path) -> anyhow::Result<Option<String>> {
    if std::fs::read_link(script).is_ok_and(|text| text.is_relative()) {
        return Ok(Some("it is a relative link, which points elsewhere from another directory".into()));
    }
    let text = resolve::read(root, script, text::MOST).with_context(|| format!("cannot read {}", script.display()))?;
    Ok(judge(&String::from_utf8_lossy(&text), script))
}

/// Judges a script's text. Of a line that refers to its place, only the reference is shown.
fn judge(text: &str, script: &Path) -> Option<String> {
    if !text.starts_with("#!") {
        return Some("it is a program and not a script: what it refers to cannot be read".into());
    }
    let own = script.to_string_lossy();
    let references = || OWN.iter().chain(PROGRAMS).copied().chain([&*own]);
    let mut lines = text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim_start().starts_with('#'));
    lines.find_map(|(at, line)| {
        let reference = references().find(|reference| line.contains(reference))?;
        Some(format!("line {} refers to its own path, or to files beside it: {reference}", at.saturating_add(1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_refers_to_its_own_path_is_found_with_the_line() {
        let line = |text: &str| {
            let why = judge(text, Path::new("/etc/libvirt/hooks/qemu"))?;
            Some(why.split_once(" refers to its").map_or(why.clone(), |(line, _)| line.to_owned()))
        };
        let rows = [
            ("#!/bin/sh\nexit 0\n", None),
            ("#!/bin/sh\n# dirname $0\nexit 0 # \n", None),
            ("#!/bin/sh\n\n. \"${0%/*}/lib.sh\"\n", Some("line 3")),
            ("#!/bin/bash\ncase ${BASH_SOURCE[0]##*/} in qemu) ;; esac\n", Some("line 2")),
            ("#!/usr/bin/python3\nimport os\nHERE = os.path.dirname(os.path.abspath(__file__))\n", Some("line 3")),
            ("#!/bin/sh\nconfig=$(realpath \"$0\").json\n", Some("line 2")),
            ("#!/bin/sh\ngrep -q x /etc/libvirt/hooks/qemu.d/y\n", Some("line 2")),
            ("#!/bin/sh\n. /etc/libvirt/hooks/lib.sh\n", None),
            ("\u{7f}ELF", Some("it is a program and not a script: what it refers to cannot be read")),
            ("", Some("it is a program and not a script: what it refers to cannot be read")),
        ];
        for (text, expected) in rows {
            assert_eq!(line(text).as_deref(), expected, "{text}");
        }
    }
}
