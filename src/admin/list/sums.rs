//! The files that decide what runs, each with its SHA-256. In: settings and plans. Out: values, or lines as sha256sum's.
//! Reads.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::admin::install::existing;
use crate::files::{accounts, resolve};
use crate::plan::{Plan, Step};
use crate::printable::printable;
use crate::settings::Settings;

#[derive(Debug, Serialize)]
pub(crate) struct FileSum {
    #[serde(skip)]
    at: PathBuf,
    path: String,
    sha256: Option<String>,
    /// The owner's name, or number.
    owner: Option<String>,
    mode: Option<String>,
    /// The reason why it has no sum: it cannot be read, or hookmux does not start it.
    #[serde(skip)]
    why_not: Option<String>,
}

/// Returns the settings files that apply, and for each driver its hookmux hooks and the scripts that run, in order.
pub(crate) fn files(root: &Path, settings: &Settings, plans: &[(&OsStr, Plan)]) -> Vec<FileSum> {
    let new = |path: &PathBuf| FileSum::new(root, path, None);
    let mut files: Vec<FileSum> = settings.files.iter().map(new).collect();
    for (driver, plan) in plans {
        files.extend(existing::ours(root, driver).iter().map(|(hook, _)| new(hook)));
        files.extend(plan.before.iter().map(new));
        files.extend(plan.scripts().map(|Step { path, distrust, .. }| {
            let why_not = distrust.as_ref().map(|why| format!("untrusted: {}", why.with_fix()));
            FileSum::new(root, path, why_not)
        }));
        files.extend(plan.left_to_caller.iter().map(new));
    }
    files
}

impl FileSum {
    /// Reads the file, unless `why_not` is a reason not to.
    fn new(root: &Path, path: &Path, why_not: Option<String>) -> Self {
        let facts = resolve::resolve(root, path).target.ok();
        let sum = why_not.map_or_else(|| sum(root, path).map_err(|error| error.to_string()), Err);
        let owner = facts.as_ref().map(|it| accounts::user_name(it.uid).unwrap_or_else(|| it.uid.to_string()));
        Self {
            at: path.to_owned(),
            path: printable(path),
            owner,
            mode: facts.map(|it| format!("{:04o}", it.mode)),
            why_not: sum.as_ref().err().cloned(),
            sha256: sum.ok(),
        }
    }

    /// Returns its line, as `sha256sum` writes it, or why it has no sum.
    pub(crate) fn line(&self) -> Result<Vec<u8>, String> {
        let Some(sum) = &self.sha256 else {
            return Err(format!("{}: {}", self.path, self.why_not.as_deref().unwrap_or_default()));
        };
        let name = self.at.as_os_str().as_bytes().iter().flat_map(|byte| match byte {
            b'\\' => b"\\\\".as_slice(),
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            other => std::slice::from_ref(other),
        });
        let name: Vec<u8> = name.copied().collect();
        // A backslash before the sum marks a name with escapes.
        let mark = if name.len() == self.at.as_os_str().len() { "" } else { "\\" };
        Ok([format!("{mark}{sum}  ").as_bytes(), &name, b"\n"].concat())
    }
}

fn sum(root: &Path, path: &Path) -> io::Result<String> {
    let mut file = BufReader::new(resolve::open_regular(root, path)?);
    let mut sum = Sha256::new();
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(sum.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")));
        }
        sum.update(bytes);
        let length = bytes.len();
        file.consume(length);
    }
}
