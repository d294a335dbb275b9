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
    if !is_hash(&arguments.rescue_password) {
        let details = "the rescue password is not a hash of crypt(3), such as $5$salt$hash, so nobody could log in with it";
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

/// What the rescue service takes: one field of one line, which no empty password passes for.
fn is_hash(text: &str) -> bool {
    let is_sound = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    let has_method = text.starts_with('$') && text[1..].contains('$');
    has_method && text.bytes().all(is_sound)
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_a_hash_lets_anybody_log_in() {
        for hash in ["$5$salt$hash", "$6$rounds=5000$a/b$c.d", "$y$j9T$x$y"] {
            assert!(is_hash(hash), "{hash}");
        }
        for other in [
            "", "$", "secret", "$5salt", "$5$a:b", "$5$a\n", "$5$a b", "$5$ä",
        ] {
            assert!(!is_hash(other), "{other}");
        }
    }

    #[test]
    fn the_hash_is_for_root_alone_and_the_marker_comes_with_it() {
        let root = tempfile::tempdir().unwrap();
        let (directory, marker) = (root.path().join("rescue"), root.path().join("rescued"));
        let permit = SystemPermit::of_a_namespace();
        write(&permit, "$5$salt$hash", &directory, &marker).unwrap();
        let file = directory.join("ipa-rescue-password");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "$5$salt$hash");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&file)), (0o700, 0o600));
        assert!(marker.exists());
    }
}
