//! The node as an agent sees it: in the answer of the lookup and in the parameters of steps.
//!
//! Only the fields that an agent acts on have names here; the others are kept, so that nothing is lost on the way.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::hints::{HintError, RootDeviceHints};
use crate::lenient;

/// The node that this machine is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its id.
    pub uuid: Uuid,
    /// `root_device`, `skip_block_devices`, `capabilities`, ...
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub properties: Map<String, Value>,
    /// `root_device`, `capabilities`, `deploy_boot_mode`, ...
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub instance_info: Map<String, Value>,
    /// Settings of erasure, `deploy_boot_mode`, ...
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub driver_internal_info: Map<String, Value>,
    /// All other fields, as they came.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Node {
    /// The hints for the root device: those of the instance come before those of the node.
    ///
    /// # Errors
    /// When the hints that apply cannot be understood.
    pub fn root_device_hints(&self) -> Result<Option<RootDeviceHints>, HintError> {
        let hints = |fields: &Map<String, Value>| fields.get("root_device").filter(is_set).cloned();
        match hints(&self.instance_info).or_else(|| hints(&self.properties)) {
            Some(hints) => RootDeviceHints::parse(&hints).map(Some),
            None => Ok(None),
        }
    }

    /// The disks that nothing may erase or write: `properties.skip_block_devices`. Entries that name a RAID volume
    /// (`volume_name`) do not describe a disk and are left out.
    ///
    /// # Errors
    /// When an entry cannot be understood: better to stop than to erase a disk that somebody wants to keep. One
    /// without a hint would keep all of them, and nothing would be erased.
    pub fn skipped_disks(&self) -> Result<Vec<RootDeviceHints>, HintError> {
        let of_disk = |entry: &&Value| entry.get("volume_name").is_none();
        let parse = |entry: &Value| match entry {
            Value::Object(hints) if hints.is_empty() => Err(HintError::EveryDisk),
            _ => RootDeviceHints::parse(entry),
        };
        self.skip_list()?
            .iter()
            .filter(of_disk)
            .map(parse)
            .collect()
    }

    /// The names of the RAID volumes that nothing may erase or write: the other entries of that list.
    ///
    /// # Errors
    /// When the list or a name cannot be understood.
    pub fn skipped_volumes(&self) -> Result<Vec<String>, HintError> {
        let names = self.skip_list()?.iter();
        let names = names.filter_map(|entry| entry.get("volume_name"));
        names
            .map(|name| name.as_str().map(str::to_owned).ok_or(HintError::NotAName))
            .collect()
    }

    fn skip_list(&self) -> Result<&[Value], HintError> {
        match self.properties.get("skip_block_devices").filter(is_set) {
            Some(entries) => entries
                .as_array()
                .map(Vec::as_slice)
                .ok_or(HintError::NotAList),
            None => Ok(&[]),
        }
    }
}

fn is_set(value: &&Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const UUID: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";

    fn node(fields: &Value) -> Node {
        let mut all = json!({"uuid": UUID});
        let target = all.as_object_mut().unwrap();
        target.extend(fields.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn null_fields_and_unknown_fields_are_accepted() {
        let node = node(&json!({"properties": null, "links": [], "maintenance": false}));
        assert!(node.properties.is_empty());
        assert_eq!(node.rest["maintenance"], json!(false));
    }

    #[test]
    fn hints_of_the_instance_come_first() {
        let both = json!({
            "properties": {"root_device": {"serial": "node"}},
            "instance_info": {"root_device": {"serial": "instance"}},
        });
        let hints = node(&both).root_device_hints().unwrap().unwrap();
        assert_eq!(hints.to_string(), "serial s== instance");
        let none = node(&json!({"instance_info": {"root_device": {}}}));
        assert!(none.root_device_hints().unwrap().is_none());
    }

    #[test]
    fn a_skip_list_that_cannot_be_read_is_an_error() {
        let volume = json!({"properties": {"skip_block_devices": [{"volume_name": "keep"}]}});
        assert!(node(&volume).skipped_disks().unwrap().is_empty());
        assert_eq!(node(&volume).skipped_volumes().unwrap(), ["keep"]);
        let number = json!({"properties": {"skip_block_devices": [{"volume_name": 1}]}});
        assert!(node(&number).skipped_volumes().is_err());
        let wrong = json!({"properties": {"skip_block_devices": "sda"}});
        assert!(node(&wrong).skipped_disks().is_err());
        let all = json!({"properties": {"skip_block_devices": [{"serial": "a"}, {}]}});
        assert_eq!(node(&all).skipped_disks(), Err(HintError::EveryDisk));
        let none = json!({"properties": {"skip_block_devices": []}});
        assert_eq!(node(&none).skipped_disks(), Ok(Vec::new()));
    }
}
