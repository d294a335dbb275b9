//! What the disk of a partition image is to have, from `image_info` and the node. Pure.

use ferric_agent_protocol::boot::{BootMode, DiskLabel};
use ferric_agent_protocol::image::ImageInfo;
use ferric_agent_protocol::node::Node;
use serde_json::Value;
use thiserror::Error;

use super::PartitionError;

/// More than any disk has; larger numbers are a mistake.
const MAX_MIB: u64 = 1 << 34;
const DEFAULT_FORMAT: &str = "ext4";

#[derive(Debug, Error, PartialEq, Eq)]
pub enum SpecError {
    #[error("{name} of the instance is {value}; it must be a whole number of {unit}")]
    Number {
        name: &'static str,
        value: String,
        unit: &'static str,
    },
    #[error("a partition image needs root_gb of the instance, the size of its partition")]
    NoRoot,
    #[error(
        "ephemeral_format of the instance is {0}; it must be the name of a file system such as ext4 or vfat"
    )]
    Format(String),
}

/// Whether an ephemeral partition of the instance before is kept, with all that is on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ephemeral {
    Made,
    Kept,
}

/// The partitions that are wanted around the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSpec {
    pub(super) root_mib: u64,
    pub(super) swap_mib: u64,
    pub(super) ephemeral_mib: u64,
    pub(super) ephemeral_format: String,
    pub(super) ephemeral: Ephemeral,
    pub(super) mode: BootMode,
    pub(super) label: DiskLabel,
}

impl PartitionSpec {
    /// `firmware` is how the ramdisk itself was started: it decides where nobody else does.
    ///
    /// # Errors
    /// When a size or the name of a file system makes no sense.
    pub fn of(info: &ImageInfo, node: &Node, firmware: BootMode) -> Result<Self, SpecError> {
        let sent = match info.deploy_boot_mode.as_deref() {
            Some("uefi") => Some(BootMode::Uefi),
            Some("bios") => Some(BootMode::Bios),
            _ => None,
        };
        let mode = node.boot_mode().or(sent).unwrap_or(firmware);
        let root_mib = match mib(info, "root_mb", 1, "MiB")? {
            0 => mib(info, "root_gb", 1024, "GiB")?,
            root_mib => root_mib,
        };
        if root_mib == 0 {
            return Err(SpecError::NoRoot);
        }
        let is_kept = match info.rest.get("preserve_ephemeral") {
            Some(Value::Bool(is_kept)) => *is_kept,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        };
        Ok(Self {
            root_mib,
            swap_mib: mib(info, "swap_mb", 1, "MiB")?,
            ephemeral_mib: mib(info, "ephemeral_mb", 1, "MiB")?,
            ephemeral_format: format(info)?,
            ephemeral: if is_kept {
                Ephemeral::Kept
            } else {
                Ephemeral::Made
            },
            mode,
            label: label(info, node, mode),
        })
    }

    /// Refuses an image that its partition is too small for.
    pub(in crate::image) fn check_fits(&self, image_bytes: u64) -> Result<(), PartitionError> {
        if image_bytes <= self.root_mib.saturating_mul(1 << 20) {
            return Ok(());
        }
        Err(PartitionError::TooLarge {
            image_bytes,
            partition_mib: self.root_mib,
        })
    }
}

fn label(info: &ImageInfo, node: &Node, mode: BootMode) -> DiskLabel {
    let sent = info.rest.get("disk_label").and_then(Value::as_str);
    match (mode, sent) {
        (BootMode::Bios, Some("gpt")) => DiskLabel::Gpt,
        (BootMode::Bios, Some("msdos")) => DiskLabel::Msdos,
        _ => node.disk_label(mode),
    }
}

fn mib(
    info: &ImageInfo,
    name: &'static str,
    mib: u64,
    unit: &'static str,
) -> Result<u64, SpecError> {
    let value = match info.rest.get(name) {
        None | Some(Value::Null) => return Ok(0),
        Some(value) => value,
    };
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let size = number.and_then(|number| number.checked_mul(mib));
    let wrong = || SpecError::Number {
        name,
        value: value.to_string(),
        unit,
    };
    size.filter(|size| *size <= MAX_MIB).ok_or_else(wrong)
}

/// It becomes part of a program's name, so it must be no more than a word.
fn format(info: &ImageInfo) -> Result<String, SpecError> {
    let format = match info.rest.get("ephemeral_format") {
        None | Some(Value::Null) => DEFAULT_FORMAT,
        Some(Value::String(text)) if text.is_empty() => DEFAULT_FORMAT,
        Some(Value::String(text)) => text,
        Some(other) => return Err(SpecError::Format(other.to_string())),
    };
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if format.len() <= 16 && format.bytes().all(is_word) {
        return Ok(format.to_owned());
    }
    Err(SpecError::Format(format!("{format:?}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(info: &Value, node: &Value) -> Result<PartitionSpec, SpecError> {
        let mut all = json!({"uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c781"});
        let target = all.as_object_mut().unwrap();
        target.extend(node.as_object().unwrap().clone());
        let node = serde_json::from_value(all).unwrap();
        let info = serde_json::from_value(info.clone()).unwrap();
        PartitionSpec::of(&info, &node, BootMode::Bios)
    }

    #[test]
    fn what_a_conductor_sends_is_understood() {
        let sent = json!({"image_type": "partition", "root_gb": 10, "root_mb": 10240, "swap_mb": 512,
            "ephemeral_mb": "2048", "ephemeral_format": null, "preserve_ephemeral": false});
        let expected = PartitionSpec {
            root_mib: 10240,
            swap_mib: 512,
            ephemeral_mib: 2048,
            ephemeral_format: "ext4".to_owned(),
            ephemeral: Ephemeral::Made,
            mode: BootMode::Bios,
            label: DiskLabel::Msdos,
        };
        assert_eq!(spec(&sent, &json!({})), Ok(expected));
        let sent = json!({"root_gb": 1, "preserve_ephemeral": true, "ephemeral_format": "vfat",
            "deploy_boot_mode": "uefi", "disk_label": "msdos"});
        let found = spec(&sent, &json!({})).unwrap();
        assert_eq!((found.root_mib, found.ephemeral), (1024, Ephemeral::Kept));
        assert_eq!((found.mode, found.label), (BootMode::Uefi, DiskLabel::Gpt));
        let sent = json!({"root_gb": 1, "disk_label": "gpt"});
        assert_eq!(spec(&sent, &json!({})).unwrap().label, DiskLabel::Gpt);
    }

    #[test]
    fn sizes_and_names_that_make_no_sense_are_refused() {
        let refused = |info| spec(&info, &json!({})).unwrap_err();
        assert_eq!(refused(json!({"swap_mb": 1})), SpecError::NoRoot);
        let number = |info| matches!(refused(info), SpecError::Number { .. });
        assert!(number(json!({"root_mb": -1})));
        assert!(number(json!({"root_gb": 1u64 << 60})));
        assert!(number(json!({"root_mb": 1, "swap_mb": "many"})));
        for format in [json!("ext4; reboot"), json!("../x"), json!(4)] {
            let info = json!({"root_mb": 1, "ephemeral_format": format});
            assert!(matches!(refused(info), SpecError::Format(_)), "{format}");
        }
    }
}
