//! The lab's own network: one bridge, its address, and the range that DHCP gives out.

use std::net::Ipv4Addr;

use serde::Deserialize;

use super::ConfigError;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    pub bridge: String,
    /// Address of the bridge with its prefix length, as in `192.168.100.1/24`.
    pub address: String,
    pub dhcp: DhcpRange,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DhcpRange {
    pub start: Ipv4Addr,
    pub end: Ipv4Addr,
}

impl Default for Network {
    fn default() -> Self {
        Network {
            bridge: "br0".into(),
            address: "192.168.100.1/24".into(),
            dhcp: DhcpRange {
                start: Ipv4Addr::new(192, 168, 100, 100),
                end: Ipv4Addr::new(192, 168, 100, 199),
            },
        }
    }
}

impl Network {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        super::check_name("network.bridge", &self.bridge)?;
        if self.bridge.len() > 15 {
            return Err(ConfigError::field(
                "network.bridge",
                "an interface name has at most 15 characters",
            ));
        }
        let (address, prefix) = self.split_address()?;
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        let inside = |other: Ipv4Addr| other.to_bits() & mask == address.to_bits() & mask;
        for (field, end) in [
            ("network.dhcp.start", self.dhcp.start),
            ("network.dhcp.end", self.dhcp.end),
        ] {
            if !inside(end) {
                return Err(ConfigError::field(
                    field,
                    format!("{end} is not in the network {}", self.address),
                ));
            }
        }
        if self.dhcp.start > self.dhcp.end {
            return Err(ConfigError::field("network.dhcp", "start lies after end"));
        }
        Ok(())
    }

    fn split_address(&self) -> Result<(Ipv4Addr, u32), ConfigError> {
        let parsed = self.address.split_once('/').and_then(|(address, prefix)| {
            let prefix: u32 = prefix.parse().ok()?;
            (8..=30)
                .contains(&prefix)
                .then_some((address.parse().ok()?, prefix))
        });
        let problem = || {
            format!(
                "{:?} is not an IPv4 address with a prefix of 8 to 30",
                self.address
            )
        };
        parsed.ok_or_else(|| ConfigError::field("network.address", problem()))
    }
}
