//! What the hooks make of an inventory.

use super::*;
use ferric_model::ids::PortId;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

const MACS: [&str; 3] = [
    "52:54:00:00:00:01",
    "52:54:00:00:00:02",
    "52:54:00:00:00:03",
];

fn node() -> Node {
    Node::new(NodeId(Uuid::nil()), "redfish", Timestamp::UNIX_EPOCH)
}

fn mac(number: usize) -> MacAddress {
    MACS[number].parse().unwrap()
}

fn port(number: usize) -> Port {
    Port::new(
        PortId(Uuid::nil()),
        mac(number),
        NodeId(Uuid::nil()),
        Timestamp::UNIX_EPOCH,
    )
}

fn data(pxe: Option<&str>) -> Object {
    let interface = |number: usize| json!({"name": format!("eth{number}"), "mac_address": MACS[number].to_uppercase()});
    let wire = json!({
        "inventory": {
            "interfaces": [
                interface(0), interface(1), interface(1), {"name": "lo", "mac_address": "00:00:00:00:00:00"},
                {"name": "ib0", "mac_address": "not an address"},
            ],
            "cpu": {"architecture": "x86_64", "count": 8},
            "memory": {"total": 2_000_000_000, "physical_mb": null},
            "disks": [
                {"name": "/dev/sda", "size": 100_u64 << 30, "serial": "A"},
                {"name": "/dev/sdb", "size": 50_u64 << 30, "serial": "B"},
            ],
            "boot": {"current_boot_mode": "uefi", "pxe_interface": pxe},
        },
        "error": null,
        "logs": "abc",
    });
    wire.as_object().unwrap().clone()
}

fn found(node: &Node, ports: &[Port], taken: &[MacAddress], pxe: Option<&str>) -> Found {
    read(node, ports, &taken.iter().cloned().collect(), data(pxe)).unwrap()
}

fn new_addresses(found: &Found) -> Vec<MacAddress> {
    found
        .new_ports
        .iter()
        .map(|port| port.address.clone())
        .collect()
}

#[test]
fn properties_come_from_the_inventory() {
    let found = found(&node(), &[], &[], None);
    let expected = json!({"cpu_arch": "x86_64", "cpus": 8, "memory_mb": 1907, "local_gb": 49});
    assert_eq!(Value::Object(found.properties), expected);
    assert_eq!(found.boot_mode.as_deref(), Some("uefi"));
    assert_eq!(found.plugin_data["logs"], json!("abc"));
    assert!(
        found.inventory.contains_key("interfaces") && !found.plugin_data.contains_key("inventory")
    );
}

#[test]
fn hints_choose_the_disk() {
    let mut node = node();
    node.properties
        .insert("root_device".to_owned(), json!({"serial": "a"}));
    assert_eq!(
        found(&node, &[], &[], None).properties["local_gb"],
        json!(99)
    );
}

#[test]
fn the_interface_that_the_machine_booted_from_becomes_a_port() {
    for text in ["01-52-54-00-00-00-02", MACS[1]] {
        assert_eq!(
            new_addresses(&found(&node(), &[], &[], Some(text))),
            [mac(1)]
        );
    }
    assert_eq!(
        new_addresses(&found(&node(), &[], &[], None)),
        [mac(0), mac(1)]
    );
}

#[test]
fn ports_are_kept_and_say_whether_they_boot() {
    let found = found(&node(), &[port(0), port(1), port(2)], &[], Some(MACS[1]));
    assert!(found.new_ports.is_empty());
    let changed: Vec<_> = found
        .changed_ports
        .iter()
        .map(|port| (port.address.clone(), port.pxe_enabled))
        .collect();
    assert_eq!(changed, [(mac(0), false), (mac(2), false)]);
}

#[test]
fn an_address_of_another_node_is_left_alone() {
    let found = found(&node(), &[], &[mac(1)], Some(MACS[1]));
    assert!(found.new_ports.is_empty());
    assert!(found.notes[0].contains("a port of another node"));
}

fn refused(edit: impl FnOnce(&mut Object)) -> String {
    let mut data = data(None);
    edit(&mut data);
    read(&node(), &[], &BTreeSet::new(), data)
        .unwrap_err()
        .to_string()
}

#[test]
fn data_without_use_are_refused_with_a_reason() {
    let error = refused(|data| drop(data.insert("error".to_owned(), json!("no disks\n"))));
    assert_eq!(error, "the ramdisk reported an error: no disks");
    assert!(refused(|data| drop(data.shift_remove("inventory"))).contains("inventory is missing"));
    let error = refused(|data| data["inventory"]["interfaces"] = json!([]));
    assert!(error.contains("no usable network interface"), "{error}");
    assert!(refused(|data| data["inventory"] = json!(3)).contains("cannot be read"));
}
