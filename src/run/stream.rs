//! Drains what a script writes, so that a full pipe never blocks the script, and keeps a bounded part of it. In: the
//! reading end of a pipe. Out: the end of the text, or all of it as a document. Does.
//!
//! A pipe, not a file: `echo … > /dev/stderr` in a script opens with `O_TRUNC`, and would empty a file.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::fcntl_getpipe_size;

use crate::run::spool::{CHUNK, SpoolWriter};

/// The number of bytes of a script's text that are kept: its end, where the error is. libvirt puts all of it into one
/// line of an error message.
const MAX_TEXT: usize = 16 << 10;

/// One of a script's outputs.
#[derive(Debug)]
pub(super) struct Stream {
    /// `None` once the end was read.
    pipe: Option<OwnedFd>,
    /// The number of bytes that were read so far.
    pub(super) length: u64,
    /// The end of it, unless it is a document.
    pub(super) text: Vec<u8>,
    /// All of it, or why that could not be kept: EFBIG if it was longer than its limit. `None` if it is text.
    pub(super) document: Option<io::Result<SpoolWriter>>,
}

impl Stream {
    /// Keeps the last [`MAX_TEXT`] bytes; of a document, which has a limit, all up to so many bytes.
    pub(super) fn new(pipe: OwnedFd, limit: Option<u64>) -> Self {
        Self { pipe: Some(pipe), length: 0, text: Vec::new(), document: limit.map(SpoolWriter::new) }
    }

    /// Returns the descriptor to poll, until the end was read.
    pub(super) fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads once what is there, and returns the number of bytes. `chunk` grows once it was filled.
    pub(super) fn drain(&mut self, chunk: &mut Vec<u8>) -> usize {
        let Some(pipe) = &self.pipe else { return 0 };
        let read = retry_on_intr(|| rustix::io::read(pipe, chunk.as_mut_slice()));
        if !matches!(read, Ok(1..) | Err(Errno::AGAIN)) {
            // The end, or an error that is not temporary.
            self.pipe = None;
        }
        let read = read.unwrap_or_default();
        self.keep(chunk.get(..read).unwrap_or_default());
        if read == chunk.len() {
            chunk.resize(CHUNK, 0);
        }
        read
    }

    /// Reads what a script that has ended left in the pipe: no more than fits into it, since a background process may go on
    /// writing.
    pub(super) fn drain_rest(&mut self, chunk: &mut Vec<u8>) {
        let mut read = self.drain(chunk);
        let capacity = self.pipe().filter(|_| read > 0).map(|pipe| fcntl_getpipe_size(pipe).unwrap_or(CHUNK));
        let mut left = capacity.unwrap_or_default();
        while read > 0 && read < left {
            left = left.saturating_sub(read);
            read = self.drain(chunk);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        match &mut self.document {
            None => {
                let bytes = bytes.get(bytes.len().saturating_sub(MAX_TEXT)..).unwrap_or_default();
                // Never more than the limit, since many scripts may write at the same time.
                self.text.drain(..self.text.len().saturating_add(bytes.len()).saturating_sub(MAX_TEXT));
                self.text.extend_from_slice(bytes);
            }
            Some(Ok(writer)) => {
                if let Err(error) = writer.write_all(bytes) {
                    self.document = Some(Err(error));
                }
            }
            Some(Err(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(mut stream: Stream, bytes: &[u8]) -> Stream {
        let (reader, mut writer) = io::pipe().unwrap();
        stream.pipe = Some(reader.into());
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
        let stream = drained(Stream::new(pipe(), None), &long);
        assert_eq!(stream.length, 300_000);
        assert!(stream.text == long[long.len() - MAX_TEXT..]);
        assert_eq!(drained(Stream::new(pipe(), None), b"few").text, b"few");
    }

    #[test]
    fn a_document_is_kept_whole_or_is_an_error() {
        let document = |limit| {
            let stream = drained(Stream::new(pipe(), Some(limit)), b"<domain/>");
            stream.document.unwrap().and_then(SpoolWriter::finish)
        };
        assert_eq!(document(9).unwrap().length, 9);
        assert_eq!(document(8).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
