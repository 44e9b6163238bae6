//! Checks whether the kernel can start a script. In: its text. Out: what is wrong with its first line, and the command that
//! fixes it. Reads which interpreters exist.

use std::path::Path;

use rustix::fs::OFlags;

use crate::admin::support::text::Text;
use crate::files::{paths, resolve};
use crate::printable::quoted;
use crate::run::shebang::Beginning;

/// The directories that hold the programs of a system.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Why a script cannot be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// A word for programs, which never changes.
    pub(crate) kind: &'static str,
    /// The reason, in a sentence.
    pub(crate) what: String,
    /// The command that fixes it.
    pub(crate) fix: String,
}

/// Returns what keeps a script from starting, as far as its first line shows that.
pub(crate) fn trouble(system: &Path, path: &Path, text: &Text) -> Option<Trouble> {
    let at = quoted(path);
    let new = |kind, what: &str, fix: String| Some(Trouble { kind, what: what.to_owned(), fix });
    match text.beginning() {
        Beginning::Empty | Beginning::Elf => None,
        Beginning::Shebang { crlf: true, .. } => {
            new("crlf", "its lines end in CRLF, as on Windows", format!("sed -i 's/\\r$//' {at}"))
        }
        Beginning::ByteOrderMark => {
            let fix = format!("sed -i '1s/^\\xef\\xbb\\xbf//' {at}");
            new("byte-order-mark", "a byte order mark comes before its #!", fix)
        }
        Beginning::NoShebang => {
            new("no-interpreter", "its first line does not begin with #!", format!("sed -i '1i #!/bin/sh' {at}"))
        }
        Beginning::Shebang { program, argument, .. } => {
            let missing = missing(system, &program, &argument)?;
            let name = Path::new(&missing).file_name()?.to_str()?;
            let elsewhere = PATH.iter().map(|directory| format!("{directory}/{name}"));
            let elsewhere = elsewhere.into_iter().find(|program| exists(system, Path::new(program)));
            // A name that means nothing to the shell, nor to sed.
            let is_plain =
                |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte));
            let fix = match elsewhere.filter(|_| missing == program && is_plain(name)) {
                Some(program) => format!("sed -i '1s|^#![[:blank:]]*[^[:blank:]]*|#!{program}|' {at}"),
                None => format!("${{EDITOR:-vi}} +1 {at}"),
            };
            new("interpreter-missing", &format!("{missing} does not exist"), fix)
        }
    }
}

/// Returns the program of a first line that does not exist; for env, the one that env looks for.
fn missing(system: &Path, program: &str, rest: &str) -> Option<String> {
    if !exists(system, Path::new(program)) {
        return Some(program.to_owned());
    }
    let looked_for = rest.split_whitespace().find(|word| !word.starts_with('-') && !word.contains('='))?;
    let is_there = |directory: &&str| exists(system, &Path::new(directory).join(looked_for));
    (program.ends_with("/env") && !PATH.iter().any(is_there)).then(|| looked_for.to_owned())
}

/// Reports whether a program exists on a system whose root directory is `system`.
fn exists(system: &Path, program: &Path) -> bool {
    resolve::open(system, &paths::below(system, &program.to_string_lossy()), OFlags::PATH).is_ok()
}
