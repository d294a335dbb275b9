//! `rescue.finalize_rescue`: hands the ramdisk over to a user with the given password.
//!
//! The files are those that the ramdisk's rescue service waits for; it makes the user.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use ferric_agent_protocol::params::FinalizeRescue;
use serde_json::Value;

use super::failure::{ErrorKind, Failure};
use super::run::{Outcome, Params, Run, arguments};
use crate::host::SystemPermit;

const DIRECTORY: &str = "/etc/ipa-rescue-config";
const MARKER: &str = "/etc/.rescued";

/// Whether the ramdisk has been handed over; the agent must not start again then.
#[must_use]
pub fn is_rescued() -> bool {
    Path::new(MARKER).exists()
}

/// Writes the password's hash and ends the API.
pub(super) fn finalize(run: &Run, params: Params) -> Outcome {
    let arguments: FinalizeRescue = arguments(params)?;
    let failed =
        |error: &dyn std::error::Error| Failure::caused_by(ErrorKind::CommandExecution, error);
    let permit = run
        .agent
        .host
        .permits_system()
        .map_err(|error| failed(&error))?;
    if !arguments.hashed {
        let details = "the rescue password must be sent as a hash (hashed=true); this agent does not make hashes";
        return Err(Failure::new(ErrorKind::CommandExecution, details));
    }
    write(
        &permit,
        &arguments.rescue_password,
        Path::new(DIRECTORY),
        Path::new(MARKER),
    )
    .map_err(|error| failed(&error))?;
    run.agent.retire.cancel();
    Ok(Value::Null)
}

fn write(
    _permit: &SystemPermit,
    hash: &str,
    directory: &Path,
    marker: &Path,
) -> std::io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(directory.join("ipa-rescue-password"))?;
    file.write_all(hash.as_bytes())?;
    std::fs::write(marker, "")
}
