//! Where what two agents have found on one machine differs, apart from what differs from one boot to the next.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The name of the ramdisk.
const OF_THE_RAMDISK: [&str; 1] = [".inventory.hostname"];
/// What the kernel measures, or has left when it has started: within a twentieth.
const MEASURED: [&str; 3] = [FREQUENCY, ".inventory.memory.total", NODE_MEMORY];
const NODE_MEMORY: &str = ".numa_topology.ram[0].size_kb";
/// Ironic's agent has it of lscpu, which tells only of a clock that can be changed; ours has what the kernel measured.
const FREQUENCY: &str = ".inventory.cpu.frequency";
/// Ironic's agent leaves out what does not tell its node, as the NICs of virtual machines do not.
const NODE_NICS: &str = ".numa_topology.nics";

const FLAGS: &str = ".inventory.cpu.flags";
/// A newer kernel has words for more of a processor; the two ramdisks may have kernels of different ages.
const MOST_NEW_FLAGS: usize = 4;

/// A line for each difference.
pub(super) fn differences(ours: &Value, theirs: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(ours, theirs, "", &mut found);
    found
}

fn compare(ours: &Value, theirs: &Value, at: &str, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for key in keys {
                let value = |of: &Map<String, Value>| of.get(key).cloned().unwrap_or_default();
                if is_of_map(ours, key, &value(theirs)) {
                    continue;
                }
                compare(&value(ours), &value(theirs), &format!("{at}.{key}"), found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if at == NODE_NICS => {
            let left_out = theirs.iter().filter(|nic| !ours.contains(nic));
            found.extend(left_out.map(|nic| format!("{at}: only Ironic's agent has {nic}")));
        }
        (Value::Array(ours), Value::Array(theirs))
            if at == FLAGS && are_of_one_processor(ours, theirs) => {}
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            let (ours, theirs) = (in_order(ours), in_order(theirs));
            for (number, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                compare(ours, theirs, &format!("{at}[{number}]"), found);
            }
        }
        _ if ours == theirs || OF_THE_RAMDISK.contains(&at) => {}
        _ if MEASURED.contains(&at) && is_near(ours, theirs) => {}
        _ if at == FREQUENCY && *theirs == "" => {}
        _ if at.ends_with(".by_path") && is_one_place(ours, theirs) => {}
        _ => found.push(format!("{at}: we have {ours}, Ironic's agent has {theirs}")),
    }
}

/// Disks, interfaces and whatever else has keys is told in any order; words are not.
fn in_order(values: &[Value]) -> Vec<&Value> {
    let mut values: Vec<&Value> = values.iter().collect();
    values.sort_by_cached_key(|value| {
        let name = value["name"].as_str().unwrap_or_default().to_owned();
        let fields = value.as_object().map(|fields| {
            let fields: BTreeMap<&String, &Value> = fields.iter().collect();
            format!("{fields:?}")
        });
        (name, fields)
    });
    values
}

/// What Ironic's agent has of a disk that is a map of several paths is what device mapper tells: its WWID, which is the type
/// of its WWN and that, for a serial number, and none of what only the paths know.
fn is_of_map(ours: &Map<String, Value>, key: &str, theirs: &Value) -> bool {
    let text = |key: &str| ours.get(key).and_then(Value::as_str).unwrap_or_default();
    if !text("name").starts_with("/dev/dm-") {
        return false;
    }
    match key {
        "model" | "vendor" | "wwn_with_extension" => theirs.is_null(),
        "serial" => *theirs == format!("3{}", text("wwn").trim_start_matches("0x")),
        _ => false,
    }
}

fn are_of_one_processor(ours: &[Value], theirs: &[Value]) -> bool {
    let common = |these: &[Value], those: &[Value]| -> Vec<Value> {
        let both = these.iter().filter(|flag| those.contains(flag));
        both.cloned().collect()
    };
    let (ours_too, theirs_too) = (common(ours, theirs), common(theirs, ours));
    let new = ours.len() + theirs.len() - ours_too.len() - theirs_too.len();
    ours_too == theirs_too && new <= MOST_NEW_FLAGS
}

/// udev links a virtio disk twice, and which of the two links Ironic's agent names hangs on the order in their folder.
fn is_one_place(one: &Value, other: &Value) -> bool {
    let place = |value: &Value| Some(value.as_str()?.replace("/virtio-pci-", "/pci-"));
    place(one).is_some() && place(one) == place(other)
}

fn is_near(one: &Value, other: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::String(text) => text.parse::<f64>().ok(),
        _ => value.as_f64(),
    };
    let (Some(one), Some(other)) = (number(one), number(other)) else {
        return false;
    };
    (one - other).abs() <= one.abs().max(other.abs()) / 20.0
}

#[test]
fn only_what_must_be_equal_counts() {
    let ours = serde_json::json!({"inventory": {
        "hostname": "a", "cpu": {"frequency": "2000.5", "flags": ["fpu", "vme"]}, "memory": {"total": 1000},
        "disks": [{"name": "/dev/a", "size": 1}, {"name": "/dev/b", "size": 2}], "bmc_address": null,
    }, "pci_devices": [{"bus": "1"}, {"bus": "2"}]});
    let theirs = serde_json::json!({"inventory": {
        "hostname": "b", "cpu": {"frequency": "2050.0", "flags": ["vme", "fpu"]}, "memory": {"total": 2000},
        "disks": [{"name": "/dev/b", "size": 2}, {"name": "/dev/a", "size": 3, "wwn": "1"}],
    }, "pci_devices": [{"bus": "2"}, {"bus": "1"}]});
    assert_eq!(
        differences(&ours, &theirs),
        [
            ".inventory.cpu.flags[0]: we have \"fpu\", Ironic's agent has \"vme\"",
            ".inventory.cpu.flags[1]: we have \"vme\", Ironic's agent has \"fpu\"",
            ".inventory.disks[0].size: we have 1, Ironic's agent has 3",
            ".inventory.disks[0].wwn: we have null, Ironic's agent has \"1\"",
            ".inventory.memory.total: we have 1000, Ironic's agent has 2000",
        ]
    );
}

#[test]
fn a_newer_kernel_may_have_words_for_more_of_a_processor() {
    let find = |ours: &[&str], theirs: &[&str]| {
        let of = |flags: &[&str]| serde_json::json!({"inventory": {"cpu": {"flags": flags}}});
        differences(&of(ours), &of(theirs)).len()
    };
    let old = ["fpu", "vme", "sse"];
    assert_eq!(find(&["fpu", "vme", "arat", "sse", "umip"], &old), 0);
    assert_eq!(find(&["fpu", "sse", "vme", "umip"], &old), 1);
    assert_eq!(
        find(&["a", "b", "c", "d", "e", "fpu", "vme", "sse"], &old),
        1
    );
}

#[test]
fn what_only_our_agent_can_know_is_no_difference() {
    let find = |frequency: &str, by_path: &str, nics: &Value| {
        let ours = serde_json::json!({
            "inventory": {"cpu": {"frequency": "2000.5"}, "disks": [{"by_path": "/dev/disk/by-path/pci-0000:00:03.0"}]},
            "numa_topology": {"nics": [{"name": "a", "numa_node": -1}], "ram": [{"numa_node": 0, "size_kb": 1000}]},
        });
        let theirs = serde_json::json!({
            "inventory": {"cpu": {"frequency": frequency}, "disks": [{"by_path": by_path}]},
            "numa_topology": {"nics": nics, "ram": [{"numa_node": 0, "size_kb": 1010}]},
        });
        differences(&ours, &theirs)
    };
    let virtio = "/dev/disk/by-path/virtio-pci-0000:00:03.0";
    assert_eq!(find("", virtio, &serde_json::json!([])), [""; 0]);
    let other = "/dev/disk/by-path/virtio-pci-0000:00:04.0";
    let nics = serde_json::json!([{"name": "b", "numa_node": 0}]);
    assert_eq!(
        find("1000.0", other, &nics),
        [
            ".inventory.cpu.frequency: we have \"2000.5\", Ironic's agent has \"1000.0\"",
            ".inventory.disks[0].by_path: we have \"/dev/disk/by-path/pci-0000:00:03.0\", \
             Ironic's agent has \"/dev/disk/by-path/virtio-pci-0000:00:04.0\"",
            ".numa_topology.nics: only Ironic's agent has {\"name\":\"b\",\"numa_node\":0}",
        ]
    );
}

#[test]
fn of_a_map_only_our_agent_knows_what_its_paths_are() {
    let find = |name: &str, theirs: Value| {
        let ours = serde_json::json!({
            "name": name, "model": "QEMU HARDDISK", "vendor": "QEMU", "serial": "S1", "wwn": "0x5000c50015ea7001",
            "wwn_with_extension": "0x5000c50015ea7001", "size": 1,
        });
        let disks = |disk: Value| serde_json::json!({"inventory": {"disks": [disk]}});
        differences(&disks(ours), &disks(theirs)).len()
    };
    let of_mapper = |name: &str| {
        serde_json::json!({
            "name": name, "model": null, "vendor": null, "serial": "35000c50015ea7001", "wwn": "0x5000c50015ea7001",
            "size": 1,
        })
    };
    assert_eq!(find("/dev/dm-0", of_mapper("/dev/dm-0")), 0);
    assert_eq!(find("/dev/sda", of_mapper("/dev/sda")), 4);
    let others = serde_json::json!({
        "name": "/dev/dm-0", "model": "another", "serial": "S2", "wwn": "0x5000c50015ea7002", "size": 2,
    });
    assert_eq!(find("/dev/dm-0", others), 4);
}
