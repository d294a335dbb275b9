//! `ramdisk-error`: a ramdisk that reports an error has found nothing to go by.

use super::Findings;
use crate::conductor::inspection::InspectionError;
use serde_json::Value;

pub(super) fn prepare(findings: &Findings<'_>) -> Result<(), InspectionError> {
    match findings.plugin_data.get("error") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(error)) if error.trim().is_empty() => Ok(()),
        Some(Value::String(error)) => Err(InspectionError::Ramdisk(error.trim().to_owned())),
        Some(other) => Err(InspectionError::Ramdisk(other.to_string())),
    }
}
