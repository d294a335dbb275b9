//! Which block devices may be virtual media: CDs, and small USB sticks. Nothing else is even opened: a label on a disk
//! may be that of a config drive from long ago, and whoever wrote that must not configure this agent.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::disk::config_drive::find;

/// USB sticks of this size or more are disks of somebody's.
const MAX_USB_BYTES: u64 = 4 << 30;
const SCSI_CDROM: &str = "5";
const VIRTUAL_MODEL: &str = "virtual media";

/// A device that may be a virtual medium.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Medium {
    pub(super) path: PathBuf,
    pub(super) size_bytes: u64,
    /// That of its file system.
    label: Option<String>,
    pub(super) is_virtual_by_model: bool,
}

impl Medium {
    pub(super) fn is_labelled(&self, label: &str) -> bool {
        let own = self.label.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(label))
    }
}

/// What sysfs says of a device.
struct Facts {
    is_partition: bool,
    is_cdrom: bool,
    is_usb: bool,
    size_bytes: u64,
    model: String,
}

impl Facts {
    fn read(directory: &Path) -> Self {
        let text = |file: &str| {
            let text = fs::read_to_string(directory.join(file)).unwrap_or_default();
            text.trim().to_owned()
        };
        let device = fs::canonicalize(directory.join("device")).unwrap_or_default();
        let sectors: u64 = text("size").parse().unwrap_or(0);
        Self {
            is_partition: directory.join("partition").exists(),
            is_cdrom: text("device/type") == SCSI_CDROM,
            is_usb: device.to_string_lossy().contains("/usb"),
            size_bytes: sectors.saturating_mul(512),
            model: text("device/model"),
        }
    }

    fn may_be_virtual(&self) -> bool {
        let is_stick = self.is_usb && self.size_bytes < MAX_USB_BYTES;
        !self.is_partition && self.size_bytes > 0 && (self.is_cdrom || is_stick)
    }
}

/// Those of this machine that hold something, by name.
pub(super) fn list(sysfs_block: &Path, devices: &Path) -> io::Result<Vec<Medium>> {
    let mut names: Vec<String> = fs::read_dir(sysfs_block)?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let media = names.iter().filter_map(|name| {
        let facts = Facts::read(&sysfs_block.join(name));
        let path = devices.join(name);
        facts.may_be_virtual().then(|| look_at(path, &facts))?
    });
    Ok(media.collect())
}

/// An empty drive cannot be opened; it is as if it were not there.
fn look_at(path: PathBuf, facts: &Facts) -> Option<Medium> {
    let probe = File::open(&path).and_then(|file| beginning(&file));
    let probe = probe
        .inspect_err(|error| tracing::debug!(path = %path.display(), %error, "no medium"))
        .ok()?;
    Some(Medium {
        path,
        size_bytes: facts.size_bytes,
        label: find::label(&probe),
        is_virtual_by_model: facts.model.to_lowercase().contains(VIRTUAL_MODEL),
    })
}

/// As much as is needed to know a file system.
pub(super) fn beginning(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; find::PROBE_BYTES];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cds_and_small_usb_sticks_may_be_virtual_media() {
        let check = |is_partition, is_cdrom, is_usb, size_bytes, expected| {
            let model = String::new();
            let facts = Facts {
                is_partition,
                is_cdrom,
                is_usb,
                size_bytes,
                model,
            };
            assert_eq!(facts.may_be_virtual(), expected, "{size_bytes}");
        };
        check(false, true, false, 1 << 40, true);
        check(false, true, true, 1 << 30, true);
        check(false, false, true, MAX_USB_BYTES - 512, true);
        check(false, false, true, MAX_USB_BYTES, false);
        check(true, false, true, 1 << 20, false);
        check(true, true, false, 1 << 20, false);
        check(false, false, false, 1 << 20, false);
        check(false, true, false, 0, false);
    }
}
