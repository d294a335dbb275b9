//! What is sent to, and answered by, the parts of Ironic's API that are no resources of a table.

use super::{any_of, reference, with};
use ferric_drivers::{BootDevice, MediaDevice, PowerAction};
use ferric_model::verb::Verb;
use serde_json::{Map, Value, json};

pub(super) fn all() -> Map<String, Value> {
    let schemas = of_nodes()
        .into_iter()
        .chain(of_instances())
        .chain(of_the_rest());
    schemas
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

type Named = (&'static str, Value);

fn of_nodes() -> Vec<Named> {
    vec![
        ("Any", json!({})),
        (
            "Error",
            any_of(&json!({
                "error_message": {"type": ["string", "object"], "description": "JSON in a text, which has faultstring"},
                "faultstring": {"type": "string"},
            })),
        ),
        (
            "Patch",
            json!({"type": "array", "items": with(&["op", "path"], &json!({
                "op": {"enum": ["add", "replace", "remove"]},
                "path": {"type": "string", "pattern": "^/"},
                "value": {},
            }))}),
        ),
        ("Power", power()),
        ("Provision", provision()),
        (
            "Maintenance",
            any_of(&json!({"reason": {"type": ["string", "null"]}})),
        ),
        ("BootDevice", boot_device()),
        ("VirtualMediaAttach", virtual_media_attach()),
        (
            "BootMode",
            with(&["target"], &json!({"target": {"enum": ["bios", "uefi"]}})),
        ),
        (
            "SecureBoot",
            with(
                &["target"],
                &json!({"target": {"type": ["boolean", "string"]}}),
            ),
        ),
        (
            "Console",
            with(
                &["enabled"],
                &json!({"enabled": {"type": ["boolean", "string"]}}),
            ),
        ),
        (
            "Indicator",
            with(&["state"], &json!({"state": {"type": "string"}})),
        ),
        (
            "BootDevices",
            with(
                &["supported_boot_devices"],
                &json!({
                    "supported_boot_devices": {"type": "array", "items": {"type": "string"}},
                }),
            ),
        ),
    ]
}

fn of_instances() -> Vec<Named> {
    vec![
        (
            "Traits",
            with(
                &["traits"],
                &json!({
                    "traits": {"type": "array", "maxItems": 50, "items": {"type": "string"}},
                }),
            ),
        ),
        (
            "Vif",
            with(
                &["id"],
                &json!({
                    "id": {"type": "string", "minLength": 1},
                    "port_uuid": {"type": "string", "format": "uuid"},
                    "portgroup_uuid": {"type": "string", "format": "uuid"},
                }),
            ),
        ),
        (
            "Vifs",
            with(
                &["vifs"],
                &json!({"vifs": {"type": "array", "items": any_of(&json!({"id": {"type": "string"}}))}}),
            ),
        ),
        (
            "RaidConfig",
            any_of(&json!({"logical_disks": {"type": "array", "items": {"type": "object"}}})),
        ),
    ]
}

fn of_the_rest() -> Vec<Named> {
    vec![
        ("Heartbeat", heartbeat()),
        (
            "InspectionData",
            with(
                &["inventory"],
                &json!({
                    "inventory": {"type": "object"},
                    "plugin_data": {"type": "object"},
                }),
            ),
        ),
        (
            "Lookup",
            with(
                &["node", "config"],
                &json!({
                    "node": reference("Node"),
                    "config": {"type": "object"},
                }),
            ),
        ),
        (
            "NetworkEvents",
            with(
                &["events"],
                &json!({
                    "events": {"type": "array", "items": with(&["event"], &json!({"event": {"type": "string"}}))},
                }),
            ),
        ),
        (
            "Shards",
            with(
                &["shards"],
                &json!({"shards": {"type": "array", "items": with(&["name", "count"], &json!({
                    "name": {"type": "string"},
                    "count": {"type": "integer", "minimum": 1},
                }))}}),
            ),
        ),
    ]
}

fn power() -> Value {
    let targets: Vec<_> = PowerAction::ALL
        .iter()
        .map(|action| action.name())
        .collect();
    with(
        &["target"],
        &json!({
            "target": {"enum": targets},
            "timeout": {"type": ["integer", "null"], "minimum": 1, "maximum": 86_400, "description": "seconds"},
        }),
    )
}

fn provision() -> Value {
    let targets: Vec<_> = Verb::ALL.iter().map(|verb| verb.name()).collect();
    let (listed, deploy) = (listed_steps(), deploy_steps());
    with(
        &["target"],
        &json!({
            "target": {"enum": targets},
            "configdrive": {"type": ["string", "object", "null"]},
            "clean_steps": listed,
            "deploy_steps": deploy,
            "service_steps": listed,
            "rescue_password": {"type": ["string", "null"]},
            "runbook": {"type": ["string", "null"]},
            "disable_ramdisk": {"type": ["boolean", "null"]},
        }),
    )
}

/// Of a clean or a service.
fn listed_steps() -> Value {
    let step = with(
        &["interface", "step"],
        &json!({
            "interface": {"type": "string"},
            "step": {"type": "string"},
            "args": {"type": "object"},
            "order": {"type": ["integer", "string"], "minimum": 0, "description": "its rank in the list"},
            "execute_on_child_nodes": {"type": ["boolean", "null"]},
            "limit_child_node_execution": {
                "type": ["array", "null"],
                "items": {"type": "string", "format": "uuid"},
                "description": "the children on which it is done; none named: all",
            },
        }),
    );
    json!({"type": ["array", "null"], "items": step})
}

fn deploy_steps() -> Value {
    let step = with(
        &["interface", "step", "args", "priority"],
        &json!({
            "interface": {"type": "string"},
            "step": {"type": "string"},
            "args": {"type": "object"},
            "priority": {"type": ["integer", "string"], "minimum": 0},
        }),
    );
    json!({"type": ["array", "null"], "items": step})
}

fn virtual_media_attach() -> Value {
    let devices = MediaDevice::ALL.map(MediaDevice::name);
    with(
        &["device_type", "image_url"],
        &json!({
            "device_type": {"enum": devices},
            "image_url": {"type": "string", "format": "uri"},
            "image_download_source": {"enum": ["http", "local", "swift"]},
        }),
    )
}

fn boot_device() -> Value {
    let devices: Vec<_> = BootDevice::ALL
        .iter()
        .map(|device| Some(device.name()))
        .chain([None])
        .collect();
    any_of(&json!({
        "boot_device": {"enum": devices},
        "persistent": {"type": ["boolean", "null"]},
    }))
}

fn heartbeat() -> Value {
    with(
        &["callback_url"],
        &json!({
            "callback_url": {"type": "string", "format": "uri"},
            "agent_version": {"type": ["string", "null"]},
            "agent_token": {"type": ["string", "null"]},
            "agent_verify_ca": {"type": ["string", "null"]},
            "agent_status": {"enum": ["start", "end", "error", null]},
            "agent_status_message": {"type": ["string", "null"]},
        }),
    )
}
