//! The ioctl that makes VLAN interfaces, which no crate wraps; one of the files with `unsafe`, see `disk/ioctl.rs`.
//!
//! It is safe to call with any name: the kernel answers an error for an interface that does not exist.
#![expect(
    unsafe_code,
    reason = "the one place for the ioctl of VLANs, see docs/architecture.md"
)]

use std::io;
use std::os::fd::AsRawFd;

use nix::libc::{IFNAMSIZ, c_int, c_short};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::host::SystemPermit;

mod raw {
    use nix::libc::c_ulong;

    /// Number of linux/sockios.h, which libc does not have.
    const SIOCSIFVLAN: c_ulong = 0x8983;

    nix::ioctl_readwrite_bad!(set_vlan, SIOCSIFVLAN, super::VlanRequest);
}

/// `struct vlan_ioctl_args` of linux/if_vlan.h.
#[repr(C)]
pub(super) struct VlanRequest {
    command: c_int,
    device: [u8; 24],
    argument: VlanArgument,
    priority: c_short,
}

/// A union whose longest member is another name; for a command that adds it is the number of the VLAN.
#[repr(C)]
struct VlanArgument {
    number: c_int,
    rest: [u8; 20],
}

const ADD_VLAN: c_int = 0;

/// Makes the interface `parent.number`. The kernel names it so unless somebody has told it otherwise in this boot.
pub(super) fn add(_permit: &SystemPermit, parent: &str, number: u16) -> io::Result<()> {
    let mut request = request(parent, number)?;
    let (family, kind) = (AddressFamily::Inet, SockType::Datagram);
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: the kernel reads and writes one vlan_ioctl_args, whose layout a test checks and which outlives the call.
    unsafe { raw::set_vlan(socket.as_raw_fd(), &raw mut request) }?;
    Ok(())
}

fn request(parent: &str, number: u16) -> io::Result<VlanRequest> {
    let mut device = [0; 24];
    // Longer names than the kernel's are none, and the last byte must stay zero.
    if parent.len() >= IFNAMSIZ {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    device[..parent.len()].copy_from_slice(parent.as_bytes());
    Ok(VlanRequest {
        command: ADD_VLAN,
        device,
        argument: VlanArgument {
            number: number.into(),
            rest: [0; 20],
        },
        priority: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes and places of linux/if_vlan.h: 4 + 24 + 24 + 2, filled up.
    #[test]
    fn a_request_lies_as_the_kernel_reads_it() {
        assert_eq!(size_of::<VlanRequest>(), 56);
        assert_eq!(std::mem::offset_of!(VlanRequest, device), 4);
        assert_eq!(std::mem::offset_of!(VlanRequest, argument), 28);
        assert_eq!(std::mem::offset_of!(VlanRequest, priority), 52);
        let request = request("eth0", 100).unwrap();
        assert_eq!(request.command, 0);
        assert_eq!(&request.device[..6], b"eth0\0\0");
        assert_eq!((request.argument.number, request.priority), (100, 0));
        assert_eq!(request.argument.rest, [0; 20]);
        assert!(super::request("a-name-of-16-let", 1).is_err());
    }
}
