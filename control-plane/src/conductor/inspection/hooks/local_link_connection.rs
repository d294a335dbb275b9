//! `local-link-connection`: which switch and which of its ports a port is connected to, by LLDP. What is known stays.

use super::Findings;
use crate::conductor::inspection::lldp;

pub(super) fn run(findings: &mut Findings<'_>) {
    for (name, mac, interface) in findings.raw_interfaces() {
        let tlvs = lldp::of_interface(&name, &interface, &findings.plugin_data);
        if let (Some(tlvs), Some(port)) = (tlvs, findings.port_of(&mac)) {
            for (key, value) in lldp::link(&tlvs) {
                port.local_link_connection.entry(key).or_insert(value);
            }
        }
    }
}
