//! A resource, a list of it, and what a client may write of it: all from the table of its fields.

use super::{any_of, reference, with};
use crate::api::allocations::ALLOCATION;
use crate::api::conductors::CONDUCTOR;
use crate::api::fields::{Field, Write};
use crate::api::inspection_rules;
use crate::api::nodes::table::NODE;
use crate::api::plain::tables as plain;
use crate::api::ports::PORT;
use crate::api::recipes::tables as recipes;
use crate::api::shape::{ANY_LENGTH, Shape};
use serde_json::{Map, Value, json};

/// A resource, what a list of it is called in the document, and under which key it stands there.
type Resource = (&'static str, &'static str, &'static str, &'static [Field]);

const RESOURCES: &[Resource] = &[
    ("Node", "Nodes", "nodes", NODE),
    ("Port", "Ports", "ports", PORT),
    ("Portgroup", "Portgroups", "portgroups", plain::PORTGROUP),
    ("Chassis", "ChassisList", "chassis", plain::CHASSIS),
    (
        "VolumeConnector",
        "VolumeConnectors",
        "connectors",
        plain::CONNECTOR,
    ),
    ("VolumeTarget", "VolumeTargets", "targets", plain::TARGET),
    ("Allocation", "Allocations", "allocations", ALLOCATION),
    (
        "DeployTemplate",
        "DeployTemplates",
        "deploy_templates",
        recipes::TEMPLATE,
    ),
    ("Runbook", "Runbooks", "runbooks", recipes::RUNBOOK),
    (
        "InspectionRule",
        "InspectionRules",
        "inspection_rules",
        inspection_rules::TABLE,
    ),
    ("Conductor", "Conductors", "conductors", CONDUCTOR),
];

pub(super) fn all() -> Map<String, Value> {
    let mut schemas = Map::new();
    for (name, list, key, fields) in RESOURCES {
        schemas.insert((*name).to_owned(), shown(fields));
        schemas.insert(format!("{name}Create"), created(fields));
        let items = json!({"type": "array", "items": reference(name)});
        let properties = json!({*key: items, "next": {"type": "string", "format": "uri"}});
        schemas.insert((*list).to_owned(), with(&[key], &properties));
    }
    schemas
}

pub(super) fn shown(fields: &[Field]) -> Value {
    let properties = fields.iter().map(|field| {
        let mut schema = of_shape(field.shape);
        if field.write == Write::Never {
            schema["readOnly"] = json!(true);
        }
        (field.name.to_owned(), described(schema, field))
    });
    any_of(&Value::Object(properties.collect()))
}

fn created(fields: &[Field]) -> Value {
    let written = fields.iter().filter(|field| field.writable_by_post());
    let required = written.clone().filter(|field| is_required(field.shape));
    let required: Vec<&str> = required.map(|field| field.name).collect();
    let properties = written.map(|field| {
        (
            field.name.to_owned(),
            described(of_shape(field.shape), field),
        )
    });
    with(&required, &Value::Object(properties.collect()))
}

fn is_required(shape: Shape) -> bool {
    matches!(
        shape,
        Shape::Required | Shape::Given | Shape::List | Shape::Mac | Shape::Integer
    )
}

fn described(mut schema: Value, field: &Field) -> Value {
    let since = format!("since 1.{}", field.since);
    schema["description"] = json!(since);
    schema
}

const MAC: &str = "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$";

pub(super) fn of_shape(shape: Shape) -> Value {
    match shape {
        Shape::Text(ANY_LENGTH) => json!({"type": ["string", "null"]}),
        Shape::Text(longest) => json!({"type": ["string", "null"], "maxLength": longest}),
        Shape::Given => json!({"type": "string"}),
        Shape::Required => json!({"type": "string", "minLength": 1}),
        Shape::Object => json!({"type": ["object", "null"]}),
        Shape::List | Shape::OptionalList => json!({"type": "array"}),
        Shape::Priority => json!({"type": "integer", "minimum": 0, "maximum": 9999}),
        Shape::Integer => json!({"type": "integer"}),
        Shape::Flag | Shape::OnFlag | Shape::Tristate => json!({"type": ["boolean", "null"]}),
        Shape::Uuid => json!({"type": ["string", "null"], "format": "uuid"}),
        Shape::Mac => json!({"type": "string", "pattern": MAC}),
        Shape::OptionalMac => json!({"type": ["string", "null"], "pattern": MAC}),
        Shape::Time => json!({"type": ["string", "null"], "format": "date-time"}),
        Shape::Other => json!({}),
    }
}
