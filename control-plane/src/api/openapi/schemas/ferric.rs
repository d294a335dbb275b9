//! The schemas of what only Ferric has, as its handlers write them.

use super::{any_of, reference, with};
use ferric_model::bulk::{BulkAction, BulkState};
use ferric_model::event::What;
use ferric_model::state::ProvisionState;
use serde_json::{Map, Value, json};

pub(super) fn all() -> Map<String, Value> {
    let schemas = [
        ("Events", events()),
        ("Explanation", explanation()),
        (
            "PlanRequest",
            any_of(&json!({
                "target": {"enum": ["active", "rebuild", null]},
                "deploy_steps": {"type": ["array", "null"]},
                "instance_info": {"type": ["object", "null"]},
            })),
        ),
        ("Plan", plan()),
        ("Bulk", bulk()),
        ("BulkResults", bulk_results()),
        ("BulkRequests", bulk_requests()),
        (
            "BulkCancelled",
            with(
                &["id", "cancelled"],
                &json!({
                    "id": {"type": "string", "format": "uuid"},
                    "cancelled": {"type": "integer"},
                }),
            ),
        ),
        ("EraseRecords", erase_records()),
        (
            "EraseKey",
            with(
                &["conductor", "algorithm", "keyid", "public_key"],
                &json!({
                    "conductor": {"type": "string"},
                    "algorithm": {"enum": ["ed25519"]},
                    "keyid": {"type": "string"},
                    "public_key": {"type": "string", "description": "in PEM"},
                }),
            ),
        ),
        ("Export", export()),
        ("Record", record()),
        ("Import", import()),
        ("ImportResults", import_results()),
        (
            "Drain",
            json!({"type": "object", "required": ["conductor"], "properties": {
                "conductor": {"type": "string"},
                "draining": {"type": "boolean"},
                "nodes": {"type": "integer", "description": "that it still owns"},
            }}),
        ),
    ];
    schemas
        .map(|(name, schema)| (name.to_owned(), schema))
        .into_iter()
        .collect()
}

fn erase_records() -> Value {
    let text = json!({"type": "string"});
    let envelope = with(
        &[
            "payloadType",
            "payload",
            "signatures",
            "publicKey",
            "record",
        ],
        &json!({
            "payloadType": text, "payload": text, "publicKey": text,
            "signatures": {"type": "array", "items": {"type": "object", "required": ["keyid", "sig"]}},
            "record": {"description": "the payload, for people"},
        }),
    );
    let record = with(
        &["uuid", "signed_at", "envelope"],
        &json!({
            "uuid": {"type": "string", "format": "uuid"},
            "signed_at": {"type": "string", "format": "date-time"},
            "envelope": envelope,
        }),
    );
    with(
        &["erase_records", "next"],
        &json!({
            "erase_records": {"type": "array", "items": record},
            "next": {"type": ["string", "null"], "format": "uuid"},
        }),
    )
}

fn export() -> Value {
    any_of(&json!({
        "format": {"type": "integer"},
        "counts": {"type": "object"},
        "records": {"type": "array", "items": reference("Record")},
        "next": {"type": ["string", "null"], "format": "uuid"},
    }))
}

fn record() -> Value {
    with(
        &["kind", "document"],
        &json!({
            "kind": {"type": "string"},
            "document": {"type": "object"},
            "allocation": {"type": ["object", "null"]},
        }),
    )
}

fn import() -> Value {
    let records =
        json!({"type": "array", "minItems": 1, "maxItems": 1000, "items": reference("Record")});
    with(
        &["records"],
        &json!({"records": records, "force": {"type": ["boolean", "null"]}}),
    )
}

fn import_results() -> Value {
    let result = with(&["kind", "uuid", "outcome", "status"], &json!({}));
    with(
        &["results", "done", "failed"],
        &json!({
            "results": {"type": "array", "items": result},
            "done": {"type": "integer"},
            "failed": {"type": "integer"},
        }),
    )
}

fn bulk() -> Value {
    json!({"type": "object", "required": ["action", "nodes"], "properties": {
        "id": {"type": ["string", "null"], "format": "uuid"},
        "action": {"enum": actions()},
        "nodes": {"type": "array", "minItems": 1, "maxItems": 1000},
        "defaults": {"type": "object"},
        "wait_s": {"type": "integer", "minimum": 0, "maximum": 600},
    }})
}

fn actions() -> Vec<&'static str> {
    BulkAction::ALL.iter().map(|action| action.name()).collect()
}

fn bulk_request() -> Value {
    json!({
        "id": {"type": "string", "format": "uuid"},
        "action": {"enum": actions()},
        "owner": {"type": ["string", "null"]},
        "nodes": {"type": "integer"},
        "open": {"type": "boolean", "description": "whether some of it may still wait for its turn"},
        "created_at": {"type": "string", "format": "date-time"},
    })
}

fn bulk_requests() -> Value {
    let request = with(
        &["id", "action", "nodes", "open", "created_at"],
        &bulk_request(),
    );
    with(
        &["requests", "next"],
        &json!({
            "requests": {"type": "array", "items": request},
            "next": {"type": ["string", "null"], "format": "uuid"},
        }),
    )
}

fn bulk_results() -> Value {
    let states: Vec<_> = BulkState::ALL.iter().map(|state| state.name()).collect();
    let counts = states
        .iter()
        .map(|state| ((*state).to_owned(), json!({"type": "integer"})));
    let counts: Map<_, _> = counts.collect();
    let result = with(
        &["number", "node", "status", "state"],
        &json!({
            "number": {"type": "integer"},
            "node_uuid": {"type": ["string", "null"], "format": "uuid"},
            "state": {"enum": states},
            "status": {"type": ["integer", "null"]},
            "error_message": {"type": "string"},
            "run": {"type": "string", "format": "uuid"},
            "updated_at": {"type": "string", "format": "date-time"},
        }),
    );
    let mut properties = bulk_request();
    properties["counts"] = json!({"type": "object", "properties": counts});
    properties["done"] = json!({"type": "integer"});
    properties["failed"] = json!({"type": "integer"});
    properties["results"] = json!({"type": "array", "items": result});
    properties["next"] = json!({"type": ["integer", "null"]});
    with(
        &["id", "counts", "results", "done", "failed", "next"],
        &properties,
    )
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
                "bulk": {"type": "string", "format": "uuid"},
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
        "steps": {"type": "array", "items": {"type": "object", "required": ["number", "step", "by", "source"]}},
        "estimated_seconds": {"type": ["integer", "null"]},
    }})
}
