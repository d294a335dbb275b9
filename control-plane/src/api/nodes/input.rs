//! What clients may write into a node: its name, its links to other objects, and how a value gets into the model.

use super::find::{self, is_host_name, is_name};
use super::network_data;
use super::table::{NODE, RESERVED_NAMES};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::Field;
use crate::api::gates::FREE_NAMES;
use crate::api::plain;
use crate::api::version::ApiVersion;
use ferric_model::node::{Node, Object};
use serde_json::Value;
use uuid::Uuid;

/// Properties that must be numbers.
const SIZES: &[&str] = &["local_gb", "memory_mb"];

/// 400 unless it can be a node's name and stand in a path.
pub(super) fn check_name(name: &str, version: ApiVersion) -> ApiResult<()> {
    if RESERVED_NAMES.contains(&name) {
        return Err(ApiError::invalid(format!(
            "{name} is a word of the API's paths and cannot be a node's name"
        )));
    }
    let well_formed = is_name(name) && (version.0 >= FREE_NAMES || is_host_name(name));
    if !well_formed || name.parse::<Uuid>().is_ok() {
        return Err(ApiError::invalid(format!(
            "{name:?} cannot be a node's name: use letters, digits and -._~, at most 255, and no UUID"
        )));
    }
    Ok(())
}

/// What one field alone does not tell: that names are good and that what is referred to exists.
pub(super) async fn check_references(call: &Call, field: &Field, value: Value) -> ApiResult<Value> {
    if let ("network_data", Value::Object(data)) = (field.name, &value) {
        network_data::check(data)?;
    }
    if let ("properties", Value::Object(properties)) = (field.name, &value) {
        check_sizes(properties)?;
    }
    let Some(text) = value.as_str() else {
        return Ok(value);
    };
    match field.name {
        "name" => check_name(text, call.version).map(|()| value),
        "instance_name" if text.is_empty() => {
            Err(ApiError::invalid("instance_name must not be empty"))
        }
        "conductor_group" => Ok(Value::from(text.to_lowercase())),
        "resource_class" if text.is_empty() => Ok(Value::Null),
        "chassis_uuid" => match text.parse::<Uuid>() {
            Ok(id) if plain::chassis_exists(call, id).await? => Ok(value),
            Ok(_) | Err(_) => Err(ApiError::invalid(format!(
                "chassis {text} could not be found"
            ))),
        },
        "parent_node" => match find::lookup(call, text).await? {
            Some(parent) => Ok(Value::from(parent.node.uuid.to_string())),
            None => Err(ApiError::invalid(format!(
                "the parent node {text} could not be found"
            ))),
        },
        _ => Ok(value),
    }
}

/// 400 unless the node's parent is one that the caller sees, and of the same owner.
pub(super) async fn check_parent(call: &Call, node: &Node) -> ApiResult<()> {
    let Some(parent) = node.parent_node else {
        return Ok(());
    };
    let found = find::lookup(call, &parent.to_string()).await?;
    match found.is_some_and(|found| found.node.owner == node.owner) {
        true => Ok(()),
        false => Err(ApiError::invalid(format!(
            "node {parent} cannot be the parent: a node and its parent must have the same owner"
        ))),
    }
}

/// 400 unless what schedulers count with is a whole number, be it written as a text.
fn check_sizes(properties: &Object) -> ApiResult<()> {
    for key in SIZES {
        let is_size = match properties.get(*key) {
            None | Some(Value::Null | Value::Bool(_)) => true,
            Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number >= 0.0),
            Some(Value::String(text)) => text.trim().parse::<u64>().is_ok(),
            Some(Value::Array(_) | Value::Object(_)) => false,
        };
        if !is_size {
            return Err(ApiError::invalid(format!(
                "properties/{key} must be a whole number that is not negative"
            )));
        }
    }
    Ok(())
}

/// 400 unless a conductor is alive that could work on the node, 503 while none at all is.
pub(super) async fn check_served(call: &Call, node: &Node) -> ApiResult<()> {
    if call.conductor().is_served(node).await? {
        return Ok(());
    }
    let (driver, group) = (&node.driver, &node.conductor_group);
    Err(ApiError::invalid(format!(
        "no conductor serves the driver {driver} in the conductor group {group:?}: check that the driver is enabled"
    )))
}

/// The node with these values in the place of its own.
pub(super) fn merged(
    mut document: Object,
    changes: impl IntoIterator<Item = (&'static Field, Value)>,
) -> ApiResult<Node> {
    for (field, value) in changes {
        match field.name.strip_suffix("_interface") {
            Some(kind) => set_interface(&mut document, kind, value),
            // The only text of the model that has no null.
            None if field.name == "conductor_group" && value.is_null() => {
                document.insert(field.name.to_owned(), Value::from(""));
            }
            None => {
                document.insert(field.name.to_owned(), value);
            }
        }
    }
    serde_json::from_value(Value::Object(document))
        .map_err(|error| ApiError::invalid(format!("the node would not be valid: {error}")))
}

/// Null leaves the choice to the hardware type.
fn set_interface(document: &mut Object, kind: &str, value: Value) {
    let Some(interfaces) = document
        .get_mut("interfaces")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    if value.is_null() {
        interfaces.remove(kind);
    } else {
        interfaces.insert(kind.to_owned(), value);
    }
}

/// The fields that a patch may touch, by their names on the wire and with their secrets.
pub(super) fn patchable(node: &Node, document: &Object) -> Object {
    let fields = NODE.iter().filter(|field| field.writable_by_patch());
    let values = fields.map(|field| {
        let value = match field.name.strip_suffix("_interface") {
            Some(kind) => node.interface(kind).map(Value::from),
            None => document.get(field.name).cloned(),
        };
        (field.name.to_owned(), value.unwrap_or_default())
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_are_numbers() {
        let check = |value: Value, expected| {
            let properties = Object::from_iter([("memory_mb".to_owned(), value.clone())]);
            assert_eq!(check_sizes(&properties).is_ok(), expected, "{value}");
        };
        check(json!(1024), true);
        check(json!("1024"), true);
        check(json!(null), true);
        check(json!(-1), false);
        check(json!("x"), false);
        check(json!([]), false);
        assert!(check_sizes(&Object::new()).is_ok());
    }

    #[test]
    fn names_by_version() {
        let check = |name: &str, minor, expected| {
            assert_eq!(
                check_name(name, ApiVersion(minor)).is_ok(),
                expected,
                "{name}"
            );
        };
        check("metal3~worker_0", 10, true);
        check("metal3~worker_0", 9, false);
        check("rack-1.node", 9, true);
        check("states", 115, false);
        check("history", 115, false);
        check("1be26c0b-03f2-4d2e-ae87-c02d7f33c781", 115, false);
        check("a b", 115, false);
    }
}
