//! `image_info`: which image the conductor wants on the disk, where it is and how it is verified.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::lenient;

/// What to write. `Debug` hides what gives access to the image.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageInfo {
    /// The last part of the image's address; names it in messages.
    #[serde(default, deserialize_with = "lenient::text")]
    pub id: String,
    /// Where it can be had; tried in this order.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub urls: Vec<String>,
    /// `raw`, `qcow2`, ...; absent or `unknown` means: look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_format: Option<String>,
    /// `bare` as a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_format: Option<String>,
    /// Whether raw images go straight to the disk; this agent always does that.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub stream_raw_images: Option<bool>,
    /// A checksum whose length tells its algorithm, or the address of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// The algorithm of `os_hash_value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_hash_algo: Option<String>,
    /// The checksum, or the address of one; comes before `checksum`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_hash_value: Option<String>,
    /// `noauth` or `http_basic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_server_auth_strategy: Option<String>,
    /// User for `http_basic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_server_user: Option<String>,
    /// Password for `http_basic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_server_password: Option<String>,
    /// Base64 of a whole `Authorization` header; comes before everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_request_authorization: Option<String>,
    /// Proxies by scheme.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub proxies: Option<Map<String, Value>>,
    /// Hosts that no proxy is used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_proxy: Option<String>,
    /// The node that it is written on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_uuid: Option<String>,
    /// `partition` for an image of one file system; anything else is a whole disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_type: Option<String>,
    /// `uefi` or `bios`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_boot_mode: Option<String>,
    /// Sizes and file systems of partition images, and keys of newer conductors.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl ImageInfo {
    /// Whether the image is that of one partition.
    #[must_use]
    pub fn is_partition_image(&self) -> bool {
        self.image_type.as_deref() == Some("partition")
    }

    /// The declared format; `None` means that the image itself must tell.
    #[must_use]
    pub fn declared_format(&self) -> Option<&str> {
        self.disk_format
            .as_deref()
            .filter(|format| !format.is_empty() && *format != "unknown")
    }
}

impl std::fmt::Debug for ImageInfo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ImageInfo")
            .field("id", &self.id)
            .field("urls", &self.urls.len())
            .field("disk_format", &self.disk_format)
            .field("os_hash_algo", &self.os_hash_algo)
            .field("os_hash_value", &self.os_hash_value)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_conductor_sends_is_kept_whole() {
        let wire = json!({
            "id": "os.qcow2", "urls": ["http://192.0.2.1/os.qcow2"], "disk_format": "qcow2",
            "container_format": "bare", "stream_raw_images": true, "checksum": null,
            "os_hash_algo": "sha256", "os_hash_value": "ab", "node_uuid": "n",
            "image_server_password": "secret", "root_mb": 4096,
        });
        let info: ImageInfo = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(info.rest["root_mb"], json!(4096));
        assert!(!format!("{info:?}").contains("secret"));
        let again = serde_json::to_value(&info).unwrap();
        assert_eq!(again["os_hash_value"], wire["os_hash_value"]);
        assert_eq!(again["root_mb"], wire["root_mb"]);
    }

    #[test]
    fn an_unknown_format_is_none() {
        let format = |name: &str| ImageInfo {
            disk_format: Some(name.to_owned()),
            ..ImageInfo::default()
        };
        assert_eq!(format("qcow2").declared_format(), Some("qcow2"));
        assert_eq!(format("unknown").declared_format(), None);
    }
}
