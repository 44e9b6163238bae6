//! `hookmux edit`: judges a settings file before it is put in place. In: a file, and the user's editor. Out: the file with
//! its new content, or unchanged. Does.
//!
//! The copy that is edited and the lock lie beside the file under names that start with a dot and do not end in .toml:
//! hookmux never reads them as settings, not even when this program was killed.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use clap::Args;
use nix::errno::Errno;
use serde_json::json;

use crate::admin::check::{self, Finding, Severity};
use crate::admin::support::console::Console;
use crate::admin::support::root::Root;
use crate::admin::support::{self, files};
use crate::files::resolve::{self, FileKind};
use crate::files::{paths, trust};
use crate::printable::printable;
use crate::run::signals;
use crate::settings;

/// The name of the directories for drop-ins.
const DROP_INS: &str = "hookmux.toml.d";

/// The shell command that starts an editor if neither `VISUAL` nor `EDITOR` names one.
const EDITOR: &str = "if command -v editor >/dev/null; then editor \"$@\"; else vi \"$@\"; fi";

/// The mode of a file that did not exist.
const MODE: u32 = 0o644;

#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// The settings file or drop-in; without it, /etc/hookmux/hookmux.toml
    file: Option<PathBuf>,
    #[command(flatten)]
    root: Root,
}

/// The answer to the question what to do with a file that has errors.
#[derive(PartialEq)]
enum Reply {
    Again,
    Quit,
    Save,
}

impl Edit {
    /// Edits the file until it has no error, or the user gives up. Exit code 1 if it was not saved.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let file = match &self.file {
            Some(file) => std::path::absolute(file)?,
            None => paths::below(&root, settings::FILE),
        };
        let draft = WorkingCopy::new(&root, &file)?;
        let (findings, is_saved) = loop {
            draft.edit()?;
            let text = fs::read(&draft.copy)?;
            if text == draft.before {
                break (Vec::new(), false);
            }
            let findings = check::file(&root, &file, text);
            let is_broken = findings.iter().any(|finding| finding.severity == Severity::Error);
            let reply = if is_broken { ask(console, &findings)? } else { Reply::Save };
            if reply == Reply::Save {
                draft.save()?;
            }
            if reply != Reply::Again {
                break (findings, reply == Reply::Save);
            }
        };
        let shown = printable(&file);
        let result = if is_saved { "saved; it takes effect at the next call" } else { "unchanged" };
        console.print("edit", json!({ "file": shown, "saved": is_saved, "findings": findings }), |paint| {
            check::lines(&findings, paint).into_iter().chain([format!("{shown}: {result}")]).collect()
        })?;
        Ok(support::exit_code(!is_saved && !findings.is_empty()))
    }
}

/// Prints what is wrong, and asks on a terminal what to do. Elsewhere, nothing is asked or saved.
fn ask(console: &mut Console, findings: &[Finding]) -> io::Result<Reply> {
    let lines = check::lines(findings, console.errors_paint).join("\n");
    let question = format!("{lines}\n(e)dit again, (q)uit without saving, or (s)ave nevertheless?");
    loop {
        match console.answer(&question)?.as_deref().map(str::trim_end) {
            Some("e") => return Ok(Reply::Again),
            Some("s") => return Ok(Reply::Save),
            None | Some("" | "q") => return Ok(Reply::Quit),
            Some(_) => {}
        }
    }
}

/// A copy of a file, which the user edits.
struct WorkingCopy<'a> {
    root: &'a Path,
    /// The file itself, after links.
    target: PathBuf,
    /// Its content, empty if it does not exist.
    before: Vec<u8>,
    copy: PathBuf,
    lock: PathBuf,
    _locked: File,
}

impl<'a> WorkingCopy<'a> {
    /// Copies the file, unless another `hookmux edit` has it open, it is not a regular file, or another user can write to its
    /// directory.
    fn new(root: &'a Path, file: &Path) -> anyhow::Result<Self> {
        let shown = printable(file);
        let resolved = resolve::resolve(root, file);
        let user = nix::unistd::geteuid().as_raw();
        if let Some(distrust) = resolved.hops.iter().find_map(|node| trust::distrust_node(node, user)) {
            bail!("{shown} is not edited: {}", distrust.with_fix());
        }
        if let Some(directory) = file.parent().filter(|directory| directory.ends_with(DROP_INS)) {
            if file.extension() != Some(OsStr::new("toml")) {
                bail!("{shown}: hookmux reads only files here whose names end in .toml");
            }
            files::directory(root, directory, 0o755)?;
        }
        let target = match resolved.target {
            Ok(facts) if facts.kind == FileKind::Regular => facts.path,
            Ok(_) => bail!("{shown} is not a regular file"),
            Err(Errno::ENOENT) if !file.is_symlink() => file.to_owned(),
            Err(errno) => bail!("{shown}: {}", errno.desc().to_lowercase()),
        };
        let hidden = [OsStr::new("."), target.file_name().unwrap_or_default()].join(OsStr::new(""));
        let beside = |ending: &str| target.with_file_name(paths::with_ending(&hidden, ending));
        let (copy, lock) = (beside(".edit"), beside(".lock"));
        let locked = self::lock(&lock).with_context(|| shown.clone())?;
        let before = content(&target).with_context(|| shown)?;
        let draft = Self { root, target, before, copy, lock, _locked: locked };
        files::write_private(root, &draft.copy, &draft.before)?;
        Ok(draft)
    }

    fn edit(&self) -> anyhow::Result<()> {
        let named = ["VISUAL", "EDITOR"].iter().filter_map(std::env::var_os).find(|editor| !editor.is_empty());
        let line = named.map_or_else(|| EDITOR.into(), |editor| paths::with_ending(editor, " \"$@\""));
        signals::leave_to_child();
        #[allow(clippy::disallowed_methods, reason = "an editor is not a script: it has the terminal")]
        let mut command = Command::new("/bin/sh");
        let status = command.args([OsStr::new("-c"), &line, OsStr::new("sh")]).arg(&self.copy).status()?;
        if !status.success() {
            bail!("the editor failed ({status}): {} is unchanged", printable(&self.target));
        }
        Ok(())
    }

    /// Puts the copy in place, with the mode and owner that the file had.
    fn save(&self) -> anyhow::Result<()> {
        let shown = printable(&self.target);
        if content(&self.target)? != self.before {
            let kept = paths::with_ending(&self.target, ".edited");
            fs::rename(&self.copy, &kept)?;
            bail!("{shown} was changed by another program meanwhile; your version is {}", printable(&kept));
        }
        let mut copy = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&self.copy)?;
        let old = fs::metadata(&self.target).ok();
        if let Some(old) = &old {
            fchown(&copy, Some(old.uid()), Some(old.gid()))?;
        }
        copy.set_permissions(Permissions::from_mode(old.map_or(MODE, |old| old.mode() & 0o7777)))?;
        files::copy_over(self.root, &mut copy, &self.target).with_context(|| shown)
    }
}

impl Drop for WorkingCopy<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.copy);
        let _ = fs::remove_file(&self.lock);
    }
}

/// Returns the content of a file; nothing if it does not exist.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// Locks a file that only this user can open; one that was removed meanwhile locks nothing.
fn lock(path: &Path) -> anyhow::Result<File> {
    loop {
        let mut options = OpenOptions::new();
        options.write(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let file = options.open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => bail!("another hookmux edit has it open"),
            locked => locked.map_err(io::Error::from)?,
        }
        let inode = file.metadata()?.ino();
        if fs::symlink_metadata(path).is_ok_and(|there| there.ino() == inode) {
            return Ok(file);
        }
    }
}
