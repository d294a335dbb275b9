//! What commands are told about the node, its ports and its image.
//!
//! An agent gets what it acts on and no secret: neither the BMC's password nor the config drive, which only the step
//! that writes it is given.

use crate::boot::{Digest, ImageLocation};
use crate::config::Settings;
use ferric_agent_protocol::image::ImageInfo;
use ferric_agent_protocol::node::Node as AgentNode;
use ferric_model::node::{Node, Object};
use ferric_model::port::Port;
use serde_json::{Value, json};

/// How disks are erased unless the operator says otherwise (Ironic's defaults).
fn erasure() -> Object {
    let settings = json!({
        "agent_erase_devices_iterations": 1,
        "agent_erase_devices_zeroize": true,
        "agent_continue_if_secure_erase_failed": false,
        "agent_continue_if_ata_erase_failed": false,
        "agent_enable_nvme_secure_erase": true,
        "agent_enable_ata_secure_erase": true,
        "disk_erasure_concurrency": 4,
        "agent_erase_skip_read_only": false,
    });
    match settings {
        Value::Object(settings) => settings,
        _ => Object::new(),
    }
}

/// The node as its agent sees it.
pub(in crate::conductor) fn node(node: &Node) -> AgentNode {
    let mut instance_info = node.instance_info.clone();
    instance_info.shift_remove("configdrive");
    let mut driver_internal_info = erasure();
    driver_internal_info.extend(node.internal_info.clone());
    let burn_in = node
        .driver_info
        .iter()
        .filter(|(key, _)| key.starts_with("agent_burnin_"));
    let driver_info: Object = burn_in
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut rest = Object::new();
    rest.insert("name".to_owned(), json!(node.name));
    rest.insert("driver".to_owned(), json!(node.driver));
    rest.insert("driver_info".to_owned(), Value::Object(driver_info));
    rest.insert("provision_state".to_owned(), json!(node.provision_state));
    rest.insert("instance_uuid".to_owned(), json!(node.instance_uuid));
    rest.insert(
        "raid_config".to_owned(),
        Value::Object(node.raid_config.clone()),
    );
    rest.insert(
        "target_raid_config".to_owned(),
        Value::Object(node.target_raid_config.clone()),
    );
    let properties = node.properties.clone();
    AgentNode {
        uuid: node.uuid.0,
        properties,
        instance_info,
        driver_internal_info,
        rest,
    }
}

/// The ports as their agent sees them.
pub(in crate::conductor) fn ports(ports: &[Port]) -> Vec<Value> {
    let port = |port: &Port| {
        json!({
            "uuid": port.uuid,
            "address": port.address,
            "node_uuid": port.node_uuid,
            "pxe_enabled": port.pxe_enabled,
            "physical_network": port.physical_network,
            "local_link_connection": port.local_link_connection,
            "extra": port.extra,
        })
    };
    ports.iter().map(port).collect()
}

/// The parameters of `get_*_steps`.
pub(in crate::conductor) fn node_and_ports(of: &Node, its: &[Port]) -> Object {
    let mut params = Object::new();
    params.insert("node".to_owned(), json!(node(of)));
    params.insert("ports".to_owned(), Value::Array(ports(its)));
    params
}

/// `image_info`: which image, where it is, how it is verified.
pub(in crate::conductor) fn image_info(
    node: &Node,
    location: ImageLocation,
    settings: &Settings,
) -> Value {
    let text = |key: &str| {
        node.instance_info
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let (checksum, os_hash_algo, os_hash_value) = match location.digest {
        Digest::Hash { algorithm, value } => (None, Some(algorithm), Some(value)),
        Digest::Checksum(checksum) => (Some(checksum), None, None),
    };
    let source = text("image_source").unwrap_or_else(|| location.url.clone());
    let id = source.rsplit('/').next().unwrap_or(&source).to_owned();
    let info = ImageInfo {
        id,
        urls: vec![location.url],
        disk_format: location.disk_format,
        container_format: text("image_container_format").or_else(|| Some("bare".to_owned())),
        stream_raw_images: Some(settings.agent.stream_raw_images),
        checksum,
        os_hash_algo,
        os_hash_value,
        image_request_authorization: text("image_request_authorization"),
        node_uuid: Some(node.uuid.to_string()),
        image_type: text("image_type"),
        ..ImageInfo::default()
    };
    json!(info)
}
