//! Asks a disk by commands of its own: `scsi/sg.h` and `linux/nvme_ioctl.h`. One of the files with `unsafe`, see
//! `disk/ioctl.rs`. It carries questions and answers; `ata`, `scsi` and `nvme` know what they mean.
//!
//! The disk is opened for reading, and no command can be sent that carries data to it.
#![expect(
    unsafe_code,
    reason = "the one place for questions to disks, see docs/architecture.md"
)]

use std::ffi::{c_int, c_uchar, c_uint, c_ushort, c_void};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use nix::libc;

use super::{Drive, ScsiReply};

/// After this the kernel gives a command up. Disks that sleep take a while to wake up.
const COMMAND_TIME: Duration = Duration::from_secs(20);
const SENSE_BYTES: usize = 64;
/// The driver has sense data of the disk, which is no error of the driver.
const DRIVER_SENSE: c_ushort = 0x08;

const NO_DATA: c_int = -1;
const FROM_DRIVE: c_int = -3;

const GET_LOG_PAGE: u8 = 0x02;
/// The log of the controller, not of one namespace.
const ALL_NAMESPACES: u32 = 0xffff_ffff;

mod raw {
    use super::{RawNvme, RawScsi};

    // A number from before numbers had a size in them.
    nix::ioctl_readwrite_bad!(sg_io, 0x2285, RawScsi);
    nix::ioctl_readwrite!(nvme_admin, b'N', 0x41, RawNvme);
}

/// `struct sg_io_hdr`.
#[repr(C)]
pub(super) struct RawScsi {
    interface: c_int,
    direction: c_int,
    command_len: c_uchar,
    sense_room: c_uchar,
    iovec_count: c_ushort,
    data_len: c_uint,
    data: *mut c_void,
    command: *mut c_uchar,
    sense: *mut c_uchar,
    timeout_ms: c_uint,
    flags: c_uint,
    pack_id: c_int,
    user: *mut c_void,
    status: c_uchar,
    masked_status: c_uchar,
    message_status: c_uchar,
    sense_len: c_uchar,
    host_status: c_ushort,
    driver_status: c_ushort,
    residual: c_int,
    duration_ms: c_uint,
    info: c_uint,
}

/// `struct nvme_passthru_cmd`.
#[repr(C)]
#[derive(Default)]
pub(super) struct RawNvme {
    opcode: u8,
    flags: u8,
    reserved: u16,
    namespace: u32,
    cdw2: u32,
    cdw3: u32,
    metadata: u64,
    address: u64,
    metadata_len: u32,
    data_len: u32,
    cdw10: u32,
    cdw11: u32,
    cdw12: u32,
    cdw13: u32,
    cdw14: u32,
    cdw15: u32,
    timeout_ms: u32,
    result: u32,
}

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
    fn scsi(&mut self, command: &[u8], data: &mut [u8]) -> io::Result<ScsiReply> {
        let (mut command, mut sense) = (command.to_vec(), [0; SENSE_BYTES]);
        let mut raw = RawScsi {
            interface: c_int::from(b'S'),
            direction: if data.is_empty() { NO_DATA } else { FROM_DRIVE },
            command_len: fitting(command.len())?,
            sense_room: fitting(sense.len())?,
            iovec_count: 0,
            data_len: fitting(data.len())?,
            data: data.as_mut_ptr().cast(),
            command: command.as_mut_ptr(),
            sense: sense.as_mut_ptr(),
            timeout_ms: fitting(COMMAND_TIME.as_millis())?,
            flags: 0,
            pack_id: 0,
            user: std::ptr::null_mut(),
            status: 0,
            masked_status: 0,
            message_status: 0,
            sense_len: 0,
            host_status: 0,
            driver_status: 0,
            residual: 0,
            duration_ms: 0,
            info: 0,
        };
        // SAFETY: the kernel reads the header and from it the command, and writes to the data and to the sense at most
        // as many bytes as the lengths beside them say; all outlive the call, and it keeps none of the pointers.
        unsafe { raw::sg_io(self.0.as_raw_fd(), &raw mut raw) }?;
        if raw.host_status != 0 || raw.driver_status & !DRIVER_SENSE != 0 {
            let (host, driver) = (raw.host_status, raw.driver_status);
            let text =
                format!("the disk was not reached: host status {host}, driver status {driver}");
            return Err(io::Error::other(text));
        }
        let sense_len = usize::from(raw.sense_len).min(sense.len());
        Ok(ScsiReply {
            status: raw.status,
            sense: sense[..sense_len].to_vec(),
        })
    }

    fn nvme_log(&mut self, page: u8, data: &mut [u8]) -> io::Result<()> {
        // The number of double words less one.
        let last = u32::try_from(data.len() / 4)
            .ok()
            .and_then(|count| count.checked_sub(1));
        let last = last
            .filter(|last| *last <= 0xffff)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let mut raw = RawNvme {
            opcode: GET_LOG_PAGE,
            namespace: ALL_NAMESPACES,
            address: data.as_mut_ptr().expose_provenance() as u64,
            data_len: fitting(data.len())?,
            cdw10: u32::from(page) | last << 16,
            timeout_ms: fitting(COMMAND_TIME.as_millis())?,
            ..RawNvme::default()
        };
        // SAFETY: the kernel reads and writes the structure, and writes at most `data_len` bytes to `address`; both
        // outlive the call, and it keeps neither.
        let status = unsafe { raw::nvme_admin(self.0.as_raw_fd(), &raw mut raw) }?;
        if status != 0 {
            return Err(io::Error::other(format!(
                "the disk refused: NVMe status 0x{status:x}"
            )));
        }
        Ok(())
    }
}

fn fitting<T: TryFrom<N>, N>(number: N) -> io::Result<T> {
    T::try_from(number).map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    /// As a C compiler lays out the structures on a 64-bit machine.
    #[test]
    fn the_structures_are_those_of_the_kernel() {
        assert_eq!(size_of::<RawScsi>(), 88);
        assert_eq!(offset_of!(RawScsi, data), 16);
        assert_eq!(offset_of!(RawScsi, timeout_ms), 40);
        assert_eq!(offset_of!(RawScsi, user), 56);
        assert_eq!(offset_of!(RawScsi, host_status), 68);
        assert_eq!(offset_of!(RawScsi, info), 80);
        assert_eq!(size_of::<RawNvme>(), 72);
        assert_eq!(offset_of!(RawNvme, address), 24);
        assert_eq!(offset_of!(RawNvme, cdw10), 40);
        let number = nix::request_code_readwrite!(b'N', 0x41, size_of::<RawNvme>());
        assert_eq!(number, 0xc048_4e41);
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
