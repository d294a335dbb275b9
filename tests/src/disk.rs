//! What is on a machine's disk, seen from outside by a program that we did not write.

use crate::process::{command, output};
use std::path::Path;

/// The partitions as sfdisk sees them; `None` when there is no partition table.
///
/// # Errors
/// When sfdisk fails for another reason.
pub fn partition_table(disk: &Path) -> anyhow::Result<Option<String>> {
    match output(command("sfdisk").arg("--dump").arg(disk)) {
        Ok(table) => Ok(Some(table)),
        Err(error)
            if error
                .to_string()
                .contains("does not contain a recognized partition table") =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
