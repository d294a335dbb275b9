//! What was done to a disk to erase it: one record a disk, in the result of the steps `erase_devices`,
//! `erase_devices_express` and `erase_devices_metadata`.
//!
//! Ironic's agent answers with an object of a key a disk, too (of metadata with nothing), and its conductor takes any value.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseRecord {
    /// The kernel's name of the disk in this boot, like `/dev/nvme0n1`.
    pub device: String,
    /// Its serial number.
    pub serial: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its World Wide Name.
    pub wwn: Option<String>,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When its erasure began.
    pub started_at: Timestamp,
    /// When its last sample had been read.
    pub finished_at: Timestamp,
    /// Whether it was erased, and how.
    #[serde(flatten)]
    pub outcome: EraseOutcome,
}

/// The end of a disk's erasure; one that failed fails the step and has no record, but the others have theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum EraseOutcome {
    /// It was erased, and all samples were as the method promises.
    Erased {
        /// What erased it.
        method: EraseMethod,
        /// What was tried before and did not work, a sentence each.
        failed_before: Vec<String>,
        /// The length of each sample in bytes.
        sample_bytes: u64,
        /// What was read back, by ascending offset: the beginning, the end, and places drawn at random in between.
        samples: Vec<EraseSample>,
    },
    /// It was left as it is.
    Skipped {
        /// Why, as a sentence.
        reason: String,
    },
}

/// What erased a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EraseMethod {
    /// Format NVM with cryptographic erase.
    NvmeFormatCrypto,
    /// Format NVM with user data erase.
    NvmeFormat,
    /// Sanitize by block erase.
    NvmeSanitizeBlock,
    /// Sanitize by cryptographic erase.
    NvmeSanitizeCrypto,
    /// Sanitize by overwriting.
    NvmeSanitizeOverwrite,
    /// SECURITY ERASE UNIT in enhanced mode.
    AtaEraseEnhanced,
    /// SECURITY ERASE UNIT in normal mode.
    AtaErase,
    /// Written by the agent from the first to the last byte.
    Overwrite {
        /// Passes of random bytes, first.
        random_passes: u32,
        /// Whether a pass of zeroes came last.
        zeroed: bool,
    },
    /// Only what marks partitions, file systems, RAID and volumes was cleared: the data is still there.
    Metadata,
}

/// What was read at a place of an erased disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseSample {
    /// Its distance from the start of the disk in bytes.
    pub offset_bytes: u64,
    /// What was found.
    pub found: EraseFound,
}

/// What the bytes of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EraseFound {
    /// Every byte is 00h.
    Zeroes,
    /// Every byte is FFh.
    Ones,
    /// The agent's own random bytes of the last pass.
    Random,
    /// Bytes of the drive's own, and not those that were there before.
    Other,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(outcome: EraseOutcome, expected: &serde_json::Value) {
        let record = EraseRecord {
            device: "/dev/sda".to_owned(),
            serial: Some("Z1D".to_owned()),
            model: None,
            wwn: None,
            size_bytes: 1 << 30,
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            outcome,
        };
        let mut wire = json!({
            "device": "/dev/sda", "serial": "Z1D", "model": null, "wwn": null, "size_bytes": 1_073_741_824,
            "started_at": "1970-01-01T00:00:00Z", "finished_at": "1970-01-01T00:00:00Z",
        });
        let fields = wire.as_object_mut().unwrap();
        fields.extend(expected.as_object().unwrap().clone());
        assert_eq!(serde_json::to_value(&record).unwrap(), wire);
        assert_eq!(serde_json::from_value::<EraseRecord>(wire).unwrap(), record);
    }

    #[test]
    fn a_record_says_how_and_what_was_read() {
        let samples = vec![EraseSample {
            offset_bytes: 4096,
            found: EraseFound::Zeroes,
        }];
        let erased = |method| EraseOutcome::Erased {
            method,
            failed_before: Vec::new(),
            sample_bytes: 4096,
            samples: samples.clone(),
        };
        let wire = |method: serde_json::Value| {
            json!({
                "outcome": "erased", "method": method, "failed_before": [], "sample_bytes": 4096,
                "samples": [{"offset_bytes": 4096, "found": "zeroes"}],
            })
        };
        check(
            erased(EraseMethod::NvmeFormatCrypto),
            &wire(json!("nvme_format_crypto")),
        );
        let overwrite = EraseMethod::Overwrite {
            random_passes: 1,
            zeroed: true,
        };
        check(
            erased(overwrite),
            &wire(json!({"overwrite": {"random_passes": 1, "zeroed": true}})),
        );
        let reason = "it is read-only".to_owned();
        check(
            EraseOutcome::Skipped {
                reason: reason.clone(),
            },
            &json!({"outcome": "skipped", "reason": reason}),
        );
    }
}
