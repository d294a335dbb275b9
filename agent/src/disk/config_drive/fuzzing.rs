//! What a conductor sends as a config drive, as foreign bytes.

use std::fs::File;

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{ConfigDrive, LABEL, MIB, find, iso, vfat};
use crate::disk::region::Region;

/// What stands before the volume descriptors of ISO 9660.
const SYSTEM_AREA_BYTES: usize = 32 << 10;
const SECTOR_BYTES: u16 = 4096;
/// To copy more takes a fuzzer's time, and shows nothing else.
const MAX_COPIED: usize = 64;

/// Takes the text that a command has, a file system, and what stands behind the system area of one.
pub(crate) fn config_drive(bytes: &[u8]) {
    let mut image = vec![0; SYSTEM_AREA_BYTES];
    image.extend_from_slice(bytes);
    let drives = [
        ConfigDrive::from_base64(bytes),
        ConfigDrive::new(bytes.to_vec()),
        ConfigDrive::new(image),
    ];
    for drive in drives.into_iter().flatten() {
        check(&drive);
    }
}

/// It has the label that the deployed system looks for; what is read of it leads nowhere else, and is copied or refused.
fn check(drive: &ConfigDrive) {
    let label = find::label(drive.bytes());
    assert!(label.is_some_and(|label| label.eq_ignore_ascii_case(LABEL)));
    assert!(drive.bytes().len() as u64 <= MIB << 20);
    let Ok(entries) = iso::read(drive.bytes()) else {
        return;
    };
    for entry in &entries {
        let leads_away = |part: &str| part.is_empty() || part == "." || part == "..";
        assert!(!entry.path.split('/').any(leads_away), "{:?}", entry.path);
        assert!(!entry.path.contains('\0'));
    }
    if !drive.is_iso() || entries.len() > MAX_COPIED {
        return;
    }
    let file = memfd_create("disk", MFdFlags::MFD_CLOEXEC);
    let file = File::from(file.expect("the kernel has files in memory"));
    file.set_len(MIB << 20).expect("a hole takes no memory");
    let region = Region::new(&file, 0, MIB << 20);
    // Names that FAT cannot have are an error.
    drop(vfat::write(region, SECTOR_BYTES, drive.bytes()));
}
