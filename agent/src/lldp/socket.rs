//! A socket that hears the frames of LLDP at one interface; one of the files with `unsafe`, see `disk/ioctl.rs`.
//!
//! The interface need not be promiscuous: the socket joins the group of addresses that switches speak to.
#![expect(
    unsafe_code,
    reason = "no crate joins a group of a packet socket, see docs/architecture.md"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike, bind, recv, setsockopt,
    socket, sockopt,
};

/// Number of linux/if_ether.h.
const ETH_P_LLDP: u16 = 0x88cc;
/// To the nearest bridge (IEEE 802.1AB-2016, 7.1): what no bridge passes on.
const NEAREST_BRIDGE: [u8; 8] = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e, 0, 0];
const ADDRESS_BYTES: u16 = 6;
/// Of what a switch sends faster than it is read, the kernel keeps no more than this.
const QUEUE_BYTES: usize = 32 << 10;

/// Hears LLDP at one interface, and never blocks.
pub(super) struct FrameSocket(OwnedFd);

impl FrameSocket {
    /// From now on the kernel keeps what comes in.
    ///
    /// # Errors
    /// When there is no such interface, when it is none of Ethernet, or without the right to use packet sockets.
    pub(super) fn open(interface: &str) -> io::Result<Self> {
        let index = i32::try_from(if_nametoindex(interface)?).map_err(io::Error::other)?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        // Without a protocol nothing comes in before `bind` has said where from.
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
        setsockopt(&socket, sockopt::RcvBuf, &QUEUE_BYTES)?;
        join(&socket, index)?;
        bind(socket.as_raw_fd(), &address(index)?)?;
        Ok(Self(socket))
    }

    /// The next frame that waits; `None` if there is none. What is longer than the buffer is cut off.
    ///
    /// # Errors
    /// When nothing can be received any more.
    pub(super) fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        match recv(self.0.as_raw_fd(), buffer, MsgFlags::empty()) {
            Ok(length) => Ok(buffer.get(..length)),
            // An interface that is down is told of once, and is heard again when it is up.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ENETDOWN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for FrameSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn join(socket: &OwnedFd, index: i32) -> io::Result<()> {
    let membership = libc::packet_mreq {
        mr_ifindex: index,
        mr_type: number(libc::PACKET_MR_MULTICAST)?,
        mr_alen: ADDRESS_BYTES,
        mr_address: NEAREST_BRIDGE,
    };
    let length = number(size_of_val(&membership))?;
    // SAFETY: the kernel reads one packet_mreq, of which it is told the size, and which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const membership).cast(),
            length,
        )
    };
    Errno::result(result)?;
    Ok(())
}

fn address(index: i32) -> io::Result<LinkAddr> {
    let raw = libc::sockaddr_ll {
        sll_family: number(libc::AF_PACKET)?,
        sll_protocol: ETH_P_LLDP.to_be(),
        sll_ifindex: index,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = number(size_of_val(&raw))?;
    // SAFETY: the pointer is to a whole sockaddr_ll, of the family that says so, which is copied here.
    let address = unsafe { LinkAddr::from_raw((&raw const raw).cast(), Some(length)) };
    address.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn number<T, U: TryFrom<T>>(number: T) -> io::Result<U> {
    U::try_from(number).map_err(|_| io::ErrorKind::InvalidInput.into())
}
