//! Whether the image is there, can be verified, and fits the disk.

use super::{Finding, gib};
use crate::boot::{DigestKnown, ImagePreview};
use ferric_agent_protocol::inventory::Disk;
use serde_json::{Value, json};

pub(super) fn findings(
    preview: &Result<ImagePreview, String>,
    disk: Option<&Disk>,
) -> Vec<Finding> {
    let image = match preview {
        Ok(image) => image,
        Err(reason) => {
            let text = format!("the image cannot be had: {reason}");
            return vec![Finding::error("image", text, json!({}))];
        }
    };
    let mut findings = vec![found(image), digest(image)];
    findings.extend(disk.map(|disk| fits(image, disk)));
    findings
}

fn data(image: &ImagePreview) -> Value {
    json!({
        "source": image.source, "size_bytes": image.size_bytes, "format": image.format, "disk_bytes": image.disk_bytes,
    })
}

fn found(image: &ImagePreview) -> Finding {
    let size = image
        .size_bytes
        .map_or_else(|| "size unknown".to_owned(), gib);
    let format = image.format.as_deref().unwrap_or("format unknown");
    let text = format!("the image {} is there ({size}, {format})", image.source);
    Finding::ok("image", text, data(image))
}

fn digest(image: &ImagePreview) -> Finding {
    let data = json!({"digest": image.digest});
    match image.digest {
        DigestKnown::Given => Finding::ok("digest", "its digest is given", data),
        DigestKnown::InFile => {
            let text = "the machine takes its digest from the file that image_checksum names, which was not looked at";
            Finding::ok("digest", text, data)
        }
        DigestKnown::Computed => Finding::ok(
            "digest",
            "its digest is computed when the deploy begins",
            data,
        ),
        DigestKnown::Missing => {
            let text = "it has no digest: set instance_info.image_checksum, or image_os_hash_algo and image_os_hash_value";
            Finding::error("digest", text, data)
        }
    }
}

fn fits(image: &ImagePreview, disk: &Disk) -> Finding {
    let data =
        json!({"disk_bytes": image.disk_bytes, "disk": disk.name, "disk_size_bytes": disk.size});
    let Some(needed) = image.disk_bytes else {
        let text = format!(
            "what the image takes on {} is known only when it is unpacked",
            disk.name
        );
        return Finding::warning("size", text, data);
    };
    if needed > disk.size {
        let text = format!(
            "the image takes {}, {} has {}: choose a larger disk by root_device in properties, or a smaller image",
            gib(needed),
            disk.name,
            gib(disk.size)
        );
        return Finding::error("size", text, data);
    }
    let text = format!(
        "the image takes {} of the {} of {}",
        gib(needed),
        gib(disk.size),
        disk.name
    );
    Finding::ok("size", text, data)
}
