//! The directories that hookmux uses. In: `--root`. Out: directories below it. Reads which guest agent's directory
//! there is, this program's own name, and where an image's links lead.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::Args;
use rustix::fs::OFlags;

use crate::admin::support::LOG_DIRECTORY;
use crate::call::drivers::{self, ArgLayout, DRIVERS};
use crate::call::invocation::OWN_NAMES;
use crate::files::{paths, resolve};
use crate::printable::quoted;
use crate::settings;

/// The guest agent's directory where it is not Debian's.
const OTHER_AGENTS: &str = "/etc/qemu-ga";

/// The directory in which the package for guests has its hook, on systems where it does not divert QEMU's own.
const PACKAGED: &str = "/usr/libexec/hookmux";

/// Other paths that commands read below a root.
const OTHERS: &[&str] =
    &[settings::FILE, settings::DROP_INS, settings::PACKAGES_DROP_INS, LOG_DIRECTORY, "/etc/apparmor.d", "/usr/bin"];

#[derive(Debug, Args)]
pub(crate) struct Root {
    /// Look below this directory instead of /
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

impl Root {
    /// Returns the directory, as an absolute path.
    ///
    /// # Errors
    /// A directory below it that a link of the image moves out of the image: what commands read there would be the host's.
    /// What they write is opened below the root each time ([`resolve::open`]).
    pub(crate) fn path(&self) -> io::Result<PathBuf> {
        let root = std::path::absolute(&self.root)?;
        if root == Path::new("/") {
            return Ok(root);
        }
        resolve::open(&root, &root, OFlags::PATH)?;
        let bases = DRIVERS.iter().map(|driver| driver.base).chain([OTHER_AGENTS, PACKAGED]);
        let scripts = DRIVERS.iter().flat_map(|driver| {
            let base = paths::below(&root, driver.base);
            paths::directories(&root, &base, OsStr::new(driver.name)).map(|directory| directory.path)
        });
        let mut used = bases.chain(OTHERS.iter().copied()).map(|path| paths::below(&root, path)).chain(scripts);
        let outside =
            used.find(|path| path.ancestors().take_while(|above| *above != root).any(|at| leads_out(&root, at)));
        outside.map_or(Ok(()), |path| Err(error(&path)))?;
        Ok(root)
    }
}

/// Reports whether a path leads elsewhere than on a system whose root directory is `root`.
pub(crate) fn leads_out(root: &Path, path: &Path) -> bool {
    let id = |file: io::Result<Metadata>| file.ok().map(|file| (file.dev(), file.ino()));
    let inside = resolve::open(root, path, OFlags::PATH).and_then(|file| file.metadata());
    root != Path::new(resolve::HOST) && id(fs::metadata(path)) != id(inside)
}

/// Returns the paths in a directory; none if it cannot be read.
pub(crate) fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

pub(crate) fn error(path: &Path) -> io::Error {
    io::Error::other(format!("a link on the way to {} leads out of the root", path.display()))
}

/// Returns the directory that a driver's hook lies in.
pub(crate) fn base(root: &Path, driver: &OsStr) -> PathBuf {
    let known = drivers::driver(driver);
    let usual = paths::below(root, known.base);
    if known.args != ArgLayout::GuestAgent {
        return usual;
    }
    match [PACKAGED, OTHER_AGENTS].map(|path| paths::below(root, path)) {
        [packaged, _] if packaged.join(driver).is_symlink() => packaged,
        [_, other] if !usual.is_dir() && other.is_dir() => other,
        _ => usual,
    }
}

pub(crate) fn hook(root: &Path, driver: &OsStr) -> PathBuf {
    base(root, driver).join(driver)
}

/// Returns libvirt's own directory of a driver, and the administrator's.
pub(crate) fn directories(root: &Path, driver: &OsStr) -> [PathBuf; 2] {
    let [libvirts, ours, ..] = paths::directories(root, &base(root, driver), driver);
    [libvirts.path, ours.path]
}

/// Returns the name of this program for a command that is printed: the name that its package gave it.
pub(crate) fn own() -> &'static str {
    let [for_hosts, for_guests, _] = OWN_NAMES;
    let is_guests = std::env::current_exe().is_ok_and(|program| program.ends_with(for_guests));
    if is_guests { for_guests } else { for_hosts }
}

/// Returns a command of this program's for the same root, to be printed: `hookmux install --root /image`.
pub(crate) fn command(root: &Path, command: &str) -> String {
    let root = if root == Path::new("/") { String::new() } else { format!(" --root {}", quoted(root)) };
    format!("{} {command}{root}", own())
}
