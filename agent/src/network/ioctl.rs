//! The ioctls on network interfaces that no crate wraps; one of the files with `unsafe`, see `disk/ioctl.rs`.
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
const ETHTOOL_GLINKSETTINGS: u32 = 0x4c;

/// Numbers of linux/if.h.
const IFF_UP: i16 = 0x1;
const IFF_RUNNING: i16 = 0x40;

#[repr(C)]
struct PermanentAddress {
    command: u32,
    size: u32,
    address: [u8; 32],
}

/// The longest mask of modes that the kernel could have: the count of its words is a signed byte.
const MAX_MASK_WORDS: usize = 127;

/// `struct ethtool_link_settings` and the masks behind it: supported, advertised, and advertised by the other side.
#[repr(C)]
struct LinkSettings {
    command: u32,
    speed: u32,
    unused: [u8; 7],
    mask_words: i8,
    unused_too: [u32; 8],
    masks: [u32; 3 * MAX_MASK_WORDS],
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

/// A mask of the link modes that the hardware supports.
pub(super) fn supported_modes(name: &str) -> Option<Vec<u32>> {
    let mut data = LinkSettings {
        command: ETHTOOL_GLINKSETTINGS,
        speed: 0,
        unused: [0; 7],
        mask_words: 0,
        unused_too: [0; 8],
        masks: [0; 3 * MAX_MASK_WORDS],
    };
    ethtool(name, &mut data).ok()?;
    // Asked with a wrong count of words, the kernel has answered nothing but the right one, below zero.
    data.mask_words = data.mask_words.checked_neg()?;
    ethtool(name, &mut data).ok()?;
    let supported = data.masks.get(..usize::try_from(data.mask_words).ok()?)?;
    Some(supported.to_vec())
}

/// Brings an interface up.
pub(crate) fn bring_up(_permit: &SystemPermit, name: &str) -> io::Result<()> {
    change_flags(name, |flags| flags | IFF_UP)
}

/// Takes an interface down.
pub(crate) fn take_down(_permit: &SystemPermit, name: &str) -> io::Result<()> {
    change_flags(name, |flags| flags & !IFF_UP)
}

/// Whether an interface is up and has something at the other end of its cable.
pub(crate) fn has_carrier(name: &str) -> bool {
    let flags = any_socket().and_then(|socket| read_flags(&socket, &mut request(name)?));
    flags.is_ok_and(|flags| flags & IFF_UP != 0 && flags & IFF_RUNNING != 0)
}

fn change_flags(name: &str, change: impl FnOnce(i16) -> i16) -> io::Result<()> {
    let socket = any_socket()?;
    let mut request = request(name)?;
    let flags = read_flags(&socket, &mut request)?;
    request.ifr_ifru.ifru_flags = change(flags);
    // SAFETY: the kernel reads one ifreq that outlives the call.
    unsafe { raw::set_flags(socket.as_raw_fd(), &raw const request) }?;
    Ok(())
}

fn read_flags(socket: &OwnedFd, request: &mut libc::ifreq) -> io::Result<i16> {
    // SAFETY: the kernel reads and writes one ifreq that outlives the call.
    unsafe { raw::get_flags(socket.as_raw_fd(), request) }?;
    // SAFETY: the call before has filled this member of the union.
    Ok(unsafe { request.ifr_ifru.ifru_flags })
}

fn ethtool<T>(name: &str, data: &mut T) -> io::Result<()> {
    let socket = any_socket()?;
    let mut request = request(name)?;
    request.ifr_ifru.ifru_data = std::ptr::from_mut(data).cast();
    // SAFETY: the kernel writes at most what the command in `data` asks for: for ETHTOOL_GPERMADDR `size` bytes
    // behind the header, for ETHTOOL_GLINKSETTINGS a structure of 48 bytes and, only if `mask_words` is what the kernel
    // wants, three masks of as many words. All lie inside `data`, which outlives the call.
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
    fn the_structure_is_that_of_the_kernel() {
        assert_eq!(std::mem::offset_of!(LinkSettings, mask_words), 15);
        assert_eq!(std::mem::offset_of!(LinkSettings, masks), 48);
    }

    #[test]
    fn interfaces_that_do_not_exist_are_errors_not_crashes() {
        assert_eq!(permanent_address("no-such-nic"), None);
        assert_eq!(
            permanent_address("a name that is far too long for the kernel"),
            None
        );
        assert_eq!(supported_modes("lo"), None);
        assert!(!has_carrier("no-such-nic"));
    }
}
