//! How a node boots, and which partition table its disks get: from its capabilities and what the conductor decided.

use serde_json::{Map, Value};

use crate::node::Node;

/// By which firmware a machine boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootMode {
    /// By the code in the first sector of a disk.
    Bios,
    /// By a program on an EFI system partition.
    Uefi,
}

/// The kind of a partition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskLabel {
    /// A GUID partition table.
    Gpt,
    /// A master boot record.
    Msdos,
}

impl BootMode {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "uefi" => Some(Self::Uefi),
            "bios" => Some(Self::Bios),
            _ => None,
        }
    }
}

impl Node {
    /// A capability of the instance, else of the node.
    #[must_use]
    pub fn capability(&self, name: &str) -> Option<String> {
        capability(&self.instance_info, name).or_else(|| capability(&self.properties, name))
    }

    /// How the node is to boot, as far as it says so; secure boot is a matter of UEFI alone.
    #[must_use]
    pub fn boot_mode(&self) -> Option<BootMode> {
        let is_secure = self.capability("secure_boot");
        if is_secure.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return Some(BootMode::Uefi);
        }
        let field = |fields: &Map<String, Value>| {
            let text = fields.get("deploy_boot_mode").and_then(Value::as_str)?;
            BootMode::parse(text)
        };
        let by_capability = || BootMode::parse(&self.capability("boot_mode")?);
        field(&self.instance_info)
            .or_else(by_capability)
            .or_else(|| field(&self.driver_internal_info))
    }

    /// The partition table for a machine that boots so: UEFI wants a GPT, and for BIOS the capability `disk_label`
    /// decides.
    #[must_use]
    pub fn disk_label(&self, mode: BootMode) -> DiskLabel {
        let wanted = self.capability("disk_label");
        match (mode, wanted.as_deref()) {
            (BootMode::Uefi, _) | (BootMode::Bios, Some("gpt")) => DiskLabel::Gpt,
            (BootMode::Bios, _) => DiskLabel::Msdos,
        }
    }
}

/// Capabilities come as an object, as JSON in a text, or as `key:value,key:value`.
fn capability(fields: &Map<String, Value>, name: &str) -> Option<String> {
    match fields.get("capabilities")? {
        Value::Object(all) => all.get(name).and_then(plain),
        Value::String(text) => match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(all) => all.get(name).and_then(plain),
            Err(_) => text.split(',').find_map(|pair| {
                let (key, value) = pair.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            }),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(fields: &Value) -> Node {
        let mut all = json!({"uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c781"});
        let target = all.as_object_mut().unwrap();
        target.extend(fields.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn capabilities_are_read_in_every_form() {
        for capabilities in [
            json!("boot_mode:uefi,disk_label:gpt"),
            json!(" disk_label : gpt , x"),
            json!("{\"disk_label\": \"gpt\"}"),
            json!({"disk_label": "gpt"}),
        ] {
            let node = node(&json!({"properties": {"capabilities": capabilities}}));
            assert_eq!(node.capability("disk_label").as_deref(), Some("gpt"));
            assert_eq!(node.disk_label(BootMode::Bios), DiskLabel::Gpt);
        }
        let own = json!({
            "instance_info": {"capabilities": {"disk_label": "msdos"}},
            "properties": {"capabilities": "disk_label:gpt"},
        });
        assert_eq!(node(&own).disk_label(BootMode::Bios), DiskLabel::Msdos);
        assert_eq!(node(&own).disk_label(BootMode::Uefi), DiskLabel::Gpt);
        assert_eq!(
            node(&json!({})).disk_label(BootMode::Bios),
            DiskLabel::Msdos
        );
    }

    #[test]
    fn the_boot_mode_is_that_of_the_first_who_says_one() {
        let (bios, uefi) = (Some(BootMode::Bios), Some(BootMode::Uefi));
        for (fields, expected) in [
            (json!({}), None),
            (
                json!({"driver_internal_info": {"deploy_boot_mode": "uefi"}}),
                uefi,
            ),
            (
                json!({"driver_internal_info": {"deploy_boot_mode": "uefi"},
                       "properties": {"capabilities": "boot_mode:bios"}}),
                bios,
            ),
            (
                json!({"instance_info": {"deploy_boot_mode": "bios"},
                       "properties": {"capabilities": "boot_mode:uefi"}}),
                bios,
            ),
            (
                json!({"instance_info": {"deploy_boot_mode": "bios",
                                         "capabilities": "{\"secure_boot\": \"true\"}"}}),
                uefi,
            ),
        ] {
            assert_eq!(node(&fields).boot_mode(), expected, "{fields}");
        }
    }
}
