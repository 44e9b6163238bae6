//! Where everything lies. In: `--root`. Out: directories below it. Pure, but for a look at which guest agent's directory
//! there is, and at this program's own name.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::call::drivers::{self, ArgLayout};
use crate::call::invocation::OWN_NAMES;
use crate::files::paths;

/// The guest agent's directory where it is not Debian's.
const OTHER_AGENTS: &str = "/etc/qemu-ga";

/// Where the package for guests has its hook, on systems where it does not divert QEMU's own.
const PACKAGED: &str = "/usr/libexec/hookmux";

/// The system that is meant.
#[derive(Debug, Args)]
pub(crate) struct Root {
    /// Look below this directory instead of /
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

impl Root {
    /// The directory, as an absolute path.
    pub(crate) fn path(&self) -> io::Result<PathBuf> {
        std::path::absolute(&self.root)
    }
}

/// The directory that a driver's hook lies in.
pub(crate) fn base(root: &Path, driver: &OsStr) -> PathBuf {
    let known = drivers::driver(driver);
    let usual = paths::below(root, known.base);
    if known.args != ArgLayout::GuestAgent {
        return usual;
    }
    let packaged = paths::below(root, PACKAGED);
    if packaged.join(driver).is_symlink() {
        return packaged;
    }
    let other = paths::below(root, OTHER_AGENTS);
    if !usual.is_dir() && other.is_dir() { other } else { usual }
}

/// libvirt's own directory of a driver, and the administrator's.
pub(crate) fn directories(root: &Path, driver: &OsStr) -> [PathBuf; 2] {
    let [libvirts, ours, ..] = paths::directories(root, &base(root, driver), driver);
    [libvirts.path, ours.path]
}

/// The name of this program, for a command that is printed: that of the package which brought it.
pub(crate) fn own() -> &'static str {
    let [usual, _] = OWN_NAMES;
    let program = std::env::current_exe().ok();
    let name = program.as_deref().and_then(Path::file_name);
    OWN_NAMES.into_iter().find(|own| name.is_some_and(|name| name == *own)).unwrap_or(usual)
}

/// `--root` again, for a command that is printed; nothing where it is /.
pub(crate) fn option(root: &Path) -> String {
    let shown = root.display().to_string();
    if root == Path::new("/") {
        return String::new();
    }
    format!(" --root {}", shlex::try_quote(&shown).unwrap_or_default())
}
