//! The schemas of bodies: of resources from the tables of their fields, of the rest as they are written here.

mod answers;
mod bodies;
mod ferric;
mod resources;

use serde_json::{Value, json};

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

pub(super) fn components() -> Value {
    let mut schemas = resources::all();
    schemas.extend(answers::all());
    schemas.extend(bodies::all());
    schemas.extend(ferric::all());
    json!({
        "parameters": {"version": {
            "name": "X-OpenStack-Ironic-API-Version", "in": "header", "schema": {"type": "string"},
            "description": "1.1 to 1.115, or latest; without it 1.1",
        }},
        "schemas": schemas,
    })
}

/// An object with these keys, none of which must be there.
fn any_of(properties: &Value) -> Value {
    json!({"type": "object", "properties": properties})
}

/// An object with these keys, and some of them in any case.
fn with(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}
