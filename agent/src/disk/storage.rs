//! Bytes by their position: a file, or a disk of which a part is held back in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Something to read from and to write to at any position.
pub(crate) trait Storage {
    /// Reads some bytes; none is the end.
    fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes some bytes.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Everything written is on the disk, and what is read afterwards comes from there.
    fn settle(&mut self) -> io::Result<()>;

    /// Reads as many bytes as there is room for.
    fn read_exact_at(&mut self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            let count = self.read_at(buffer, offset)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buffer = &mut buffer[count..];
            offset += count as u64;
        }
        Ok(())
    }

    /// Writes all bytes.
    fn write_all_at(&mut self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.write_at(bytes, offset)?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[count..];
            offset += count as u64;
        }
        Ok(())
    }
}

impl Storage for &File {
    fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(*self, buffer, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(*self, bytes, offset)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl<S: Storage> Storage for &mut S {
    fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buffer, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        (**self).write_at(bytes, offset)
    }

    fn settle(&mut self) -> io::Result<()> {
        (**self).settle()
    }
}
