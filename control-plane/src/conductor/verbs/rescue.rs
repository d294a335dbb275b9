//! `rescue` and `unrescue`: the ramdisk for a user who logs in with a password, and the instance again.
//!
//! The password is hashed here and forgotten; the run holds the hash until the ramdisk has been told.

use super::{checks, start};
use crate::conductor::flows::RESCUE_PASSWORD_HASH;
use crate::conductor::node_task::{Change, NodeTask};
use crate::conductor::requests::{ProvisionRequest, RequestError, RescuePassword};
use crate::config::PasswordHash;
use ferric_model::run::Activity;
use ferric_model::state::Event;
use sha_crypt::{PasswordHasher, ShaCrypt};

/// Twelve bytes are sixteen characters, all that crypt(3) takes.
const SALT_BYTES: usize = 12;

pub(super) async fn rescue(
    task: &mut NodeTask,
    request: ProvisionRequest,
) -> Result<(), RequestError> {
    checks::not_in_maintenance(&task.node, "rescuing")?;
    checks::rescuable(task)?;
    let password = request
        .rescue_password
        .filter(|password| !password.0.trim().is_empty())
        .ok_or_else(|| {
            RequestError::Invalid(
                "a rescue needs a rescue_password that is not empty: the user of the ramdisk logs in with it"
                    .to_owned(),
            )
        })?;
    let conductor = task.conductor();
    let algorithm = conductor
        .settings()
        .conductor
        .rescue_password_hash_algorithm;
    let hash = hashed(&password, algorithm, conductor.new_id().as_bytes())?;
    start(task, Event::Rescue, Activity::Rescue, |change| {
        change.with(|node| {
            if let Some(run) = &mut node.run {
                run.notes
                    .insert(RESCUE_PASSWORD_HASH.to_owned(), hash.into());
            }
        })
    })
    .await
}

pub(super) async fn unrescue(task: &mut NodeTask) -> Result<(), RequestError> {
    checks::not_in_maintenance(&task.node, "unrescuing")?;
    checks::rescuable(task)?;
    let unchanged = |change: Change| change;
    start(task, Event::Unrescue, Activity::Unrescue, unchanged).await
}

/// As `crypt(3)` writes it, which `chpasswd -e` and `useradd -p` take.
fn hashed(
    password: &RescuePassword,
    algorithm: PasswordHash,
    random: &[u8; 16],
) -> Result<String, RequestError> {
    let hasher = match algorithm {
        PasswordHash::Sha256 => ShaCrypt::SHA256,
        PasswordHash::Sha512 => ShaCrypt::SHA512,
    };
    // The version and the variant of a random id are not random; they lie in the bytes that are left out.
    let salt = [&random[..6], &random[10..]].concat();
    debug_assert_eq!(salt.len(), SALT_BYTES);
    let hash = hasher.hash_password_with_salt(password.0.as_bytes(), &salt);
    let hash =
        hash.map_err(|error| RequestError::internal("hashing a password", error.to_string()))?;
    Ok(hash.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `openssl passwd -5` and `-6` answer, with the salt and the rounds of the hash.
    #[test]
    fn hashes_are_those_of_crypt() {
        let password = RescuePassword("correct horse".to_owned());
        let random = [7; 16];
        let sha256 = hashed(&password, PasswordHash::Sha256, &random).unwrap();
        assert_eq!(sha256, SHA256);
        let sha512 = hashed(&password, PasswordHash::Sha512, &random).unwrap();
        assert_eq!(sha512, SHA512);
        assert_eq!(format!("{password:?}"), "***");
    }

    const SHA256: &str =
        "$5$rounds=5000$5Qk/5Qk/5Qk/5Qk/$/ztQjh2v8E1/MyRs8AIq.0h7wCaS3dmpYUv.3TqMXy3";
    const SHA512: &str = "$6$rounds=5000$5Qk/5Qk/5Qk/5Qk/$uX8UnUcVDPxGRVf525MrilUhGA41bqcY6XoVReSBg8fFrjgHJgzQydcchyoF1jsPvJBXgVz6KXZt3HNv8NjRN1";
}
