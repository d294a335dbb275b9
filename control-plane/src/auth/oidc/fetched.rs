//! Keys from a URL: kept for an hour, fetched again earlier when a token names one that is not known, but not often.
//!
//! When the issuer cannot be asked the keys that are known go on holding for a day; without any it is 503.

use super::jwk;
use super::keys::KeySet;
use crate::auth::Refusal;
use crate::auth::http_client::{self, HttpError};
use crate::proxy::Clients;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

const MAX_AGE: Duration = Duration::from_secs(3600);
/// Whoever sends tokens of unknown keys must not have us ask for each.
const MIN_AGE: Duration = Duration::from_secs(10);
const OUTLIVES: Duration = Duration::from_secs(24 * 3600);

const AWAY: Refusal =
    Refusal::Unavailable("the keys of the issuer of tokens cannot be had now: try again");

pub(super) struct Fetched {
    url: String,
    clients: Clients,
    kept: parking_lot::Mutex<Option<(KeySet, Instant)>>,
    /// Held by whoever asks the issuer. Who has keys that still hold waits for nobody.
    asking: Mutex<Asking>,
}

#[derive(Default)]
struct Asking {
    /// The end of the last attempt, whatever came of it.
    tried: Option<Instant>,
}

impl Fetched {
    pub(super) fn new(url: &str) -> reqwest::Result<Self> {
        Ok(Self {
            url: url.to_owned(),
            clients: http_client::clients(http_client::TIMEOUT)?,
            kept: parking_lot::Mutex::default(),
            asking: Mutex::default(),
        })
    }

    pub(super) async fn current(&self) -> Result<KeySet, Refusal> {
        if let Some(keys) = self.kept_within(MAX_AGE) {
            return Ok(keys);
        }
        if let Some(keys) = self.kept_within(OUTLIVES) {
            let Ok(asking) = self.asking.try_lock() else {
                return Ok(keys);
            };
            return self.refresh(asking, Some(&keys)).await;
        }
        self.refresh(self.asking.lock().await, None).await
    }

    pub(super) async fn newer(&self, known: &KeySet) -> Result<KeySet, Refusal> {
        self.refresh(self.asking.lock().await, Some(known)).await
    }

    fn kept_within(&self, age: Duration) -> Option<KeySet> {
        let kept = self.kept.lock();
        let kept = kept.as_ref().filter(|(_, at)| at.elapsed() < age);
        kept.map(|(keys, _)| Arc::clone(keys))
    }

    /// Newer keys than these, if the issuer may be asked again.
    async fn refresh(
        &self,
        mut asking: MutexGuard<'_, Asking>,
        known: Option<&KeySet>,
    ) -> Result<KeySet, Refusal> {
        // Somebody else may have fetched them meanwhile.
        if let Some(keys) = self.kept_within(MAX_AGE)
            && known.is_none_or(|known| !Arc::ptr_eq(&keys, known))
        {
            return Ok(keys);
        }
        let rests = asking.tried.is_some_and(|at| at.elapsed() < MIN_AGE);
        if !rests {
            let fetched = self.fetch().await;
            asking.tried = Some(Instant::now());
            match fetched {
                Ok(keys) => *self.kept.lock() = Some((keys, Instant::now())),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(url = self.url, error, "fetching the keys of the issuer");
                }
            }
        }
        self.kept_within(OUTLIVES).ok_or(AWAY)
    }

    async fn fetch(&self) -> Result<KeySet, HttpError> {
        let request = self.clients.for_url(&self.url).get(&self.url);
        let answer = http_client::send(request).await?;
        let document: Option<Value> = serde_json::from_slice(&answer.body).ok();
        match document.as_ref().and_then(jwk::keys) {
            Some(keys) if answer.status.is_success() => Ok(Arc::new(keys)),
            Some(_) | None => Err(HttpError::Unexpected(answer.status)),
        }
    }
}
