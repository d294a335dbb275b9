//! Waits for the network, always with a bound: drivers load late, and DHCP is not done by the agent.

use std::time::Duration;

use ferric_agent_protocol::inventory::Interface;
use tokio::time::{Instant, sleep};

use super::{boot_interface, list_interfaces, routable_address};

const POLL: Duration = Duration::from_millis(500);
const INTERFACE_WAIT: Duration = Duration::from_secs(60);

/// Waits until there is an interface with a MAC address, without which the node cannot be looked up.
pub async fn wait_for_interface() {
    let ready = |interfaces: &[Interface]| interfaces.iter().any(|nic| nic.mac_address.is_some());
    if !wait_until(INTERFACE_WAIT, ready).await {
        tracing::warn!("no network interface has appeared within {INTERFACE_WAIT:?}");
    }
}

/// Which interfaces must have an address.
#[derive(Clone, Debug)]
enum Wanted {
    /// The one that the machine was booted from.
    Boot(String),
    Any,
    /// All with a carrier.
    All,
}

/// Waits until an interface can be reached: that of `BOOTIF` if it is known, else any, or all of them.
pub async fn wait_for_address(limit: Duration, bootif: Option<&str>, all_interfaces: bool) {
    let wanted = match bootif {
        _ if all_interfaces => Wanted::All,
        Some(bootif) => Wanted::Boot(bootif.to_owned()),
        None => Wanted::Any,
    };
    if !limit.is_zero() && !wait_until(limit, |interfaces| wanted.is_met(interfaces)).await {
        tracing::warn!(
            ?wanted,
            "the network interfaces have no address within {limit:?}"
        );
    }
}

impl Wanted {
    fn is_met(&self, interfaces: &[Interface]) -> bool {
        let has_address = |nic: &Interface| routable_address(nic).is_some();
        match self {
            Self::Boot(bootif) => match boot_interface(interfaces, bootif) {
                Some(interface) => has_address(interface),
                // The interface is of another kind than those that are listed: do not wait for it in vain.
                None => interfaces.iter().any(has_address),
            },
            Self::Any => interfaces.iter().any(has_address),
            Self::All => {
                let mut linked = interfaces
                    .iter()
                    .filter(|nic| nic.has_carrier == Some(true))
                    .peekable();
                linked.peek().is_some() && linked.all(has_address)
            }
        }
    }
}

async fn wait_until(limit: Duration, ready: impl Fn(&[Interface]) -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if list_interfaces().is_ok_and(|interfaces| ready(&interfaces)) {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nic(mac: &str, address: Option<&str>, carrier: bool) -> Interface {
        Interface {
            mac_address: Some(mac.to_owned()),
            ipv4_address: address.map(str::to_owned),
            has_carrier: Some(carrier),
            ..Interface::default()
        }
    }

    #[test]
    fn the_boot_interface_is_the_one_that_counts() {
        let interfaces = [
            nic("52:54:00:00:00:01", None, true),
            nic("52:54:00:00:00:02", Some("192.0.2.2"), true),
            nic("52:54:00:00:00:03", None, false),
        ];
        let met = |wanted: Wanted| wanted.is_met(&interfaces);
        assert!(met(Wanted::Any));
        assert!(!met(Wanted::All));
        assert!(Wanted::All.is_met(&interfaces[1..]));
        assert!(!Wanted::All.is_met(&interfaces[2..]));
        assert!(!met(Wanted::Boot("01-52-54-00-00-00-01".to_owned())));
        assert!(met(Wanted::Boot("01-52-54-00-00-00-02".to_owned())));
        assert!(met(Wanted::Boot("52:54:00:00:00:99".to_owned())));
    }
}
