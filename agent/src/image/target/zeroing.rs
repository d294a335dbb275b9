//! Makes ranges of the disk read as zero, with as little writing as possible.

use std::io;
use std::os::unix::fs::FileExt;

use nix::fcntl::{FallocateFlags, PosixFadviseAdvice, fallocate, posix_fadvise};

use super::{Target, TargetError, index};
use crate::disk::ioctl;
use crate::image::zeroes::is_zero;

/// Runs of zeroes from this length on are left to the device's own command.
const ZERO_RANGE_BYTES: u64 = 1 << 20;
/// What one zeroing command covers: progress and the wish to stop are looked at in between.
const ZERO_STEP_BYTES: u64 = 256 << 20;

/// How ranges are made zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zeroing {
    /// The device has a command for it, or the file system can punch holes.
    Offload,
    /// Read, and write zeroes only where something else is.
    ReadFirst,
}

impl Target {
    /// Remembers a range to zero; it is joined with its neighbour where there is one.
    pub(super) fn zero_middle(&mut self, from: u64, to: u64) -> Result<(), TargetError> {
        match &mut self.pending_zero {
            Some((_, end)) if *end == from => *end = to,
            _ => {
                self.flush_zero()?;
                self.pending_zero = Some((from, to));
            }
        }
        Ok(())
    }

    pub(super) fn flush_zero(&mut self) -> Result<(), TargetError> {
        let Some((from, to)) = self.pending_zero.take() else {
            return Ok(());
        };
        let align = u64::from(self.disk.sector_bytes).max(4096);
        let (inner_from, inner_to) = (from.next_multiple_of(align), to - to % align);
        if inner_to.saturating_sub(inner_from) < ZERO_RANGE_BYTES {
            return self.write_zeroes(from, to);
        }
        self.write_zeroes(from, inner_from)?;
        self.write_zeroes(inner_to, to)?;
        let mut offset = inner_from;
        while offset < inner_to {
            if self.stop.is_requested() {
                return Err(TargetError::Stopped);
            }
            let step = ZERO_STEP_BYTES.min(inner_to - offset);
            self.zero_range(offset, step)?;
            offset += step;
        }
        Ok(())
    }

    fn zero_range(&mut self, offset: u64, length: u64) -> Result<(), TargetError> {
        if self.zeroing == Zeroing::Offload {
            match self.offload_zeroes(offset, length) {
                Ok(()) => {
                    self.progress.written(length);
                    return Ok(());
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "zeroing by command; writing zeroes"
                    );
                    self.zeroing = Zeroing::ReadFirst;
                }
            }
        }
        self.read_then_zero(offset, length)
    }

    fn offload_zeroes(&self, offset: u64, length: u64) -> io::Result<()> {
        if self.disk.is_block_device {
            return ioctl::zero_out(self.file(), offset, length);
        }
        let signed = |number: u64| i64::try_from(number).map_err(io::Error::other);
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        Ok(fallocate(
            self.file(),
            flags,
            signed(offset)?,
            signed(length)?,
        )?)
    }

    /// Reading is cheaper than writing, and on a new disk there is nothing to write.
    fn read_then_zero(&mut self, offset: u64, length: u64) -> Result<(), TargetError> {
        let mut buffer = vec![0; index(ZERO_RANGE_BYTES)];
        let mut offset = offset;
        let end = offset + length;
        while offset < end {
            let step = ZERO_RANGE_BYTES.min(end - offset);
            let buffer = &mut buffer[..index(step)];
            self.file()
                .read_exact_at(buffer, offset)
                .map_err(self.doing("reading", offset))?;
            if is_zero(buffer) {
                self.progress.written(step);
                posix_fadvise(
                    self.file(),
                    signed(offset),
                    signed(step),
                    PosixFadviseAdvice::POSIX_FADV_DONTNEED,
                )
                .map_err(|error| self.doing("reading", offset)(error.into()))?;
            } else {
                self.write_zeroes(offset, offset + step)?;
            }
            offset += step;
        }
        Ok(())
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
