//! The two ends of the disk, which are held in memory until all else is on it.
//!
//! The first sectors are one write and the last one: before it the disk has no partition table, after it everything.

use std::io;
use std::os::unix::fs::FileExt;

use super::{HELD_BYTES, Target, TargetError, index, split};
use crate::disk::DiskError;
use crate::disk::partitions::rescan;
use crate::disk::storage::Storage;

/// At least this much is the last write: the MBR, the header of a GPT, and what a boot loader has there.
const FIRST_BYTES: usize = 4096;

impl Target {
    /// Removes what could be taken for a partition table, and makes the kernel forget the partitions.
    pub(crate) fn clear(&self) -> Result<(), TargetError> {
        let zeroes = vec![0; self.head.len()];
        for offset in [0, self.tail_start()] {
            self.put(&zeroes, offset)
                .map_err(self.doing("clearing", offset))?;
        }
        self.flush_device().map_err(self.doing("flushing", 0))?;
        if self.disk.is_block_device
            && let Err(error) = rescan(&self.disk)
        {
            // The old partitions stay known until the next time; nothing is read through them.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "forgetting the old partitions"
            );
        }
        Ok(())
    }

    /// Writes what was held back and reads it again: afterwards the disk is the image.
    pub(crate) fn commit(&mut self) -> Result<(), TargetError> {
        self.flush()?;
        // On large sectors the header of a GPT lies behind the first 4096 bytes.
        let first = FIRST_BYTES.max(2 * self.disk.sector_bytes as usize);
        let rest_at = first as u64;
        self.write_edge(self.tail_start(), &self.tail)?;
        self.write_edge(rest_at, &self.head[first..])?;
        self.drop_cache()?;
        self.read_back(self.tail_start(), &self.tail)?;
        self.read_back(rest_at, &self.head[first..])?;
        self.write_edge(0, &self.head[..first])?;
        self.drop_cache()?;
        self.read_back(0, &self.head[..first])
    }

    /// Keeps what belongs to an edge. The rest is the answer, with its place: it is to be written through.
    pub(super) fn hold<'a>(&mut self, offset: u64, bytes: &'a [u8]) -> (u64, &'a [u8]) {
        let (head, rest) = split(bytes, HELD_BYTES.saturating_sub(offset));
        if !head.is_empty() {
            let at = index(offset);
            self.head[at..at + head.len()].copy_from_slice(head);
        }
        let offset = offset + head.len() as u64;
        let tail_start = self.tail_start();
        let (middle, tail) = split(rest, tail_start.saturating_sub(offset));
        if !tail.is_empty() {
            let at = index(offset + middle.len() as u64 - tail_start);
            self.tail[at..at + tail.len()].copy_from_slice(tail);
        }
        (offset, middle)
    }

    /// What a write through [`Storage`] failed with, with its place.
    pub(crate) fn write_error(&self, offset: u64, error: io::Error) -> DiskError {
        self.doing("writing", offset)(error)
    }

    fn tail_start(&self) -> u64 {
        self.disk.size - HELD_BYTES
    }

    fn write_edge(&self, offset: u64, bytes: &[u8]) -> Result<(), TargetError> {
        self.put(bytes, offset)
            .map_err(self.doing("writing", offset))?;
        Ok(self
            .flush_device()
            .map_err(self.doing("flushing", offset))?)
    }

    fn read_back(&self, offset: u64, written: &[u8]) -> Result<(), TargetError> {
        let mut found = vec![0; written.len()];
        self.file()
            .read_exact_at(&mut found, offset)
            .map_err(self.doing("reading", offset))?;
        if found == written {
            return Ok(());
        }
        Err(TargetError::ReadBack {
            path: self.disk.path.clone(),
            offset,
        })
    }
}

/// The disk as it is going to be, for what is added to the image. It does not count as progress of the image, and
/// zeroes that are still to be written must be flushed first.
impl Storage for Target {
    fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let room = index(self.disk.size.saturating_sub(offset)).min(buffer.len());
        let buffer = &mut buffer[..room];
        let held = index(HELD_BYTES.saturating_sub(offset)).min(buffer.len());
        let (head, rest) = buffer.split_at_mut(held);
        if !head.is_empty() {
            let at = index(offset);
            head.copy_from_slice(&self.head[at..at + head.len()]);
        }
        let offset = offset + head.len() as u64;
        let between = index(self.tail_start().saturating_sub(offset)).min(rest.len());
        let (middle, tail) = rest.split_at_mut(between);
        self.file().read_exact_at(middle, offset)?;
        if !tail.is_empty() {
            let at = index(offset + middle.len() as u64 - self.tail_start());
            tail.copy_from_slice(&self.tail[at..at + tail.len()]);
        }
        Ok(room)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let (bytes, _) = split(bytes, self.disk.size.saturating_sub(offset));
        let (at, middle) = self.hold(offset, bytes);
        if !middle.is_empty() {
            self.put(middle, at)?;
        }
        Ok(bytes.len())
    }

    fn settle(&mut self) -> io::Result<()> {
        self.flush()
            .and_then(|()| self.drop_cache())
            .map_err(io::Error::other)
    }
}
