//! `ferric node create`: the node and its ports; a node whose port is refused is taken back.

use super::super::client::Client;
use super::super::output::line;
use anyhow::Context;
use reqwest::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, clap::Args)]
pub(super) struct Create {
    #[arg(long)]
    name: Option<String>,
    /// The hardware type: `redfish`, `fake-hardware`, ...
    #[arg(long)]
    driver: String,
    /// What the driver needs: `--driver-info redfish_address=https://10.0.0.7`. May be given several times.
    #[arg(long, value_parser = pair, value_name = "KEY=VALUE")]
    driver_info: Vec<(String, Value)>,
    #[arg(long, value_parser = pair, value_name = "KEY=VALUE")]
    property: Vec<(String, Value)>,
    /// `--interface boot=ipxe`: another than the driver's default.
    #[arg(long, value_parser = pair, value_name = "KIND=NAME")]
    interface: Vec<(String, Value)>,
    #[arg(long)]
    resource_class: Option<String>,
    /// The MAC address of an interface that boots. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    mac: Vec<String>,
}

/// A value that is JSON is taken as that, everything else as text.
fn pair(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((key.to_owned(), value))
}

impl Create {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<()> {
        let mut body = Map::new();
        body.insert("driver".into(), json!(self.driver));
        body.insert(
            "driver_info".into(),
            Value::Object(self.driver_info.into_iter().collect()),
        );
        body.insert(
            "properties".into(),
            Value::Object(self.property.into_iter().collect()),
        );
        for (kind, name) in self.interface {
            body.insert(format!("{kind}_interface"), name);
        }
        for (key, value) in [("name", self.name), ("resource_class", self.resource_class)] {
            if let Some(value) = value {
                body.insert(key.into(), json!(value));
            }
        }
        let node = client
            .send(Method::POST, "/v1/nodes", Some(&Value::Object(body)))
            .await?;
        let uuid = node["uuid"].as_str().context("the new node has no uuid")?;
        for mac in &self.mac {
            let port = json!({ "node_uuid": uuid, "address": mac });
            if let Err(error) = client.send(Method::POST, "/v1/ports", Some(&port)).await {
                client
                    .send(Method::DELETE, &format!("/v1/nodes/{uuid}"), None)
                    .await?;
                return Err(error)
                    .with_context(|| format!("adding the port {mac}; the node was not kept"));
            }
        }
        line(uuid);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        assert_eq!(pair("a=b"), Ok(("a".to_owned(), json!("b"))));
        assert_eq!(pair("size=3"), Ok(("size".to_owned(), json!(3))));
        assert_eq!(
            pair("url=http://h/?a=b"),
            Ok(("url".to_owned(), json!("http://h/?a=b")))
        );
        assert!(pair("nothing").is_err());
    }
}
