//! `ports`: makes ports of network interfaces (`add_ports`), deletes those that are not wanted (`keep_ports`), and has
//! the others say whether the machine boots from them (`update_pxe_enabled`).

use super::Findings;
use crate::config::{AddPorts, KeepPorts};
use ferric_model::ids::{MacAddress, PortId};
use ferric_model::port::Port;
use serde_json::json;
use std::collections::BTreeSet;

pub(super) fn run(findings: &mut Findings<'_>) {
    delete(findings);
    update(findings);
    if findings.context.settings.add_ports != AddPorts::Disabled {
        add(findings);
    }
}

fn delete(findings: &mut Findings<'_>) {
    let kept: BTreeSet<MacAddress> = match findings.context.settings.keep_ports {
        KeepPorts::All => return,
        KeepPorts::Present => addresses(&findings.interfaces),
        KeepPorts::Added => addresses(&findings.valid),
    };
    let ports = std::mem::take(&mut findings.ports);
    // One that an instance's network hangs on is not a matter of inspection.
    let stays = |port: &Port| {
        kept.contains(&port.address) || port.internal_info.contains_key("tenant_vif_port_id")
    };
    let (ports, gone) = ports.into_iter().partition(stays);
    findings.ports = ports;
    findings.gone = gone;
    for address in findings
        .gone
        .iter()
        .map(|port| port.address.to_string())
        .collect::<Vec<_>>()
    {
        findings.note(format!(
            "the port {address} is deleted: keep_ports does not keep it"
        ));
    }
}

fn addresses(
    interfaces: &[crate::conductor::inspection::interfaces::Usable],
) -> BTreeSet<MacAddress> {
    interfaces
        .iter()
        .map(|interface| interface.address.clone())
        .collect()
}

/// Where it is not known what the machine was booted from, ports say what they said.
fn update(findings: &mut Findings<'_>) {
    let boot_known = findings.interfaces.iter().any(|interface| interface.booted);
    let says = boot_known && findings.context.settings.update_pxe_enabled;
    for port in &mut findings.ports {
        let mut same = findings.interfaces.iter();
        let interface = same.find(|interface| interface.address == port.address);
        if says {
            port.pxe_enabled = interface.is_some_and(|interface| interface.booted);
        }
        if let Some(id) = interface.and_then(|interface| interface.client_id.as_ref()) {
            port.extra.insert("client-id".to_owned(), json!(id));
        }
    }
}

fn add(findings: &mut Findings<'_>) {
    let boot_known = findings.interfaces.iter().any(|interface| interface.booted);
    for interface in findings.valid.clone() {
        let address = interface.address;
        if findings.context.taken.contains(&address) {
            findings.note(format!(
                "{} has the address {address}, which is a port of another node: ignored",
                interface.name
            ));
            continue;
        }
        if findings.port_of(&address).is_some() {
            continue;
        }
        let id = PortId((findings.context.new_id)());
        let mut port = Port::new(id, address, findings.node.uuid, findings.context.now);
        port.pxe_enabled = interface.booted || !boot_known;
        let client_id = interface
            .client_id
            .map(|id| ("client-id".to_owned(), json!(id)));
        port.extra.extend(client_id);
        findings.ports.push(port);
    }
}
