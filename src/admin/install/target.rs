//! What a hook is made of. In: where this program lies, and what the administrator wants. Out: a link or a copy, and what
//! is to be said of it. Reads.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::admin::support::apparmor;
use crate::admin::support::files::Form;
use crate::files::paths;
use crate::files::resolve;
use crate::files::trust::{self, Distrust};
use crate::printable;

/// Where packages put it.
const PACKAGED: &str = "/usr/bin/hookmux";

/// A link to this program as the system below `root` will see it, or a copy.
pub(crate) fn form(root: &Path, copy: bool) -> anyhow::Result<Form> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    if !program.exists() {
        bail!("{} has been replaced since it was started: try again with the new one", program.display());
    }
    if copy {
        return Ok(Form::Copy(program));
    }
    if let Ok(inside) = program.strip_prefix(root) {
        return Ok(Form::Link(Path::new("/").join(inside)));
    }
    let packaged = paths::below(root, PACKAGED);
    if packaged.exists() {
        return Ok(Form::Link(PathBuf::from(PACKAGED)));
    }
    let (program, packaged) = (printable::quoted(&program), printable::quoted(&packaged));
    bail!("nothing to link to: there is no {packaged}. Try: install -D -m 755 {program} {packaged}, or --copy");
}

/// Who besides root could change the program that a link leads to, which libvirt runs as root.
pub(crate) fn changeable(program: &Path) -> Option<Distrust> {
    let user = nix::unistd::geteuid().as_raw();
    let resolved = resolve::resolve(program);
    resolved.hops.iter().chain(&resolved.target).find_map(|node| trust::distrust_node(node, user))
}

/// What an administrator should know of it.
pub(crate) fn warnings(root: &Path, form: &Form) -> Vec<String> {
    let denied = match form {
        Form::Link(says) => apparmor::denies_link(root, says),
        Form::Copy(_) => apparmor::denies_copy(root),
    };
    let changeable = match form {
        Form::Link(says) => changeable(&paths::below(root, &says.display().to_string())),
        Form::Copy(_) => None,
    };
    let changeable =
        changeable.map(|distrust| format!("libvirt will run it as root, and {}", trust::untrusted(&distrust)));
    denied.into_iter().map(|denied| format!("{}; fix: {}", denied.why, denied.fix)).chain(changeable).collect()
}
