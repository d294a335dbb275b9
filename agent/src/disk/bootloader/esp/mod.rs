//! The EFI system partition: found by its type in the table, read without the kernel's help.
//!
//! It is the image's and may be damaged on purpose, so each walk is bounded and nothing of it is mounted.

mod copy;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fatfs::{Dir, FileSystem, FsOptions};
use thiserror::Error;
use uuid::Uuid;

use super::loaders::{self, Found, Loader};
use crate::disk::DiskError;
use crate::disk::error::doing;
use crate::disk::open::{OpenDisk, at_byte};
use crate::disk::region::Region;
use crate::disk::table::{PREFIX_BYTES, Partition, Table};

const ESP: Uuid = Uuid::from_u128(0xc12a_7328_f81f_11d2_ba4b_00a0_c93e_c93b);
const MBR_ESP: u8 = 0xef;
const MAX_ENTRIES: usize = 10_000;
const MAX_DEPTH: usize = 8;
/// All that are found are in memory at once.
const MAX_FOUND: usize = 100;
const MAX_CSV_BYTES: u64 = 4 << 10;
/// The boot sector of a FAT file system and its second copy.
const MARK_BYTES: u64 = 1 << 20;

#[derive(Debug, Error)]
pub enum EspError {
    #[error("it is not a FAT file system: {0}")]
    Fat(#[from] io::Error),
    #[error("it has no boot loader: neither a BOOTX64.CSV nor an EFI program with a known name")]
    NoLoader,
    #[error("copying it to the disks of the RAID volume")]
    Copy(#[source] io::Error),
    #[error("it has too many files or directories")]
    TooMany,
    #[error("its FAT file system is damaged: sizes in it make no sense")]
    Senseless,
}

pub(super) struct Esp {
    disk: File,
    path: PathBuf,
    /// In bytes.
    start: u64,
    length: u64,
    number: u32,
}

impl Esp {
    /// By type; else the partition with this id.
    pub(super) fn find(
        device: &Path,
        partition_uuid: Option<&str>,
    ) -> Result<Option<Self>, DiskError> {
        let disk = File::open(device).map_err(doing("opening", device))?;
        // A regular file in place of a disk has no sectors of its own.
        let sector_bytes = crate::disk::ioctl::sector_bytes(&disk).unwrap_or(512);
        let mut prefix = Vec::new();
        (&disk)
            .take(PREFIX_BYTES as u64)
            .read_to_end(&mut prefix)
            .map_err(doing("reading", device))?;
        let wanted = partition_uuid.and_then(|text| Uuid::parse_str(text).ok());
        let found = match Table::parse(&prefix, sector_bytes) {
            Ok(Table::Gpt(gpt)) => {
                let all = gpt.partitions();
                let by =
                    |fits: &dyn Fn(u32) -> bool| all.iter().copied().find(|one| fits(one.number));
                by(&|number| gpt.kind(number) == Some(ESP))
                    .or_else(|| by(&|number| wanted.is_some() && gpt.id(number) == wanted))
            }
            Ok(Table::Mbr(mbr)) => mbr.of_kind(MBR_ESP),
            Err(source) => {
                return Err(DiskError::Table {
                    path: device.to_owned(),
                    source,
                });
            }
        };
        let sector_bytes = u64::from(sector_bytes);
        Ok(found.map(
            |Partition {
                 number,
                 first,
                 last,
             }| Self {
                disk,
                path: device.to_owned(),
                start: first.saturating_mul(sector_bytes),
                length: (last.saturating_add(1))
                    .saturating_sub(first)
                    .saturating_mul(sector_bytes),
                number,
            },
        ))
    }

    /// A device that is nothing but such a file system.
    pub(super) fn whole(device: &Path) -> Result<Self, DiskError> {
        let disk = File::open(device).map_err(doing("opening", device))?;
        let length = (&disk).seek(SeekFrom::End(0));
        Ok(Self {
            length: length.map_err(doing("measuring", device))?,
            disk,
            path: device.to_owned(),
            start: 0,
            number: 0,
        })
    }

    pub(super) fn partition_number(&self) -> u32 {
        self.number
    }

    fn region(&self) -> Region<&File> {
        Region::new(&self.disk, self.start, self.length)
    }

    /// Copies all files to a new file system with the same id and name.
    pub(super) fn copy_to(&self, target: &OpenDisk) -> Result<(), EspError> {
        unharmed(|| copy::copy(self.region(), target))
    }

    /// Takes the file system away, but for its files: two with one id would confuse the deployed system.
    pub(super) fn clear(&self, disk: &OpenDisk) -> Result<(), DiskError> {
        let length = usize::try_from(self.length.min(MARK_BYTES)).unwrap_or_default();
        let cleared = disk.file().write_all_at(&vec![0; length], self.start);
        cleared.map_err(at_byte("clearing", &self.path, self.start))?;
        let flushed = disk.file().sync_all();
        flushed.map_err(at_byte("flushing", &self.path, self.start))
    }

    /// Whether `clear` was here before.
    pub(super) fn is_cleared(&self) -> Result<bool, DiskError> {
        let mut mark = vec![0; usize::try_from(self.length.min(MARK_BYTES)).unwrap_or_default()];
        let read = self.disk.read_exact_at(&mut mark, self.start);
        read.map_err(at_byte("reading", &self.path, self.start))?;
        Ok(mark.iter().all(|byte| *byte == 0))
    }

    /// The boot loaders on it, the preferred one first.
    pub(super) fn loaders(&self) -> Result<Vec<Loader>, EspError> {
        let found = unharmed(|| {
            let file_system = FileSystem::new(self.region(), FsOptions::new())?;
            let mut found = Vec::new();
            let mut entries = 0;
            walk(&file_system.root_dir(), "", &mut entries, &mut found)?;
            Ok(found)
        })?;
        let loaders = loaders::choose(found);
        if loaders.is_empty() {
            Err(EspError::NoLoader)
        } else {
            Ok(loaders)
        }
    }
}

/// The crate that reads FAT computes with what an image says, and panics where the sums go wrong.
fn unharmed<T>(read: impl FnOnce() -> Result<T, EspError>) -> Result<T, EspError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(EspError::Senseless))
}

/// Collects the files with known names. `path` ends with a backslash, as the firmware writes paths.
fn walk(
    directory: &Dir<'_, Region<&File>>,
    path: &str,
    entries: &mut usize,
    found: &mut Vec<Found>,
) -> Result<(), EspError> {
    for entry in directory.iter() {
        let entry = entry?;
        *entries += 1;
        // A loop in the allocation table would go on for ever.
        let is_deep = path.matches('\\').count() > MAX_DEPTH;
        if *entries > MAX_ENTRIES || found.len() > MAX_FOUND || is_deep {
            return Err(EspError::TooMany);
        }
        let name = entry.file_name();
        if name == "." || name == ".." {
            continue;
        }
        let full = format!("{path}\\{name}");
        if entry.is_dir() {
            walk(&entry.to_dir(), &full, entries, found)?;
        } else if loaders::is_csv(&name) {
            let mut content = Vec::new();
            entry
                .to_file()
                .take(MAX_CSV_BYTES)
                .read_to_end(&mut content)?;
            found.push(Found {
                path: full,
                csv: Some(content),
            });
        } else if loaders::is_loader(&name) {
            found.push(Found {
                path: full,
                csv: None,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
