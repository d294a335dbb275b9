//! Documents as conductors send them, and the files that come of them.

use serde_json::{Value, json};

use super::*;

fn files(document: &Value) -> Result<Vec<(String, String)>, String> {
    let document = serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
    let files = files::of(&document).map_err(|error| error.to_string())?;
    Ok(files
        .into_iter()
        .map(|file| (file.name, file.text))
        .collect())
}

fn hardware(id: &str, mac: &str) -> Value {
    json!({"id": id, "type": "phy", "ethernet_mac_address": mac, "mtu": 9000})
}

/// The example of Ironic's documentation, with a second network.
#[test]
fn addresses_routes_and_name_servers_are_written() {
    let document = json!({
        "links": [hardware("port0", "52:54:00:00:00:0A")],
        "networks": [
            {
                "id": "net0", "type": "ipv4", "link": "port0", "network_id": "x",
                "ip_address": "192.0.2.7", "netmask": "255.255.255.0",
                "routes": [{
                    "network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "192.0.2.1",
                    "services": [{"type": "dns", "address": "192.0.2.53"}],
                }],
            },
            {"id": "net1", "type": "ipv6", "link": "port0", "ip_address": "2001:db8::7/64", "gateway": "2001:db8::1"},
        ],
        "services": [{"type": "dns", "address": "192.0.2.53"}, {"type": "dns", "address": "2001:db8::53"}],
    });
    let expected = "[Match]\nMACAddress=52:54:00:00:00:0a\nType=ether\nKind=!*\n\n\
        [Link]\nRequiredForOnline=no\nMTUBytes=9000\n\n\
        [Network]\nDHCP=no\nIPv6AcceptRA=no\nAddress=192.0.2.7/24\nAddress=2001:db8::7/64\nGateway=2001:db8::1\n\
        DNS=192.0.2.53\nDNS=2001:db8::53\n\n\
        [Route]\nDestination=0.0.0.0/0\nGateway=192.0.2.1\n";
    let file = ("000.network".to_owned(), expected.to_owned());
    assert_eq!(files(&document).unwrap(), [file]);
}

#[test]
fn bonds_and_vlans_are_made() {
    let document = json!({
        "links": [
            hardware("a", "52:54:00:00:00:01"),
            hardware("b", "52:54:00:00:00:02"),
            {
                "id": "bond", "type": "bond", "bond_links": ["a", "b"], "bond_mode": "4", "bond_miimon": 100,
                "bond_xmit_hash_policy": "layer3+4", "ethernet_mac_address": "52:54:00:00:00:01",
            },
            {"id": "tagged", "type": "vlan", "vlan_id": 7, "vlan_link": "bond", "vlan_mac_address": null},
        ],
        "networks": [{"id": "n", "type": "ipv4_dhcp", "link": "tagged"}],
    });
    let files = files(&document).unwrap();
    let text = |name: &str| {
        let file = files.iter().find(|(found, _)| found == name);
        file.map(|(_, text)| text.as_str()).unwrap_or_default()
    };
    assert_eq!(files.len(), 6);
    assert!(text("000.network").contains("\n[Network]\nBond=bond2\nDHCP=no\n"));
    assert!(text("001.network").contains("\n[Network]\nBond=bond2\nDHCP=no\n"));
    let bond = "[NetDev]\nName=bond2\nKind=bond\nMACAddress=52:54:00:00:00:01\n\n\
        [Bond]\nMode=802.3ad\nTransmitHashPolicy=layer3+4\nMIIMonitorSec=100ms\n";
    assert_eq!(text("002.netdev"), bond);
    assert!(text("002.network").starts_with("[Match]\nName=bond2\n"));
    assert!(text("002.network").contains("VLAN=vlan3.7\n"));
    assert_eq!(
        text("003.netdev"),
        "[NetDev]\nName=vlan3.7\nKind=vlan\n\n[VLAN]\nId=7\n"
    );
    assert!(text("003.network").contains("DHCP=ipv4\nIPv6AcceptRA=no\n"));
}

#[test]
fn every_way_to_ask_for_an_address_is_known() {
    let check = |kinds: &[&str], expected: &str| {
        let networks: Vec<Value> = kinds
            .iter()
            .map(|kind| json!({"id": "n", "type": kind, "link": "a"}))
            .collect();
        let links = [hardware("a", "52:54:00:00:00:01")];
        let files = files(&json!({"links": links, "networks": networks})).unwrap();
        assert!(files[0].1.contains(expected), "{kinds:?}: {}", files[0].1);
    };
    check(&["ipv4_dhcp"], "DHCP=ipv4\nIPv6AcceptRA=no\n");
    check(&["ipv4_dhcp", "ipv6_dhcp"], "DHCP=yes\nIPv6AcceptRA=yes\n");
    check(&["ipv6_slaac"], "DHCP=no\nIPv6AcceptRA=yes\n");
    check(&["ipv6_dhcpv6-stateful"], "DHCP=ipv6\nIPv6AcceptRA=yes\n");
    check(&[], "DHCP=no\nIPv6AcceptRA=no\n");
}

#[test]
fn what_makes_no_sense_is_named() {
    let check = |links: Value, networks: Value, expected: &str| {
        let error = files(&json!({"links": links, "networks": networks})).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    let a = || hardware("a", "52:54:00:00:00:01");
    let network = |key: &str, value: Value| {
        let mut network =
            json!({"id": "n", "type": "ipv4", "link": "a", "ip_address": "192.0.2.7/24"});
        network[key] = value;
        json!([network])
    };
    check(json!([a()]), network("link", json!("b")), "names no link b");
    check(
        json!([a()]),
        network("ip_address", json!("192.0.2.7\nDNS=1.1.1.1")),
        "ip_address of the network n",
    );
    check(
        json!([a()]),
        network("type", json!("carrier-pigeon")),
        "carrier-pigeon",
    );
    check(
        json!([a()]),
        network("gateway", json!("here")),
        "the gateway of the network n",
    );
    let route = json!([{"network": "0.0.0.0/0", "gateway": "x"}]);
    check(
        json!([a()]),
        network("routes", route),
        "a route of the network n",
    );
    let service = json!([{"type": "dns", "address": "ns"}]);
    check(
        json!([a()]),
        network("services", service),
        "a name server of the network n",
    );
    check(
        json!([hardware("a", "nonsense")]),
        json!([]),
        "ethernet_mac_address of the link a",
    );
    let vlan = json!({"id": "v", "type": "vlan", "vlan_id": 5000, "vlan_link": "a"});
    check(json!([a(), vlan]), json!([]), "vlan_id of the link v");
    let bond = json!({"id": "b", "type": "bond", "bond_links": ["a"], "bond_mode": "fast"});
    check(json!([a(), bond]), json!([]), "bond_mode of the link b");
    check(json!("x"), json!([]), "invalid type");
}

#[test]
fn a_file_that_networkd_has_taken_already_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("network");
    let file = |text: &str| NetworkFile {
        name: "000.network".to_owned(),
        text: text.to_owned(),
    };
    let write = |files: &[NetworkFile]| write(&place, files).unwrap();
    assert!(!write(&[]));
    let taken = || std::fs::write(place.join(TAKEN), "").unwrap();
    assert!(write(&[file("a")]));
    assert!(
        write(&[file("a")]),
        "an agent that was killed has told nobody"
    );
    taken();
    assert!(!write(&[file("a")]));
    assert!(write(&[file("b")]));
    assert!(write(&[file("b")]));
    taken();
    assert!(!write(&[file("b")]));
    let written = place.join("50-ferric-medium-000.network");
    assert_eq!(std::fs::read_to_string(written).unwrap(), "b");
}
