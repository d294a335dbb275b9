//! HTTP to the conductors, for operators and machines alike; no answer is an error, whatever it says is an answer.
//!
//! Each request goes to the next conductor in turn, whoever owns the node that it is about.

use anyhow::Context;
use parking_lot::Mutex;
use reqwest::Method;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Longer than a conductor waits for another one or for its store.
const ANSWER: Duration = Duration::from_secs(15);
const CONNECT: Duration = Duration::from_secs(5);
/// Whoever looks goes on looking for so long.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What an operator or a machine sends its requests with.
#[derive(Clone, Debug)]
pub struct Client {
    bases: Arc<[String]>,
    turn: Arc<AtomicUsize>,
    http: reqwest::Client,
    version: &'static str,
    tally: Arc<Mutex<Tally>>,
}

/// How requests were answered.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// By status.
    pub answers: BTreeMap<u16, usize>,
    /// No answer came.
    pub lost: usize,
    /// 503 that does not say when to come back.
    pub endless: usize,
    /// What nobody should be answered, in words.
    pub faults: Vec<String>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// # Errors
    /// For every status that is no success.
    pub fn success(self) -> anyhow::Result<Value> {
        match self.status {
            200..300 => Ok(self.body),
            status => anyhow::bail!("{status}: {}", self.body),
        }
    }
}

impl Client {
    fn new(bases: &[String], version: &'static str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(ANSWER)
            .connect_timeout(CONNECT)
            .no_proxy()
            .build()?;
        Ok(Self {
            bases: bases.into(),
            turn: Arc::default(),
            http,
            version,
            tally: Arc::default(),
        })
    }

    /// # Errors
    /// When no client can be made.
    pub fn of_operator(bases: &[String]) -> anyhow::Result<Self> {
        Self::new(bases, "1.115")
    }

    /// # Errors
    /// When no client can be made.
    pub fn of_machine(bases: &[String]) -> anyhow::Result<Self> {
        Self::new(bases, "1.68")
    }

    /// How it was answered so far, and all that were cloned from it.
    pub fn tally(&self) -> Tally {
        self.tally.lock().clone()
    }

    /// # Errors
    /// When no answer comes.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        extra: Option<(&'static str, &str)>,
    ) -> anyhow::Result<Answer> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let base = &self.bases[turn % self.bases.len()];
        let mut request = self
            .http
            .request(method.clone(), format!("{base}{path}"))
            .header("X-OpenStack-Ironic-API-Version", self.version);
        if let Some((name, value)) = extra {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answered = async {
            let answer = request.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, retry_after(&headers), answer.text().await?))
        };
        let answered = answered.await;
        let mut tally = self.tally.lock();
        match &answered {
            Ok((status, retry_after, text)) => {
                *tally.answers.entry(*status).or_default() += 1;
                tally.endless += usize::from(*status == 503 && retry_after.is_none());
                // 504: whoever owns the node was told and did not answer.
                if *status >= 500 && ![503, 504].contains(status) {
                    tally
                        .faults
                        .push(format!("{method} {base}{path}: {status}: {text}"));
                }
            }
            Err(_) => tally.lost += 1,
        }
        drop(tally);
        let (status, retry_after, text) = answered.with_context(|| format!("{base}{path}"))?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer {
            status,
            body,
            retry_after,
        })
    }

    /// # Errors
    /// When there is no answer, or it is no success; so in the methods below.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.call(Method::GET, path, None, None).await?;
        answer.success().with_context(|| format!("GET {path}"))
    }

    /// Asks again, one conductor after the other, until one answers; comes back when it is told to.
    ///
    /// # Errors
    /// What nobody should ask again after; the last failure when it has tried for long.
    pub async fn look(&self, path: &str) -> anyhow::Result<Value> {
        let begun = Instant::now();
        loop {
            let answer = self.call(Method::GET, path, None, None).await;
            let is_over = begun.elapsed() >= PATIENCE;
            let pause = match answer {
                Ok(answer) if ![503, 504].contains(&answer.status) || is_over => {
                    return answer.success().with_context(|| format!("GET {path}"));
                }
                Ok(answer) => answer.retry_after.unwrap_or(PAUSE),
                Err(lost) if is_over => return Err(lost),
                Err(_) => PAUSE,
            };
            sleep(pause.min(LONGEST_PAUSE)).await;
        }
    }

    /// Comes back when it is told to: then nothing was done.
    ///
    /// # Errors
    /// See [`Client::get`].
    pub async fn create(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let begun = Instant::now();
        loop {
            let answer = self.call(Method::POST, path, Some(body), None).await?;
            match answer.retry_after.filter(|_| answer.status == 503) {
                Some(pause) if begun.elapsed() < PATIENCE => sleep(pause).await,
                Some(_) | None => {
                    return answer.success().with_context(|| format!("POST {path}"));
                }
            }
        }
    }

    /// # Errors
    /// See [`Client::get`].
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.call(Method::POST, path, Some(body), None).await?;
        answer.success().with_context(|| format!("POST {path}"))
    }

    /// # Errors
    /// See [`Client::get`].
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.call(Method::PUT, path, Some(body), None).await?;
        answer.success().with_context(|| format!("PUT {path}"))
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
