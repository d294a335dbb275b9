//! A signed token in its compact form (RFC 7515): parsed strictly, verified against the keys that there are.

use super::jwk::{Algorithm, Jwk};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Longer ones are not looked at.
const LONGEST: usize = 16 << 10;

/// Taken apart; nothing of it is to be believed before it is verified.
pub(super) struct Jws<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    signed: &'a [u8],
    signature: Vec<u8>,
    pub(super) claims: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Genuine,
    Forged,
    /// There is no key that it could have been signed with.
    UnknownKey,
}

impl<'a> Jws<'a> {
    /// `None` for what is no token, is signed in a way that is not taken, or wants something understood that is not.
    pub(super) fn parse(token: &'a str) -> Option<Self> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |text: &str| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
            serde_json::from_slice::<Map<String, Value>>(&bytes).ok()
        };
        let header = object(header)?;
        if header.contains_key("crit") {
            return None;
        }
        let key_id = header.get("kid").map(|id| id.as_str().map(str::to_owned));
        Some(Self {
            algorithm: Algorithm::from_name(header.get("alg")?.as_str()?)?,
            key_id: match key_id {
                Some(id) => Some(id?),
                None => None,
            },
            signed: signed.as_bytes(),
            signature: BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?,
            claims: object(claims)?,
        })
    }

    /// By the key that it names, or by any one where it names none.
    pub(super) fn verify(&self, keys: &[Jwk]) -> Verdict {
        let named = |key: &&Jwk| self.key_id.is_none() || self.key_id == key.id;
        let fits = |key: &&Jwk| key.algorithm() == self.algorithm;
        let mut candidates = keys.iter().filter(named).filter(fits).peekable();
        if candidates.peek().is_none() {
            return Verdict::UnknownKey;
        }
        match candidates.any(|key| key.verifies(self.signed, &self.signature)) {
            true => Verdict::Genuine,
            false if self.key_id.is_none() => Verdict::UnknownKey,
            false => Verdict::Forged,
        }
    }
}
