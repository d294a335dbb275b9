//! Parameters and results of the commands that are not steps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::image::ImageInfo;
use crate::lenient;

/// The arguments of the step `write_image` and of `standby.prepare_image`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteImage {
    /// What to write and where it comes from.
    pub image_info: ImageInfo,
    /// An address, or base64 of a gzipped ISO 9660 image.
    #[serde(default)]
    pub configdrive: Option<String>,
}

/// The parameters of `image.install_bootloader`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallBootloader {
    /// UUID of the root file system, or the id of an MBR.
    #[serde(default)]
    pub root_uuid: Option<String>,
    /// UUID of the EFI system partition.
    #[serde(default)]
    pub efi_system_part_uuid: Option<String>,
    /// UUID of the PReP partition.
    #[serde(default)]
    pub prep_boot_part_uuid: Option<String>,
    /// `bios` when absent.
    #[serde(default)]
    pub target_boot_mode: Option<String>,
    /// Makes a failure a line in the log.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub ignore_bootloader_failure: bool,
}

/// The result of `standby.get_partition_uuids`. The keys contain spaces; nothing at all is known before an image
/// has been written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionUuids {
    /// Partitions by role, for partition images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<BTreeMap<String, String>>,
    /// UUID of the root file system; of a whole disk the id of its MBR, like `0x1234abcd`.
    #[serde(rename = "root uuid", default, skip_serializing_if = "Option::is_none")]
    pub root_uuid: Option<String>,
    /// UUID of the EFI system partition.
    #[serde(
        rename = "efi system partition uuid",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub efi_system_partition_uuid: Option<String>,
    /// UUID of the PReP partition.
    #[serde(
        rename = "PReP Boot partition uuid",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub prep_boot_partition_uuid: Option<String>,
}

/// The parameters of `rescue.finalize_rescue`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalizeRescue {
    /// The password, or its hash.
    #[serde(default)]
    pub rescue_password: String,
    /// Whether it is a hash already.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub hashed: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_partition_uuids_contain_spaces() {
        let whole_disk = PartitionUuids {
            root_uuid: Some("0x00000000".to_owned()),
            ..PartitionUuids::default()
        };
        let wire = serde_json::to_value(&whole_disk).unwrap();
        assert_eq!(wire, json!({"root uuid": "0x00000000"}));
        let nothing = serde_json::to_value(PartitionUuids::default()).unwrap();
        assert_eq!(nothing, json!({}));
    }
}
