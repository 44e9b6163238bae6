//! What a script writes: a pipe that is drained to a bound and never blocks the script. In: a pipe's reading end. Out:
//! the last of what was written, or the whole of it as a document. Does.
//!
//! A pipe, not a file: `echo … > /dev/stderr` in a script opens with `O_TRUNC`, and would empty a file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, fcntl};

use crate::run::spool::{self, Spool, Writer};

/// As much of a script's words as is kept, in bytes: the end of them, where the error is. libvirt puts all of it into
/// one line of an error message.
pub const MAX_WORDS: usize = 16 << 10;

/// What was kept of an output.
#[derive(Debug)]
pub enum Content {
    /// Its end.
    Words(Vec<u8>),
    /// The whole of it, or why that could not be kept: EFBIG if it was longer than its limit.
    Document(io::Result<Spool>),
}

/// One of a script's outputs.
#[derive(Debug)]
pub struct Stream {
    pipe: Option<File>,
    kept: Kept,
    length: u64,
}

#[derive(Debug)]
enum Kept {
    Words(Vec<u8>),
    /// `Err` once it could not be kept whole; then nothing of it counts.
    Document(io::Result<Writer>),
}

impl Stream {
    /// Keeps the last [`MAX_WORDS`] bytes.
    #[must_use]
    pub fn words(pipe: OwnedFd) -> Self {
        Self { pipe: Some(pipe.into()), kept: Kept::Words(Vec::new()), length: 0 }
    }

    /// Keeps all, up to `limit` bytes.
    #[must_use]
    pub fn document(pipe: OwnedFd, limit: u64) -> Self {
        Self { pipe: Some(pipe.into()), kept: Kept::Document(Writer::new(limit)), length: 0 }
    }

    /// What to poll, until its end was read.
    #[must_use]
    pub fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads once what is there. Returns how many bytes that were.
    pub fn drain(&mut self, chunk: &mut [u8]) -> usize {
        let Some(pipe) = &mut self.pipe else { return 0 };
        let read = loop {
            match pipe.read(chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(read) if read > 0 => {
                self.kept.add(chunk.get(..read).unwrap_or_default());
                self.length = self.length.saturating_add(read as u64);
                read
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            // The end, or something that will not get better.
            _ => {
                self.pipe = None;
                0
            }
        }
    }

    /// How many bytes there were so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How much the pipe can hold at once, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        let size = self.pipe().and_then(|pipe| fcntl(pipe, FcntlArg::F_GETPIPE_SZ).ok());
        size.and_then(|size| usize::try_from(size).ok()).unwrap_or(spool::CHUNK)
    }

    /// What was kept.
    #[must_use]
    pub fn into_content(self) -> Content {
        match self.kept {
            Kept::Words(words) => Content::Words(words),
            Kept::Document(writer) => Content::Document(writer.and_then(Writer::finish)),
        }
    }

    /// The words that were kept; none of a document.
    #[must_use]
    pub fn into_words(self) -> Vec<u8> {
        match self.into_content() {
            Content::Words(words) => words,
            Content::Document(_) => Vec::new(),
        }
    }
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        match self {
            Self::Words(words) => {
                let bytes = bytes.get(bytes.len().saturating_sub(MAX_WORDS)..).unwrap_or_default();
                // Never more than what counts: many scripts may write at the same time.
                words.drain(..words.len().saturating_add(bytes.len()).saturating_sub(MAX_WORDS));
                words.extend_from_slice(bytes);
            }
            Self::Document(document) => {
                if let Ok(writer) = document
                    && let Err(error) = writer.write_all(bytes)
                {
                    *document = Err(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(mut stream: Stream, bytes: &[u8]) -> Stream {
        let (reader, mut writer) = io::pipe().unwrap();
        stream.pipe = Some(File::from(OwnedFd::from(reader)));
        let bytes = bytes.to_vec();
        let writing = std::thread::spawn(move || writer.write_all(&bytes));
        let mut chunk = vec![0; 7000];
        while stream.pipe().is_some() {
            stream.drain(&mut chunk);
        }
        writing.join().unwrap().unwrap();
        stream
    }

    fn pipe() -> OwnedFd {
        io::pipe().unwrap().0.into()
    }

    #[test]
    fn the_end_of_the_words_is_kept() {
        let long: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
        let stream = drained(Stream::words(pipe()), &long);
        assert_eq!(stream.length(), 300_000);
        assert!(stream.into_words() == long[long.len() - MAX_WORDS..]);
        assert_eq!(drained(Stream::words(pipe()), b"few").into_words(), b"few");
    }

    #[test]
    fn a_document_is_kept_whole_or_is_an_error() {
        let document = |limit| match drained(Stream::document(pipe(), limit), b"<domain/>").into_content() {
            Content::Document(document) => document,
            Content::Words(words) => panic!("{words:?}"),
        };
        assert_eq!(document(9).unwrap().length(), 9);
        assert_eq!(document(8).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
