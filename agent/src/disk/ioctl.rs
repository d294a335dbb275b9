//! The ioctls and system calls on block devices that no crate wraps. `unsafe` is in this file and in the others that
//! docs/architecture.md names, and nowhere else in the agent.
//!
//! Each function is safe to call with any open file; on one that is not a block device the kernel answers with an
//! error. Nothing here decides anything.
#![expect(
    unsafe_code,
    reason = "the one place for block device ioctls, see docs/architecture.md"
)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use nix::libc;

mod raw {
    use nix::libc::c_int;

    // Numbers of linux/fs.h; most of them carry no size, hence the `bad` forms.
    nix::ioctl_read!(blkgetsize64, 0x12, 114, u64);
    nix::ioctl_read_bad!(blksszget, nix::request_code_none!(0x12, 104), c_int);
    nix::ioctl_read_bad!(blkroget, nix::request_code_none!(0x12, 94), c_int);
    nix::ioctl_none!(blkrrpart, 0x12, 95);
    nix::ioctl_none!(blkflsbuf, 0x12, 97);
    nix::ioctl_write_ptr_bad!(blkzeroout, nix::request_code_none!(0x12, 127), [u64; 2]);
}

/// The size of a block device in bytes.
pub(crate) fn size_bytes(device: &File) -> io::Result<u64> {
    let mut bytes = 0u64;
    // SAFETY: the kernel writes one u64 to a variable that outlives the call.
    unsafe { raw::blkgetsize64(device.as_raw_fd(), &raw mut bytes) }?;
    Ok(bytes)
}

/// The size of a logical sector in bytes.
pub(crate) fn sector_bytes(device: &File) -> io::Result<u32> {
    let mut bytes = 0;
    // SAFETY: the kernel writes one int to a variable that outlives the call.
    unsafe { raw::blksszget(device.as_raw_fd(), &raw mut bytes) }?;
    u32::try_from(bytes).map_err(io::Error::other)
}

/// Whether the kernel refuses to write to the device.
pub(crate) fn is_read_only(device: &File) -> io::Result<bool> {
    let mut flag = 0;
    // SAFETY: the kernel writes one int to a variable that outlives the call.
    unsafe { raw::blkroget(device.as_raw_fd(), &raw mut flag) }?;
    Ok(flag != 0)
}

/// Makes the kernel forget the partitions of a disk and read its table again.
pub(crate) fn reread_partitions(device: &File) -> io::Result<()> {
    // SAFETY: no memory is passed.
    unsafe { raw::blkrrpart(device.as_raw_fd()) }?;
    Ok(())
}

/// Writes back and forgets everything that is cached of a device.
pub(crate) fn flush_buffers(device: &File) -> io::Result<()> {
    // SAFETY: no memory is passed.
    unsafe { raw::blkflsbuf(device.as_raw_fd()) }?;
    Ok(())
}

/// Zeroes a range that is aligned to logical sectors, by the device's own command where it has one.
pub(crate) fn zero_out(device: &File, offset: u64, length: u64) -> io::Result<()> {
    // SAFETY: the kernel reads two u64 from an array that outlives the call.
    unsafe { raw::blkzeroout(device.as_raw_fd(), &[offset, length]) }?;
    Ok(())
}

/// Waits for the writeback that runs already and starts that of everything dirty since.
pub(crate) fn write_back(file: &File) -> io::Result<()> {
    let flags = libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WRITE;
    // SAFETY: no memory is passed; a length of 0 means to the end of the file.
    let result = unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, flags) };
    nix::errno::Errno::result(result)?;
    Ok(())
}
