//! Encryption at rest. The key is not in the database: who has only the file, or a dump of it, reads no secret.
//!
//! AES-256-GCM-SIV and not plain GCM: nonces are random, and plain GCM allows 2^32 of them under one key, which a large
//! installation writes in weeks; a nonce that comes twice tells here at most that two documents are the same.

use crate::StoreError;
use crate::record::Key;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use std::fmt;

pub(crate) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// A document is sealed to its place: copied over another record's it does not open.
pub(crate) fn place_of_record(key: &Key) -> Vec<u8> {
    let mut bytes = vec![key.table.number()];
    bytes.extend(key.id.as_bytes());
    bytes
}

/// Table number 0 is no table's: an event opens in its own place only.
pub(crate) fn place_of_event(sequence: u64) -> [u8; 9] {
    let mut bytes = [0; 9];
    bytes[1..].copy_from_slice(&sequence.to_be_bytes());
    bytes
}

/// What every store keeps sealed from its beginning: it opens with the right key and with no other.
pub(crate) const KEY_CHECK: &[u8] = b"ferric store";

/// Seals and opens documents.
pub(crate) struct Sealer(RandomizedNonceKey);

#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    #[error("a sealed document does not open: the key is another one or the bytes are damaged")]
    Opening,
    #[error("sealing a document")]
    Sealing,
}

impl From<SealError> for StoreError {
    fn from(source: SealError) -> Self {
        Self::Backend {
            doing: "encrypting or decrypting a document",
            source: Box::new(source),
        }
    }
}

impl Sealer {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(
            RandomizedNonceKey::new(&AES_256_GCM_SIV, key)
                .expect("the key has the length of the algorithm"),
        )
    }

    /// Nonce, then the sealed bytes. They open only with the same `binding`.
    pub(crate) fn seal(&self, binding: &[u8], clear: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = clear.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(binding), &mut sealed)
            .map_err(|_| SealError::Sealing)?;
        let nonce: &[u8; NONCE_BYTES] = nonce.as_ref();
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, binding: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(SealError::Opening)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut bytes = sealed.to_vec();
        let length = self
            .0
            .open_in_place(nonce, Aad::from(binding), &mut bytes)
            .map_err(|_| SealError::Opening)?
            .len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_its_key_and_at_its_place() {
        let sealer = Sealer::new(&[7; KEY_BYTES]);
        let sealed = sealer.seal(b"here", b"secret").unwrap();
        assert_eq!(sealer.open(b"here", &sealed).unwrap(), b"secret");
        assert!(sealer.open(b"there", &sealed).is_err());
        assert!(Sealer::new(&[8; KEY_BYTES]).open(b"here", &sealed).is_err());
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            assert!(sealer.open(b"here", &damaged).is_err(), "byte {index}");
        }
        assert!(sealer.open(b"here", &sealed[..5]).is_err());
    }

    #[test]
    fn the_same_document_is_sealed_differently_each_time() {
        let sealer = Sealer::new(&[7; KEY_BYTES]);
        assert_ne!(
            sealer.seal(b"", b"secret").unwrap(),
            sealer.seal(b"", b"secret").unwrap()
        );
    }
}
