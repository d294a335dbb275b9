//! The key that a conductor signs erase records with: an Ed25519 pair (RFC 8032) of its own, in the state directory, and
//! its public half as others keep it (RFC 8410).
//!
//! A key that cannot be read is never replaced: what it has signed could not be told from what a stranger has.

use crate::cluster::folder;
use anyhow::{Context, bail};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// In the state directory, readable by its owner only: PKCS#8 in PEM.
pub(super) const KEY_FILE: &str = "erase.key";

/// What stands before the 32 bytes of a key in its SubjectPublicKeyInfo (RFC 8410, sections 3 and 4).
const INFO_HEAD: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const KEY_BYTES: usize = 32;
/// Of base64 in PEM (RFC 7468).
const LINE_LENGTH: usize = 64;

/// Both halves.
pub(crate) struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// The key in the state directory; the first time one is made.
    ///
    /// # Errors
    /// When the file cannot be read or made, or holds something else.
    pub(crate) fn open_or_make(state_dir: &Path) -> anyhow::Result<Self> {
        let path = state_dir.join(KEY_FILE);
        let exists = path.try_exists();
        if exists.with_context(|| format!("looking for {}", path.display()))? {
            // Whoever made it may have died before its name outlasted a power cut.
            folder::sync_names(&path)?;
        } else {
            let pair = Ed25519KeyPair::generate().context("making a key for erase records")?;
            let document = pair.to_pkcs8v1().context("writing down a new key")?;
            folder::write_new(&path, &pem("PRIVATE KEY", document.as_ref()))?;
            tracing::info!(path = %path.display(), "made a key for erase records");
        }
        Self::read(&path)
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = folder::read(path)?;
        let mode = std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
        if mode & 0o077 != 0 {
            tracing::warn!(path = %path.display(), mode = format!("{:o}", mode & 0o777), "others than the owner can read the key of erase records");
        }
        let doing = || {
            format!(
                "{} holds no private key of Ed25519 (PKCS#8 in PEM): put the right one there, or move it away to have a new one made",
                path.display()
            )
        };
        let private = PrivateKeyDer::from_pem_slice(text.as_bytes()).with_context(doing)?;
        let pair = Ed25519KeyPair::from_pkcs8(private.secret_der()).with_context(doing)?;
        let public: &[u8] = pair.public_key().as_ref();
        let Ok(public) = <[u8; KEY_BYTES]>::try_from(public) else {
            bail!(doing());
        };
        let public = PublicKey(public);
        Ok(Self { pair, public })
    }

    pub(crate) fn public(&self) -> PublicKey {
        self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

/// The half that everybody may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey([u8; KEY_BYTES]);

impl PublicKey {
    fn of_info(info: &[u8]) -> Option<Self> {
        let key = info.strip_prefix(&INFO_HEAD)?;
        key.try_into().ok().map(Self)
    }

    fn info(&self) -> Vec<u8> {
        [&INFO_HEAD[..], &self.0].concat()
    }

    pub(crate) fn to_pem(self) -> String {
        pem("PUBLIC KEY", &self.info())
    }

    /// All keys of a file, of which there must be one at least; what is not a public key in PEM is passed over, as comments.
    /// `None`: there is none, or one of another kind.
    pub(crate) fn all_of_pem(text: &[u8]) -> Option<Vec<Self>> {
        let infos = SubjectPublicKeyInfoDer::pem_slice_iter(text);
        let keys = infos.map(|info| Self::of_info(&info.ok()?));
        let keys: Vec<Self> = keys.collect::<Option<_>>()?;
        (!keys.is_empty()).then_some(keys)
    }

    /// The one key of this text, which must be written as [`Self::to_pem`] writes it.
    pub(super) fn of_exact_pem(text: &str) -> Option<Self> {
        let keys = Self::all_of_pem(text.as_bytes())?;
        keys.into_iter().find(|key| key.to_pem() == text)
    }

    /// SHA-256 of the key as SubjectPublicKeyInfo in DER, in hexadecimal digits: what
    /// `openssl pkey -pubin -outform DER | sha256sum` says.
    pub(crate) fn fingerprint(self) -> String {
        let mut text = String::with_capacity(64);
        for byte in digest(&SHA256, &self.info()).as_ref() {
            write!(text, "{byte:02x}").expect("a string takes all that is written");
        }
        text
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.0[..]);
        key.verify(message, signature).is_ok()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (place, letter) in encoded.chars().enumerate() {
        if place > 0 && place.is_multiple_of(LINE_LENGTH) {
            text.push('\n');
        }
        text.push(letter);
    }
    text + &format!("\n-----END {label}-----\n")
}
