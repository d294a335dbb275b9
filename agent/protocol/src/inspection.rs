//! What the agent posts to `continue_inspection`, and what it is answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::inventory::{Disk, Inventory};
use crate::lenient;
use crate::lookup::LookupConfig;
use crate::node::Node;

/// Everything that was found out about a machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InspectionData {
    /// The hardware. Absent when collecting it failed: then `error` says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// The smallest disk of at least 4 GiB; hints do not count here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_disk: Option<Disk>,
    /// MAC address of the interface that the machine was booted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_interface: Option<String>,
    /// How the agent collected this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Configuration>,
    /// PCI devices.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub pci_devices: Option<Vec<PciDevice>>,
    /// Base64 of a tar.gz with the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<String>,
    /// What could not be collected, as text; null when all went well. Ironic fails the inspection for it.
    #[serde(default)]
    pub error: Option<String>,
    /// Why a collector found nothing, by its name, where the inspection is worth something without it. No key of Ironic's.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "lenient::valid_or_default"
    )]
    pub collector_failures: BTreeMap<String, String>,
    /// What other collectors found.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl InspectionData {
    /// Adds what another collector found.
    pub fn merge(&mut self, part: Self) {
        fn put<T>(own: &mut Option<T>, new: Option<T>) {
            *own = new.or(own.take());
        }
        put(&mut self.inventory, part.inventory);
        put(&mut self.root_disk, part.root_disk);
        put(&mut self.boot_interface, part.boot_interface);
        put(&mut self.configuration, part.configuration);
        put(&mut self.pci_devices, part.pci_devices);
        put(&mut self.logs, part.logs);
        put(&mut self.error, part.error);
        self.collector_failures.extend(part.collector_failures);
        self.rest.extend(part.rest);
    }
}

/// Which collectors and hardware managers took part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Names of the collectors.
    #[serde(default)]
    pub collectors: Vec<String>,
    /// The hardware managers.
    #[serde(default)]
    pub managers: Vec<Manager>,
}

/// A hardware manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manager {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A PCI device; numbers are hexadecimal text without `0x`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PciDevice {
    /// The vendor.
    pub vendor_id: String,
    /// The model.
    pub product_id: String,
    /// The class.
    pub class: String,
    /// The revision.
    pub revision: String,
    /// Where it is: `0000:00:1f.2`.
    pub bus: String,
    /// The NUMA node, a number as text.
    pub numa_node_id: Option<String>,
}

/// The answer to inspection data: with a version of at least 1.84 in the request a whole lookup, else the id alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InspectionAnswer {
    /// The node that these data belong to, in the short answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// The node, in the long answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Node>,
    /// The conductor's settings, in the long answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<LookupConfig>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn error_is_always_sent() {
        let wire = serde_json::to_value(InspectionData::default()).unwrap();
        assert_eq!(wire, json!({"error": null}));
    }

    #[test]
    fn a_merge_keeps_what_only_one_of_the_two_has() {
        let read = |wire: Value| serde_json::from_value::<InspectionData>(wire).unwrap();
        let mut data = read(json!({"logs": "a", "boot_interface": "b", "one": 1}));
        data.merge(read(
            json!({"logs": "c", "two": 2, "collector_failures": {"lldp": "d"}}),
        ));
        let expected = json!({
            "boot_interface": "b",
            "logs": "c",
            "error": null,
            "collector_failures": {"lldp": "d"},
            "one": 1,
            "two": 2,
        });
        assert_eq!(serde_json::to_value(data).unwrap(), expected);
    }

    #[test]
    fn both_answers_are_understood() {
        let uuid = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";
        let short: InspectionAnswer = serde_json::from_value(json!({"uuid": uuid})).unwrap();
        assert!(short.uuid.is_some() && short.node.is_none());
        let long = json!({"node": {"uuid": uuid}, "config": {"heartbeat_timeout": 30}});
        let long: InspectionAnswer = serde_json::from_value(long).unwrap();
        assert_eq!(long.config.unwrap().heartbeat_timeout_s(), 30);
    }
}
