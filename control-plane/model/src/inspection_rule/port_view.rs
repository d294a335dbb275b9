//! The node's ports as rules change them.

use super::path;
use crate::ids::MacAddress;
use crate::port::Port;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

const CHANGEABLE: &[&str] = &[
    "name",
    "description",
    "extra",
    "local_link_connection",
    "physical_network",
    "portgroup_uuid",
    "pxe_enabled",
    "is_smartnic",
    "vendor",
    "category",
    "available_for_dynamic_portgroup",
];

/// What is to be done at a place of a port.
pub(super) enum Edit {
    Set(Value),
    Extend(Value, Unique),
    Remove,
}

/// Whether a value that is in the list already is appended all the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unique {
    Yes,
    No,
}

/// Changes the port with this UUID or MAC address.
pub(super) fn edit(ports: &mut [Port], id: &str, path: &str, edit: Edit) -> Result<(), String> {
    let (uuid, address) = (id.parse::<Uuid>().ok(), id.parse::<MacAddress>().ok());
    let named =
        |port: &&mut Port| uuid == Some(port.uuid.0) || address.as_ref() == Some(&port.address);
    let port = ports.iter_mut().find(named);
    let port = port.ok_or_else(|| format!("the node has no port {id}"))?;
    let parts = path::parts(path)?;
    let attribute = parts.first().copied().unwrap_or_default();
    if !CHANGEABLE.contains(&attribute) {
        return Err(format!(
            "{attribute} is not an attribute of a port that a rule may change: these are {}",
            CHANGEABLE.join(", ")
        ));
    }
    let mut document = document(port)?;
    match edit {
        Edit::Set(value) => path::set(&mut document, &parts, value)?,
        Edit::Extend(value, unique) => {
            path::extend(&mut document, &parts, value, unique == Unique::Yes)?;
        }
        Edit::Remove if parts.len() == 1 => {
            let blank = Port::new(
                port.uuid,
                port.address.clone(),
                port.node_uuid,
                Timestamp::UNIX_EPOCH,
            );
            let value = self::document(&blank)?.shift_remove(attribute);
            document.insert(attribute.to_owned(), value.unwrap_or_default());
        }
        Edit::Remove => drop(path::remove(&mut document, &parts)),
    }
    let changed = serde_json::from_value(Value::Object(document));
    *port = changed.map_err(|error| format!("the port would not be valid: {error}"))?;
    Ok(())
}

fn document(port: &Port) -> Result<crate::node::Object, String> {
    match serde_json::to_value(port) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err("the port is no object".to_owned()),
        Err(error) => Err(format!("the port cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{NodeId, PortId};
    use serde_json::json;

    const MAC: &str = "52:54:00:00:00:01";

    fn ports() -> Vec<Port> {
        let (id, node) = (PortId(Uuid::from_u128(7)), NodeId(Uuid::nil()));
        vec![Port::new(
            id,
            MAC.parse().unwrap(),
            node,
            Timestamp::UNIX_EPOCH,
        )]
    }

    #[test]
    fn by_address_and_by_id() {
        let mut ports = ports();
        let id = Uuid::from_u128(7).to_string();
        edit(
            &mut ports,
            &MAC.to_uppercase(),
            "extra/a",
            Edit::Set(json!(1)),
        )
        .unwrap();
        edit(&mut ports, &id, "physical_network", Edit::Set(json!("net"))).unwrap();
        edit(
            &mut ports,
            &id,
            "extra/l",
            Edit::Extend(json!(1), Unique::Yes),
        )
        .unwrap();
        edit(&mut ports, &id, "pxe_enabled", Edit::Set(json!(false))).unwrap();
        assert_eq!(
            ports[0].extra,
            json!({"a": 1, "l": [1]}).as_object().unwrap().clone()
        );
        assert_eq!(ports[0].physical_network.as_deref(), Some("net"));
        edit(&mut ports, MAC, "physical_network", Edit::Remove).unwrap();
        edit(&mut ports, MAC, "pxe_enabled", Edit::Remove).unwrap();
        edit(&mut ports, MAC, "extra/a", Edit::Remove).unwrap();
        assert_eq!(ports[0].physical_network, None);
        assert!(ports[0].pxe_enabled && !ports[0].extra.contains_key("a"));
    }

    #[test]
    fn what_may_not_be_changed() {
        let refused = |id: &str, path: &str, value: Value| {
            edit(&mut ports(), id, path, Edit::Set(value)).unwrap_err()
        };
        assert!(refused("x", "extra", json!({})).contains("no port x"));
        assert!(refused(MAC, "address", json!("x")).contains("may change"));
        assert!(refused(MAC, "pxe_enabled", json!("x")).contains("would not be valid"));
        assert!(refused(MAC, "extra", json!(1)).contains("would not be valid"));
    }
}
