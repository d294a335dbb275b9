//! The ioctls on network interfaces that no crate wraps; one of the three files with `unsafe`, see `disk/ioctl.rs`.
//!
//! Each function is safe to call with any name: the kernel answers an error for an interface that does not exist.
#![expect(
    unsafe_code,
    reason = "the one place for network interface ioctls, see docs/architecture.md"
)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::host::SystemPermit;

mod raw {
    use nix::libc;

    nix::ioctl_readwrite_bad!(ethtool, libc::SIOCETHTOOL, libc::ifreq);
    nix::ioctl_readwrite_bad!(get_flags, libc::SIOCGIFFLAGS, libc::ifreq);
    nix::ioctl_write_ptr_bad!(set_flags, libc::SIOCSIFFLAGS, libc::ifreq);
}

/// Numbers of linux/ethtool.h.
const ETHTOOL_GPERMADDR: u32 = 0x20;
const ETHTOOL_GSET: u32 = 0x01;

#[repr(C)]
struct PermanentAddress {
    command: u32,
    size: u32,
    address: [u8; 32],
}

/// The older form of the link's settings: its bit mask of modes is the first 32 bits of the newer one.
#[repr(C)]
#[derive(Default)]
struct LinkSettings {
    command: u32,
    supported: u32,
    rest: [u32; 9],
}

/// The MAC address that was burnt in: of a member of a bond, the current one is that of the bond.
pub(super) fn permanent_address(name: &str) -> Option<String> {
    let mut data = PermanentAddress {
        command: ETHTOOL_GPERMADDR,
        size: 32,
        address: [0; 32],
    };
    ethtool(name, &mut data).ok()?;
    let bytes = data.address.get(..usize::try_from(data.size).ok()?)?;
    // InfiniBand has 20 bytes, and its MAC address is made of the current one.
    let known = bytes.len() == 6 && bytes.iter().any(|byte| *byte != 0);
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    known.then(|| hex.join(":"))
}

/// The highest speed that the link can have.
pub(super) fn max_speed_mbps(name: &str) -> Option<u64> {
    let mut data = LinkSettings {
        command: ETHTOOL_GSET,
        ..LinkSettings::default()
    };
    ethtool(name, &mut data).ok()?;
    fastest_mode(data.supported)
}

/// Speeds of the first 32 link modes, by bit, from linux/ethtool.h.
fn fastest_mode(supported: u32) -> Option<u64> {
    const MODES: [(u32, u64); 10] = [
        (0x0000_0003, 10),
        (0x0000_000c, 100),
        (0x0000_0030, 1_000),
        (0x0002_0000, 1_000),
        (0x0000_8000, 2_500),
        (0x001c_1000, 10_000),
        (0x0060_0000, 20_000),
        (0x0780_0000, 40_000),
        (0x7800_0000, 56_000),
        (0x8000_0000, 25_000),
    ];
    let supports = |(mask, _): &&(u32, u64)| supported & mask != 0;
    MODES.iter().filter(supports).map(|(_, speed)| *speed).max()
}

/// Takes an interface down.
pub(crate) fn take_down(_permit: &SystemPermit, name: &str) -> io::Result<()> {
    let socket = any_socket()?;
    let mut request = request(name)?;
    // SAFETY: the kernel reads and writes one ifreq that outlives the call.
    unsafe { raw::get_flags(socket.as_raw_fd(), &raw mut request) }?;
    // SAFETY: the call before has filled this member of the union.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    let up = i16::try_from(libc::IFF_UP).map_err(io::Error::other)?;
    request.ifr_ifru.ifru_flags = flags & !up;
    // SAFETY: the kernel reads one ifreq that outlives the call.
    unsafe { raw::set_flags(socket.as_raw_fd(), &raw const request) }?;
    Ok(())
}

fn ethtool<T>(name: &str, data: &mut T) -> io::Result<()> {
    let socket = any_socket()?;
    let mut request = request(name)?;
    request.ifr_ifru.ifru_data = std::ptr::from_mut(data).cast();
    // SAFETY: the kernel writes at most what the command in `data` asks for: for ETHTOOL_GPERMADDR `size` bytes
    // behind the header, for ETHTOOL_GSET one structure of 44 bytes. Both lie inside `data`, which outlives the call.
    unsafe { raw::ethtool(socket.as_raw_fd(), &raw mut request) }?;
    Ok(())
}

fn any_socket() -> io::Result<OwnedFd> {
    Ok(socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?)
}

fn request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: an ifreq is plain numbers, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let bytes = name.as_bytes();
    // The last byte must stay zero.
    if bytes.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (target, byte) in request.ifr_name.iter_mut().zip(bytes) {
        *target = byte.cast_signed();
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_mode_wins() {
        assert_eq!(fastest_mode(0), None);
        assert_eq!(fastest_mode(0x0000_002f), Some(1_000));
        assert_eq!(fastest_mode(0x8000_0020), Some(25_000));
        assert_eq!(fastest_mode(0x0000_1020), Some(10_000));
    }

    #[test]
    fn interfaces_that_do_not_exist_are_errors_not_crashes() {
        assert_eq!(permanent_address("no-such-nic"), None);
        assert_eq!(
            permanent_address("a name that is far too long for the kernel"),
            None
        );
        assert_eq!(max_speed_mbps("lo"), None);
    }
}
