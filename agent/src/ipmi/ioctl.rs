//! The kernel's IPMI device, `linux/ipmi.h`: a request goes in by one ioctl, its answer comes out by another.
//!
//! One of the files with `unsafe`, see `disk/ioctl.rs`. It only carries messages; `lan` knows what they mean.
#![expect(
    unsafe_code,
    reason = "the one place for the ioctls of the IPMI device, see docs/architecture.md"
)]

use std::ffi::{c_int, c_long, c_short, c_uchar, c_uint, c_ushort};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::libc;

use super::Bmc;
use super::lan::Request;

/// As `ipmitool` looks for it.
const DEVICES: [&str; 3] = ["/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0"];
/// The driver itself asks several times before it says that the BMC is silent.
const ANSWER_TIME: Duration = Duration::from_secs(20);

const SYSTEM_INTERFACE: c_int = 0x0c;
const BMC_CHANNEL: c_short = 0x0f;
const RESPONSE: c_int = 1;
/// The longest message that the driver knows.
const MAX_MESSAGE_BYTES: usize = 272;

mod raw {
    use super::{RawReceived, RawRequest};

    // The kernel's numbers: the first one only reads, though its name says otherwise.
    nix::ioctl_read!(send_command, b'i', 13, RawRequest);
    nix::ioctl_readwrite!(receive_message, b'i', 11, RawReceived);
}

/// `struct ipmi_system_interface_addr`.
#[repr(C)]
struct SystemInterface {
    kind: c_int,
    channel: c_short,
    lun: c_uchar,
}

/// Room for any `struct ipmi_addr`.
#[repr(C)]
struct AnyAddress {
    kind: c_int,
    channel: c_short,
    data: [c_uchar; 32],
}

/// `struct ipmi_msg`.
#[repr(C)]
struct RawMessage {
    net_fn: c_uchar,
    command: c_uchar,
    data_len: c_ushort,
    data: *mut c_uchar,
}

/// `struct ipmi_req`.
#[repr(C)]
pub(super) struct RawRequest {
    address: *mut c_uchar,
    address_len: c_uint,
    id: c_long,
    message: RawMessage,
}

/// `struct ipmi_recv`.
#[repr(C)]
pub(super) struct RawReceived {
    kind: c_int,
    address: *mut c_uchar,
    address_len: c_uint,
    id: c_long,
    message: RawMessage,
}

/// What the driver has received.
struct Received {
    kind: c_int,
    id: c_long,
    data: Vec<u8>,
}

/// The open device.
pub(super) struct Device {
    file: File,
    last_id: c_long,
}

impl Device {
    /// The machine's device; `None` if there is none.
    pub(super) fn open() -> io::Result<Option<Self>> {
        let Some(path) = DEVICES.iter().find(|path| Path::new(path).exists()) else {
            return Ok(None);
        };
        let file = File::options().read(true).write(true).open(path)?;
        Ok(Some(Self { file, last_id: 0 }))
    }

    fn send(&mut self, request: &Request) -> io::Result<()> {
        let mut address = SystemInterface {
            kind: SYSTEM_INTERFACE,
            channel: BMC_CHANNEL,
            lun: 0,
        };
        let mut data = request.data.clone();
        let mut raw = RawRequest {
            address: (&raw mut address).cast(),
            address_len: length(size_of::<SystemInterface>())?,
            id: self.last_id,
            message: RawMessage {
                net_fn: request.net_fn,
                command: request.command,
                data_len: length(data.len())?,
                data: data.as_mut_ptr(),
            },
        };
        // SAFETY: the kernel reads the request, and from it the address and the data with the lengths that are given
        // with them; all three outlive the call, and it keeps none of their pointers.
        unsafe { raw::send_command(self.file.as_raw_fd(), &raw mut raw) }?;
        Ok(())
    }

    fn receive(&self) -> io::Result<Received> {
        let mut address = AnyAddress {
            kind: 0,
            channel: 0,
            data: [0; 32],
        };
        let mut data = vec![0; MAX_MESSAGE_BYTES];
        let mut raw = RawReceived {
            kind: 0,
            address: (&raw mut address).cast(),
            address_len: length(size_of::<AnyAddress>())?,
            id: 0,
            message: RawMessage {
                net_fn: 0,
                command: 0,
                data_len: length(data.len())?,
                data: data.as_mut_ptr(),
            },
        };
        // SAFETY: the kernel writes at most as many bytes to the address and to the data as is said here that there
        // is room for, and fills in the structure; all three outlive the call, and it keeps none of their pointers.
        unsafe { raw::receive_message(self.file.as_raw_fd(), &raw mut raw) }?;
        data.truncate(raw.message.data_len.into());
        Ok(Received {
            kind: raw.kind,
            id: raw.id,
            data,
        })
    }

    /// Until there is something to receive.
    fn wait(&self, time: Duration) -> io::Result<()> {
        let mut poll = libc::pollfd {
            fd: self.file.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let milliseconds = c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the kernel reads and writes one pollfd that outlives the call.
        match unsafe { libc::poll(&raw mut poll, 1, milliseconds) } {
            0 => Err(io::ErrorKind::TimedOut.into()),
            count if count > 0 => Ok(()),
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                error => Err(error),
            },
        }
    }
}

impl Bmc for Device {
    fn ask(&mut self, request: &Request) -> io::Result<Vec<u8>> {
        self.last_id += 1;
        self.send(request)?;
        let deadline = Instant::now() + ANSWER_TIME;
        loop {
            self.wait(deadline.saturating_duration_since(Instant::now()))?;
            match self.receive() {
                // What comes too late for an earlier question, or is no answer, is nobody's.
                Ok(found) if found.kind == RESPONSE && found.id == self.last_id => {
                    return Ok(found.data);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn length<T: TryFrom<usize>>(bytes: usize) -> io::Result<T> {
    T::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    /// As a C compiler lays out the structures of linux/ipmi.h on a 64-bit machine.
    #[test]
    fn the_structures_are_those_of_the_kernel() {
        assert_eq!(size_of::<SystemInterface>(), 8);
        assert_eq!(size_of::<AnyAddress>(), 40);
        assert_eq!(size_of::<RawMessage>(), 16);
        assert_eq!(size_of::<RawRequest>(), 40);
        assert_eq!(size_of::<RawReceived>(), 48);
        assert_eq!(offset_of!(SystemInterface, lun), 6);
        assert_eq!(offset_of!(RawMessage, data), 8);
        assert_eq!(offset_of!(RawRequest, message), 24);
        assert_eq!(offset_of!(RawReceived, address), 8);
        assert_eq!(offset_of!(RawReceived, message), 32);
        let read = nix::request_code_read!(b'i', 13, size_of::<RawRequest>());
        assert_eq!(read, 0x8028_690d);
        let both = nix::request_code_readwrite!(b'i', 11, size_of::<RawReceived>());
        assert_eq!(both, 0xc030_690b);
    }

    #[test]
    fn what_is_no_ipmi_device_is_an_error_and_no_crash() {
        let mut device = Device {
            file: File::options()
                .read(true)
                .write(true)
                .open("/dev/null")
                .unwrap(),
            last_id: 0,
        };
        let request = Request {
            net_fn: 0x06,
            command: 0x01,
            data: Vec::new(),
        };
        let error = device.ask(&request).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
        let error = device.receive().map(|found| found.data).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
    }
}
