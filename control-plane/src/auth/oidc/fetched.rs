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
use tokio::sync::Mutex;
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
    current: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Option<(KeySet, Instant)>,
    /// The last attempt, whatever came of it.
    tried: Option<Instant>,
}

impl Fetched {
    pub(super) fn new(url: &str) -> reqwest::Result<Self> {
        Ok(Self {
            url: url.to_owned(),
            clients: http_client::clients(http_client::TIMEOUT)?,
            current: Mutex::default(),
        })
    }

    pub(super) async fn current(&self) -> Result<KeySet, Refusal> {
        let mut state = self.current.lock().await;
        match &state.keys {
            Some((keys, at)) if at.elapsed() < MAX_AGE => Ok(Arc::clone(keys)),
            Some(_) | None => self.refresh(&mut state).await,
        }
    }

    pub(super) async fn newer(&self, known: &KeySet) -> Result<KeySet, Refusal> {
        let mut state = self.current.lock().await;
        match &state.keys {
            // Somebody else has fetched them meanwhile.
            Some((keys, _)) if !Arc::ptr_eq(keys, known) => Ok(Arc::clone(keys)),
            Some(_) | None => self.refresh(&mut state).await,
        }
    }

    async fn refresh(&self, state: &mut State) -> Result<KeySet, Refusal> {
        let rests = state.tried.is_some_and(|at| at.elapsed() < MIN_AGE);
        if !rests {
            state.tried = Some(Instant::now());
            match self.fetch().await {
                Ok(keys) => state.keys = Some((keys, Instant::now())),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(url = self.url, error, "fetching the keys of the issuer");
                }
            }
        }
        let kept = state.keys.as_ref();
        let kept = kept.filter(|(_, at)| at.elapsed() < OUTLIVES);
        kept.map(|(keys, _)| Arc::clone(keys)).ok_or(AWAY)
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
