//! The disk that is written to, in a way that a half-written one never boots.
//!
//! First the places of partition tables are cleared: the first and the last MiB. What the image has for them is kept
//! in memory and written at the very end, the first sectors last of all (`edges`). Memory stays bounded: what was
//! written is pushed out to the disk and dropped from the page cache every few MiB, and only then counted as written.

mod edges;
#[cfg(test)]
pub(crate) mod power;
mod zeroing;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use thiserror::Error;

use super::stop::Stop;
use super::zeroes::{BLOCK_BYTES, runs};
use crate::disk::DiskError;
use crate::disk::ioctl;
use crate::disk::open::{OpenDisk, at_byte};
use crate::host::DevicePermit;
use crate::progress::Progress;
use zeroing::Zeroing;

/// The length of the two regions that are written last.
pub(crate) const HELD_BYTES: u64 = 1 << 20;
/// Below this a disk cannot even hold the two regions and something between them.
const MIN_DISK_BYTES: u64 = 4 << 20;
/// Dirty pages at most: this much being written back, and this much waiting.
const WRITE_BACK_BYTES: u64 = 16 << 20;

#[derive(Debug, Error)]
pub enum TargetError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(
        "the image needs {image_bytes} bytes, {path} has only {disk_bytes}; \
         choose a larger disk by properties.root_device, or a smaller image"
    )]
    ImageTooLarge {
        image_bytes: u64,
        path: PathBuf,
        disk_bytes: u64,
    },
    #[error(
        "the image is larger than {path} with its {disk_bytes} bytes; \
         choose a larger disk by properties.root_device, or a smaller image"
    )]
    EndOfDisk { path: PathBuf, disk_bytes: u64 },
    #[error(
        "{path} does not give back what was written to it at byte {offset}; the disk is failing"
    )]
    ReadBack { path: PathBuf, offset: u64 },
    #[error("the write was cancelled")]
    Stopped,
}

pub(crate) struct Target {
    disk: OpenDisk,
    zeroing: Zeroing,
    head: Vec<u8>,
    tail: Vec<u8>,
    pending_zero: Option<(u64, u64)>,
    /// Written since the last write-back began, and being written back.
    dirty: u64,
    in_flight: u64,
    progress: Progress,
    stop: Stop,
    #[cfg(test)]
    pub(crate) power: power::Power,
}

impl Target {
    /// Opens the disk for this program alone. Nothing is written yet.
    pub(crate) fn open(
        permit: &DevicePermit,
        progress: Progress,
        stop: Stop,
    ) -> Result<Self, TargetError> {
        let disk = OpenDisk::open(permit)?;
        if disk.size < MIN_DISK_BYTES {
            return Err(DiskError::TooSmall {
                path: disk.path,
                bytes: disk.size,
            }
            .into());
        }
        let offloads = !disk.is_block_device || has_zeroing_command(&disk.path);
        Ok(Self {
            zeroing: if offloads {
                Zeroing::Offload
            } else {
                Zeroing::ReadFirst
            },
            disk,
            head: vec![0; index(HELD_BYTES)],
            tail: vec![0; index(HELD_BYTES)],
            pending_zero: None,
            dirty: 0,
            in_flight: 0,
            progress,
            stop,
            #[cfg(test)]
            power: power::Power::default(),
        })
    }

    pub(crate) fn disk(&self) -> &OpenDisk {
        &self.disk
    }

    /// The first MiB of the image, as it will be written.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Refuses an image that does not fit, before anything is changed.
    pub(crate) fn check_fits(&self, image_bytes: u64) -> Result<(), TargetError> {
        if image_bytes <= self.disk.size {
            return Ok(());
        }
        Err(TargetError::ImageTooLarge {
            image_bytes,
            path: self.disk.path.clone(),
            disk_bytes: self.disk.size,
        })
    }

    /// Writes bytes of the image; long zeroes among them are not sent to the disk.
    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), TargetError> {
        let end = offset
            .checked_add(bytes.len() as u64)
            .filter(|end| *end <= self.disk.size);
        if end.is_none() {
            return Err(TargetError::EndOfDisk {
                path: self.disk.path.clone(),
                disk_bytes: self.disk.size,
            });
        }
        let (at, middle) = self.hold(offset, bytes);
        self.progress.written((bytes.len() - middle.len()) as u64);
        self.write_middle(at, middle)
    }

    /// Makes a range read as zero.
    pub(crate) fn zero(&mut self, offset: u64, length: u64) -> Result<(), TargetError> {
        let end = offset + length;
        let (from, to) = (offset.max(HELD_BYTES), end.min(self.disk.size - HELD_BYTES));
        // The held regions are zero until something is written to them.
        self.progress.written(length - to.saturating_sub(from));
        if from < to {
            self.zero_middle(from, to)
        } else {
            Ok(())
        }
    }

    fn write_middle(&mut self, offset: u64, bytes: &[u8]) -> Result<(), TargetError> {
        let mut offset = offset;
        for run in runs(bytes) {
            let length = run.bytes.len() as u64;
            if run.is_zero {
                self.zero_middle(offset, offset + length)?;
            } else {
                self.flush_zero()?;
                self.write_plain(offset, run.bytes)?;
            }
            offset += length;
        }
        Ok(())
    }

    fn write_zeroes(&mut self, from: u64, to: u64) -> Result<(), TargetError> {
        const ZEROES: &[u8] = &[0; BLOCK_BYTES];
        let mut offset = from;
        while offset < to {
            let step = index((to - offset).min(ZEROES.len() as u64));
            self.write_plain(offset, &ZEROES[..step])?;
            offset += step as u64;
        }
        Ok(())
    }

    fn write_plain(&mut self, offset: u64, bytes: &[u8]) -> Result<(), TargetError> {
        self.put(bytes, offset)
            .map_err(self.doing("writing", offset))?;
        self.dirty += bytes.len() as u64;
        if self.dirty >= WRITE_BACK_BYTES {
            ioctl::write_back(self.file()).map_err(self.doing("writing", offset))?;
            self.progress.written(self.in_flight);
            self.in_flight = std::mem::take(&mut self.dirty);
            // Pages that are still being written stay until the next round.
            self.forget_pages()?;
        }
        Ok(())
    }

    /// All but what is held back is on the disk.
    pub(crate) fn flush(&mut self) -> Result<(), TargetError> {
        self.flush_zero()?;
        self.sync()
    }

    fn sync(&mut self) -> Result<(), TargetError> {
        self.flush_device().map_err(self.doing("flushing", 0))?;
        self.progress
            .written(std::mem::take(&mut self.in_flight) + std::mem::take(&mut self.dirty));
        Ok(())
    }

    /// What is read after this comes from the disk.
    fn drop_cache(&self) -> Result<(), TargetError> {
        if self.disk.is_block_device {
            ioctl::flush_buffers(self.file()).map_err(self.doing("flushing", 0))?;
        }
        self.forget_pages()
    }

    fn forget_pages(&self) -> Result<(), TargetError> {
        let advice = PosixFadviseAdvice::POSIX_FADV_DONTNEED;
        Ok(posix_fadvise(self.file(), 0, 0, advice)
            .map_err(|error| self.doing("flushing", 0)(error.into()))?)
    }

    /// All bytes reach the disk through here, but for its own commands for zeroes.
    fn put(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(test)]
        self.power.before_write(self.file(), bytes, offset)?;
        self.file().write_all_at(bytes, offset)
    }

    fn flush_device(&self) -> io::Result<()> {
        #[cfg(test)]
        self.power.before_flush()?;
        self.file().sync_all()
    }

    fn file(&self) -> &File {
        self.disk.file()
    }

    fn doing(
        &self,
        action: &'static str,
        offset: u64,
    ) -> impl FnOnce(io::Error) -> DiskError + use<> {
        at_byte(action, &self.disk.path, offset)
    }
}

/// Whether the disk itself can write zeroes; the kernel's other way would be to send them all.
fn has_zeroing_command(path: &Path) -> bool {
    let limit = || {
        let device = std::fs::canonicalize(path).ok()?;
        let name = device.file_name()?.to_str()?;
        std::fs::read_to_string(format!(
            "/sys/class/block/{name}/queue/write_zeroes_max_bytes"
        ))
        .ok()
    };
    limit()
        .and_then(|text| text.trim().parse::<u64>().ok())
        .is_some_and(|bytes| bytes > 0)
}

fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    bytes.split_at(index(at).min(bytes.len()))
}

/// A position in memory; one that does not fit is caught by the bounds of what it indexes.
fn index(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
