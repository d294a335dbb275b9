//! Each hook on data like a ramdisk's.

mod node_ports;

use super::super::{Found, InspectionError, read};
use super::*;
use crate::config::{AddPorts, Overrides, PciAlias, Settings};
use ferric_model::ids::NodeId;
use ferric_model::inspection_rule::Subject;
use serde_json::json;

const MACS: [&str; 3] = [
    "52:54:00:00:00:01",
    "52:54:00:00:00:02",
    "52:54:00:00:00:03",
];
const ALL: &[Hook] = &[
    Hook::RamdiskError,
    Hook::ValidateInterfaces,
    Hook::Ports,
    Hook::Architecture,
    Hook::Cpus,
    Hook::Memory,
    Hook::RaidDevice,
    Hook::RootDevice,
    Hook::BootMode,
    Hook::CpuCapabilities,
    Hook::PciDevices,
    Hook::Accelerators,
    Hook::ExtraHardware,
    Hook::PhysicalNetwork,
    Hook::LocalLinkConnection,
    Hook::ParseLldp,
];

/// A node with its ports, what is known of others, and how the operator wants it.
struct Case {
    settings: Inspection,
    node: Node,
    ports: Vec<Port>,
    taken: BTreeSet<MacAddress>,
    previous: Option<StoredInventory>,
    data: Object,
}

fn data(pxe: Option<&str>) -> Object {
    let interface = |number: usize| {
        json!({"name": format!("eth{number}"), "mac_address": MACS[number].to_uppercase(),
            "ipv4_address": (number == 0).then_some("10.1.2.3"), "ipv6_address": "fe80::1%eth0"})
    };
    let wire = json!({
        "inventory": {
            "interfaces": [
                interface(0), interface(1), interface(1), {"name": "lo", "mac_address": "00:00:00:00:00:00"},
                {"name": "ib0", "mac_address": "not an address"},
            ],
            "cpu": {"architecture": "x86_64", "count": 8, "flags": ["vmx", "aes", "fpu"]},
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

impl Case {
    fn new(pxe: Option<&str>) -> Self {
        let overrides = Overrides {
            state_dir: Some("/nonexistent".into()),
            ..Overrides::default()
        };
        Self {
            settings: Settings::load(None, overrides).unwrap().inspection,
            node: Node::new(NodeId(Uuid::nil()), "redfish", Timestamp::UNIX_EPOCH),
            ports: Vec::new(),
            taken: BTreeSet::new(),
            previous: None,
            data: data(pxe),
        }
    }

    fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    fn all() -> Self {
        Self::new(None).with(|case| case.settings.hooks = ALL.to_vec())
    }

    fn try_read(&self) -> Result<Found, InspectionError> {
        let id = || Uuid::from_u128(7);
        let context = Context {
            settings: &self.settings,
            taken: &self.taken,
            previous: self.previous.as_ref(),
            new_id: &id,
            now: Timestamp::UNIX_EPOCH,
        };
        read(context, &self.node, &self.ports, self.data.clone())
    }

    fn read(&self) -> Found {
        self.try_read().unwrap()
    }

    fn refused(&self) -> String {
        self.try_read().unwrap_err().to_string()
    }
}

fn capabilities(found: &Found) -> &Value {
    &found.subject.node.properties["capabilities"]
}

#[test]
fn properties_come_from_the_inventory() {
    let found = Case::new(None).read();
    let expected = json!({"cpu_arch": "x86_64", "cpus": 8, "memory_mb": 1907, "local_gb": 49});
    let Subject {
        node,
        plugin_data,
        inventory,
        ..
    } = found.subject;
    assert_eq!(Value::Object(node.properties), expected);
    assert_eq!(node.boot_mode.as_deref(), Some("uefi"));
    assert_eq!(plugin_data["logs"], json!("abc"));
    assert_eq!(plugin_data["macs"], json!([MACS[0], MACS[1]]));
    assert_eq!(
        plugin_data["valid_interfaces"]["eth0"]["ipv6_address"],
        "fe80::1"
    );
    assert!(inventory.contains_key("interfaces") && !plugin_data.contains_key("inventory"));
}

#[test]
fn what_is_not_asked_for_is_left_alone() {
    let found = Case::new(None)
        .with(|case| case.settings.hooks = vec![Hook::Cpus])
        .read();
    assert_eq!(
        Value::Object(found.subject.node.properties),
        json!({"cpus": 8})
    );
    assert!(found.subject.ports.is_empty());
}

#[test]
fn hints_choose_the_disk() {
    let hinted = |hints: Value| {
        Case::new(None)
            .with(|case| drop(case.node.properties.insert("root_device".to_owned(), hints)))
    };
    let found = hinted(json!({"serial": "a"})).read();
    assert_eq!(found.subject.node.properties["local_gb"], json!(99));
    assert_eq!(found.subject.plugin_data["root_disk"]["name"], "/dev/sda");
    let found = hinted(json!({"serial": "z"})).read();
    assert!(!found.subject.node.properties.contains_key("local_gb"));
    assert!(
        found.notes[0].contains("root device hints"),
        "{:?}",
        found.notes
    );
}

#[test]
fn data_without_use_are_refused_with_a_reason() {
    let refused =
        |edit: &dyn Fn(&mut Object)| Case::new(None).with(|case| edit(&mut case.data)).refused();
    let error = refused(&|data| drop(data.insert("error".to_owned(), json!("no disks\n"))));
    assert_eq!(error, "the ramdisk reported an error: no disks");
    assert!(refused(&|data| drop(data.shift_remove("inventory"))).contains("inventory is missing"));
    let error = refused(&|data| data["inventory"]["interfaces"] = json!([]));
    assert!(error.contains("no usable network interface"), "{error}");
    assert!(refused(&|data| data["inventory"] = json!(3)).contains("cannot be read"));
    let active = Case::new(None).with(|case| {
        case.settings.add_ports = AddPorts::Active;
        case.data["inventory"]["interfaces"][0]["ipv4_address"] = json!(null);
        for interface in case.data["inventory"]["interfaces"].as_array_mut().unwrap() {
            interface["ipv6_address"] = json!(null);
        }
    });
    assert!(active.refused().contains("add_ports = active"));
}

#[test]
fn capabilities_are_added_to_those_that_are_there() {
    let case = Case::all().with(|case| {
        case.node
            .properties
            .insert("capabilities".to_owned(), json!("boot_mode:bios,mine:1"));
        case.settings.pci_device_alias = vec![PciAlias {
            vendor_id: "8086".to_owned(),
            product_id: "1572".to_owned(),
            name: "nic".to_owned(),
        }];
        let nic = json!({"vendor_id": "8086", "product_id": "1572", "bus": "0000:01:00.0"});
        let gpu = json!({"vendor_id": "10de", "product_id": "1eb8", "bus": "0000:02:00.0"});
        case.data
            .insert("pci_devices".to_owned(), json!([nic, gpu, nic, 5]));
    });
    let found = case.read();
    assert_eq!(
        capabilities(&found),
        "boot_mode:uefi,mine:1,cpu_aes:true,cpu_vt:true,nic:2"
    );
    let gpu = json!([{"vendor_id": "10de", "device_id": "1eb8", "type": "GPU",
        "device_info": "NVIDIA Corporation Tesla T4", "pci_address": "0000:02:00.0"}]);
    assert_eq!(found.subject.node.properties["accelerators"], gpu);
    let broken = Case::all().with(|case| {
        drop(
            case.node
                .properties
                .insert("capabilities".to_owned(), json!("x")),
        )
    });
    let found = broken.read();
    assert_eq!(capabilities(&found), "x");
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("left as they are"))
    );
}

#[test]
fn extra_hardware_becomes_objects() {
    let raw = json!([
        ["cpu", "logical", "number", "8"],
        ["cpu", "0", "vendor", "x"],
        [],
        ["short"],
        ["cpu", 1, "a", null]
    ]);
    let read = |strict| {
        let case = Case::all().with(|case| {
            case.settings.extra_hardware_strict = strict;
            case.data.insert("data".to_owned(), raw.clone());
        });
        case.read().subject.plugin_data
    };
    let data = read(false);
    let expected =
        json!({"cpu": {"logical": {"number": 8}, "0": {"vendor": "x"}, "1": {"a": null}}});
    assert_eq!((&data["extra"], data.get("data")), (&expected, None));
    let data = read(true);
    assert_eq!((data.get("extra"), data.get("data")), (None, None));
}

#[test]
fn a_new_disk_is_the_root_device() {
    let with = |serials: &[&str]| {
        let disks: Vec<_> = serials
            .iter()
            .map(|serial| json!({"serial": serial}))
            .collect();
        let inventory = json!({"disks": disks}).as_object().unwrap().clone();
        Case::all().with(|case| {
            case.previous = Some(StoredInventory {
                node: case.node.uuid,
                taken_at: Timestamp::UNIX_EPOCH,
                inventory,
                plugin_data: Object::new(),
            });
        })
    };
    let hint = |case: Case| {
        case.read()
            .subject
            .node
            .properties
            .get("root_device")
            .cloned()
    };
    assert_eq!(hint(with(&["A"])), Some(json!({"serial": "B"})));
    assert_eq!(hint(with(&["A", "B"])), None);
    assert_eq!(hint(with(&[])), None);
    assert_eq!(hint(Case::all()), None);
    let known = with(&["A"]).with(|case| {
        case.node
            .properties
            .insert("root_device".to_owned(), json!({"serial": "A"}));
    });
    assert_eq!(hint(known), Some(json!({"serial": "A"})));
}
