//! What the interfaces say of a node's settings. Nothing is asked of the BMC, and no image is looked at.

use super::Conductor;
use super::requests::Validation;
use super::steps::chain;
use crate::boot::{BootError, GlanceError, glance_image};
use ferric_drivers::{DriverInfo, InterfaceKind, Interfaces};
use ferric_model::node::Node;
use ferric_model::port::Port;
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Every kind but the vendor's, by name. What does nothing is no valid interface here, though nothing that is asked of a
/// node fails because of it.
pub(super) fn of_node(
    conductor: &Conductor,
    node: &Node,
    ports: &[Port],
) -> BTreeMap<String, Validation> {
    let kinds = InterfaceKind::ALL.into_iter();
    let one = |kind: InterfaceKind| {
        let found = of_kind(conductor, node, ports, kind);
        let result = found.result.or(Some(false));
        (kind.name().to_owned(), Validation { result, ..found })
    };
    kinds
        .filter(|kind| *kind != InterfaceKind::Vendor)
        .map(one)
        .collect()
}

pub(super) fn of_kind(
    conductor: &Conductor,
    node: &Node,
    ports: &[Port],
    kind: InterfaceKind,
) -> Validation {
    let interfaces = match conductor.interfaces(node) {
        Ok(interfaces) => interfaces,
        Err(error) => return invalid(error.to_string()),
    };
    match (kind, interfaces.get(kind)) {
        (InterfaceKind::Boot, "ipxe") => match conductor.boot().validate(node, ports) {
            Ok(()) => valid(),
            Err(reason) => invalid(reason),
        },
        (InterfaceKind::Deploy, "direct") => {
            match image(node, |id| conductor.boot().has_glance(id)) {
                Ok(()) => by_driver(kind, &interfaces, &node.driver_info),
                Err(reason) => invalid(reason),
            }
        }
        _ => by_driver(kind, &interfaces, &node.driver_info),
    }
}

/// What Glance says of the images that the node names is said, too. Asks nobody where it names none.
pub(super) async fn with_glance(
    conductor: &Conductor,
    node: &Node,
    mut found: BTreeMap<String, Validation>,
) -> BTreeMap<String, Validation> {
    let boot = conductor.boot();
    let interface = |kind: &str| node.interface(kind).unwrap_or_default();
    let mut note = |kind: &str, outcome: Result<(), BootError>| {
        if let (Err(error), Some(validation)) = (outcome, found.get_mut(kind))
            && validation.result == Some(true)
        {
            *validation = invalid(chain(&error));
        }
    };
    if interface("deploy") == "direct" {
        note("deploy", boot.check_glance_image(node).await);
    }
    if interface("boot") == "ipxe" {
        note("boot", boot.check_ramdisk(node).await);
    }
    found
}

fn by_driver(kind: InterfaceKind, interfaces: &Interfaces, driver_info: &DriverInfo) -> Validation {
    match ferric_drivers::validate(kind, interfaces, driver_info) {
        ferric_drivers::Validation::Valid => valid(),
        ferric_drivers::Validation::Invalid(reason) => invalid(reason),
        ferric_drivers::Validation::NotSupported => Validation {
            result: None,
            reason: Some("not supported".to_owned()),
        },
    }
}

fn valid() -> Validation {
    Validation {
        result: Some(true),
        reason: None,
    }
}

fn invalid(reason: String) -> Validation {
    Validation {
        result: Some(false),
        reason: Some(reason),
    }
}

/// What can be said of the image without asking anybody for it. Where a checksum is mandatory it must be there.
fn image(
    node: &Node,
    has_glance: impl FnOnce(Uuid) -> Result<(), GlanceError>,
) -> Result<(), String> {
    let text = |key: &str| {
        node.instance_info
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let Some(source) = text("image_source") else {
        return Err(
            "instance_info.image_source is missing: set it to the URL of an image".to_owned(),
        );
    };
    if let Some(id) = glance_image(source) {
        // All that is to be said of it Glance says.
        return has_glance(id).map_err(|error| error.to_string());
    }
    let is_partition = match text("image_type") {
        Some(kind) => kind == "partition",
        // Ironic takes an image with a kernel and a ramdisk of its own for one of a partition.
        None => text("kernel").is_some() && text("ramdisk").is_some(),
    };
    if is_partition {
        return Err(
            "images of a partition are not supported: use an image of a whole disk".to_owned(),
        );
    }
    let has_digest = text("image_checksum").is_some()
        || (text("image_os_hash_algo").is_some() && text("image_os_hash_value").is_some());
    let from_a_server = source.starts_with("http://") || source.starts_with("https://");
    if from_a_server && !has_digest {
        return Err(
            "the image has no checksum: set instance_info.image_checksum, or image_os_hash_algo and image_os_hash_value"
                .to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(instance_info: &Value, expected: Option<&str>) {
        let mut node = Node::new(
            ferric_model::ids::NodeId(uuid::Uuid::nil()),
            "redfish",
            jiff::Timestamp::UNIX_EPOCH,
        );
        node.instance_info = instance_info.as_object().unwrap().clone();
        let none = |id| Err(GlanceError::NotConfigured(id));
        match (image(&node, none), expected) {
            (Ok(()), None) => {}
            (Err(error), Some(part)) => assert!(error.contains(part), "{error}"),
            (outcome, expected) => panic!("{instance_info}: {outcome:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn images() {
        check(&json!({}), Some("image_source is missing"));
        check(
            &json!({"image_source": "http://192.0.2.1/a"}),
            Some("no checksum"),
        );
        check(
            &json!({"image_source": "http://192.0.2.1/a", "image_os_hash_algo": "sha512"}),
            Some("no checksum"),
        );
        check(
            &json!({"image_source": "http://192.0.2.1/a", "image_checksum": "ab"}),
            None,
        );
        check(&json!({"image_source": "file:///images/a"}), None);
        let partition = json!({"image_source": "file:///a", "image_type": "partition"});
        check(&partition, Some("whole disk"));
        let parts = json!({"image_source": "file:///a", "kernel": "k", "ramdisk": "r"});
        check(&parts, Some("whole disk"));
        let whole = json!({"image_source": "file:///a", "kernel": "k", "ramdisk": "r", "image_type": "whole-disk"});
        check(&whole, None);
        let glance = json!({"image_source": "5be26c0b-03f2-4d2e-ae87-c02d7f33c781"});
        check(&glance, Some("add the section [glance]"));
    }
}
