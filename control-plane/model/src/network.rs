//! Whether an address is in a network: `in-net`, and the physical networks of ports.

use std::net::{IpAddr, Ipv4Addr};

/// An IP network; bits beyond its prefix do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u32,
}

impl Network {
    /// From `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, or an address, which is a network of its own.
    ///
    /// # Errors
    /// One sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a network such as 192.0.2.0/24 or 2001:db8::/64");
        let (base, prefix) = match text.trim().split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text.trim(), None),
        };
        let base: IpAddr = base.parse().map_err(|_| wrong())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(prefix) => length(prefix, base).ok_or_else(wrong)?,
        };
        if prefix > longest {
            return Err(wrong());
        }
        Ok(Self { base, prefix })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differing = u32::from(base) ^ u32::from(address);
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differing = u128::from(base) ^ u128::from(address);
                differing.leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

/// A length in bits, or a mask of an IPv4 network.
fn length(prefix: &str, base: IpAddr) -> Option<u32> {
    if prefix.bytes().all(|byte| byte.is_ascii_digit()) {
        return prefix.parse().ok();
    }
    let mask = u32::from(prefix.parse::<Ipv4Addr>().ok()?);
    let whole = mask.leading_ones() + mask.trailing_zeros() == 32;
    (base.is_ipv4() && whole).then(|| mask.leading_ones())
}

/// An address as an agent says it: a link-local one may have a scope behind `%`.
///
/// # Errors
/// One sentence.
pub fn address(text: &str) -> Result<IpAddr, String> {
    let bare = text.split('%').next().unwrap_or_default().trim();
    bare.parse()
        .map_err(|_| format!("{text:?} is not an IP address"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn check(address_text: &str, network: &str, expected: Result<bool, ()>) {
        let found = Network::parse(network)
            .and_then(|network| Ok(network.contains(address(address_text)?)));
        assert_eq!(found.map_err(drop), expected, "{address_text} {network}");
    }

    #[test]
    fn networks() {
        check("10.1.2.3", "10.0.0.0/8", Ok(true));
        check("11.1.2.3", "10.0.0.0/8", Ok(false));
        check("10.1.2.3", "10.9.9.9/255.0.0.0", Ok(true));
        check("10.1.2.3", "10.1.2.3", Ok(true));
        check("10.1.2.3", "0.0.0.0/0", Ok(true));
        check("2001:db8::7", "2001:db8::/32", Ok(true));
        check("fe80::1%eth0", "fe80::/10", Ok(true));
        check("10.1.2.3", "2001:db8::/32", Ok(false));
        check("10.1.2.3", "10.0.0.0/33", Err(()));
        check("10.1.2.3", "10.0.0.0/255.0.255.0", Err(()));
        check("10.1.2.3", "10.0.0.0/", Err(()));
        check("10.1.2", "10.0.0.0/8", Err(()));
        check("", "", Err(()));
    }

    proptest! {
        #[test]
        fn no_network_is_too_strange(text in "[0-9a-f:./%]{0,30}", other in any::<String>()) {
            drop(Network::parse(&text));
            drop(Network::parse(&other));
            drop(address(&text));
        }
    }
}
