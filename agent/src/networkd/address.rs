//! Addresses, prefixes and masks in the forms that they are written in. Only what was understood is printed.

use std::fmt;
use std::net::IpAddr;

/// An address and how much of it is the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefixed {
    address: IpAddr,
    length: u32,
}

impl fmt::Display for Prefixed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.length)
    }
}

impl Prefixed {
    /// `192.0.2.7/24` alone, or `192.0.2.7` with `255.255.255.0` or `24`. Without both it is the address of one machine.
    pub(super) fn parse(address: &str, mask: Option<&str>) -> Option<Self> {
        let (address, own_mask) = match address.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (address, mask),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let length = match own_mask {
            Some(mask) => length(mask.trim(), address)?,
            None => bits(address),
        };
        Some(Self { address, length })
    }
}

fn bits(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn length(mask: &str, address: IpAddr) -> Option<u32> {
    let length = match mask.parse::<IpAddr>() {
        Ok(mask) if mask.is_ipv4() == address.is_ipv4() => ones(mask)?,
        Ok(_) => return None,
        Err(_) => mask.parse().ok()?,
    };
    (length <= bits(address)).then_some(length)
}

/// A mask is ones and then nothing but zeroes.
fn ones(mask: IpAddr) -> Option<u32> {
    let mask = match mask {
        IpAddr::V4(mask) => u128::from(u32::from(mask)) << 96,
        IpAddr::V6(mask) => u128::from(mask),
    };
    (mask.leading_ones() == mask.count_ones()).then_some(mask.leading_ones())
}

/// Six bytes with colons or dashes between them, printed with colons.
pub(super) fn mac(text: &str) -> Option<String> {
    let text = text.to_lowercase().replace('-', ":");
    let is_byte =
        |byte: &str| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
    (text.split(':').count() == 6 && text.split(':').all(is_byte)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_understood_in_every_form() {
        let check = |address: &str, mask: Option<&str>, expected: Option<&str>| {
            let found = Prefixed::parse(address, mask).map(|prefixed| prefixed.to_string());
            assert_eq!(found.as_deref(), expected, "{address} {mask:?}");
        };
        check("192.0.2.7/24", None, Some("192.0.2.7/24"));
        check("192.0.2.7/24", Some("255.0.0.0"), Some("192.0.2.7/24"));
        check("192.0.2.7", Some("255.255.255.128"), Some("192.0.2.7/25"));
        check("192.0.2.7", Some("16"), Some("192.0.2.7/16"));
        check("192.0.2.7", None, Some("192.0.2.7/32"));
        check("0.0.0.0", Some("0.0.0.0"), Some("0.0.0.0/0"));
        check(
            "2001:db8::7",
            Some("ffff:ffff:ffff:ffff::"),
            Some("2001:db8::7/64"),
        );
        check("::", Some("::"), Some("::/0"));
        check("2001:db8::7/128", None, Some("2001:db8::7/128"));
        check("192.0.2.7", Some("255.0.255.0"), None);
        check("192.0.2.7", Some("ffff::"), None);
        check("192.0.2.7", Some("33"), None);
        check("192.0.2.7\nGateway=192.0.2.1", Some("24"), None);
        check("", None, None);
    }

    #[test]
    fn hardware_addresses_are_six_bytes() {
        assert_eq!(
            mac("52-54-00-00-00-0A").as_deref(),
            Some("52:54:00:00:00:0a")
        );
        for wrong in [
            "",
            "52:54:00:00:00",
            "52:54:00:00:00:0a\n",
            "52:54:00:00:00:+a",
        ] {
            assert_eq!(mac(wrong), None, "{wrong}");
        }
    }
}
