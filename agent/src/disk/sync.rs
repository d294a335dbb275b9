//! Everything that was written reaches the disks: `standby.sync`, before the machine is turned off from outside.

use std::fs::File;

use super::error::doing;
use super::{DiskError, ioctl, list_block_devices};
use crate::host::Host;

/// Writes back what is cached, and makes each disk of this machine do the same.
///
/// # Errors
/// When a disk does not take it; the others are flushed nevertheless.
pub fn sync_all(host: &Host) -> Result<(), DiskError> {
    nix::unistd::sync();
    let mut result = Ok(());
    for disk in list_block_devices(host)? {
        let path = std::path::Path::new(&disk.name);
        let flushed = File::open(path).and_then(|file| ioctl::flush_buffers(&file));
        if let Err(error) = flushed {
            result = Err(doing("flushing", path)(error));
        }
    }
    result
}
