//! A document that every script reads on its own: a sealed memfd. In: bytes from a descriptor. Out: read-only descriptors,
//! each with its own offset. Does; nothing is written to a disk, since libvirt puts passwords into this XML.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::{SpliceFlags, fcntl_setpipe_size};

/// Bytes read at a time: what a pipe holds.
pub(crate) const CHUNK: usize = 64 << 10;

/// The largest document that is accepted, in bytes. libvirt's own protocol limits strings to 4 MiB (`REMOTE_STRING_MAX`);
/// this bounds a faulty caller, not a guest.
pub(crate) const MAX_DOCUMENT: u64 = 64 << 20;

/// A document, complete and unchangeable.
#[derive(Debug)]
pub(crate) struct Spool {
    /// `None` if it is empty and was never read.
    file: Option<File>,
    /// In bytes.
    pub(super) length: u64,
    /// A reader has got `file` itself.
    is_lent: Cell<bool>,
}

/// A document that is still being written.
#[derive(Debug)]
pub(crate) struct SpoolWriter {
    file: File,
    length: u64,
    limit: u64,
}

impl Spool {
    /// Returns an empty document: readers get /dev/null.
    pub(crate) const fn nothing() -> Self {
        Self { file: None, length: 0, is_lent: Cell::new(false) }
    }

    /// Reads `input` to its end; more than [`MAX_DOCUMENT`] is an error.
    pub(crate) fn read(input: impl Read) -> io::Result<Self> {
        SpoolWriter::new(MAX_DOCUMENT)?.read(input)
    }

    /// Reads a descriptor to its end. From a pipe, which libvirt uses, without a copy in our own memory.
    pub(crate) fn splice(input: BorrowedFd) -> io::Result<Self> {
        let mut writer = SpoolWriter::new(MAX_DOCUMENT)?;
        loop {
            match writer.splice(input) {
                // The end; or, as in std for standard input, a descriptor that is not open for reading.
                Ok(0) | Err(Errno::BADF) => return writer.finish(),
                Ok(_) => {}
                // It is not a pipe.
                Err(Errno::INVAL) => return writer.read(File::from(input.try_clone_to_owned()?)),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Returns a descriptor that reads it from its beginning, whatever other readers do.
    pub(crate) fn reader(&self) -> io::Result<File> {
        let Some(file) = &self.file else {
            // A root without /dev still has nothing to read.
            return File::open("/dev/null").or_else(|_| self.copy());
        };
        // The first reader gets the file as it was written: its seals forbid writing, and its offset is not used here. For
        // others it is opened again, for which the kernel first creates our directory in /proc: that takes a tenth of the
        // time of a call with one script.
        if !self.is_lent.replace(true) {
            let mut first = file.try_clone()?;
            first.rewind()?;
            return Ok(first);
        }
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        // Without /proc (a chroot, a rescue system) each reader gets a copy of its own.
        File::open(path).or_else(|error| if error.kind() == io::ErrorKind::NotFound { self.copy() } else { Err(error) })
    }

    fn copy(&self) -> io::Result<File> {
        let mut writer = SpoolWriter::new(self.length)?;
        writer.write_all(&self.bytes()?)?;
        writer.finish()?.reader()
    }

    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut document = vec![0; usize::try_from(self.length).unwrap_or_default()];
        if let Some(file) = &self.file {
            file.read_exact_at(&mut document, 0)?;
        }
        Ok(document)
    }

    pub(crate) fn is_same(&self, other: &Self) -> io::Result<bool> {
        Ok(self.length == other.length && self.bytes()? == other.bytes()?)
    }

    /// Writes the document. A pipe is enlarged first where that is allowed, so that a reader gets all of it in one write, or
    /// nothing if hookmux is killed.
    pub(crate) fn write_to(&self, output: impl AsFd) -> io::Result<()> {
        let document = self.bytes()?;
        if document.len() > CHUNK {
            // Not a pipe, or above the limit of an ordinary user: then it is written in pieces.
            let _ = fcntl_setpipe_size(&output, document.len());
        }
        // Not `std::io::Stdout`, which writes up to the last line feed, and the rest in a second write.
        let mut rest = document.as_slice();
        while !rest.is_empty() {
            let written = retry_on_intr(|| rustix::io::write(&output, rest))?;
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(())
    }
}

impl SpoolWriter {
    /// Starts a document of at most `limit` bytes.
    pub(crate) fn new(limit: u64) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // A document is never executed. Hosts with `vm.memfd_noexec=2` require the flag, and Linux before 6.3 lacks it.
        let made = match memfd_create(c"hookmux-document", flags | MemfdFlags::NOEXEC_SEAL) {
            Err(Errno::INVAL) => memfd_create(c"hookmux-document", flags),
            made => made,
        };
        Ok(Self { file: File::from(made?), length: 0, limit })
    }

    fn read(mut self, mut input: impl Read) -> io::Result<Spool> {
        io::copy(&mut input, &mut self)?;
        self.finish()
    }

    /// Moves what a pipe holds into the document; 0 bytes at its end.
    fn splice(&mut self, pipe: BorrowedFd) -> Result<usize, Errno> {
        // One byte more than there may be, to see that there is more.
        let room = self.limit.saturating_sub(self.length).saturating_add(1);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let flags = SpliceFlags::empty();
        let spliced = retry_on_intr(|| rustix::pipe::splice(pipe, None, &self.file, None, room, flags))?;
        self.length = self.length.saturating_add(spliced as u64);
        if self.length > self.limit { Err(Errno::FBIG) } else { Ok(spliced) }
    }

    pub(crate) fn finish(self) -> io::Result<Spool> {
        fcntl_add_seals(&self.file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
        Ok(Spool { file: Some(self.file), length: self.length, is_lent: Cell::new(false) })
    }
}

impl Write for SpoolWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.length.saturating_add(bytes.len() as u64);
        if length > self.limit {
            return Err(Errno::FBIG.into());
        }
        self.file.write_all(bytes)?;
        self.length = length;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(bytes: &[u8]) -> Spool {
        Spool::read(bytes).unwrap()
    }

    fn read(mut file: File) -> Vec<u8> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn every_reader_reads_the_whole_and_none_can_write() {
        let long = vec![b'x'; 3 * CHUNK + 1];
        let spool = spool(&long);
        let (mut first, second) = (spool.reader().unwrap(), spool.reader().unwrap());
        for reader in [&mut first, &mut spool.reader().unwrap(), &mut spool.copy().unwrap()] {
            assert!(reader.write_all(b"y").is_err() && reader.set_len(0).is_err() && reader.set_len(1 << 20).is_err());
        }
        assert!(read(first) == long && read(second) == long && read(spool.copy().unwrap()) == long);
        assert!(spool.bytes().unwrap() == long && read(spool.reader().unwrap()) == long);
        assert_eq!(read(Spool::nothing().reader().unwrap()), b"");
    }

    #[test]
    fn documents_are_compared_by_their_bytes() {
        let long = vec![b'x'; 2 * CHUNK];
        let mut other = long.clone();
        other[CHUNK + 7] = b'y';
        let same = |one: &[u8], other: &[u8]| spool(one).is_same(&spool(other)).unwrap();
        assert_eq!(
            [same(&long, &long), same(&long, &other), same(b"a", b"ab"), same(b"", b"")],
            [true, false, false, true]
        );
        assert!(Spool::nothing().is_same(&spool(b"")).unwrap() && spool(b"").is_same(&Spool::nothing()).unwrap());
    }

    #[test]
    fn more_than_the_limit_is_an_error_and_not_a_part() {
        let mut writer = SpoolWriter::new(4).unwrap();
        writer.write_all(b"1234").unwrap();
        let error = writer.write_all(b"5").unwrap_err();
        assert_eq!((error.kind(), writer.length), (io::ErrorKind::FileTooLarge, 4));
    }

    #[test]
    fn a_document_is_read_whole_from_a_pipe_and_from_a_file() {
        let long: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
        let (reader, mut writer) = io::pipe().unwrap();
        let bytes = long.clone();
        let writing = std::thread::spawn(move || writer.write_all(&bytes));
        let of_pipe = Spool::splice(reader.as_fd()).unwrap();
        writing.join().unwrap().unwrap();
        assert_eq!((of_pipe.length, of_pipe.bytes().unwrap() == long), (200_000, true));
        let of_file = Spool::splice(of_pipe.reader().unwrap().as_fd()).unwrap();
        assert!(of_file.length == 200_000 && of_file.bytes().unwrap() == long);
        assert!(of_pipe.reader().unwrap().write_all(b"y").is_err());
        assert_eq!(Spool::splice(io::pipe().unwrap().1.as_fd()).unwrap().length, 0);
    }

    #[test]
    fn a_pipe_that_holds_more_than_the_limit_is_an_error() {
        let of = |limit| {
            let (reader, mut pipe) = io::pipe().unwrap();
            pipe.write_all(b"12345").unwrap();
            drop(pipe);
            let mut writer = SpoolWriter::new(limit).unwrap();
            [writer.splice(reader.as_fd()), writer.splice(reader.as_fd())]
        };
        assert_eq!([of(5), of(4)], [[Ok(5), Ok(0)], [Err(Errno::FBIG), Err(Errno::FBIG)]]);
    }

    #[test]
    fn a_document_larger_than_a_pipe_is_one_write() {
        let long = vec![b'x'; 5 * CHUNK];
        let (reader, writer) = io::pipe().unwrap();
        spool(&long).write_to(&writer).unwrap();
        drop(writer);
        assert!(io::read_to_string(reader).unwrap().into_bytes() == long);
    }
}
