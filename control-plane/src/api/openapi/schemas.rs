//! The schemas: of nodes and ports from the tables of their fields, of `/ferric/v1` as they are written there.

use crate::api::fields::{Field, Write};
use crate::api::nodes::table::NODE;
use crate::api::ports::PORT;
use crate::api::shape::{ANY_LENGTH, Shape};
use ferric_model::event::What;
use ferric_model::state::ProvisionState;
use serde_json::{Map, Value, json};

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

pub(super) fn components() -> Value {
    json!({
        "parameters": {"version": {
            "name": "X-OpenStack-Ironic-API-Version", "in": "header", "schema": {"type": "string"},
            "description": "1.1 to 1.115, or latest; without it 1.1",
        }},
        "schemas": {
            "Any": {},
            "Error": {
                "type": "object",
                "properties": {
                    "error_message": {"type": "string", "description": "JSON in a text, which has faultstring"},
                    "faultstring": {"type": "string"},
                },
            },
            "Patch": {"type": "array", "items": {
                "type": "object", "required": ["op", "path"],
                "properties": {
                    "op": {"enum": ["add", "replace", "remove"]}, "path": {"type": "string"}, "value": {},
                },
            }},
            "Node": of_fields(NODE),
            "Port": of_fields(PORT),
            "Events": events(),
            "Explanation": explanation(),
            "PlanRequest": {"type": "object", "properties": {
                "target": {"enum": ["active", "rebuild"]},
                "deploy_steps": {"type": "array"},
                "instance_info": {"type": "object"},
            }},
            "Plan": plan(),
            "Bulk": {"type": "object", "required": ["action", "nodes"], "properties": {
                "action": {"enum": ["enrol", "provision", "delete"]},
                "nodes": {"type": "array", "minItems": 1, "maxItems": 1000},
                "defaults": {"type": "object"},
                "wait_s": {"type": "integer", "minimum": 0, "maximum": 600},
            }},
            "BulkResults": {"type": "object", "required": ["results", "done", "failed"], "properties": {
                "results": {"type": "array", "items": {"type": "object", "required": ["node", "status"]}},
                "done": {"type": "integer"},
                "failed": {"type": "integer"},
            }},
        },
    })
}

fn of_fields(fields: &[Field]) -> Value {
    let properties = fields.iter().map(|field| {
        let mut schema = of_shape(field.shape);
        if field.write == Write::Never {
            schema["readOnly"] = json!(true);
        }
        let since = format!("since 1.{}", field.since);
        schema["description"] = json!(since);
        (field.name.to_owned(), schema)
    });
    json!({"type": "object", "properties": properties.collect::<Map<_, _>>()})
}

const MAC: &str = "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$";

fn of_shape(shape: Shape) -> Value {
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

fn events() -> Value {
    json!({"type": "object", "required": ["events", "next"], "properties": {
        "next": {"type": "integer"},
        "events": {"type": "array", "items": {
            "type": "object", "required": ["id", "node", "at", "conductor", "event", "sequence"],
            "properties": {
                "sequence": {"type": "integer"},
                "event": {"enum": What::KINDS},
                "node": {"type": "string", "format": "uuid"},
                "at": {"type": "string", "format": "date-time"},
            },
        }},
    }})
}

fn explanation() -> Value {
    let states: Vec<_> = ProvisionState::ALL
        .iter()
        .map(|state| state.name())
        .collect();
    let optional = json!({"type": ["object", "null"]});
    json!({"type": "object",
        "required": ["node", "text", "state", "doing", "waits_for", "lock", "last_failure", "notices", "next"],
        "properties": {
            "node": {"type": "string", "format": "uuid"},
            "text": {"type": "string"},
            "state": {"type": "object", "properties": {"name": {"enum": states}}},
            "doing": optional, "waits_for": optional, "last_failure": optional,
            "lock": {"type": "object"},
            "notices": {"type": "array"},
            "next": {"type": "array"},
        },
    })
}

fn plan() -> Value {
    let level = json!({"enum": ["ok", "warning", "error"]});
    json!({"type": "object", "required": ["node", "target", "verdict", "text", "findings", "steps"], "properties": {
        "verdict": level,
        "text": {"type": "string"},
        "findings": {"type": "array", "items": {
            "type": "object", "required": ["about", "level", "text", "data"], "properties": {"level": level},
        }},
        "steps": {"type": "array", "items": {"type": "object", "required": ["number", "step", "by"]}},
        "estimated_seconds": {"type": ["integer", "null"]},
    }})
}
