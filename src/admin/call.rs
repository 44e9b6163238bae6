//! The words of a call, as an administrator gives them. In: arguments. Out: the invocation that libvirt would make.
//! Pure.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::contract::{self, Words};
use crate::invocation::Invocation;
use crate::paths;
use crate::settings::{self, Settings};

/// A call that libvirt may make.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// qemu, lxc, libxl, bhyve, network, daemon, fsfreeze-hook, or another hook's name
    driver: OsString,
    /// The guest or network; - where there is none; after -- if its name begins with a dash
    object: OsString,
    /// prepare, start, stop, …: see `hookmux contract`
    operation: OsString,
    /// begin or end: what libvirt says, if left out
    sub_operation: Option<OsString>,
    /// The last word, such as the reason of a release
    extra: Option<OsString>,
    /// Look below this directory instead of /
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

impl Call {
    /// Where everything lies, as an absolute path.
    pub(super) fn root(&self) -> std::io::Result<PathBuf> {
        std::path::absolute(&self.root)
    }

    /// The call, word for word as libvirt makes it.
    pub(super) fn invocation(&self, root: &Path) -> Invocation {
        let known = contract::driver(&self.driver);
        let row = contract::look_up(&self.driver, &self.operation);
        let or = |word: &Option<OsString>, usual: &str| word.clone().unwrap_or_else(|| usual.into());
        let words = match known.words {
            Words::Libvirt => {
                let (sub_operation, extra) = (or(&self.sub_operation, row.sub_operation), or(&self.extra, row.extra));
                vec![self.object.clone(), self.operation.clone(), sub_operation, extra]
            }
            Words::GuestAgent => vec![self.operation.clone()],
        };
        Invocation::new(&self.driver, Some(paths::below(root, known.base)), words)
    }
}

/// The settings below a root.
pub(super) fn settings(root: &Path) -> anyhow::Result<Settings> {
    settings::read(root, nix::unistd::geteuid().as_raw()).map_err(|fault| anyhow::anyhow!("{fault}"))
}
