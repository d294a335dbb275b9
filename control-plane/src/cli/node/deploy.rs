//! `ferric node deploy`: sets what is to be deployed, then asks for it.

use super::super::client::Client;
use super::super::output::line;
use super::watch;
use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// What `instance_info` says of the image in `image_source`, and of no other.
const OF_AN_IMAGE: [&str; 4] = [
    "image_checksum",
    "image_os_hash_algo",
    "image_os_hash_value",
    "image_disk_format",
];

#[derive(Debug, clap::Args)]
pub(super) struct Deploy {
    node: String,
    /// `http://`, `https://` or `file://` (on the conductor).
    #[arg(long)]
    image: Option<String>,
    /// `sha256:...`, or the URL of a checksum file. Needed for http(s).
    #[arg(long)]
    checksum: Option<String>,
    /// The host name that the config drive gives the machine.
    #[arg(long)]
    hostname: Option<String>,
    /// cloud-init's user data, put into the config drive.
    #[arg(long, value_name = "FILE")]
    user_data: Option<PathBuf>,
    /// A public key for the image's default user, put into the config drive.
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<PathBuf>,
    /// Which disk: `--root-device serial=ABC`. May be given several times; all must fit.
    #[arg(long, value_name = "HINT=VALUE")]
    root_device: Vec<String>,
    /// Follow the node until it is active, or failed.
    #[arg(long)]
    wait: bool,
}

impl Deploy {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<()> {
        let node = &self.node;
        let known = client.get(&format!("/v1/nodes/{node}")).await?;
        let patch = self.instance_info(&known["instance_info"])?;
        if !patch.is_empty() {
            client
                .send(
                    Method::PATCH,
                    &format!("/v1/nodes/{node}"),
                    Some(&Value::Array(patch)),
                )
                .await?;
        }
        let after = watch::last_event(client, node).await?;
        let mut body = json!({ "target": "active" });
        if let Some(config_drive) = self.config_drive()? {
            body["configdrive"] = config_drive;
        }
        client
            .send(
                Method::PUT,
                &format!("/v1/nodes/{node}/states/provision"),
                Some(&body),
            )
            .await?;
        match self.wait {
            true => watch::follow(client, node, after, Some("active")).await,
            false => {
                line(&format!(
                    "{node}: deploy accepted; follow it with `ferric node watch {node}`"
                ));
                Ok(())
            }
        }
    }

    /// The changes of what is known. What describes another image goes with that image.
    fn instance_info(&self, known: &Value) -> anyhow::Result<Vec<Value>> {
        let mut patch = Vec::new();
        if self.image.is_some() {
            let stale = OF_AN_IMAGE
                .iter()
                .filter(|key| known.get(*key).is_some())
                .map(|key| json!({ "op": "remove", "path": format!("/instance_info/{key}") }));
            patch.extend(stale);
        }
        let mut set = |key: &str, value: Value| {
            patch.push(
                json!({ "op": "add", "path": format!("/instance_info/{key}"), "value": value }),
            );
        };
        if let Some(image) = &self.image {
            set("image_source", json!(image));
        }
        if let Some(checksum) = &self.checksum {
            set("image_checksum", json!(checksum));
        }
        if !self.root_device.is_empty() {
            let mut hints = Map::new();
            for hint in &self.root_device {
                let Some((name, value)) = hint.split_once('=') else {
                    bail!("{hint:?}: expected HINT=VALUE")
                };
                hints.insert(name.to_owned(), json!(value));
            }
            set("root_device", Value::Object(hints));
        }
        Ok(patch)
    }

    fn config_drive(&self) -> anyhow::Result<Option<Value>> {
        if self.hostname.is_none() && self.user_data.is_none() && self.ssh_key.is_none() {
            return Ok(None);
        }
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
        };
        let mut meta_data = Map::new();
        if let Some(hostname) = &self.hostname {
            meta_data.insert("hostname".into(), json!(hostname));
            meta_data.insert("name".into(), json!(hostname));
        }
        if let Some(path) = &self.ssh_key {
            meta_data.insert(
                "public_keys".into(),
                json!({ "default": read(path)?.trim() }),
            );
        }
        let mut drive = json!({ "meta_data": meta_data });
        if let Some(path) = &self.user_data {
            drive["user_data"] = json!(read(path)?);
        }
        Ok(Some(drive))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        deploy: Deploy,
    }

    fn patch(words: &[&str]) -> Vec<Value> {
        let known = json!({
            "image_source": "http://images/old", "image_checksum": "sha256:00", "image_disk_format": "raw",
            "image_os_hash_value": "00", "root_device": { "serial": "1" },
        });
        let line = Line::parse_from(["deploy", "node-1"].iter().chain(words));
        line.deploy.instance_info(&known).unwrap()
    }

    fn remove(key: &str) -> Value {
        json!({ "op": "remove", "path": format!("/instance_info/{key}") })
    }

    fn add(key: &str, value: &str) -> Value {
        json!({ "op": "add", "path": format!("/instance_info/{key}"), "value": value })
    }

    #[test]
    fn what_described_the_image_before_goes_with_it() {
        let removed = ["image_checksum", "image_os_hash_value", "image_disk_format"].map(remove);
        let mut expected = removed.to_vec();
        expected.push(add("image_source", "file:///new"));
        assert_eq!(patch(&["--image", "file:///new"]), expected);
        expected.push(add("image_checksum", "sha256:11"));
        let both = ["--image", "file:///new", "--checksum", "sha256:11"];
        assert_eq!(patch(&both), expected);
    }

    #[test]
    fn without_an_image_nothing_is_removed() {
        assert!(patch(&[]).is_empty());
        let only = ["--checksum", "sha256:11"];
        assert_eq!(patch(&only), [add("image_checksum", "sha256:11")]);
    }
}
