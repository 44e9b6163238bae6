//! The command that fixes something, if one does so without harm: it runs no leftover, removes no mask, and makes nothing but
//! scripts executable. In: what is wrong. Out: a shell command. Reads a script's first line.

use std::path::Path;

use crate::admin::support::text::Text;
use crate::files::resolve::{self, FileKind};
use crate::plan::admission::Skip;
use crate::printable::quoted;
use crate::run::shebang::Beginning;
use crate::settings::Origin;

/// Returns the command that makes a skipped file run.
pub(crate) fn skip(root: &Path, path: &Path, skip: &Skip) -> Option<String> {
    match skip {
        Skip::NotExecutable => matches!(Text::read(root, path).beginning(), Beginning::Shebang { .. })
            .then(|| format!("chmod +x {}", quoted(path))),
        Skip::ByRule(rule) => Some(edit(rule)),
        Skip::Hookmux => Some(format!("rm {}", quoted(path))),
        _ => None,
    }
}

/// Returns the command that opens an editor at a line.
pub(crate) fn edit(at: &Origin) -> String {
    format!("${{EDITOR:-vi}} +{} {}", at.line, quoted(&*at.file))
}

/// Reports whether a file is a mask, which has no content: an empty file, or a link to /dev/null.
pub(crate) fn is_mask(root: &Path, path: &Path) -> bool {
    resolve::resolve(root, path).target.is_ok_and(|file| file.kind != FileKind::Directory && file.size == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::ignored::Ignored;

    #[test]
    fn a_command_is_offered_only_where_it_makes_nothing_worse() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::write(at("20 b"), "#!/bin/sh\n").unwrap();
        std::fs::write(at("README"), "text\n").unwrap();
        std::fs::write(at("mask"), "").unwrap();
        let origin = Origin { file: Path::new("/etc/hookmux/hookmux.toml").into(), line: 3 };
        let rows = [
            ("20 b", Skip::NotExecutable, Some("chmod +x '/20 b'")),
            ("README", Skip::NotExecutable, None),
            ("20-b.disabled", Skip::Name(Ignored::Leftover(".disabled")), None),
            (".20-b", Skip::Name(Ignored::DotFile), None),
            ("20-b", Skip::Hidden(at("mask")), None),
            ("mask", Skip::Masked, None),
            ("20-b", Skip::ByRule(origin), Some("${EDITOR:-vi} +3 /etc/hookmux/hookmux.toml")),
        ];
        for (name, reason, command) in rows {
            let fix =
                skip(Path::new("/"), &at(name), &reason).map(|fix| fix.replace(root.path().to_str().unwrap(), ""));
            assert_eq!(fix.as_deref(), command, "{name}");
        }
    }
}
