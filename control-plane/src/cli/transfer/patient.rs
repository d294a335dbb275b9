//! Asking again where that may help: an export does not fail, and an import does not stop, because the other side is
//! restarted or has no time for a moment. Whatever is asked here can be asked twice.

use crate::cli::client::{Client, ClientError};
use crate::cli::output::aside;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How one request is asked again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// The first pause; each one after it is twice as long,
    pub(super) first: Duration,
    /// up to this.
    pub(super) longest: Duration,
    /// No pause ends later than this after the first failure.
    pub(super) limit: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            limit: Duration::from_secs(300),
        }
    }
}

pub(super) struct Patient {
    client: Client,
    patience: Patience,
    /// Whether there was ever an answer: a wrong URL is told of at once.
    was_heard: AtomicBool,
}

impl Patient {
    pub(super) fn new(client: Client, patience: Patience) -> Self {
        Self {
            client,
            patience,
            was_heard: AtomicBool::new(false),
        }
    }

    pub(super) fn base(&self) -> &str {
        self.client.base()
    }

    /// Speaks this version of Ironic's API.
    pub(super) fn with_version(self, version: String) -> Self {
        let client = self.client.with_version(version);
        Self { client, ..self }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.send(Method::GET, path, None).await
    }

    /// # Errors
    /// The last one, when the patience has an end; at once what asking again would not change.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let Patience {
            first,
            longest,
            limit,
        } = self.patience;
        let (mut failing_since, mut pause) = (None, first);
        loop {
            let outcome = self.client.send(method.clone(), path, body).await;
            if !matches!(outcome, Err(ClientError::Unreachable { .. })) {
                self.was_heard.store(true, Ordering::Relaxed);
            }
            let error = match outcome {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let is_first = failing_since.is_none();
            let left =
                limit.saturating_sub(failing_since.get_or_insert_with(Instant::now).elapsed());
            match self.wait(&error, pause) {
                Some(wait) if wait <= left => {
                    if is_first {
                        aside(&format!("{error}; asking again for {} s", limit.as_secs()));
                    }
                    sleep(wait).await;
                }
                _ => return Err(error),
            }
            pause = longest.min(pause * 2);
        }
    }

    /// Rests before an attempt at what was only refused for the moment, longer each time.
    pub(super) async fn pause(&self, attempt: u32) {
        let pause = self.patience.first * 2_u32.saturating_pow(attempt - 1);
        sleep(pause.min(self.patience.longest)).await;
    }

    /// Not earlier than the other side wants it; `None`: never.
    fn wait(&self, error: &ClientError, pause: Duration) -> Option<Duration> {
        match error {
            ClientError::Busy { retry_after, .. } => {
                Some(retry_after.unwrap_or_default().max(pause))
            }
            ClientError::Unreachable { .. }
            | ClientError::Silent { .. }
            | ClientError::Answer { .. } => self.was_heard.load(Ordering::Relaxed).then_some(pause),
            // What stands before the API says so of it.
            ClientError::Refused { status, .. } => {
                let passing = [
                    StatusCode::TOO_MANY_REQUESTS,
                    StatusCode::BAD_GATEWAY,
                    StatusCode::GATEWAY_TIMEOUT,
                ];
                passing.contains(status).then_some(pause)
            }
            ClientError::Client(_) => None,
        }
    }
}
