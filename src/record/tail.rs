//! Follows a growing file. In: its path. Out: its lines as they are written, also across rotation. Reads.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};

use crate::files::resolve;

/// A file that is read to its end again and again.
#[derive(Debug)]
pub(crate) struct Tail {
    root: PathBuf,
    path: PathBuf,
    file: Option<BufReader<File>>,
    /// The beginning of a line whose end is not written yet.
    begun: Vec<u8>,
}

impl Tail {
    /// Reads `file`, which was opened by that path, from its position.
    pub(crate) fn new(root: &Path, path: &Path, file: Option<File>) -> Self {
        Self { root: root.to_owned(), path: path.to_owned(), file: file.map(BufReader::new), begun: Vec::new() }
    }

    /// Returns the lines since the last call, without their ends.
    pub(crate) fn lines(&mut self) -> io::Result<Vec<Vec<u8>>> {
        // Before the old file is read, which contains all that was written until the rotation.
        let now = resolve::open_regular(&self.root, &self.path).ok();
        let mut lines = Vec::new();
        self.read(&mut lines)?;
        let is_read = |now: &File| self.file.as_ref().is_some_and(|file| resolve::is_same(file.get_ref(), now));
        if let Some(now) = now.filter(|now| !is_read(now)) {
            self.begun.clear();
            self.file = Some(BufReader::new(now));
            self.read(&mut lines)?;
        }
        Ok(lines)
    }

    fn read(&mut self, lines: &mut Vec<Vec<u8>>) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if file.get_ref().metadata()?.len() < file.stream_position()? {
            // Emptied in place, as logrotate's copytruncate does.
            file.rewind()?;
            self.begun.clear();
        }
        while file.read_until(b'\n', &mut self.begun)? > 0 {
            if self.begun.pop_if(|last| *last == b'\n').is_some() {
                lines.push(std::mem::take(&mut self.begun));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::{SeekFrom, Write};

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
        let mut tail = Tail::new(Path::new("/"), &path, None);
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
        let mut end = File::open(&path).unwrap();
        end.seek(SeekFrom::End(0)).unwrap();
        assert_eq!(lines(&mut Tail::new(Path::new("/"), &path, Some(end))), [""; 0]);
        assert_eq!(
            (lines(&mut tail), lines(&mut Tail::new(Path::new("/"), &path, File::open(&path).ok()))),
            (vec!["seven".into()], vec!["x".into(), "seven".into()])
        );
    }
}
