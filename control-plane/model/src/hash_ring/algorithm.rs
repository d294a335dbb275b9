//! The digests a ring can be made with. MD5 protects nothing here; who may not use it at all sets SHA-256.

use md5::Md5;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// `hash_ring_algorithm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    #[default]
    Md5,
    Sha256,
}

impl Algorithm {
    /// The digest of a key.
    pub(super) fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
        }
    }

    /// The points of a host.
    pub(super) fn points(self, host: &[u8], count: usize) -> Vec<Vec<u8>> {
        match self {
            Self::Md5 => running::<Md5>(host, count),
            Self::Sha256 => running::<Sha256>(host, count),
        }
    }
}

/// The name goes in once before the first point, then once more for each.
fn running<D: Digest + Clone>(host: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut digest = D::new_with_prefix(host);
    let point = |_| {
        digest.update(host);
        digest.clone().finalize().to_vec()
    };
    (0..count).map(point).collect()
}
