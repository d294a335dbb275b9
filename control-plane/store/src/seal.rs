//! Encryption at rest. The key is not in the database: who has only the file, or a dump of it, reads no secret.
//!
//! AES-256-GCM-SIV and not plain GCM: nonces are random, and plain GCM allows 2^32 of them under one key, which a large
//! installation writes in weeks; a nonce that comes twice tells here at most that two documents are the same.

use crate::StoreError;
use crate::key_file::{self, KeyFile};
use crate::open_error::OpenError;
use crate::packing::{self, Packing};
use crate::record::Key;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::RwLock;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// Begins what schema 2 and later seal. What schema 1 sealed begins with a random nonce: where that looks like a head,
/// opening it as such fails, and it is opened as what it is.
const MARK: u8 = 0xf2;
/// Mark, key and packing.
const HEAD_BYTES: usize = 1 + size_of::<u32>() + 1;

/// A document is sealed to its place: copied over another record's it does not open.
pub(crate) fn place_of_record(key: &Key) -> Vec<u8> {
    let mut bytes = vec![key.table.number()];
    bytes.extend(key.id.as_bytes());
    bytes
}

/// Table number 255 is no table's either. By the sequence, which no other record of the table is given.
pub(crate) fn place_of_sealed_fields(table: u8, sequence: u64) -> [u8; 10] {
    let mut bytes = [u8::MAX; 10];
    bytes[1] = table;
    bytes[2..].copy_from_slice(&sequence.to_be_bytes());
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

/// Tells keys apart without telling them: the first bytes of a digest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId(pub(crate) u32);

impl KeyId {
    pub(crate) fn of(secret: &[u8; KEY_BYTES]) -> Self {
        let named = [b"ferric key".as_slice(), secret].concat();
        let hash = digest(&SHA256, &named);
        let first = hash.as_ref().first_chunk().expect("a digest has 32 bytes");
        Self(u32::from_be_bytes(*first))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// The keys that are known; the first one seals.
#[derive(Clone)]
struct Ring(Vec<(KeyId, Arc<RandomizedNonceKey>)>);

/// Seals and opens documents.
pub struct Sealer {
    ring: RwLock<Arc<Ring>>,
    /// Read again when a key is met that is not known: somebody has changed the key.
    file: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    #[error("a sealed document does not open: the key is another one or the bytes are damaged")]
    Opening,
    #[error("sealing a document")]
    Sealing,
    #[error("key {0} is not in {1}: copy that file from where the key was changed")]
    UnknownKey(KeyId, String),
    #[error("a document was packed in a way that this release does not know, or is damaged")]
    Unpacking,
}

impl From<SealError> for StoreError {
    fn from(source: SealError) -> Self {
        let doing = "encrypting or decrypting a document";
        let source = Box::new(source);
        match *source {
            // Known as soon as the file is there.
            SealError::UnknownKey(..) => Self::Away { doing, source },
            SealError::Opening | SealError::Sealing | SealError::Unpacking => {
                Self::Backend { doing, source }
            }
        }
    }
}

impl Ring {
    fn of(keys: &KeyFile) -> Self {
        let sealing = |secret: &[u8; KEY_BYTES]| {
            let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, secret)
                .expect("the key has the length of the algorithm");
            (KeyId::of(secret), Arc::new(key))
        };
        Self(keys.all().map(sealing).collect())
    }

    fn find(&self, id: KeyId) -> Option<&RandomizedNonceKey> {
        let found = self.0.iter().find(|(known, _)| *known == id);
        found.map(|(_, key)| key.as_ref())
    }
}

/// What a sealed document says of itself.
struct Head<'b> {
    bytes: &'b [u8; HEAD_BYTES],
    key: KeyId,
    packing: u8,
}

fn head(sealed: &[u8]) -> Option<(Head<'_>, &[u8])> {
    let (bytes, rest) = sealed.split_first_chunk::<HEAD_BYTES>()?;
    let [MARK, a, b, c, d, packing] = *bytes else {
        return None;
    };
    let key = KeyId(u32::from_be_bytes([a, b, c, d]));
    let head = Head {
        bytes,
        key,
        packing,
    };
    Some((head, rest))
}

impl Sealer {
    /// With one key, which never changes.
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self {
            ring: RwLock::new(Arc::new(Ring::of(&KeyFile::of(*key)))),
            file: None,
        }
    }

    /// With the keys of a file, which may change.
    pub(crate) fn from_file(keys: &KeyFile, file: &Path) -> Self {
        Self {
            ring: RwLock::new(Arc::new(Ring::of(keys))),
            file: Some(file.to_owned()),
        }
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read())
    }

    /// The key that seals.
    pub(crate) fn key(&self) -> KeyId {
        self.ring().0[0].0
    }

    /// The file with the keys; a store in memory has none.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Reads the key file again. It is small, and read when a key has changed only.
    pub(crate) fn reload(&self) -> Result<(), OpenError> {
        if let Some(file) = &self.file
            && let Some(keys) = key_file::read(file)?
        {
            *self.ring.write() = Arc::new(Ring::of(&keys));
        }
        Ok(())
    }

    /// Another process has changed the key: this one follows, once the key is in its file.
    pub(crate) fn seal_by(&self, id: KeyId) -> Result<(), StoreError> {
        if self.ring().find(id).is_none() {
            self.reload()?;
        }
        let mut ring = Ring::clone(&self.ring());
        let place = ring.0.iter().position(|(known, _)| *known == id);
        ring.0.swap(0, place.ok_or_else(|| self.unknown(id))?);
        *self.ring.write() = Arc::new(ring);
        Ok(())
    }

    /// What is to be said of a key that nobody here has.
    pub(crate) fn unknown(&self, key: KeyId) -> SealError {
        let file = self.file.as_ref();
        let file = file.map_or("memory".to_owned(), |file| file.display().to_string());
        SealError::UnknownKey(key, file)
    }

    /// Head, nonce, sealed bytes. They open only with the same `binding`.
    pub(crate) fn seal(&self, binding: &[u8], clear: &[u8]) -> Result<Vec<u8>, SealError> {
        let ring = self.ring();
        let (id, key) = &ring.0[0];
        let (packing, mut sealed) = packing::pack(clear);
        let mut bytes = Vec::with_capacity(HEAD_BYTES + NONCE_BYTES + sealed.len() + 16);
        bytes.push(MARK);
        bytes.extend(id.0.to_be_bytes());
        bytes.push(packing.number());
        let binding = [&bytes, binding].concat();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(&binding), &mut sealed)
            .map_err(|_| SealError::Sealing)?;
        let nonce: &[u8; NONCE_BYTES] = nonce.as_ref();
        bytes.extend(nonce);
        bytes.extend(sealed);
        Ok(bytes)
    }

    pub(crate) fn open(&self, binding: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let Some((head, rest)) = head(sealed) else {
            return self.open_first_form(binding, sealed);
        };
        let mut ring = self.ring();
        if ring.find(head.key).is_none() && self.reload().is_ok() {
            ring = self.ring();
        }
        let Some(key) = ring.find(head.key) else {
            let first = self.open_first_form(binding, sealed);
            return first.map_err(|_| self.unknown(head.key));
        };
        let bound = [head.bytes.as_slice(), binding].concat();
        let Ok(packed) = open(key, &bound, rest) else {
            return self.open_first_form(binding, sealed);
        };
        let packing = Packing::of(head.packing).ok_or(SealError::Unpacking)?;
        packing::unpack(packing, packed).ok_or(SealError::Unpacking)
    }

    /// What schema 1 sealed: nonce and sealed bytes, without a head.
    fn open_first_form(&self, binding: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let ring = self.ring();
        let mut opened = ring.0.iter().map(|(_, key)| open(key, binding, sealed));
        opened.find_map(Result::ok).ok_or(SealError::Opening)
    }

    /// Whether it is sealed by the key that seals, in the form of this release.
    pub(crate) fn is_current(&self, sealed: &[u8]) -> bool {
        head(sealed).is_some_and(|(head, _)| head.key == self.key())
    }
}

fn open(key: &RandomizedNonceKey, binding: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, sealed) = sealed
        .split_first_chunk::<NONCE_BYTES>()
        .ok_or(SealError::Opening)?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let mut bytes = sealed.to_vec();
    let length = key
        .open_in_place(nonce, Aad::from(binding), &mut bytes)
        .map_err(|_| SealError::Opening)?
        .len();
    bytes.truncate(length);
    Ok(bytes)
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As schema 1 did it.
    fn first_form(key: &[u8; KEY_BYTES], binding: &[u8], clear: &[u8]) -> Vec<u8> {
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key).unwrap();
        let mut sealed = clear.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(binding), &mut sealed);
        let nonce: [u8; NONCE_BYTES] = *nonce.unwrap().as_ref();
        [nonce.as_slice(), &sealed].concat()
    }

    #[test]
    fn opens_only_with_its_key_and_at_its_place() {
        let sealer = Sealer::new(&[7; KEY_BYTES]);
        for clear in [b"secret".to_vec(), b"secret".repeat(2000)] {
            let sealed = sealer.seal(b"here", &clear).unwrap();
            assert_eq!(sealer.open(b"here", &sealed).unwrap(), clear);
            assert!(sealer.open(b"there", &sealed).is_err());
            assert!(Sealer::new(&[8; KEY_BYTES]).open(b"here", &sealed).is_err());
            for index in 0..sealed.len() {
                let mut damaged = sealed.clone();
                damaged[index] ^= 1;
                assert!(sealer.open(b"here", &damaged).is_err(), "byte {index}");
            }
            assert!(sealer.open(b"here", &sealed[..5]).is_err());
        }
    }

    #[test]
    fn the_same_document_is_sealed_differently_each_time() {
        let sealer = Sealer::new(&[7; KEY_BYTES]);
        assert_ne!(
            sealer.seal(b"", b"secret").unwrap(),
            sealer.seal(b"", b"secret").unwrap()
        );
    }

    #[test]
    fn large_documents_are_packed_and_small_ones_are_not() {
        let sealer = Sealer::new(&[7; KEY_BYTES]);
        let large = br#"{"name": "disk", "size": 12345}"#.repeat(4000);
        assert!(sealer.seal(b"", &large).unwrap().len() < large.len() / 10);
        let small = [b'x'; 300];
        assert!(sealer.seal(b"", &small).unwrap().len() > small.len());
    }

    #[test]
    fn what_schema_1_sealed_opens_whatever_its_nonce_is() {
        let key = [7; KEY_BYTES];
        let sealer = Sealer::new(&key);
        // One nonce in 256 begins as a head does.
        for _ in 0..2000 {
            let sealed = first_form(&key, b"here", b"secret");
            assert_eq!(sealer.open(b"here", &sealed).unwrap(), b"secret");
            assert!(sealer.open(b"there", &sealed).is_err());
            assert!(!sealer.is_current(&sealed));
        }
    }

    #[test]
    fn a_key_that_comes_is_learnt_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.key");
        key_file::create(&file).unwrap();
        let here = Sealer::from_file(&key_file::read(&file).unwrap().unwrap(), &file);
        let before = here.seal(b"", b"before").unwrap();
        let unknown = Sealer::new(&[9; KEY_BYTES]).seal(b"", b"x").unwrap();
        let told = here.open(b"", &unknown).unwrap_err().to_string();
        assert!(told.contains("store.key: copy that file"), "{told}");
        let changed = key_file::read(&file).unwrap().unwrap().rotated();
        key_file::replace(&file, &changed).unwrap();
        let elsewhere = Sealer::from_file(&changed, &file);
        let after = elsewhere.seal(b"", b"after").unwrap();
        assert_eq!(here.open(b"", &after).unwrap(), b"after");
        assert_eq!(here.open(b"", &before).unwrap(), b"before");
        assert_eq!(here.key(), elsewhere.key());
        assert!(here.is_current(&after) && !here.is_current(&before));
    }
}
