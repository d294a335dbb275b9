//! What a burn-in asks of a disk.

use std::io;

use crate::disk::Claimed;

pub(super) trait Surface {
    /// In bytes.
    fn size(&self) -> u64;

    /// Reads as many bytes as there is room for.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all bytes.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Everything written is on the disk, and what is read afterwards comes from there.
    fn settle(&self) -> io::Result<()>;
}

impl Surface for Claimed {
    fn size(&self) -> u64 {
        self.size()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read(offset, buffer)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write(offset, bytes)
    }

    fn settle(&self) -> io::Result<()> {
        self.settle()
    }
}
