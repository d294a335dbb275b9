//! A frame made by hand from the standards, and what is no frame.

use super::*;
use serde_json::json;

fn tlvs(raw: &Value) -> Vec<Tlv> {
    let plugin_data = json!({"lldp_raw": {"eth0": raw}});
    of_interface("eth0", &json!({}), plugin_data.as_object().unwrap()).unwrap()
}

fn frame() -> Value {
    json!([
        [1, "04020000aabbcc"],
        [2, "05457468312f32"],
        [3, "0078"],
        [4, "75706c696e6b"],
        [5, "73772d37"],
        [6, "6120737769746368"],
        [7, "00140004"],
        [8, "0501c000020102000000010000"],
        [8, "110220010db800000000000000000000000102000000010000"],
        [127, "00120f01036c110010"],
        [127, "00120f0405ea"],
        [127, "0080c2010065"],
        [127, "0080c20206000a"],
        [127, "0080c203006503766f78"],
        [127, "0080c204020800"],
        [127, "0080c206000b"],
        [127, "0080c2070300000009"],
        [127, "00112201"],
        [0, ""],
    ])
}

#[test]
fn a_frame_by_names() {
    let expected = json!({
        "switch_chassis_id": "02:00:00:aa:bb:cc",
        "switch_port_id": "Eth1/2",
        "switch_port_description": "uplink",
        "switch_system_name": "sw-7",
        "switch_system_description": "a switch",
        "switch_capabilities_support": ["Bridge", "Router"],
        "switch_capabilities_enabled": ["Bridge"],
        "switch_mgmt_addresses": ["192.0.2.1", "2001:db8::1"],
        "switch_port_autonegotiation_enabled": true,
        "switch_port_autonegotiation_support": true,
        "switch_port_physical_capabilities": [
            "1000BASE-T fdx", "100BASE-TX fdx", "100BASE-TX hdx", "10BASE-T fdx", "10BASE-T hdx",
            "Asym and Sym PAUSE fdx",
        ],
        "switch_port_mau_type": "100BASE-TX full duplex",
        "switch_port_mtu": 1514,
        "switch_port_untagged_vlan_id": 101,
        "switch_port_protocol_vlan_enabled": true,
        "switch_port_protocol_vlan_support": true,
        "switch_port_protocol_vlan_ids": [10],
        "switch_port_vlans": [{"name": "vox", "id": 101}],
        "switch_protocol_identities": ["0800"],
        "switch_port_management_vlan_id": 11,
        "switch_port_link_aggregation_enabled": true,
        "switch_port_link_aggregation_support": true,
        "switch_port_link_aggregation_id": 9,
    });
    assert_eq!(Value::Object(parsed(&tlvs(&frame()))), expected);
}

#[test]
fn a_link() {
    let expected =
        json!({"switch_id": "02:00:00:aa:bb:cc", "port_id": "Eth1/2", "switch_info": "sw-7"});
    assert_eq!(Value::Object(link(&tlvs(&frame()))), expected);
    let by_name = json!([[1, "07737731"], [2, "03020000000001"]]);
    assert_eq!(
        Value::Object(link(&tlvs(&by_name))),
        json!({"port_id": "02:00:00:00:00:01"})
    );
}

#[test]
fn old_ramdisks_put_it_into_the_interface() {
    let interface = json!({"lldp": [[5, "7377"]]});
    let found = of_interface("eth0", &interface, &Object::new()).unwrap();
    assert_eq!(parsed(&found)["switch_system_name"], "sw");
    assert!(of_interface("eth0", &json!({"lldp": null}), &Object::new()).is_none());
}

#[test]
fn what_is_cut_off_says_nothing() {
    for item in frame().as_array().unwrap() {
        let (kind, text) = (item[0].as_u64().unwrap(), item[1].as_str().unwrap());
        for end in 0..text.len() {
            drop(parsed(&tlvs(&json!([[kind, text[..end]]]))));
            drop(link(&tlvs(&json!([[kind, text[..end]]]))));
        }
    }
    let odd = json!([
        [1],
        "x",
        [1, 5],
        ["1", "00"],
        [1, "0g"],
        [5, "ff"],
        [1, "é0"],
        [5, "00".repeat(512)]
    ]);
    assert!(parsed(&tlvs(&odd)).is_empty());
}
