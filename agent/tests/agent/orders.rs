//! What a conductor orders.

use std::path::Path;

use serde_json::{Value, json};

use crate::conductor::{Conductor, NODE};

fn node(device: &Path) -> Value {
    json!({"uuid": NODE, "properties": {"root_device": {"name": device}}, "instance_info": {}, "driver_internal_info": {}})
}

pub(crate) fn erase(device: &Path) -> Value {
    clean(device, "erase_devices_metadata")
}

/// A step of cleaning without arguments.
pub(crate) fn clean(device: &Path, step: &str) -> Value {
    json!({
        "step": {"interface": "deploy", "step": step, "args": {}},
        "node": node(device), "ports": [],
    })
}

/// An image that the conductor serves, with its digest.
pub(crate) fn image_info(conductor: &Conductor, image: &[u8]) -> Value {
    let hex = sha256(image);
    let url = conductor.serve_file(&hex, image.to_vec());
    json!({
        "id": "os.raw", "urls": [url], "disk_format": "raw", "os_hash_algo": "sha256",
        "os_hash_value": hex, "node_uuid": NODE,
    })
}

/// The same, with a server that stalls in the middle.
pub(crate) fn stalling_image_info(conductor: &Conductor, image: &[u8]) -> Value {
    let mut info = image_info(conductor, image);
    let url = conductor.serve_stalling_file(&sha256(image), image.to_vec());
    info["urls"] = json!([url]);
    info
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

pub(crate) fn write(device: &Path, image_info: &Value) -> Value {
    json!({
        "step": {
            "interface": "deploy", "step": "write_image",
            "args": {"image_info": image_info, "configdrive": null},
        },
        "node": node(device), "ports": [],
    })
}

/// An image whose server sends its beginning and then nothing for as long as anybody waits.
pub(crate) fn hanging_image_info(conductor: &Conductor) -> Value {
    json!({
        "id": "hang.raw", "urls": [conductor.hanging_file()], "disk_format": "raw",
        "os_hash_algo": "sha256", "os_hash_value": "0".repeat(64), "node_uuid": NODE,
    })
}
