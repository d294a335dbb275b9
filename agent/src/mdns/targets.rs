//! From where to where questions are sent: once for each network that this machine is in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

const PORT: u16 = 5353;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// The kernel sends what goes to a group out of the interface that `from` is an address of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

/// An address of this machine.
#[derive(Clone, Copy, Debug)]
struct Own {
    address: IpAddr,
    /// Of the interface, for IPv6.
    scope: u32,
    /// Whether the interface is up, is not the loopback, and takes packets for groups.
    is_usable: bool,
}

/// Of these addresses, or of all interfaces.
pub(super) fn list(wanted: &[IpAddr]) -> io::Result<Vec<Target>> {
    let all: Vec<Own> = getifaddrs()?.filter_map(|entry| own(&entry)).collect();
    Ok(choose(&all, wanted))
}

fn own(entry: &InterfaceAddress) -> Option<Own> {
    let wanted = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST;
    let is_usable =
        entry.flags.contains(wanted) && !entry.flags.contains(InterfaceFlags::IFF_LOOPBACK);
    let address = entry.address.as_ref()?;
    let (address, scope) = if let Some(v4) = address.as_sockaddr_in() {
        (IpAddr::V4(v4.ip()), 0)
    } else {
        let v6 = address.as_sockaddr_in6()?;
        (IpAddr::V6(v6.ip()), v6.scope_id())
    };
    Some(Own {
        address,
        scope,
        is_usable,
    })
}

/// Of IPv6 addresses those that are good on the link alone are enough: each interface has one, and it says which.
fn choose(all: &[Own], wanted: &[IpAddr]) -> Vec<Target> {
    let is_chosen = |own: &&Own| match own.address {
        address if !wanted.is_empty() => wanted.contains(&address),
        IpAddr::V4(_) => own.is_usable,
        IpAddr::V6(address) => own.is_usable && address.is_unicast_link_local(),
    };
    all.iter().filter(is_chosen).map(target).collect()
}

fn target(own: &Own) -> Target {
    match own.address {
        IpAddr::V4(address) => Target {
            from: (address, 0).into(),
            to: (GROUP_V4, PORT).into(),
        },
        IpAddr::V6(address) => Target {
            from: SocketAddrV6::new(address, 0, 0, own.scope).into(),
            to: SocketAddrV6::new(GROUP_V6, PORT, 0, own.scope).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: &[&str]) -> Vec<String> {
        let own = |text: &str, scope, is_usable| Own {
            address: text.parse().unwrap(),
            scope,
            is_usable,
        };
        let all = [
            own("127.0.0.1", 0, false),
            own("192.0.2.7", 0, true),
            own("2001:db8::7", 0, true),
            own("fe80::7", 3, true),
            own("fe80::8", 4, false),
        ];
        let wanted: Vec<IpAddr> = wanted.iter().map(|text| text.parse().unwrap()).collect();
        let targets = choose(&all, &wanted);
        let texts = targets
            .iter()
            .map(|target| format!("{} {}", target.from, target.to));
        texts.collect()
    }

    #[test]
    fn every_network_is_asked_once() {
        let expected = [
            "192.0.2.7:0 224.0.0.251:5353",
            "[fe80::7%3]:0 [ff02::fb%3]:5353",
        ];
        assert_eq!(chosen(&[]), expected);
        assert_eq!(chosen(&["127.0.0.1"]), ["127.0.0.1:0 224.0.0.251:5353"]);
        assert_eq!(chosen(&["192.0.2.99"]), [""; 0]);
    }
}
