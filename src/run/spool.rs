//! A document that every script reads on its own: a sealed memfd. In: bytes from a descriptor. Out: read-only descriptors,
//! each with its own offset. Does; nothing is written to a disk, since libvirt puts passwords into this XML.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use rustix::pipe::SpliceFlags;

/// Bytes read at a time: what a pipe holds.
pub(crate) const CHUNK: usize = 64 << 10;

/// The largest document that is accepted, in bytes. libvirt's own protocol limits strings to 4 MiB (`REMOTE_STRING_MAX`);
/// this bounds a faulty caller, not a guest.
pub(crate) const MAX_DOCUMENT: u64 = 64 << 20;

/// `MFD_NOEXEC_SEAL` of Linux 6.3: a document is never executed. Hosts with `vm.memfd_noexec=2` require it.
const NOEXEC_SEAL: MFdFlags = MFdFlags::from_bits_retain(0x8);

/// A document, complete and unchangeable.
#[derive(Debug)]
pub(crate) struct Spool {
    file: Option<File>,
    length: u64,
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

    /// Reads `input` to its end.
    ///
    /// # Errors
    /// Those of reading, of making a memfd, and `FileTooLarge` above [`MAX_DOCUMENT`].
    pub(crate) fn read(input: impl Read) -> io::Result<Self> {
        SpoolWriter::new(MAX_DOCUMENT)?.read(input)
    }

    /// Reads a descriptor to its end. From a pipe, which libvirt uses, without a copy in our own memory.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn splice(input: BorrowedFd) -> io::Result<Self> {
        let mut writer = SpoolWriter::new(MAX_DOCUMENT)?;
        loop {
            match writer.splice(input) {
                // The end; or, as in std for standard input, a descriptor that is not open for reading.
                Ok(0) | Err(Errno::EBADF) => return writer.finish(),
                Ok(_) => {}
                // It is not a pipe.
                Err(Errno::EINVAL) => return writer.read(File::from(input.try_clone_to_owned()?)),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Returns its length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Returns a descriptor that reads it from its beginning, whatever other readers do.
    ///
    /// # Errors
    /// No descriptor is left, or neither /proc nor memory for a copy.
    pub(crate) fn reader(&self) -> io::Result<File> {
        let Some(file) = &self.file else {
            // A root without /dev still has nothing to read.
            return File::open("/dev/null").or_else(|_| SpoolWriter::new(0)?.finish()?.copy());
        };
        // The first reader gets the file as it was written: its seals forbid writing, and its offset is not used here. For
        // others it is opened again, for which the kernel first creates our directory in /proc: that takes a tenth of the
        // time of a call with one script.
        if !self.is_lent.replace(true) {
            let mut first = file.try_clone()?;
            first.seek(SeekFrom::Start(0))?;
            return Ok(first);
        }
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        // Without /proc (a chroot, a rescue system) each reader gets a copy of its own.
        File::open(path).or_else(|error| if error.kind() == io::ErrorKind::NotFound { self.copy() } else { Err(error) })
    }

    fn copy(&self) -> io::Result<File> {
        let mut writer = SpoolWriter::new(self.length)?;
        self.chunks(|chunk| writer.write_all(chunk).map(|()| true))?;
        let mut file = writer.seal()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// Passes the document to `take` in chunks, until that returns false.
    fn chunks(&self, mut take: impl FnMut(&[u8]) -> io::Result<bool>) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut chunk = vec![0; CHUNK];
        let mut at = 0;
        loop {
            let read = file.read_at(&mut chunk, at)?;
            if read == 0 || !take(chunk.get(..read).unwrap_or_default())? {
                return Ok(());
            }
            at = at.saturating_add(read as u64);
        }
    }

    /// Returns all of its bytes.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut document = Vec::with_capacity(usize::try_from(self.length).unwrap_or_default());
        self.chunks(|chunk| {
            document.extend_from_slice(chunk);
            Ok(true)
        })?;
        Ok(document)
    }

    /// Reports whether it contains only white space, which libvirt treats as empty (`virStringIsEmpty`).
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn is_blank(&self) -> io::Result<bool> {
        let mut blank = true;
        self.chunks(|chunk| {
            blank = chunk.iter().all(u8::is_ascii_whitespace);
            Ok(blank)
        })?;
        Ok(blank)
    }

    /// Reports whether both contain the same bytes.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn is_same(&self, other: &Self) -> io::Result<bool> {
        if self.length != other.length {
            return Ok(false);
        }
        let Some(file) = &other.file else { return Ok(true) };
        let mut theirs = vec![0; CHUNK];
        let (mut same, mut at) = (true, 0_u64);
        self.chunks(|ours| {
            let theirs = theirs.get_mut(..ours.len()).unwrap_or_default();
            file.read_exact_at(theirs, at)?;
            at = at.saturating_add(ours.len() as u64);
            same = ours == theirs;
            Ok(same)
        })?;
        Ok(same)
    }

    /// Writes the document. A pipe is enlarged first where that is allowed, so that a reader gets all of it in one write, or
    /// nothing if hookmux is killed.
    ///
    /// # Errors
    /// Those of writing.
    pub(crate) fn write_to(&self, output: impl AsFd) -> io::Result<()> {
        let document = self.bytes()?;
        if document.len() > CHUNK {
            let size = i32::try_from(document.len()).unwrap_or(i32::MAX);
            // Not a pipe, or above the limit of an ordinary user: then it is written in pieces.
            let _ = fcntl(output.as_fd(), FcntlArg::F_SETPIPE_SZ(size));
        }
        // Not `std::io::Stdout`, which writes up to the last line feed, and the rest in a second write.
        let mut rest = document.as_slice();
        while !rest.is_empty() {
            match nix::unistd::write(&output, rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }
}

impl SpoolWriter {
    /// Starts a document of at most `limit` bytes.
    ///
    /// # Errors
    /// No descriptor or no memory is left.
    pub(crate) fn new(limit: u64) -> io::Result<Self> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let made = match memfd_create(c"hookmux-document", flags | NOEXEC_SEAL) {
            Err(Errno::EINVAL) => memfd_create(c"hookmux-document", flags),
            made => made,
        };
        Ok(Self { file: File::from(made?), length: 0, limit })
    }

    fn read(mut self, mut input: impl Read) -> io::Result<Spool> {
        let mut chunk = vec![0; CHUNK];
        loop {
            match input.read(&mut chunk) {
                Ok(0) => return self.finish(),
                Ok(read) => self.write_all(chunk.get(..read).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves what a pipe holds into the document; 0 bytes at its end.
    fn splice(&mut self, pipe: BorrowedFd) -> Result<usize, Errno> {
        // One byte more than there may be, to see that there is more.
        let room = self.limit.saturating_sub(self.length).saturating_add(1);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let spliced = loop {
            match rustix::pipe::splice(pipe, None, &self.file, None, room, SpliceFlags::empty()) {
                Err(rustix::io::Errno::INTR) => {}
                spliced => break spliced.map_err(|errno| Errno::from_raw(errno.raw_os_error()))?,
            }
        };
        self.length = self.length.saturating_add(spliced as u64);
        if self.length > self.limit { Err(Errno::EFBIG) } else { Ok(spliced) }
    }

    /// Ends the writing.
    ///
    /// # Errors
    /// That of sealing.
    pub(crate) fn finish(self) -> io::Result<Spool> {
        let length = self.length;
        Ok(Spool { file: Some(self.seal()?), length, is_lent: Cell::new(false) })
    }

    fn seal(self) -> io::Result<File> {
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SEAL;
        fcntl(&self.file, FcntlArg::F_ADD_SEALS(seals))?;
        Ok(self.file)
    }
}

impl Write for SpoolWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.length.saturating_add(bytes.len() as u64);
        if length > self.limit {
            return Err(Errno::EFBIG.into());
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
    fn white_space_alone_is_blank() {
        let blank = |bytes: &[u8]| spool(bytes).is_blank().unwrap();
        let late = [vec![b' '; CHUNK], b"<domain/>".to_vec()].concat();
        assert_eq!([blank(b""), blank(b" \t\r\n"), blank(b"\n<domain/>"), blank(&late)], [true, true, false, false]);
    }

    #[test]
    fn more_than_the_limit_is_an_error_and_not_a_part() {
        let mut writer = SpoolWriter::new(4).unwrap();
        writer.write_all(b"1234").unwrap();
        let error = writer.write_all(b"5").unwrap_err();
        assert_eq!((error.kind(), writer.length), (io::ErrorKind::FileTooLarge, 4));
    }

    #[test]
    fn a_document_comes_whole_from_a_pipe_and_from_what_is_none() {
        let long: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
        let (reader, mut writer) = io::pipe().unwrap();
        let bytes = long.clone();
        let writing = std::thread::spawn(move || writer.write_all(&bytes));
        let of_pipe = Spool::splice(reader.as_fd()).unwrap();
        writing.join().unwrap().unwrap();
        assert_eq!((of_pipe.length(), of_pipe.bytes().unwrap() == long), (200_000, true));
        let of_file = Spool::splice(of_pipe.reader().unwrap().as_fd()).unwrap();
        assert!(of_file.length() == 200_000 && of_file.bytes().unwrap() == long);
        assert!(of_pipe.reader().unwrap().write_all(b"y").is_err());
        assert_eq!(Spool::splice(io::pipe().unwrap().1.as_fd()).unwrap().length(), 0);
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
        assert_eq!([of(5), of(4)], [[Ok(5), Ok(0)], [Err(Errno::EFBIG), Err(Errno::EFBIG)]]);
    }

    #[test]
    fn a_document_larger_than_a_pipe_is_written_in_one_go() {
        let long = vec![b'x'; 5 * CHUNK];
        let (reader, writer) = io::pipe().unwrap();
        spool(&long).write_to(&writer).unwrap();
        drop(writer);
        assert!(io::read_to_string(reader).unwrap().into_bytes() == long);
    }
}
