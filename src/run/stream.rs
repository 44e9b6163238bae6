//! Drains what a script writes, so that a full pipe never blocks the script, and keeps a bounded part of it. In: the
//! reading end of a pipe. Out: the end of the text, or all of it as a document. Does.
//!
//! A pipe, not a file: `echo … > /dev/stderr` in a script opens with `O_TRUNC`, and would empty a file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, fcntl};

use crate::run::spool::{self, Spool, SpoolWriter};

/// How much of a script's text is kept, in bytes: its end, where the error is. libvirt puts all of it into one line of an
/// error message.
const MAX_TEXT: usize = 16 << 10;

/// The kept part of an output.
#[derive(Debug)]
pub(crate) enum Content {
    /// Its end.
    Text(Vec<u8>),
    /// The whole of it, or why that could not be kept: EFBIG if it was longer than its limit.
    Document(io::Result<Spool>),
}

/// One of a script's outputs.
#[derive(Debug)]
pub(crate) struct Stream {
    pipe: Option<File>,
    kept: Kept,
    length: u64,
}

#[derive(Debug)]
enum Kept {
    Text(Vec<u8>),
    /// `Err` once it could not be kept whole; the document is lost then.
    Document(io::Result<SpoolWriter>),
}

impl Stream {
    /// Keeps the last [`MAX_TEXT`] bytes.
    pub(crate) fn text(pipe: OwnedFd) -> Self {
        Self { pipe: Some(pipe.into()), kept: Kept::Text(Vec::new()), length: 0 }
    }

    /// Keeps all, up to `limit` bytes.
    pub(crate) fn document(pipe: OwnedFd, limit: u64) -> Self {
        Self { pipe: Some(pipe.into()), kept: Kept::Document(SpoolWriter::new(limit)), length: 0 }
    }

    /// Returns the descriptor to poll, until the end was read.
    pub(crate) fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads once what is there, and returns the number of bytes.
    pub(crate) fn drain(&mut self, chunk: &mut [u8]) -> usize {
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
            // The end, or an error that is not temporary.
            _ => {
                self.pipe = None;
                0
            }
        }
    }

    /// Returns the number of bytes that were read so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Returns how much the pipe can hold at once, in bytes.
    pub(crate) fn capacity(&self) -> usize {
        let size = self.pipe().and_then(|pipe| fcntl(pipe, FcntlArg::F_GETPIPE_SZ).ok());
        size.and_then(|size| usize::try_from(size).ok()).unwrap_or(spool::CHUNK)
    }

    /// Returns what was kept.
    pub(crate) fn into_content(self) -> Content {
        match self.kept {
            Kept::Text(text) => Content::Text(text),
            Kept::Document(writer) => Content::Document(writer.and_then(SpoolWriter::finish)),
        }
    }

    /// Returns the text that was kept; a document has none.
    pub(crate) fn into_text(self) -> Vec<u8> {
        match self.into_content() {
            Content::Text(text) => text,
            Content::Document(_) => Vec::new(),
        }
    }
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        match self {
            Self::Text(text) => {
                let bytes = bytes.get(bytes.len().saturating_sub(MAX_TEXT)..).unwrap_or_default();
                // Never more than the limit, since many scripts may write at the same time.
                text.drain(..text.len().saturating_add(bytes.len()).saturating_sub(MAX_TEXT));
                text.extend_from_slice(bytes);
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
    fn the_end_of_a_text_is_kept() {
        let long: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
        let stream = drained(Stream::text(pipe()), &long);
        assert_eq!(stream.length(), 300_000);
        assert!(stream.into_text() == long[long.len() - MAX_TEXT..]);
        assert_eq!(drained(Stream::text(pipe()), b"few").into_text(), b"few");
    }

    #[test]
    fn a_document_is_kept_whole_or_is_an_error() {
        let document = |limit| match drained(Stream::document(pipe(), limit), b"<domain/>").into_content() {
            Content::Document(document) => document,
            Content::Text(text) => panic!("{text:?}"),
        };
        assert_eq!(document(9).unwrap().length(), 9);
        assert_eq!(document(8).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
