//! `ferric node list` and `ferric node show`.

use super::super::client::Client;
use super::super::output::line;
use comfy_table::{Table, presets};
use serde_json::Value;

pub(super) async fn list(client: &Client) -> anyhow::Result<()> {
    let fields = "uuid,name,provision_state,power_state,maintenance,last_error";
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "NAME",
        "UUID",
        "PROVISION STATE",
        "POWER",
        "MAINTENANCE",
        "LAST ERROR",
    ]);
    let mut marker: Option<String> = None;
    loop {
        let from = marker
            .as_deref()
            .map(|marker| format!("&marker={marker}"))
            .unwrap_or_default();
        let page = client
            .get(&format!("/v1/nodes?fields={fields}&limit=500{from}"))
            .await?;
        let nodes = page["nodes"].as_array().cloned().unwrap_or_default();
        for node in &nodes {
            table.add_row(
                [
                    "name",
                    "uuid",
                    "provision_state",
                    "power_state",
                    "maintenance",
                    "last_error",
                ]
                .map(|key| cell(&node[key])),
            );
        }
        marker = nodes
            .last()
            .and_then(|node| node["uuid"].as_str())
            .map(str::to_owned);
        if page.get("next").is_none() || marker.is_none() {
            break;
        }
    }
    line(&table.to_string());
    Ok(())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) async fn show(client: &Client, node: &str) -> anyhow::Result<()> {
    let node = client.get(&format!("/v1/nodes/{node}")).await?;
    line(&serde_json::to_string_pretty(&node)?);
    Ok(())
}
