//! `keystone`: tokens of OpenStack's identity service, in `X-Auth-Token`, each of which Keystone is asked about.
//!
//! An answer is remembered for a while, and for no longer than the token lasts; so a token that was revoked is taken
//! for at most that long (`keystone.cache_s`). A valid token of a service beside it lets one that has just ended finish
//! what the service is doing for its user.

mod identity;
mod own_token;
mod token;

use super::cache::Cache;
use super::http_client::{self, HttpError};
use super::{Caller, Identity, Refusal};
use crate::config::auth::Keystone as Settings;
use crate::proxy::Clients;
use http::{HeaderMap, StatusCode};
use identity::Token;
use jiff::Timestamp;
pub(crate) use own_token::{LoginError, OwnToken};
use std::time::{Duration, Instant};
use token::{AllowExpired, texts};

const REMEMBERED: usize = 10_000;
/// For how long a token is known to be none: who repeats one must not have Keystone asked each time.
const REFUSED: Duration = Duration::from_secs(10);

const AWAY: Refusal = Refusal::Unavailable("Keystone cannot be asked now: try again");

/// Why Keystone gave no verdict.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("asking Keystone about a token")]
    Http(#[from] HttpError),
    #[error("our own token of [keystone]")]
    Own(#[from] LoginError),
    #[error(
        "Keystone answers {0} when asked about a token: our own user needs the role service or admin"
    )]
    Refused(StatusCode),
    #[error("Keystone's answer is not what its API says")]
    Unreadable,
}

pub(super) struct Keystone {
    settings: Settings,
    clients: Clients,
    own: OwnToken,
    known: Cache<Option<Identity>>,
}

impl Keystone {
    pub(super) fn open(settings: &Settings) -> reqwest::Result<Self> {
        Ok(Self {
            clients: http_client::clients(Duration::from_secs(settings.timeout_s))?,
            own: OwnToken::new(settings.login.clone()),
            known: Cache::new(REMEMBERED),
            settings: settings.clone(),
        })
    }

    pub(super) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let (user, service) = texts(headers).map_err(|()| self.unknown())?;
        let user = user.ok_or_else(|| self.unknown())?;
        let mut allow_expired = AllowExpired::No;
        if let Some(service) = service {
            let service = self.identity(service, AllowExpired::No).await?;
            let service = service.ok_or_else(|| self.unknown())?;
            let mut roles = self.settings.service_token_roles.iter();
            if roles.any(|role| service.has(*role)) {
                allow_expired = AllowExpired::Yes;
            }
        }
        let identity = self.identity(user, allow_expired).await?;
        identity.map(Caller::Known).ok_or_else(|| self.unknown())
    }

    fn unknown(&self) -> Refusal {
        Refusal::Unknown {
            message: "The request you have made requires authentication.",
            challenge: format!("Keystone uri=\"{}\"", self.settings.public_url),
        }
    }

    /// `None`: the token is not valid.
    async fn identity(
        &self,
        token: &str,
        allow_expired: AllowExpired,
    ) -> Result<Option<Identity>, Refusal> {
        let fingerprint = self
            .known
            .fingerprint(&[token.as_bytes(), allow_expired.key()]);
        if let Some(known) = self.known.get(&fingerprint, Instant::now()) {
            return Ok(known);
        }
        let found = match self.ask(token, allow_expired).await {
            Ok(found) => found,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a token could not be validated");
                return Err(AWAY);
            }
        };
        let lifetime = match &found {
            Some(token) => self.lifetime(token, Timestamp::now()),
            None => REFUSED,
        };
        let identity = found.map(|token| token.identity);
        self.known
            .put(fingerprint, identity.clone(), Instant::now(), lifetime);
        Ok(identity)
    }

    /// One that has ended already is asked about each time.
    fn lifetime(&self, token: &Token, now: Timestamp) -> Duration {
        let left = Duration::try_from(token.expires_at.duration_since(now)).unwrap_or_default();
        left.min(Duration::from_secs(self.settings.cache_s))
    }

    async fn ask(
        &self,
        token: &str,
        allow_expired: AllowExpired,
    ) -> Result<Option<Token>, AskError> {
        for _ in 0..2 {
            let own = self.own.get(&self.clients).await?.token;
            let url = format!("{}/auth/tokens", self.settings.login.url);
            let mut request = self.clients.for_url(&url).get(&url);
            request = request.query(&allow_expired.query());
            let request = request
                .header("X-Auth-Token", &own)
                .header("X-Subject-Token", token);
            let answer = http_client::send(request).await?;
            match answer.status {
                StatusCode::OK => {
                    return Token::parse(&answer.body)
                        .map(Some)
                        .ok_or(AskError::Unreadable);
                }
                StatusCode::NOT_FOUND => return Ok(None),
                // Our own has ended, or was revoked.
                StatusCode::UNAUTHORIZED => self.own.forget(&own).await,
                status => return Err(AskError::Refused(status)),
            }
        }
        Err(AskError::Refused(StatusCode::UNAUTHORIZED))
    }
}

#[cfg(test)]
mod tests;
