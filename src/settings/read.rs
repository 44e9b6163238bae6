//! The settings on disk. In: the root. Out: the settings, or what is wrong with them. Reads.
//!
//! Packages' drop-ins come first, then hookmux.toml, then the administrator's drop-ins: a later one wins, so that a
//! package can ship a rule with its script, and the administrator has the last word.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::files::directory::OpenDirectory;
use crate::files::ignored;
use crate::files::paths;
use crate::files::resolve::{self, FileFacts, FileKind, HOST};
use crate::files::trust;
use crate::settings::text::{SettingsError, parse};
use crate::settings::values::Settings;

pub(crate) const FILE: &str = "/etc/hookmux/hookmux.toml";
pub(crate) const DROP_INS: &str = "/etc/hookmux/hookmux.toml.d";
pub(crate) const PACKAGES_DROP_INS: &str = "/usr/lib/hookmux/hookmux.toml.d";

/// Reads all settings below `root` that this process's user may trust; without any, returns the defaults.
///
/// # Errors
/// Those of the first file that cannot be read, is untrusted, or has invalid settings.
pub fn read(root: &Path) -> Result<Settings, SettingsError> {
    all(root, None)
}

/// Reads all settings as if this file had this text. A file that lies elsewhere comes last.
///
/// # Errors
/// As [`read`].
pub fn read_with(root: &Path, file: &Path, text: &str) -> Result<Settings, SettingsError> {
    all(root, Some((file, text)))
}

fn all(root: &Path, new: Option<(&Path, &str)>) -> Result<Settings, SettingsError> {
    let mut settings = Settings::default();
    let drop_ins = |directory| {
        let directory = paths::below(root, directory);
        let mut files = drop_ins(root, &directory)?;
        let new = new.filter(|(path, _)| path.parent() == Some(&directory));
        files.extend(new.and_then(|(path, _)| Some((path.file_name()?.to_owned(), path.to_owned()))));
        Ok(files)
    };
    let (ours, mut theirs) = (drop_ins(DROP_INS)?, drop_ins(PACKAGES_DROP_INS)?);
    // A file of the same name, or a mask of that name, replaces the package's.
    theirs.retain(|name, _| !ours.contains_key(name));
    let file = paths::below(root, FILE);
    let known = theirs.values().chain([&file]).chain(ours.values()).map(PathBuf::as_path);
    let elsewhere = new.map(|(path, _)| path).filter(|path| !known.clone().any(|known| known == *path));
    for path in known.chain(elsewhere) {
        let text = match new {
            Some((replaced, text)) if replaced == path => Some(text.to_owned()),
            _ => content(root, path)?,
        };
        if let Some(text) = text {
            parse(path, &text)?.apply(&mut settings);
            settings.files.push(path.to_owned());
        }
    }
    Ok(settings)
}

/// Returns the text of a file.
///
/// # Errors
/// Bytes that are not UTF-8.
pub fn text(path: &Path, bytes: Vec<u8>) -> Result<String, SettingsError> {
    String::from_utf8(bytes).map_err(|_| SettingsError { file: path.to_owned(), at: None, what: "is not UTF-8".into() })
}

/// Returns the files of a directory that end in `.toml`, by name.
fn drop_ins(root: &Path, directory: &Path) -> Result<BTreeMap<OsString, PathBuf>, SettingsError> {
    if resolve::is_absent(root, directory).map_err(|error| fault(directory, &error))? {
        return Ok(BTreeMap::new());
    }
    // Even if nothing is left in it: a user who may write to it may have removed a rule.
    let found = trusted(root, directory)?.map_err(|errno| fault(directory, &errno.into()))?;
    let is_setting = |name: &OsStr, _| name.as_bytes().ends_with(b".toml") && ignored::ignored(name).is_none();
    let names = OpenDirectory::open(Path::new(HOST), &found.path).and_then(|directory| directory.names(is_setting));
    let with_path = |name: OsString| {
        let path = directory.join(&name);
        (name, path)
    };
    Ok(names.map_err(|error| fault(directory, &error))?.into_iter().map(with_path).collect())
}

/// Reads a file; returns `None` if it does not exist, or is a mask.
fn content(root: &Path, path: &Path) -> Result<Option<String>, SettingsError> {
    // Most hosts have none, and then the way to it does not matter.
    if rustix::fs::lstat(path).is_err_and(|errno| errno == rustix::io::Errno::NOENT) {
        return Ok(None);
    }
    // Before it is read, which may never end, and before a mask is believed.
    let file = trusted(root, path)?.map_err(|errno| fault(path, &errno.into()))?;
    if file.kind == FileKind::Null {
        return Ok(None);
    }
    let bytes = resolve::read(Path::new(HOST), &file.path, u64::MAX).map_err(|error| fault(path, &error))?;
    text(path, bytes).map(Some)
}

/// Returns what lies at `path`, unless another user controls it or the way to it: that user would decide which protection
/// runs.
fn trusted(root: &Path, path: &Path) -> Result<Result<FileFacts, Errno>, SettingsError> {
    let resolved = resolve::resolve(root, path);
    match trust::distrust(&resolved) {
        None => Ok(resolved.target),
        Some(distrust) => {
            let what = format!("not read: {}", distrust.with_fix());
            Err(SettingsError { file: path.to_owned(), at: None, what })
        }
    }
}

fn fault(path: &Path, error: &io::Error) -> SettingsError {
    let what = match resolve::errno(error) {
        Errno::EINVAL => "cannot be read: not a regular file".into(),
        errno => format!("cannot be read: {}", errno.desc().to_lowercase()),
    };
    SettingsError { file: path.to_owned(), at: None, what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::Duration;

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for directory in ["etc/hookmux/hookmux.toml.d", "usr/lib/hookmux/hookmux.toml.d"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        for directory in ["etc", "etc/hookmux", "etc/hookmux/hookmux.toml.d", "usr/lib/hookmux/hookmux.toml.d"] {
            fs::set_permissions(root.path().join(directory), fs::Permissions::from_mode(0o755)).unwrap();
        }
        root
    }

    fn write(root: &tempfile::TempDir, path: &str, text: &str) {
        let path = root.path().join(path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    fn of(root: &tempfile::TempDir) -> Result<Settings, SettingsError> {
        read(root.path())
    }

    #[test]
    fn no_files_at_all_are_the_defaults() {
        assert_eq!(read(Path::new("/nowhere")), Ok(Settings::default()));
    }

    #[test]
    fn packages_come_first_then_the_file_then_the_administrators_drop_ins() {
        let root = root();
        write(
            &root,
            "usr/lib/hookmux/hookmux.toml.d/90-p.toml",
            "kill-after = '1s'\nparallel = 2\n[[rule]]\nscript='p'",
        );
        write(&root, "usr/lib/hookmux/hookmux.toml.d/50-same.toml", "parallel = 9\n[[rule]]\nscript='hidden'");
        write(&root, "etc/hookmux/hookmux.toml", "kill-after = '2s'\nstrict = false\n[[rule]]\nscript='e'");
        write(&root, "etc/hookmux/hookmux.toml.d/50-same.toml", "strict = true\n[[rule]]\nscript='d'");
        write(&root, "etc/hookmux/hookmux.toml.d/50-old.toml.bak", "broken");
        write(&root, "etc/hookmux/hookmux.toml.d/README", "broken");
        let settings = of(&root).unwrap();
        let rules: Vec<&str> = settings.rules.iter().map(|rule| rule.script.as_ref().unwrap()[0].as_str()).collect();
        let Settings { strict, parallel, kill_after, .. } = settings;
        assert_eq!((rules, strict, parallel, kill_after), (vec!["p", "e", "d"], true, 2, Duration::from_secs(2)));
    }

    #[test]
    fn a_mask_switches_a_packages_drop_in_off() {
        let root = root();
        write(&root, "usr/lib/hookmux/hookmux.toml.d/50-p.toml", "parallel = 9");
        symlink("/dev/null", root.path().join("etc/hookmux/hookmux.toml.d/50-p.toml")).unwrap();
        assert_eq!(of(&root), Ok(Settings::default()));
    }

    #[test]
    fn a_file_that_others_may_write_to_is_not_read() {
        let root = root();
        write(&root, "etc/hookmux/hookmux.toml", "");
        let path = root.path().join("etc/hookmux/hookmux.toml");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let path = path.display();
        let message = of(&root).unwrap_err().to_string();
        assert_eq!(message, format!("{path}: not read: {path} is writable by every user (chmod o-w {path})"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_with_its_reason() {
        let root = root();
        fs::create_dir(root.path().join("etc/hookmux/hookmux.toml")).unwrap();
        let message = of(&root).unwrap_err().to_string();
        assert!(message.ends_with("hookmux.toml: cannot be read: is a directory"), "{message}");
        fs::remove_dir(root.path().join("etc/hookmux/hookmux.toml")).unwrap();
        fs::write(root.path().join("etc/hookmux/hookmux.toml"), b"\xff").unwrap();
        assert!(of(&root).unwrap_err().to_string().ends_with("hookmux.toml: is not UTF-8"));
    }
}
