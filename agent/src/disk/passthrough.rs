//! Commands that the kernel hands to a drive as they are: `linux/nvme_ioctl.h` and `scsi/sg.h`.
//!
//! One of the files with `unsafe`, see `disk/ioctl.rs`. It carries commands and answers; what they mean is known
//! where they are made (`erase`, `inspection::health`, `burnin`). On what is no such drive the kernel answers with an
//! error.
#![expect(
    unsafe_code,
    reason = "the one place for drives' own commands, see docs/architecture.md"
)]

use std::ffi::{c_int, c_uchar, c_uint, c_ushort, c_void};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

const SENSE_BYTES: usize = 64;
/// The driver has sense data of the disk, which is no error of the driver.
const DRIVER_SENSE: u16 = 0x08;
/// What `cmd_len` of `scsi/sg.h` may be for the commands that are sent here.
const COMMAND_BYTES: usize = 16;
/// `dxfer_direction` of `scsi/sg.h`.
const NO_DATA: c_int = -1;
const TO_DRIVE: c_int = -2;
const FROM_DRIVE: c_int = -3;

mod raw {
    use super::{RawNvme, RawScsi};

    nix::ioctl_readwrite!(nvme_admin, b'N', 0x41, RawNvme);
    // A number from before numbers had a size in them.
    nix::ioctl_readwrite_bad!(sg_io, 0x2285, RawScsi);
}

/// `struct nvme_passthru_cmd`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct RawNvme {
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

/// `struct sg_io_hdr`.
#[repr(C)]
pub(crate) struct RawScsi {
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

/// A command of NVMe's admin queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NvmeCommand {
    pub(crate) opcode: u8,
    pub(crate) namespace: u32,
    pub(crate) cdw10: u32,
    pub(crate) cdw11: u32,
    /// After this the kernel gives the command up and resets the controller.
    pub(crate) timeout: Duration,
}

/// Which way the data of a command goes.
pub(crate) enum Data<'a> {
    None,
    ToDrive(&'a [u8]),
    FromDrive(&'a mut [u8]),
}

/// How a SCSI command ended; all is 0 where it succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScsiEnd {
    pub(crate) status: u8,
    pub(crate) host_status: u16,
    pub(crate) driver_status: u16,
    /// What the drive says about the end, in one of two forms; mostly nothing.
    pub(crate) sense: Vec<u8>,
}

impl ScsiEnd {
    /// Whether nobody on the way has anything to complain of.
    pub(crate) fn is_success(&self) -> bool {
        (self.status, self.host_status, self.driver_status) == (0, 0, 0) && self.sense_key() == 0
    }

    /// Whether the command has come to the drive, whatever that made of it.
    pub(crate) fn reached_the_drive(&self) -> bool {
        self.host_status == 0 && self.driver_status & !DRIVER_SENSE == 0
    }

    /// What is wrong, 0 where nothing is. Descriptor format (72h, 73h) has it in the second byte, fixed format in the
    /// third.
    pub(crate) fn sense_key(&self) -> u8 {
        let at = match self.sense.first().map(|code| code & 0x7f) {
            Some(0x72 | 0x73) => 1,
            _ => 2,
        };
        self.sense.get(at).map_or(0, |byte| byte & 0x0f)
    }
}

/// Sends a command to the controller behind a namespace and receives its data, of which there may be none. The answer
/// is the status of the completion, 0 for success.
pub(crate) fn nvme_admin(
    namespace: &File,
    command: &NvmeCommand,
    data: &mut [u8],
) -> io::Result<u16> {
    let mut raw = RawNvme {
        opcode: command.opcode,
        namespace: command.namespace,
        address: if data.is_empty() {
            0
        } else {
            data.as_mut_ptr().expose_provenance() as u64
        },
        data_len: length(data.len())?,
        cdw10: command.cdw10,
        cdw11: command.cdw11,
        timeout_ms: milliseconds(command.timeout),
        ..RawNvme::default()
    };
    // SAFETY: the kernel reads and writes the structure, and at most `data_len` bytes at `address`; both outlive the
    // call, the data is borrowed for writing, and the kernel keeps no pointer.
    let status = unsafe { raw::nvme_admin(namespace.as_raw_fd(), &raw mut raw) }?;
    u16::try_from(status).map_err(io::Error::other)
}

/// Sends a SCSI command of at most 16 bytes to a disk and waits for its end.
pub(crate) fn scsi(
    disk: &File,
    command: &[u8],
    data: Data<'_>,
    timeout: Duration,
) -> io::Result<ScsiEnd> {
    let mut block = [0; COMMAND_BYTES];
    let sent = block.get_mut(..command.len());
    sent.ok_or(io::ErrorKind::InvalidInput)?
        .copy_from_slice(command);
    let mut sense = [0; SENSE_BYTES];
    let (direction, data, data_len) = match data {
        Data::None => (NO_DATA, ptr::null_mut(), 0),
        // The kernel only reads it: the direction says so.
        Data::ToDrive(bytes) => (TO_DRIVE, bytes.as_ptr().cast_mut(), bytes.len()),
        Data::FromDrive(bytes) => (FROM_DRIVE, bytes.as_mut_ptr(), bytes.len()),
    };
    let mut raw = RawScsi {
        interface: c_int::from(b'S'),
        direction,
        command_len: length(command.len())?,
        sense_room: length(sense.len())?,
        iovec_count: 0,
        data_len: length(data_len)?,
        data: data.cast(),
        command: block.as_mut_ptr(),
        sense: sense.as_mut_ptr(),
        timeout_ms: milliseconds(timeout),
        flags: 0,
        pack_id: 0,
        user: ptr::null_mut(),
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
    // SAFETY: the kernel reads the command, reads or writes the data by the direction that is given, and writes the
    // sense bytes and the structure, all within the lengths that are given; all outlive the call, and what it writes
    // to is borrowed for writing. It keeps none of the pointers.
    unsafe { raw::sg_io(disk.as_raw_fd(), &raw mut raw) }?;
    Ok(ScsiEnd {
        status: raw.status,
        host_status: raw.host_status,
        driver_status: raw.driver_status,
        sense: sense[..usize::from(raw.sense_len).min(SENSE_BYTES)].to_vec(),
    })
}

fn length<T: TryFrom<usize>>(bytes: usize) -> io::Result<T> {
    T::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;
    use nix::libc;

    /// As a C compiler lays out the structures on a 64-bit machine.
    #[test]
    fn the_structures_are_those_of_the_kernel() {
        assert_eq!(size_of::<RawNvme>(), 72);
        assert_eq!(offset_of!(RawNvme, address), 24);
        assert_eq!(offset_of!(RawNvme, cdw10), 40);
        assert_eq!(offset_of!(RawNvme, timeout_ms), 64);
        let request = nix::request_code_readwrite!(b'N', 0x41, size_of::<RawNvme>());
        assert_eq!(request, 0xc048_4e41);
        assert_eq!(size_of::<RawScsi>(), 88);
        assert_eq!(offset_of!(RawScsi, data), 16);
        assert_eq!(offset_of!(RawScsi, timeout_ms), 40);
        assert_eq!(offset_of!(RawScsi, user), 56);
        assert_eq!(offset_of!(RawScsi, status), 64);
        assert_eq!(offset_of!(RawScsi, host_status), 68);
        assert_eq!(offset_of!(RawScsi, info), 80);
    }

    #[test]
    fn what_is_no_drive_is_an_error_and_no_crash() {
        let file = File::options()
            .read(true)
            .write(true)
            .open("/dev/null")
            .unwrap();
        let command = NvmeCommand {
            opcode: 0x06,
            namespace: 0,
            cdw10: 1,
            cdw11: 0,
            timeout: Duration::from_secs(1),
        };
        let error = nvme_admin(&file, &command, &mut [0; 4096]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
        for data in [
            Data::None,
            Data::ToDrive(&[0; 512]),
            Data::FromDrive(&mut [0; 512]),
        ] {
            let error = scsi(&file, &[0; 16], data, Duration::from_secs(1)).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
        }
    }

    #[test]
    fn a_command_that_is_too_long_is_not_sent() {
        let file = File::open("/dev/null").unwrap();
        let long = [0; COMMAND_BYTES + 1];
        let error = scsi(&file, &long, Data::None, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn an_end_tells_success_and_whose_fault_it_was() {
        let end = |status, host_status, driver_status, sense: &[u8]| ScsiEnd {
            status,
            host_status,
            driver_status,
            sense: sense.to_vec(),
        };
        for (end, sense_key, is_success, reached) in [
            (end(0, 0, 0, &[]), 0, true, true),
            (end(0, 0, 0, &[0x72, 0, 0, 0x1d]), 0, true, true),
            (end(2, 0, 8, &[0x72, 0x0b, 0, 0]), 0x0b, false, true),
            (end(2, 0, 8, &[0x70, 0, 0x05, 0]), 0x05, false, true),
            (end(2, 0, 8, &[0xf3, 0x04]), 0x04, false, true),
            (end(0, 3, 0, &[]), 0, false, false),
            (end(0, 0, 6, &[]), 0, false, false),
        ] {
            let told = (end.sense_key(), end.is_success(), end.reached_the_drive());
            assert_eq!(told, (sense_key, is_success, reached), "{end:?}");
        }
    }
}
