//! A node as rules read and change it: the wire's names, and of the fields those that operators could change as well.

use super::path;
use crate::capabilities::Capabilities;
use crate::node::{Node, Object};
use crate::traits;
use serde_json::Value;
use uuid::Uuid;

/// What a rule may change. Provision state, power and whatever else says what is going on belong to the conductor.
const CHANGEABLE: &[&str] = &[
    "name",
    "driver",
    "driver_info",
    "properties",
    "extra",
    "instance_info",
    "resource_class",
    "conductor_group",
    "owner",
    "lessee",
    "description",
    "shard",
    "network_data",
    "maintenance",
    "maintenance_reason",
    "automated_clean",
    "protected",
    "protected_reason",
    "retired",
    "retired_reason",
    "disable_power_off",
    "target_raid_config",
];
/// Those with an attribute of their own, `boot_interface`.
const KINDS: &[&str] = &[
    "bios",
    "boot",
    "console",
    "deploy",
    "firmware",
    "inspect",
    "management",
    "network",
    "power",
    "raid",
    "rescue",
    "storage",
    "vendor",
];
/// Of our own: nothing for rules.
const PRIVATE: &[&str] = &[
    "run",
    "ownership",
    "agent",
    "agent_offers",
    "network_boot",
    "periodic_records",
    "power_sync_failures",
    "interfaces",
    "internal_info",
    "relayed_media",
    "reservation",
];
const MOST_TRAITS: usize = 50;

pub(super) struct NodeView {
    node: Node,
    /// An object with the node's attributes.
    seen: Value,
}

impl NodeView {
    pub(super) fn new(node: Node) -> Result<Self, String> {
        let seen = seen(&node)?;
        Ok(Self { node, seen })
    }

    /// What templates name.
    pub(super) fn seen(&self) -> &Value {
        &self.seen
    }

    pub(super) fn into_node(self) -> Node {
        self.node
    }

    pub(super) fn set(&mut self, path: &str, value: Value) -> Result<(), String> {
        let parts = changeable(path)?;
        self.edit(|seen| path::set(seen, &parts, value))
    }

    pub(super) fn extend(&mut self, path: &str, value: Value, unique: bool) -> Result<(), String> {
        let parts = changeable(path)?;
        self.edit(|seen| path::extend(seen, &parts, value, unique))
    }

    /// A whole attribute goes back to what it is on a new node; what is not there within one is no error.
    pub(super) fn remove(&mut self, path: &str) -> Result<(), String> {
        let parts = changeable(path)?;
        let [attribute] = parts.as_slice() else {
            return self.edit(|seen| {
                path::remove(seen, &parts);
                Ok(())
            });
        };
        if *attribute == "driver" {
            return Err("driver cannot be removed".to_owned());
        }
        let blank = Node::new(self.node.uuid, &self.node.driver, self.node.created_at);
        let value = seen_value(&seen(&blank)?, attribute);
        self.edit(|seen| path::set(seen, &parts, value))
    }

    pub(super) fn set_capability(&mut self, name: &str, value: &str) -> Result<(), String> {
        self.edit_capabilities(|capabilities| capabilities.set(name, value))
    }

    pub(super) fn unset_capability(&mut self, name: &str) -> Result<(), String> {
        self.edit_capabilities(|capabilities| {
            capabilities.unset(name);
            Ok(())
        })
    }

    pub(super) fn add_trait(&mut self, name: &str) -> Result<(), String> {
        if !traits::is_trait(name) {
            return Err(format!("{name:?} is not a trait such as CUSTOM_FAST_DISKS"));
        }
        if self.node.traits.iter().any(|known| known == name) {
            return Ok(());
        }
        if self.node.traits.len() >= MOST_TRAITS {
            return Err(format!("a node can have at most {MOST_TRAITS} traits"));
        }
        self.node.traits.push(name.to_owned());
        self.look_again()
    }

    pub(super) fn remove_trait(&mut self, name: &str) -> Result<(), String> {
        self.node.traits.retain(|known| known != name);
        self.look_again()
    }

    fn edit_capabilities(
        &mut self,
        edit: impl FnOnce(&mut Capabilities) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut capabilities = Capabilities::of(&self.node.properties)?;
        edit(&mut capabilities)?;
        capabilities.store(&mut self.node.properties);
        self.look_again()
    }

    /// Changes what is seen, and makes a node of it again.
    fn edit(&mut self, edit: impl FnOnce(&mut Object) -> Result<(), String>) -> Result<(), String> {
        let seen = self.seen.as_object_mut();
        edit(seen.ok_or("the node is no object")?)?;
        let mut document = document(&self.node)?;
        for attribute in CHANGEABLE {
            let value = seen_value(&self.seen, attribute);
            document.insert((*attribute).to_owned(), value);
        }
        let node = serde_json::from_value(Value::Object(document));
        let mut node: Node =
            node.map_err(|error| format!("the node would not be valid: {error}"))?;
        for kind in KINDS {
            let attribute = format!("{kind}_interface");
            match seen_value(&self.seen, &attribute) {
                Value::Null => drop(node.interfaces.remove(*kind)),
                Value::String(name) => drop(node.interfaces.insert((*kind).to_owned(), name)),
                other => return Err(format!("{attribute} must be a text, not {other}")),
            }
        }
        check_name(node.name.as_deref())?;
        self.node = node;
        self.look_again()
    }

    fn look_again(&mut self) -> Result<(), String> {
        self.seen = seen(&self.node)?;
        Ok(())
    }
}

fn seen_value(seen: &Value, attribute: &str) -> Value {
    seen.get(attribute).cloned().unwrap_or_default()
}

/// A name that the API would take too.
fn check_name(name: Option<&str>) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    match name {
        None => Ok(()),
        Some(name)
            if !name.is_empty()
                && name.len() <= 255
                && name.bytes().all(allowed)
                && name.parse::<Uuid>().is_err() =>
        {
            Ok(())
        }
        Some(name) => Err(format!(
            "{name:?} is not a name: letters, digits and -._~, and no UUID"
        )),
    }
}

/// The parts of a path in an attribute that may be changed.
fn changeable(path: &str) -> Result<Vec<&str>, String> {
    let parts = path::parts(path)?;
    let attribute = parts.first().copied().unwrap_or_default();
    let kind = attribute.strip_suffix("_interface");
    if CHANGEABLE.contains(&attribute) || kind.is_some_and(|kind| KINDS.contains(&kind)) {
        return Ok(parts);
    }
    Err(format!(
        "{attribute} is not an attribute of a node that a rule may change: these are {} and the interfaces",
        CHANGEABLE.join(", ")
    ))
}

fn document(node: &Node) -> Result<Object, String> {
    match serde_json::to_value(node) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err("the node is no object".to_owned()),
        Err(error) => Err(format!("the node cannot be read: {error}")),
    }
}

fn seen(node: &Node) -> Result<Value, String> {
    let mut seen = document(node)?;
    for key in PRIVATE {
        seen.shift_remove(*key);
    }
    for kind in KINDS {
        let name = node.interface(kind).map_or(Value::Null, Value::from);
        seen.insert(format!("{kind}_interface"), name);
    }
    let remembered = Value::Object(node.internal_info.clone());
    seen.insert("driver_internal_info".to_owned(), remembered);
    Ok(Value::Object(seen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::NodeId;
    use jiff::Timestamp;
    use serde_json::json;

    fn view() -> NodeView {
        let mut node = Node::new(NodeId(Uuid::nil()), "redfish", Timestamp::UNIX_EPOCH);
        node.interfaces.insert("boot".to_owned(), "ipxe".to_owned());
        NodeView::new(node).unwrap()
    }

    #[test]
    fn attributes() {
        let mut view = view();
        view.set("/driver", json!("idrac")).unwrap();
        view.set("driver_info.redfish_address", json!("https://b"))
            .unwrap();
        view.set("boot_interface", json!("http")).unwrap();
        view.set("properties/a/b", json!({"c": 1})).unwrap();
        view.extend("extra/list", json!(1), false).unwrap();
        view.add_trait("CUSTOM_A").unwrap();
        view.add_trait("CUSTOM_A").unwrap();
        view.set_capability("boot_mode", "uefi").unwrap();
        assert_eq!(view.seen()["boot_interface"], "http");
        assert_eq!(view.seen()["properties"]["capabilities"], "boot_mode:uefi");
        view.remove("boot_interface").unwrap();
        view.remove("properties/x/y").unwrap();
        view.unset_capability("boot_mode").unwrap();
        let node = view.into_node();
        assert_eq!(
            (node.driver.as_str(), node.interface("boot")),
            ("idrac", None)
        );
        assert_eq!(node.driver_info["redfish_address"], "https://b");
        assert_eq!(node.properties["a"], json!({"b": {"c": 1}}));
        assert_eq!(node.extra["list"], json!([1]));
        assert_eq!(node.traits, ["CUSTOM_A"]);
    }

    #[test]
    fn what_may_not_be_changed() {
        let refused = |path: &str, value: Value, part: &str| {
            let problem = view().set(path, value).unwrap_err();
            assert!(problem.contains(part), "{path}: {problem}");
        };
        refused("provision_state", json!("active"), "may change");
        refused("run", json!({}), "may change");
        refused("uuid", json!("x"), "may change");
        refused("test", json!("secret"), "test is not an attribute");
        refused("driver_info", json!(5), "would not be valid");
        refused("driver", json!(null), "would not be valid");
        refused("driver/x", json!(1), "driver is not an object");
        refused("name", json!("a b"), "is not a name");
        refused("boot_interface", json!(1), "must be a text");
        refused("", json!(1), "is not a path");
        assert!(view().remove("driver").is_err());
        assert!(view().add_trait("custom").is_err());
        assert!(view().extend("driver", json!(1), false).is_err());
    }
}
