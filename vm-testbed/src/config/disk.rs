//! A disk of a machine, and what each bus can and cannot tell about it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ConfigError, Size};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    pub bus: Bus,
    pub size: Size,
    /// Default: made of the machine's name and the disk's number, so that every disk has one.
    pub serial: Option<String>,
    /// World wide name as `0x` and 16 hexadecimal digits; SCSI only.
    pub wwn: Option<String>,
    /// Default raw, which other programs can read while the machine runs.
    pub format: Option<DiskFormat>,
    /// An existing image that the disk starts with (copy on write); it is never written to.
    pub backing: Option<PathBuf>,
    pub backing_format: Option<DiskFormat>,
    /// Socket of an NBD server that has the disk's bytes, in the place of a file of ours.
    pub nbd: Option<PathBuf>,
    /// How fast the disk is, reading and writing together; default: as fast as it can.
    pub bytes_per_second: Option<Size>,
    /// Size of a sector, 512 or 4096; default 512.
    pub sector_size: Option<u32>,
    /// Whether the disk says that it spins; SCSI only.
    #[serde(default)]
    pub rotational: bool,
    /// By how many paths the machine reaches the disk, each of which is a device to it; default 1, more with SCSI only.
    pub paths: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bus {
    Virtio,
    Scsi,
    Nvme,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    Raw,
    Qcow2,
}

impl DiskFormat {
    pub fn name(self) -> &'static str {
        match self {
            DiskFormat::Raw => "raw",
            DiskFormat::Qcow2 => "qcow2",
        }
    }
}

/// Slower, a guest would hardly read a partition table.
const SLOWEST_BYTES_PER_SECOND: u64 = 64 << 10;

/// QEMU cuts the serial of a virtio or NVMe disk here; a SCSI disk may have more.
const LONGEST_SERIAL: usize = 20;

const MOST_PATHS: u8 = 4;

impl Disk {
    pub fn format(&self) -> DiskFormat {
        let fallback = if self.backing.is_some() {
            DiskFormat::Qcow2
        } else {
            DiskFormat::Raw
        };
        self.format.unwrap_or(fallback)
    }

    pub fn sector_size(&self) -> u32 {
        self.sector_size.unwrap_or(512)
    }

    pub fn paths(&self) -> u8 {
        self.paths.unwrap_or(1)
    }

    pub(super) fn resolve_paths(&mut self, base: &Path) {
        self.backing = self.backing.take().map(|path| base.join(path));
        self.nbd = self.nbd.take().map(|path| base.join(path));
    }

    pub(super) fn check(&self, at: &str) -> Result<(), ConfigError> {
        let refuse =
            |field: &str, problem: &str| Err(ConfigError::field(format!("{at}.{field}"), problem));
        if self.size.0 < 1 << 20 || !self.size.0.is_multiple_of(4096) {
            return refuse("size", "must be at least 1MiB and a multiple of 4KiB");
        }
        if self
            .serial
            .as_deref()
            .is_some_and(|serial| !is_serial(serial))
        {
            return refuse("serial", "must be 1 to 20 letters, digits, '-', '_' or '.'");
        }
        if self.wwn.is_some() && self.bus != Bus::Scsi {
            return refuse("wwn", "only a disk with bus = \"scsi\" has one");
        }
        if self.wwn.as_deref().is_some_and(|wwn| !is_wwn(wwn)) {
            return refuse("wwn", "must be 0x and 16 hexadecimal digits");
        }
        if self.rotational && self.bus != Bus::Scsi {
            return refuse("rotational", "only a disk with bus = \"scsi\" can say so");
        }
        if self.backing.is_some() && self.format == Some(DiskFormat::Raw) {
            return refuse("format", "a disk with a backing file must be qcow2");
        }
        if self.backing.is_none() && self.backing_format.is_some() {
            return refuse("backing_format", "there is no backing file");
        }
        if self.nbd.is_some() && (self.format.is_some() || self.backing.is_some()) {
            return refuse(
                "nbd",
                "such a disk has neither format nor backing file here",
            );
        }
        if self
            .bytes_per_second
            .is_some_and(|rate| rate.0 < SLOWEST_BYTES_PER_SECOND)
        {
            return refuse("bytes_per_second", "must be at least 64KiB");
        }
        if !(1..=MOST_PATHS).contains(&self.paths()) {
            return refuse("paths", "must be 1 to 4");
        }
        if self.paths() > 1 && self.bus != Bus::Scsi {
            return refuse("paths", "only a disk with bus = \"scsi\" has several");
        }
        if ![512, 4096].contains(&self.sector_size()) {
            return refuse("sector_size", "must be 512 or 4096");
        }
        Ok(())
    }
}

fn is_serial(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.len() <= LONGEST_SERIAL && text.chars().all(fits)
}

fn is_wwn(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    digits.len() == 16 && digits.chars().all(|c| c.is_ascii_hexdigit())
}
