//! A part of a disk as a file of its own, for what reads and writes file systems without mounting them.
//!
//! Nothing has to be known to the kernel for that: neither the partition nor the file system.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::storage::Storage;

pub(crate) struct Region<S> {
    storage: S,
    start: u64,
    length: u64,
    position: u64,
}

impl<S: Storage> Region<S> {
    pub(crate) fn new(storage: S, start: u64, length: u64) -> Self {
        Self {
            storage,
            start,
            length,
            position: 0,
        }
    }

    fn room(&self, wanted: usize) -> usize {
        let left = self.length.saturating_sub(self.position);
        usize::try_from(left).unwrap_or(usize::MAX).min(wanted)
    }
}

impl<S: Storage> Read for Region<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = self.room(buffer.len());
        let count = self
            .storage
            .read_at(&mut buffer[..room], self.start + self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl<S: Storage> Write for Region<S> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let room = self.room(buffer.len());
        let count = self
            .storage
            .write_at(&buffer[..room], self.start + self.position)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: Storage> Seek for Region<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn nothing_outside_the_region_is_read_or_written() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"0123456789", 0).unwrap();
        let mut region = Region::new(&file, 2, 5);
        let mut text = String::new();
        region.read_to_string(&mut text).unwrap();
        assert_eq!(text, "23456");
        assert_eq!(region.seek(SeekFrom::End(-2)).unwrap(), 3);
        assert!(region.write_all(b"abc").is_err(), "only two bytes fit");
        region.seek(SeekFrom::Start(0)).unwrap();
        let mut text = String::new();
        region.read_to_string(&mut text).unwrap();
        assert_eq!(text, "234ab");
        assert!(region.seek(SeekFrom::Current(-6)).is_err());
    }
}
