//! A disk that is asked through the kernel. `ata`, `scsi` and `nvme` know what the questions and answers mean.
//!
//! The disk is opened for reading, and no command can be sent that carries data to it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use nix::libc;

use super::Drive;
use crate::disk::passthrough::{Data, NvmeCommand, ScsiEnd, nvme_admin, scsi};

/// After this the kernel gives a command up. Disks that sleep take a while to wake up.
const COMMAND_TIME: Duration = Duration::from_secs(20);

const GET_LOG_PAGE: u8 = 0x02;
/// The log of the controller, not of one namespace.
const ALL_NAMESPACES: u32 = 0xffff_ffff;

/// An open disk.
pub(super) struct Device(File);

impl Device {
    /// Without waiting for a medium.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)?;
        Ok(Self(file))
    }
}

impl Drive for Device {
    fn scsi(&mut self, command: &[u8], data: &mut [u8]) -> io::Result<ScsiEnd> {
        let data = if data.is_empty() {
            Data::None
        } else {
            Data::FromDrive(data)
        };
        let end = scsi(&self.0, command, data, COMMAND_TIME)?;
        if end.reached_the_drive() {
            return Ok(end);
        }
        let (host, driver) = (end.host_status, end.driver_status);
        let text = format!("the disk was not reached: host status {host}, driver status {driver}");
        Err(io::Error::other(text))
    }

    fn nvme_log(&mut self, page: u8, data: &mut [u8]) -> io::Result<()> {
        let command = log_command(page, data.len())?;
        match nvme_admin(&self.0, &command, data)? {
            0 => Ok(()),
            status => Err(io::Error::other(format!(
                "the disk refused: NVMe status 0x{status:x}"
            ))),
        }
    }
}

/// Get Log Page for a page of so many bytes.
fn log_command(page: u8, bytes: usize) -> io::Result<NvmeCommand> {
    // The number of double words less one.
    let last = u32::try_from(bytes / 4)
        .ok()
        .and_then(|count| count.checked_sub(1));
    let last = last
        .filter(|last| *last <= 0xffff)
        .ok_or(io::ErrorKind::InvalidInput)?;
    Ok(NvmeCommand {
        opcode: GET_LOG_PAGE,
        namespace: ALL_NAMESPACES,
        cdw10: u32::from(page) | last << 16,
        cdw11: 0,
        timeout: COMMAND_TIME,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_page_is_asked_for_in_double_words() {
        let command = log_command(2, 512).unwrap();
        assert_eq!((command.opcode, command.namespace), (0x02, u32::MAX));
        assert_eq!((command.cdw10, command.cdw11), (0x007f_0002, 0));
        for impossible in [0, 3, (1 << 18) + 4] {
            let error = log_command(2, impossible).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{impossible}");
        }
    }

    #[test]
    fn what_is_no_disk_is_an_error_and_no_crash() {
        let mut device = Device::open(Path::new("/dev/null")).unwrap();
        let mut data = [0; 512];
        let error = device.scsi(&[0x4d; 10], &mut data).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
        let error = device.nvme_log(2, &mut data).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
    }
}
