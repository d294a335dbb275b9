//! Static networks of a machine that was booted from virtual media: what its medium says of them becomes files of
//! systemd-networkd, which the ramdisk runs. Where there is no such program nothing happens.
//!
//! Every value is parsed before it is written: a medium must not bring other settings than those of networks.

mod address;
mod document;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use document::Document;
use files::NetworkFile;

use crate::host::SystemPermit;
use crate::run::{RunError, run};

const DIRECTORY: &str = "/run/systemd/network";
/// Before the file by which every interface asks for an address.
const PREFIX: &str = "50-ferric-medium-";
/// There once networkd has taken the files. Nothing of its kind is read by it.
const TAKEN: &str = "ferric-medium.taken";

/// Why the networks are as they were.
#[derive(Debug, thiserror::Error)]
pub enum NetworkDataError {
    #[error("understanding network_data.json")]
    Json(#[source] serde_json::Error),
    #[error("network_data.json names no link {0}")]
    NoLink(String),
    #[error("in network_data.json {what} of {of} is missing or wrong: {value:?}")]
    Value {
        what: &'static str,
        of: String,
        value: String,
    },
    #[error("writing {0}")]
    Write(PathBuf, #[source] io::Error),
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Sets the machine's networks up as `network_data.json` says, in the form that OpenStack gives it. What is there
/// already is left as it is, so that an agent that starts again interrupts nothing.
///
/// # Errors
/// When something in it cannot be understood, and then nothing is changed, or networkd does not take it.
pub fn apply(_permit: &SystemPermit, text: &str) -> Result<(), NetworkDataError> {
    let document: Document = serde_json::from_str(text).map_err(NetworkDataError::Json)?;
    let files = files::of(&document)?;
    let directory = Path::new(DIRECTORY);
    if !write(directory, &files)? {
        return Ok(());
    }
    tracing::info!(
        count = files.len(),
        "the virtual medium says what networks there are"
    );
    // One that does not run is not started: then somebody else has the networks.
    run("systemctl", &["try-restart", "systemd-networkd.service"])?;
    let taken = directory.join(TAKEN);
    fs::write(&taken, "").map_err(|error| NetworkDataError::Write(taken, error))
}

/// Whether networkd must be told: something has changed, or an agent was killed before it had told of it.
fn write(directory: &Path, files: &[NetworkFile]) -> Result<bool, NetworkDataError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |error| NetworkDataError::Write(path, error)
    };
    if files.is_empty() {
        return Ok(false);
    }
    fs::create_dir_all(directory).map_err(failed(directory))?;
    let taken = directory.join(TAKEN);
    let mut changed = !taken.exists();
    for file in files {
        let path = directory.join(format!("{PREFIX}{}", file.name));
        if fs::read_to_string(&path).is_ok_and(|text| text == file.text) {
            continue;
        }
        if !changed {
            fs::remove_file(&taken).map_err(failed(&taken))?;
            changed = true;
        }
        fs::write(&path, &file.text).map_err(failed(&path))?;
    }
    Ok(changed)
}

#[cfg(test)]
mod tests;
