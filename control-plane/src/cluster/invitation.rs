//! What a new conductor needs to be one of the cluster, in a file that opens with a passphrase only.
//!
//! It holds the key of the store and a private key, so it is worth as much as the store itself until it is deleted.

use super::certificates::Member;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::pbkdf2;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::{Rng, RngCore};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

const FORMAT: &str = "ferric cluster invitation 1";
/// What OWASP recommends for PBKDF2 with SHA-256. Our passphrases would be safe with fewer.
const ITERATIONS: u32 = 600_000;
/// A file from elsewhere must not keep us busy for ever.
const MOST_ITERATIONS: u32 = 10_000_000;
const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// Letters and digits that nobody mistakes for one another when they are read out; 5 bits each.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const GROUPS: usize = 6;
const GROUP: usize = 4;

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvitationError {
    #[error("this is no invitation of `ferric cluster invite`")]
    NotOne,
    #[error("the passphrase is not the one of this invitation, or the file is damaged")]
    Passphrase,
    #[error("sealing the invitation")]
    Sealing,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) member: Member,
    /// The authorities' certificates (PEM).
    pub(crate) ca: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// The content of the store's key file.
    pub(crate) store_key: String,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Sealed {
    format: String,
    iterations: u32,
    salt: String,
    sealed: String,
}

/// A passphrase of 120 bits, as `abcd-efgh-...`.
pub(crate) fn passphrase() -> String {
    let mut random = rand::rng();
    let mut group = || -> String {
        let letter = |_| char::from(LETTERS[random.random_range(0..LETTERS.len())]);
        (0..GROUP).map(letter).collect()
    };
    let groups: Vec<String> = (0..GROUPS).map(|_| group()).collect();
    groups.join("-")
}

impl Invitation {
    pub(crate) fn seal(&self, passphrase: &str) -> Result<String, InvitationError> {
        let mut salt = [0; SALT_BYTES];
        rand::rng().fill_bytes(&mut salt);
        let mut bytes = serde_json::to_vec(self).map_err(|_| InvitationError::Sealing)?;
        let nonce = key(passphrase, &salt, ITERATIONS)?
            .seal_in_place_append_tag(Aad::from(FORMAT), &mut bytes)
            .map_err(|_| InvitationError::Sealing)?;
        let nonce: &[u8; NONCE_BYTES] = nonce.as_ref();
        let file = Sealed {
            format: FORMAT.to_owned(),
            iterations: ITERATIONS,
            salt: STANDARD.encode(salt),
            sealed: STANDARD.encode([nonce.as_slice(), &bytes].concat()),
        };
        serde_json::to_string_pretty(&file).map_err(|_| InvitationError::Sealing)
    }

    pub(crate) fn open(text: &str, passphrase: &str) -> Result<Self, InvitationError> {
        let not_one = |_| InvitationError::NotOne;
        let file: Sealed = serde_json::from_str(text).map_err(not_one)?;
        if file.format != FORMAT || !(1..=MOST_ITERATIONS).contains(&file.iterations) {
            return Err(InvitationError::NotOne);
        }
        let salt = STANDARD
            .decode(file.salt)
            .map_err(|_| InvitationError::NotOne)?;
        let sealed = STANDARD
            .decode(file.sealed)
            .map_err(|_| InvitationError::NotOne)?;
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(InvitationError::NotOne)?;
        let mut bytes = sealed.to_vec();
        let clear = key(passphrase, &salt, file.iterations)?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(FORMAT),
                &mut bytes,
            )
            .map_err(|_| InvitationError::Passphrase)?;
        serde_json::from_slice(clear).map_err(not_one)
    }
}

/// Blanks around it and capitals are what happens to a passphrase on its way.
fn key(
    passphrase: &str,
    salt: &[u8],
    iterations: u32,
) -> Result<RandomizedNonceKey, InvitationError> {
    let passphrase = passphrase.trim().to_ascii_lowercase();
    let iterations = NonZeroU32::new(iterations).ok_or(InvitationError::NotOne)?;
    let mut key = [0; KEY_BYTES];
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(algorithm, iterations, salt, passphrase.as_bytes(), &mut key);
    RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| InvitationError::Sealing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        Invitation {
            member: Member {
                host: "two".to_owned(),
                url: "https://192.0.2.2:6390".to_owned(),
            },
            ca: "CA".to_owned(),
            certificate: "CERTIFICATE".to_owned(),
            key: "PRIVATE".to_owned(),
            store_key: "0123".to_owned(),
        }
    }

    #[test]
    fn opens_with_its_passphrase_only() {
        let passphrase = passphrase();
        let sealed = invitation().seal(&passphrase).unwrap();
        assert!(!sealed.contains("PRIVATE") && !sealed.contains("192.0.2.2"));
        let typed = format!(" {}\n", passphrase.to_uppercase());
        let opened = Invitation::open(&sealed, &typed).unwrap();
        assert_eq!(
            (opened.member.host.as_str(), opened.key.as_str()),
            ("two", "PRIVATE")
        );
        let wrong = Invitation::open(&sealed, "abcd-efgh").err();
        assert!(
            matches!(wrong, Some(InvitationError::Passphrase)),
            "{wrong:?}"
        );
        let damaged = sealed.replacen("\"sealed\": \"", "\"sealed\": \"AAAA", 1);
        let damaged = Invitation::open(&damaged, &passphrase).err();
        assert!(
            matches!(damaged, Some(InvitationError::Passphrase)),
            "{damaged:?}"
        );
        for text in ["", "{}", &sealed.replace("invitation 1", "invitation 2")] {
            let error = Invitation::open(text, &passphrase).err();
            assert!(matches!(error, Some(InvitationError::NotOne)), "{error:?}");
        }
    }

    #[test]
    fn passphrases_are_long_and_differ() {
        let (one, other) = (passphrase(), passphrase());
        assert_eq!(one.len(), GROUPS * GROUP + GROUPS - 1);
        assert_ne!(one, other);
    }
}
