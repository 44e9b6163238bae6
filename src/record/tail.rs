//! Follows a growing file. In: its path. Out: its lines as they are written, also across rotation. Reads.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::files::resolve;

/// A file that is read to its end again and again.
#[derive(Debug)]
pub(crate) struct Tail {
    root: PathBuf,
    path: PathBuf,
    file: Option<File>,
    /// The beginning of a line whose end is not written yet.
    begun: Vec<u8>,
}

impl Tail {
    /// Reads `file`, which was opened by that path, from its beginning.
    pub(crate) fn from_start(root: &Path, path: &Path, file: Option<File>) -> Self {
        Self { root: root.to_owned(), path: path.to_owned(), file, begun: Vec::new() }
    }

    /// Reads what is written to it from now on.
    ///
    /// # Errors
    /// That of seeking.
    pub(crate) fn from_end(root: &Path, path: &Path, file: Option<File>) -> io::Result<Self> {
        let mut tail = Self::from_start(root, path, file);
        if let Some(file) = &mut tail.file {
            file.seek(SeekFrom::End(0))?;
        }
        Ok(tail)
    }

    /// Identifies the file that is read.
    fn inode(&self) -> Option<(u64, u64)> {
        self.file.as_ref().and_then(|file| file.metadata().ok()).map(|it| (it.dev(), it.ino()))
    }

    /// Returns the lines since the last call, without their ends.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn lines(&mut self) -> io::Result<Vec<Vec<u8>>> {
        // Before the old file is read, which contains all that was written until the rotation.
        let now = fs::metadata(&self.path).map(|it| (it.dev(), it.ino())).ok();
        let mut lines = Vec::new();
        self.read(&mut lines)?;
        if now.is_some() && now != self.inode() {
            self.begun.clear();
            self.file = resolve::open_regular(&self.root, &self.path).ok();
            self.read(&mut lines)?;
        }
        Ok(lines)
    }

    fn read(&mut self, lines: &mut Vec<Vec<u8>>) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if file.metadata()?.len() < file.stream_position()? {
            // Emptied in place, as logrotate's copytruncate does.
            file.seek(SeekFrom::Start(0))?;
            self.begun.clear();
        }
        file.read_to_end(&mut self.begun)?;
        let mut rest = self.begun.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            lines.push(line.to_owned());
            rest = after.get(1..).unwrap_or_default();
        }
        self.begun = rest.to_owned();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn append(path: &Path, text: &str) {
        fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn lines(tail: &mut Tail) -> Vec<String> {
        tail.lines().unwrap().into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn lines_come_once_and_whole_across_rotation_and_truncation() {
        let scratch = tempfile::tempdir().unwrap();
        let (path, rotated) = (scratch.path().join("log"), scratch.path().join("log.1"));
        let mut tail = Tail::from_start(Path::new("/"), &path, None);
        assert_eq!(lines(&mut tail), [""; 0]);
        append(&path, "one\ntw");
        assert_eq!(lines(&mut tail), ["one"]);
        append(&path, "o\n");
        assert_eq!(lines(&mut tail), ["two"]);
        append(&path, "three\n");
        fs::rename(&path, &rotated).unwrap();
        // The new file does not exist yet, and the old one is still written to.
        append(&rotated, "four\n");
        assert_eq!(lines(&mut tail), ["three", "four"]);
        append(&rotated, "five\n");
        append(&path, "six\n");
        assert_eq!(lines(&mut tail), ["five", "six"]);
        File::options().write(true).truncate(true).open(&path).unwrap();
        append(&path, "x\n");
        assert_eq!(lines(&mut tail), ["x"]);
        append(&path, "seven\n");
        assert_eq!(lines(&mut Tail::from_end(Path::new("/"), &path, File::open(&path).ok()).unwrap()), [""; 0]);
        assert_eq!(
            (lines(&mut tail), lines(&mut Tail::from_start(Path::new("/"), &path, File::open(&path).ok()))),
            (vec!["seven".into()], vec!["x".into(), "seven".into()])
        );
    }
}
