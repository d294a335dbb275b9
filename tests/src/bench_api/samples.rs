//! What both servers are asked for, and what the yardstick is to answer: as Ferric answers it in this run.

use crate::fill::Machine;
use anyhow::{Context, ensure};
use ferric_tests::api::Api;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use uuid::Uuid;

/// Of a node at 1.115.
const KEYS: usize = 69;
const LEAST_BYTES: usize = 3_000;
/// What a new node is given as another one has it.
const COPIED: [&str; 6] = [
    "driver",
    "properties",
    "extra",
    "resource_class",
    "instance_info",
    "description",
];

pub(crate) fn write(api: &Api, folder: &Path, machines: &[Machine]) -> anyhow::Result<()> {
    let mut nodes = String::new();
    for machine in machines {
        writeln!(nodes, "{} {}", machine.id, machine.mac)?;
    }
    std::fs::write(folder.join("nodes"), nodes)?;
    let first = machines.first().context("there are no nodes")?;
    let node = api.get(&format!("/v1/nodes/{}", first.id))?;
    let keys = node.as_object().map_or(0, serde_json::Map::len);
    ensure!(keys == KEYS, "a node has {keys} keys, not {KEYS}");
    let text = node.to_string();
    ensure!(
        text.len() >= LEAST_BYTES,
        "a node has {} bytes only",
        text.len()
    );
    std::fs::write(folder.join("node.json"), text)?;
    let list = api.get("/v1/nodes?limit=1")?;
    std::fs::write(folder.join("row.json"), list["nodes"][0].to_string())?;
    let lookup = api.get(&format!("/v1/lookup?addresses={}", first.mac))?;
    std::fs::write(folder.join("lookup.json"), lookup.to_string())?;
    std::fs::write(folder.join("new.json"), new_node(api, &node)?)?;
    Ok(())
}

/// The body of a new node that is as large, with places for what each has of its own.
fn new_node(api: &Api, like: &Value) -> anyhow::Result<String> {
    let mut body = json!({"uuid": "@UUID@", "name": "@NAME@"});
    for key in COPIED {
        body[key] = like[key].clone();
    }
    // Shown masked, and refused so.
    body["driver_info"] = like["driver_info"].clone();
    body["driver_info"]["redfish_password"] = json!("a password");
    let text = body.to_string();
    let id = Uuid::new_v4().to_string();
    let trial = text
        .replace("@UUID@", &id)
        .replace("@NAME@", &format!("new-{id}"));
    let made = api.post("/v1/nodes", &serde_json::from_str(&trial)?)?;
    let size = made.to_string().len();
    ensure!(size >= LEAST_BYTES, "a new node has {size} bytes only");
    api.delete(&format!("/v1/nodes/{id}"))?;
    Ok(text)
}
