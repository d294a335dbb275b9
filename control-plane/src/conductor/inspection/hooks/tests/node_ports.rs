//! Which ports a node has after its inspection, and what they have learned.

use super::{Case, Found, MACS};
use crate::config::{AddPorts, KeepPorts};
use ferric_model::ids::{MacAddress, NodeId, PortId};
use ferric_model::network::Network;
use ferric_model::port::Port;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

fn mac(number: usize) -> MacAddress {
    MACS[number].parse().unwrap()
}

fn port(number: usize) -> Port {
    let id = PortId(Uuid::from_u128(u128::try_from(number).unwrap() + 100));
    Port::new(id, mac(number), NodeId(Uuid::nil()), Timestamp::UNIX_EPOCH)
}

fn ports(found: &Found) -> Vec<(MacAddress, bool)> {
    let ports = found.subject.ports.iter();
    ports
        .map(|port| (port.address.clone(), port.pxe_enabled))
        .collect()
}

#[test]
fn the_interface_that_the_machine_booted_from_becomes_a_port() {
    for text in ["01-52-54-00-00-00-02", MACS[1]] {
        assert_eq!(ports(&Case::new(Some(text)).read()), [(mac(1), true)]);
    }
    let both = [(mac(0), true), (mac(1), true)];
    assert_eq!(ports(&Case::new(None).read()), both);
}

#[test]
fn which_ports_are_added_and_kept() {
    let check = |add, keep, expected: &[(usize, bool)]| {
        let case = Case::new(Some(MACS[1])).with(|case| {
            (case.settings.add_ports, case.settings.keep_ports) = (add, keep);
            case.ports = vec![port(0), port(2)];
        });
        let expected: Vec<_> = expected
            .iter()
            .map(|(number, pxe)| (mac(*number), *pxe))
            .collect();
        assert_eq!(ports(&case.read()), expected, "{add:?} {keep:?}");
    };
    check(
        AddPorts::Pxe,
        KeepPorts::All,
        &[(0, false), (2, false), (1, true)],
    );
    check(AddPorts::Pxe, KeepPorts::Present, &[(0, false), (1, true)]);
    check(AddPorts::Pxe, KeepPorts::Added, &[(1, true)]);
    check(AddPorts::All, KeepPorts::Added, &[(0, false), (1, true)]);
    check(
        AddPorts::Active,
        KeepPorts::All,
        &[(0, false), (2, false), (1, true)],
    );
    check(
        AddPorts::Disabled,
        KeepPorts::All,
        &[(0, false), (2, false)],
    );
    let silent = Case::new(Some(MACS[1])).with(|case| {
        case.settings.update_pxe_enabled = false;
        case.ports = vec![port(2)];
    });
    assert_eq!(ports(&silent.read()), [(mac(2), true), (mac(1), true)]);
}

#[test]
fn a_port_that_an_instance_uses_is_not_deleted() {
    let found = Case::new(None).with(|case| {
        case.settings.keep_ports = KeepPorts::Present;
        let mut used = port(2);
        used.internal_info
            .insert("tenant_vif_port_id".to_owned(), json!("v"));
        case.ports = vec![used];
    });
    assert!(found.read().gone.is_empty());
}

#[test]
fn an_address_of_another_node_is_left_alone() {
    let found = Case::new(Some(MACS[1]))
        .with(|case| case.taken.extend([mac(1)]))
        .read();
    assert!(found.subject.ports.is_empty());
    assert!(found.notes[0].contains("a port of another node"));
}

#[test]
fn ports_learn_where_they_are_connected() {
    let case = Case::all().with(|case| {
        let network = |text: &str| Network::parse(text).unwrap();
        case.settings.physical_network_cidr_map = vec![
            (network("192.0.2.0/24"), "red".to_owned()),
            (network("10.0.0.0/8"), "blue".to_owned()),
            (network("fe80::/10"), "green".to_owned()),
        ];
        let mut known = port(0);
        known
            .local_link_connection
            .insert("switch_info".to_owned(), json!("mine"));
        case.ports = vec![known];
        let lldp = json!({"eth0": [[1, "04020000aabbcc"], [2, "05457468"], [5, "7377"]]});
        case.data.insert("lldp_raw".to_owned(), lldp);
    });
    let subject = case.read().subject;
    let link = json!({"switch_info": "mine", "switch_id": "02:00:00:aa:bb:cc", "port_id": "Eth"});
    assert_eq!(
        Value::Object(subject.ports[0].local_link_connection.clone()),
        link
    );
    assert_eq!(subject.ports[0].physical_network.as_deref(), Some("blue"));
    assert_eq!(subject.ports[1].physical_network.as_deref(), Some("green"));
    assert_eq!(
        subject.plugin_data["parsed_lldp"]["eth0"]["switch_system_name"],
        "sw"
    );
}
