//! A BMC that its machine asks by IPMI, played by OpenIPMI's simulator.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Deserialize;

use super::{ConfigError, Mac};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpmiSim {
    /// Where the simulator listens inside the lab: for QEMU by TCP, and for IPMI over LAN, which lets nobody in, by UDP.
    pub listen: SocketAddr,
    /// What the BMC says of its network; nobody reaches it there.
    pub address: Ipv4Addr,
    pub mac: Mac,
    /// The simulator itself knows none.
    pub ipv6: Option<Ipv6Addr>,
}

impl IpmiSim {
    pub(super) fn check(&self, at: &str) -> Result<(), ConfigError> {
        if !self.listen.ip().is_loopback() {
            return Err(ConfigError::field(
                format!("{at}.listen"),
                "must be an address of the loopback interface: who connects is taken for the machine",
            ));
        }
        Ok(())
    }
}
