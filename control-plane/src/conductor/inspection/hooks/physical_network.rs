//! `physical-network`: which physical network a port is on, by the address that its interface was given
//! (`physical_network_cidr_map`).

use super::Findings;
use ferric_model::network::address;
use serde_json::Value;

pub(super) fn run(findings: &mut Findings<'_>) {
    for (_, mac, interface) in findings.raw_interfaces() {
        let network = network(findings, &interface);
        if let (Some(network), Some(port)) = (network, findings.port_of(&mac)) {
            port.physical_network = Some(network);
        }
    }
}

/// That of the IPv4 address, else that of the IPv6 address.
fn network(findings: &Findings<'_>, interface: &Value) -> Option<String> {
    let map = &findings.context.settings.physical_network_cidr_map;
    ["ipv4_address", "ipv6_address"]
        .into_iter()
        .find_map(|key| {
            let address = address(interface.get(key)?.as_str()?).ok()?;
            let found = map.iter().find(|(network, _)| network.contains(address));
            found.map(|(_, name)| name.clone())
        })
}
