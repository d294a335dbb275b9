//! What is answered about parts of nodes, about drivers, and by discovery.

use super::resources::{of_shape, shown};
use super::{any_of, reference, with};
use crate::api::fields::find;
use crate::api::nodes::table::NODE;
use crate::api::nodes::tables::{COMPONENT, SETTING};
use crate::api::nodes::view::STATES;
use ferric_drivers::InterfaceKind;
use serde_json::{Map, Value, json};

pub(super) fn all() -> Map<String, Value> {
    let schemas = of_nodes()
        .into_iter()
        .chain(of_machines())
        .chain(of_drivers())
        .chain(of_discovery());
    schemas
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

type Named = (&'static str, Value);

fn text() -> Value {
    json!({"type": "string"})
}

fn text_or_null() -> Value {
    json!({"type": ["string", "null"]})
}

fn list_of(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

/// An object whose keys are names of one kind.
fn by_name(value: &Value) -> Value {
    json!({"type": "object", "additionalProperties": value})
}

fn link() -> Value {
    with(
        &["href", "rel"],
        &json!({"href": {"type": "string", "format": "uri"}, "rel": text()}),
    )
}

fn of_nodes() -> Vec<Named> {
    let links = reference("Links");
    let validation = with(
        &["result"],
        &json!({"result": {"type": ["boolean", "null"]}, "reason": text()}),
    );
    vec![
        ("Links", list_of(&link())),
        ("States", states()),
        ("Validation", by_name(&validation)),
        (
            "Inventory",
            with(
                &["inventory", "plugin_data"],
                &json!({"inventory": {"type": "object"}, "plugin_data": {"type": "object"}}),
            ),
        ),
        (
            "Inspected",
            any_of(&json!({
                "uuid": {"type": "string", "format": "uuid", "description": "in version 1.1"},
                "node": reference("Node"),
                "config": {"type": "object"},
            })),
        ),
        (
            "Children",
            with(
                &["children", "links"],
                &json!({"children": list_of(&json!({"type": "string", "format": "uuid"})), "links": link()}),
            ),
        ),
        ("HistoryEvent", history_event()),
        (
            "History",
            with(
                &["history"],
                &json!({
                    "history": list_of(&reference("HistoryEvent")),
                    "next": {"type": "string", "format": "uri"},
                }),
            ),
        ),
        (
            "Volume",
            with(
                &["links", "connectors", "targets"],
                &json!({"links": links, "connectors": links, "targets": links}),
            ),
        ),
    ]
}

/// Those fields of a node, whatever else it has.
fn states() -> Value {
    let fields = STATES.iter().filter_map(|name| find(NODE, name));
    let properties = fields.map(|field| (field.name.to_owned(), of_shape(field.shape)));
    with(
        &["power_state", "provision_state"],
        &Value::Object(properties.collect()),
    )
}

fn history_event() -> Value {
    with(
        &["uuid", "created_at", "severity", "event", "links"],
        &json!({
            "uuid": {"type": "string", "format": "uuid"},
            "created_at": {"type": "string", "format": "date-time"},
            "severity": {"enum": ["INFO", "ERROR"]},
            "event": text(),
            "event_type": text(),
            "conductor": text(),
            "user": text_or_null(),
            "project": text_or_null(),
            "state": text_or_null(),
            "target_provision_state": text_or_null(),
            "duration_seconds": {"type": ["integer", "null"], "minimum": 0},
            "links": reference("Links"),
        }),
    )
}

fn of_machines() -> Vec<Named> {
    let drive = with(
        &["media_types", "inserted", "image"],
        &json!({
            "media_types": list_of(&text()),
            "inserted": {"type": ["boolean", "null"]},
            "image": text_or_null(),
        }),
    );
    let light = with(
        &["name", "component", "readonly", "states", "links"],
        &json!({
            "name": {"type": "string", "description": "name@component"},
            "component": text(),
            "readonly": {"type": "boolean"},
            "states": list_of(&text()),
            "links": reference("Links"),
        }),
    );
    vec![
        ("BiosSetting", shown(SETTING)),
        (
            "BiosSettings",
            with(
                &["bios"],
                &json!({"bios": list_of(&reference("BiosSetting"))}),
            ),
        ),
        ("BiosSettingByName", by_name(&reference("BiosSetting"))),
        ("FirmwareComponent", shown(COMPONENT)),
        (
            "Firmware",
            with(
                &["firmware"],
                &json!({"firmware": list_of(&reference("FirmwareComponent"))}),
            ),
        ),
        ("VirtualMedia", list_of(&drive)),
        (
            "Indicators",
            with(&["indicators"], &json!({"indicators": list_of(&light)})),
        ),
        (
            "ConsoleState",
            with(
                &["console_enabled", "console_info"],
                &json!({
                    "console_enabled": {"type": "boolean"},
                    "console_info": {"type": ["object", "null"]},
                }),
            ),
        ),
    ]
}

fn of_drivers() -> Vec<Named> {
    let method = with(
        &[
            "http_methods",
            "async",
            "attach",
            "description",
            "require_exclusive_lock",
        ],
        &json!({
            "http_methods": list_of(&text()),
            "async": {"type": "boolean"},
            "attach": {"type": "boolean"},
            "description": text(),
            "require_exclusive_lock": {"type": "boolean"},
        }),
    );
    vec![
        ("Driver", driver()),
        (
            "Drivers",
            with(
                &["drivers"],
                &json!({"drivers": list_of(&reference("Driver"))}),
            ),
        ),
        ("Descriptions", by_name(&text())),
        ("VendorMethods", by_name(&method)),
    ]
}

fn driver() -> Value {
    let mut properties = json!({
        "name": text(),
        "hosts": list_of(&text()),
        "type": {"enum": ["dynamic"]},
        "properties": reference("Links"),
        "links": reference("Links"),
    });
    for kind in InterfaceKind::ALL {
        properties[format!("default_{kind}_interface")] = text_or_null();
        properties[format!("enabled_{kind}_interfaces")] = list_of(&text());
    }
    with(&["links"], &properties)
}

fn of_discovery() -> Vec<Named> {
    let version = with(
        &["id", "links", "status", "min_version", "version"],
        &json!({
            "id": text(),
            "links": list_of(&link()),
            "status": text(),
            "min_version": text(),
            "version": text(),
        }),
    );
    vec![
        ("Version", version),
        (
            "Versions",
            with(
                &["name", "description", "default_version", "versions"],
                &json!({
                    "name": text(),
                    "description": text(),
                    "default_version": reference("Version"),
                    "versions": list_of(&reference("Version")),
                }),
            ),
        ),
        (
            "Resources",
            with(
                &["id", "links", "media_types", "version"],
                &json!({
                    "id": text(),
                    "links": list_of(&link()),
                    "media_types": {"type": "object"},
                    "version": reference("Version"),
                }),
            ),
        ),
    ]
}
