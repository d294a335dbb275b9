//! The config drive: its three forms, checked when it is given, and brought into the one form that agents take.
//!
//! It belongs to one instance: it is stored in `instance_info` and goes with it; one that came with a deploy that
//! failed goes with the failure.

mod iso;

pub(super) use iso::IsoError;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferric_model::node::{Node, Object};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;

/// Where it stands in `instance_info`.
pub(super) const KEY: &str = "configdrive";
const PARTS: [&str; 4] = ["meta_data", "network_data", "user_data", "vendor_data"];
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why something is no config drive.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigDriveError {
    #[error("the config drive is neither a URL nor base64 of a gzipped ISO 9660 image nor an object with {}", PARTS.join(", "))]
    Form,
    #[error("the config drive has the unknown key {0:?}: use {parts}", parts = PARTS.join(", "))]
    UnknownKey(String),
    #[error("{0} of the config drive must be an object")]
    NotAnObject(&'static str),
    #[error("user_data of the config drive must be a text or an object")]
    UserData,
    #[error(transparent)]
    Iso(#[from] IsoError),
}

/// Whether it can be used, before anything is done with it.
pub(super) async fn check(drive: &Value) -> Result<(), ConfigDriveError> {
    match drive {
        Value::String(text) if text.contains("://") => Ok(()),
        Value::String(text) => {
            // Clients wrap the lines of base64.
            let packed: String = text.split_ascii_whitespace().collect();
            let bytes = STANDARD
                .decode(packed)
                .map_err(|_| ConfigDriveError::Form)?;
            if bytes.starts_with(&GZIP) {
                Ok(())
            } else {
                Err(ConfigDriveError::Form)
            }
        }
        Value::Object(parts) => {
            check_parts(parts)?;
            Ok(iso::find_tool().await.map(drop)?)
        }
        _ => Err(ConfigDriveError::Form),
    }
}

fn check_parts(parts: &Object) -> Result<(), ConfigDriveError> {
    if let Some(unknown) = parts.keys().find(|key| !PARTS.contains(&key.as_str())) {
        return Err(ConfigDriveError::UnknownKey(unknown.clone()));
    }
    for part in ["meta_data", "network_data", "vendor_data"] {
        if !matches!(parts.get(part), None | Some(Value::Null | Value::Object(_))) {
            return Err(ConfigDriveError::NotAnObject(part));
        }
    }
    match parts.get("user_data") {
        None | Some(Value::Null | Value::String(_) | Value::Object(_)) => Ok(()),
        Some(_) => Err(ConfigDriveError::UserData),
    }
}

/// The instance's config drive as agents take it: a URL, or base64 of a gzipped ISO 9660 image.
pub(super) async fn of_instance(node: &Node) -> Result<Option<String>, ConfigDriveError> {
    match node.instance_info.get(KEY) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Object(parts)) => {
            let image = iso::make(files(node, parts)).await?;
            Ok(Some(STANDARD.encode(gzip(&image))))
        }
        Some(_) => Err(ConfigDriveError::Form),
    }
}

/// The files of the drive, by path. As in Ironic the metadata say which node this is unless the client says otherwise.
fn files(node: &Node, parts: &Object) -> Vec<(String, Vec<u8>)> {
    let object = |part: &str| parts.get(part).and_then(Value::as_object);
    let mut meta_data = object("meta_data").cloned().unwrap_or_default();
    meta_data.entry("uuid").or_insert(json!(node.uuid));
    if let Some(name) = &node.name {
        meta_data.entry("name").or_insert(json!(name));
    }
    let mut files = vec![("meta_data.json", Value::Object(meta_data).to_string())];
    files.extend(object("network_data").map(|part| ("network_data.json", json!(part).to_string())));
    files.extend(object("vendor_data").map(|part| ("vendor_data2.json", json!(part).to_string())));
    match parts.get("user_data") {
        Some(Value::String(text)) => files.push(("user_data", text.clone())),
        Some(Value::Object(part)) => files.push(("user_data", json!(part).to_string())),
        _ => {}
    }
    files
        .into_iter()
        .map(|(name, text)| (format!("openstack/latest/{name}"), text.into_bytes()))
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("writing into memory does not fail")
}

#[cfg(test)]
mod tests;
