//! `oidc`: signed tokens (JWT) of an issuer whose keys are known, in `Authorization: Bearer`.
//!
//! Nobody is asked about a token: it holds until it ends. Which of its claims is a role, and where, the settings say.

mod claims;
mod fetched;
mod jwk;
mod jws;
mod keys;

pub(super) use keys::KeysError;

use super::{Caller, Refusal};
use crate::config::auth::Oidc as Settings;
use http::{HeaderMap, header};
use jiff::Timestamp;
use jws::{Jws, Verdict};
use keys::Keys;

pub(super) struct Oidc {
    settings: Settings,
    keys: Keys,
}

impl Oidc {
    pub(super) fn open(settings: &Settings) -> Result<Self, KeysError> {
        Ok(Self {
            settings: settings.clone(),
            keys: Keys::open(&settings.keys)?,
        })
    }

    pub(super) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let token = bearer(headers).ok_or_else(missing)?;
        let jws = Jws::parse(token).ok_or_else(invalid)?;
        let mut keys = self.keys.current().await?;
        let mut verdict = jws.verify(&keys);
        if verdict == Verdict::UnknownKey {
            // It may have been signed with a new one.
            keys = self.keys.newer(&keys).await?;
            verdict = jws.verify(&keys);
        }
        if verdict != Verdict::Genuine {
            return Err(invalid());
        }
        let identity = claims::identity(&jws.claims, &self.settings, Timestamp::now());
        match identity {
            Ok(identity) => Ok(Caller::Known(identity)),
            Err(reason) => {
                tracing::info!(reason, "a token that is genuine is not taken");
                Err(invalid())
            }
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn missing() -> Refusal {
    Refusal::Unknown {
        message: "a token is missing: send it as Authorization: Bearer",
        challenge: "Bearer realm=\"Baremetal API\"".to_owned(),
    }
}

fn invalid() -> Refusal {
    Refusal::Unknown {
        message: "the token is not valid here, or not any more",
        challenge: "Bearer realm=\"Baremetal API\", error=\"invalid_token\"".to_owned(),
    }
}

#[cfg(test)]
mod tests;
