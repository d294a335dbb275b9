//! `rescue.finalize_rescue`: hands the ramdisk over to a user with the given password.
//!
//! The files are those that the ramdisk's rescue service waits for; it makes the user. A password that comes in clear
//! text is hashed here, as with Ironic's agent; Ironic's conductor sends the hash.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use ferric_agent_protocol::params::FinalizeRescue;
use rand::RngCore;
use serde_json::Value;
use sha_crypt::{PasswordHasher, ShaCrypt};

use super::failure::{ErrorKind, Failure};
use super::run::{Outcome, Params, Run, arguments};
use crate::host::SystemPermit;

const DIRECTORY: &str = "/etc/ipa-rescue-config";
const MARKER: &str = "/etc/.rescued";

/// Twelve bytes are sixteen characters, all that crypt(3) takes.
const SALT_BYTES: usize = 12;

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
    let hash = hash_of(&arguments)?;
    write(&permit, &hash, Path::new(DIRECTORY), Path::new(MARKER))
        .map_err(|error| failed(&error))?;
    run.agent.retire.cancel();
    Ok(Value::Null)
}

/// The hash that was sent, or that of the password that was.
fn hash_of(wanted: &FinalizeRescue) -> Result<String, Failure> {
    let refused = |details: &str| Err(Failure::new(ErrorKind::CommandExecution, details));
    let text = &wanted.rescue_password;
    if !wanted.hashed {
        if text.trim().is_empty() {
            return refused("the rescue password is empty, so anybody could log in with it");
        }
        let mut salt = [0; SALT_BYTES];
        rand::rng().fill_bytes(&mut salt);
        return hashed(text, &salt);
    }
    if !is_hash(text) {
        return refused(
            "the rescue password is not a hash of crypt(3), such as $5$salt$hash, so nobody could log in with it",
        );
    }
    Ok(text.clone())
}

/// As `crypt(3)` writes it, by SHA-256.
fn hashed(password: &str, salt: &[u8; SALT_BYTES]) -> Result<String, Failure> {
    let hash = ShaCrypt::SHA256.hash_password_with_salt(password.as_bytes(), salt);
    let hash = hash.map_err(|error| {
        let details = format!("hashing the rescue password: {error}");
        Failure::new(ErrorKind::CommandExecution, details)
    })?;
    Ok(hash.as_str().to_owned())
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

    fn wanted(password: &str, hashed: bool) -> Result<String, String> {
        let rescue_password = password.to_owned();
        let wanted = FinalizeRescue {
            rescue_password,
            hashed,
        };
        hash_of(&wanted).map_err(|failure| failure.details)
    }

    #[test]
    fn a_hash_is_taken_as_it_is_and_a_password_is_hashed_with_a_salt_of_its_own() {
        let hash = "$6$rounds=5000$a/b$c.d";
        assert_eq!(wanted(hash, true).as_deref(), Ok(hash));
        let error = wanted("secret", true).unwrap_err();
        assert!(error.contains("is not a hash"), "{error}");
        let (first, second) = (wanted(hash, false).unwrap(), wanted(hash, false).unwrap());
        assert!(first.starts_with("$5$") && is_hash(&first), "{first}");
        assert!(first != second && !first.contains(hash));
        for empty in ["", " "] {
            let error = wanted(empty, false).unwrap_err();
            assert!(error.contains("is empty"), "{error}");
        }
    }

    /// What `openssl passwd -5` answers, with the salt and the rounds of the hash.
    #[test]
    fn hashes_are_those_of_crypt() {
        let expected =
            "$5$rounds=5000$5Qk/5Qk/5Qk/5Qk/$/ztQjh2v8E1/MyRs8AIq.0h7wCaS3dmpYUv.3TqMXy3";
        assert_eq!(hashed("correct horse", &[7; SALT_BYTES]).unwrap(), expected);
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
