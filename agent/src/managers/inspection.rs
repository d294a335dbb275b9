//! What managers add to the inspection, and what they know better than the inventory.

use std::collections::BTreeMap;

use ferric_agent_protocol::inspection::{InspectionData, Manager as Listed};
use ferric_agent_protocol::inventory::Inventory;
use serde_json::{Map, Value, json};

use super::answer::CallError;
use super::manager::Extra;
use super::{ManagerError, Managers};
use crate::commands::{MANAGER, MANAGER_VERSION, sentence};

/// Keys of the agent's own: those of the data themselves, and those of its collectors.
const RESERVED: [&str; 15] = [
    "inventory",
    "root_disk",
    "boot_interface",
    "configuration",
    "pci_devices",
    "logs",
    "error",
    "collector_failures",
    "data",
    "disk_health",
    "dmi",
    "lldp_raw",
    "numa_topology",
    "tpm",
    "usb_devices",
];

/// What could not be had of a manager, under a name of its own beside the collectors.
type Failures = BTreeMap<String, String>;

impl Managers {
    /// All managers by their names and versions, the built-in one first.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed> {
        let built_in = (MANAGER, MANAGER_VERSION);
        let own = self.managers.iter();
        let own = own.map(|manager| (manager.name.as_str(), manager.version.as_str()));
        std::iter::once(built_in)
            .chain(own)
            .map(|(name, version)| Listed {
                name: name.to_owned(),
                version: version.to_owned(),
            })
            .collect()
    }

    /// Whether the inspection has anything to ask them, or to tell of them.
    #[must_use]
    pub fn take_part_in_inspection(&self) -> bool {
        let collects = self
            .managers
            .iter()
            .any(|manager| manager.has(Extra::CollectInspection));
        collects || !self.failures.is_empty()
    }

    /// The inventory as the managers see it; the one with the highest support has the last word. One that fails changes
    /// nothing, and is told of.
    #[must_use]
    pub fn override_inventory(&self, mut inventory: Inventory) -> (Inventory, Failures) {
        let mut failures = Failures::new();
        let with_overrides =
            |manager: &&std::sync::Arc<super::Manager>| manager.has(Extra::OverrideInventory);
        for manager in self.managers.iter().rev().filter(with_overrides) {
            let mut value = json!(inventory);
            let patched = manager.override_inventory(&value).and_then(|patch| {
                merge(&mut value, Value::Object(patch));
                let call = Extra::OverrideInventory.name();
                let senseless =
                    |error| ManagerError::new(manager.name(), call, CallError::Form(error));
                serde_json::from_value(value).map_err(senseless)
            });
            match patched {
                Ok(patched) => inventory = patched,
                Err(error) => {
                    let logged = &error as &dyn std::error::Error;
                    tracing::error!(error = logged, "the inventory stays as it is");
                    failures.insert(named(manager.name()), sentence(&error));
                }
            }
        }
        (inventory, failures)
    }

    /// What the managers found out. Of a key that several have, the one with the highest support is right.
    #[must_use]
    pub fn collect_inspection(&self) -> InspectionData {
        let mut rest = Map::new();
        let failures = self.failures.iter();
        let mut failures: Failures = failures
            .map(|(file, text)| (named(file), text.clone()))
            .collect();
        let collecting = self.managers.iter().rev();
        for manager in collecting.filter(|manager| manager.has(Extra::CollectInspection)) {
            match manager
                .collect_inspection()
                .and_then(|keys| unreserved(manager.name(), keys))
            {
                Ok(keys) => rest.extend(keys),
                Err(error) => {
                    let logged = &error as &dyn std::error::Error;
                    tracing::error!(error = logged, "a hardware manager adds nothing");
                    failures.insert(named(manager.name()), sentence(&error));
                }
            }
        }
        InspectionData {
            rest,
            collector_failures: failures,
            ..InspectionData::default()
        }
    }
}

fn named(manager: &str) -> String {
    format!("hardware-manager {manager}")
}

fn unreserved(manager: &str, keys: Map<String, Value>) -> Result<Map<String, Value>, ManagerError> {
    let taken = keys.keys().find(|key| RESERVED.contains(&key.as_str()));
    match taken.cloned() {
        None => Ok(keys),
        Some(key) => {
            let text = format!("the key {key} is the agent's");
            let call = Extra::CollectInspection.name();
            Err(ManagerError::new(manager, call, CallError::Content(text)))
        }
    }
}

/// A merge patch (RFC 7396): objects are merged, null takes a key away, anything else replaces what was there.
pub(super) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(changes) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else {
        return;
    };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(&key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mut target: Value, patch: &Value, expected: &Value) {
        merge(&mut target, patch.clone());
        assert_eq!(target, *expected, "{patch}");
    }

    /// Examples of RFC 7396, appendix A.
    #[test]
    fn patches_are_merged_as_the_standard_says() {
        check(json!({"a": "b"}), &json!({"a": "c"}), &json!({"a": "c"}));
        check(
            json!({"a": "b"}),
            &json!({"b": "c"}),
            &json!({"a": "b", "b": "c"}),
        );
        check(
            json!({"a": "b", "b": "c"}),
            &json!({"a": null}),
            &json!({"b": "c"}),
        );
        check(json!({"a": ["b"]}), &json!({"a": "c"}), &json!({"a": "c"}));
        check(
            json!({"a": [{"b": "c"}]}),
            &json!({"a": [1]}),
            &json!({"a": [1]}),
        );
        let nested = json!({"a": {"b": "d", "c": null}});
        check(
            json!({"a": {"b": "c", "c": 1}}),
            &nested,
            &json!({"a": {"b": "d"}}),
        );
        check(
            json!({}),
            &json!({"a": {"bb": {"ccc": null}}}),
            &json!({"a": {"bb": {}}}),
        );
        check(json!([1]), &json!({"a": 1}), &json!({"a": 1}));
    }

    #[test]
    fn the_keys_of_the_agent_are_its_own() {
        let keys = |value: Value| value.as_object().unwrap().clone();
        assert!(unreserved("acme", keys(json!({"acme": 1}))).is_ok());
        assert!(unreserved("acme", keys(json!({"lldp_raw": {}}))).is_err());
        let error = unreserved("acme", keys(json!({"acme": 1, "error": "x"}))).unwrap_err();
        let expected = "hardware manager acme, collect_inspection: its answer makes no sense: the key error is the agent's";
        assert_eq!(sentence(&error), expected);
    }
}
