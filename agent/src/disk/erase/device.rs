//! What erasing asks of a disk: its bytes, and the commands of its own that NVMe and ATA know.
//!
//! The commands are raw, so that the model in the tests answers what a drive would be sent. `Opened` is the disk
//! itself.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::fcntl::{FallocateFlags, PosixFadviseAdvice, fallocate, posix_fadvise};
use thiserror::Error;

use super::ata;
use crate::disk::ioctl;
use crate::disk::open::OpenDisk;
use crate::disk::passthrough::{self, Data, NvmeCommand};

/// Dirty pages at most: this much being written back, and this much waiting.
const WRITE_BACK_BYTES: u64 = 16 << 20;

/// A disk that is ours to erase.
pub(super) trait Device: Sync {
    /// Sends a command of NVMe's admin queue and receives its data, if it has any.
    fn nvme(&self, command: &NvmeCommand, data: &mut [u8]) -> Result<(), CommandError>;

    /// Sends an ATA command.
    fn ata(&self, command: &mut AtaCommand<'_>) -> Result<(), CommandError>;

    /// Reads as many bytes as there is room for.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all bytes; few of all that were written are not on the disk yet.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Zeroes a range of whole sectors by the disk's own command, or the kernel's.
    fn zero(&self, offset: u64, length: u64) -> io::Result<()>;

    /// Everything written is on the disk, and what is read afterwards comes from there.
    fn settle(&self) -> io::Result<()>;
}

/// A command of ATA, always of one sector of data or of none.
pub(super) struct AtaCommand<'a> {
    pub(super) command: u8,
    pub(super) data: Data<'a>,
    pub(super) timeout: Duration,
}

/// Why a drive did not do a command.
#[derive(Debug, Error)]
pub enum CommandError {
    #[error("the kernel did not pass it on")]
    Kernel(#[source] io::Error),
    #[error("the controller answered with status {0:#x}")]
    Nvme(u16),
    #[error(
        "the drive answered with status {status:#x} and sense key {sense_key:#x} \
         (adapter {adapter:#x}, driver {driver:#x})"
    )]
    Ata {
        status: u8,
        sense_key: u8,
        adapter: u16,
        driver: u16,
    },
}

/// An open disk of this machine.
pub(super) struct Opened {
    pub(super) disk: OpenDisk,
    written: AtomicU64,
}

impl Opened {
    pub(super) fn new(disk: OpenDisk) -> Self {
        Self {
            disk,
            written: AtomicU64::new(0),
        }
    }

    fn forget_pages(&self) -> io::Result<()> {
        let advice = PosixFadviseAdvice::POSIX_FADV_DONTNEED;
        Ok(posix_fadvise(self.disk.file(), 0, 0, advice)?)
    }
}

impl Device for Opened {
    fn nvme(&self, command: &NvmeCommand, data: &mut [u8]) -> Result<(), CommandError> {
        let sent = passthrough::nvme_admin(self.disk.file(), command, data);
        match sent.map_err(CommandError::Kernel)? {
            0 => Ok(()),
            status => Err(CommandError::Nvme(status)),
        }
    }

    fn ata(&self, command: &mut AtaCommand<'_>) -> Result<(), CommandError> {
        let block = ata::pass_through(command);
        let data = std::mem::replace(&mut command.data, Data::None);
        let sent = passthrough::scsi(self.disk.file(), &block, data, command.timeout);
        let end = sent.map_err(CommandError::Kernel)?;
        if end.is_success() {
            return Ok(());
        }
        Err(CommandError::Ata {
            status: end.status,
            sense_key: end.sense_key(),
            adapter: end.host_status,
            driver: end.driver_status,
        })
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.disk.file().read_exact_at(buffer, offset)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.file().write_all_at(bytes, offset)?;
        let length = bytes.len() as u64;
        let written = self.written.fetch_add(length, Ordering::Relaxed) + length;
        if written >= WRITE_BACK_BYTES {
            self.written.store(0, Ordering::Relaxed);
            ioctl::write_back(self.disk.file())?;
            self.forget_pages()?;
        }
        Ok(())
    }

    fn zero(&self, offset: u64, length: u64) -> io::Result<()> {
        if self.disk.is_block_device {
            return ioctl::zero_out(self.disk.file(), offset, length);
        }
        let signed = |number: u64| i64::try_from(number).map_err(io::Error::other);
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        Ok(fallocate(
            self.disk.file(),
            flags,
            signed(offset)?,
            signed(length)?,
        )?)
    }

    fn settle(&self) -> io::Result<()> {
        self.disk.file().sync_all()?;
        if self.disk.is_block_device {
            ioctl::flush_buffers(self.disk.file())?;
        }
        self.forget_pages()
    }
}
