//! One BMC: its session, its request budget, and the one place where requests are repeated.
//!
//! Every handle to a machine behind this BMC shares the value. It does not know what a system or a boot device is.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;
use url::Url;

use super::credential::Credential;
use super::exchange::{Answer, ReadError, Request, no_answer};
use super::http::client;
use super::info::{AuthType, Login, RedfishInfo};
use super::resource::Resource;
use super::tls::TlsError;
use crate::permit::Gate;
use crate::{BmcError, Settings};

/// The service root, which needs no credentials.
pub(super) const ROOT: &str = "/redfish/v1/";

pub(crate) struct Bmc {
    pub(super) address: Url,
    /// The address as errors name it.
    pub(super) name: String,
    pub(super) login: Option<Login>,
    pub(super) auth: AuthType,
    pub(super) http: Client,
    settings: Settings,
    gate: Gate,
    places: Semaphore,
    pub(super) credential: Mutex<Option<Arc<Credential>>>,
    /// Held while a session is opened, so that many requests open one session.
    pub(super) login_turn: Arc<tokio::sync::Mutex<()>>,
    /// The value itself, for what outlives the request that needs it.
    pub(super) itself: Weak<Self>,
    only_system: Mutex<Option<String>>,
}

impl Bmc {
    pub(crate) fn new(
        info: &RedfishInfo,
        settings: &Settings,
        gate: Gate,
    ) -> Result<Arc<Self>, TlsError> {
        let http = client(info, settings)?;
        Ok(Arc::new_cyclic(|itself| Self {
            name: info.address.as_str().trim_end_matches('/').to_owned(),
            address: info.address.clone(),
            login: info.login.clone(),
            auth: info.auth,
            http,
            places: Semaphore::new(settings.requests_per_bmc),
            settings: settings.clone(),
            gate,
            credential: Mutex::new(None),
            login_turn: Arc::default(),
            itself: itself.clone(),
            only_system: Mutex::new(None),
        }))
    }

    /// The address as errors name it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Resource, BmcError> {
        let request = Request::get(path);
        let answer = self.send(&request).await?;
        match answer.json() {
            Some(body @ Value::Object(_)) => Ok(Resource::new(path, answer.etag(), body)),
            _ => Err(self.unusable(&request, "it is not a JSON object")),
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<(), BmcError> {
        self.send(&Request::post(path, body)).await.map(drop)
    }

    /// Sends a request until it is answered, refused for good, or out of attempts or time.
    pub(crate) async fn send(&self, request: &Request<'_>) -> Result<Answer, BmcError> {
        let deadline = Instant::now() + self.settings.call_timeout;
        let mut pause = self.settings.backoff;
        let mut attempt = 1;
        loop {
            let late = || BmcError::NoAnswer {
                address: self.name.clone(),
                request: request.name(),
                limit: self.settings.call_timeout,
            };
            let error = match timeout_at(deadline, self.attempt(request))
                .await
                .unwrap_or_else(|_| Err(late()))
            {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = error
                .retry_after()
                .unwrap_or(pause)
                .min(self.settings.longest_backoff);
            let is_last = attempt >= self.settings.attempts || Instant::now() + wait >= deadline;
            if is_last || !request.may_repeat_after(&error) {
                return Err(error);
            }
            debug!(bmc = self.name, request = request.name(), attempt, %error, "sending again");
            sleep(wait).await;
            attempt += 1;
            pause = (pause * 2).min(self.settings.longest_backoff);
        }
    }

    /// One attempt; a session that the BMC no longer knows is renewed once within it.
    async fn attempt(&self, request: &Request<'_>) -> Result<Answer, BmcError> {
        let credential = self.credential().await?;
        let answer = self.exchange(request, &credential).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return answer.check(&self.name, request);
        }
        self.forget(&credential);
        if !credential.can_expire() {
            return answer.check(&self.name, request);
        }
        let credential = self.credential().await?;
        let answer = self.exchange(request, &credential).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.forget(&credential);
        }
        answer.check(&self.name, request)
    }

    /// One request and its answer, whatever its status.
    pub(super) async fn exchange(
        &self,
        request: &Request<'_>,
        credential: &Credential,
    ) -> Result<Answer, BmcError> {
        let url = self.url(request)?;
        let _place = self
            .places
            .acquire()
            .await
            .expect("the semaphore is never closed");
        if request.needs_permit {
            let limit = self.settings.connect_timeout + self.settings.read_timeout;
            self.gate.check(limit, &self.name, &request.name())?;
        }
        let mut builder = self
            .http
            .request(request.method.clone(), url)
            .header("OData-Version", "4.0")
            .header("Accept", "application/json")
            // Without this some BMCs compress whatever they send.
            .header("Accept-Encoding", "identity");
        if let Some((name, value)) = credential.header() {
            builder = builder.header(name, value);
        }
        if let Some(etag) = request.if_match {
            builder = builder.header("If-Match", etag);
        }
        if let Some(body) = request.body {
            builder = builder.json(body);
        }
        let limit = self.settings.read_timeout;
        let response = builder
            .send()
            .await
            .map_err(|error| no_answer(&self.name, request, error, limit))?;
        match Answer::read(response, self.settings.answer_limit_bytes).await {
            Ok(answer) => Ok(answer),
            Err(ReadError::Broken(error)) => Err(no_answer(&self.name, request, error, limit)),
            Err(ReadError::TooLong) => Err(self.unusable(request, "it is too long")),
        }
    }

    /// A link that a BMC gives must stay at this BMC: what is sent there carries its credentials.
    fn url(&self, request: &Request<'_>) -> Result<Url, BmcError> {
        let url = self
            .address
            .join(request.path)
            .ok()
            .filter(|url| url.origin() == self.address.origin());
        url.ok_or_else(|| self.unusable(request, "the path does not belong to this BMC"))
    }

    pub(crate) fn unusable(&self, request: &Request<'_>, problem: &str) -> BmcError {
        BmcError::Answer {
            address: self.name.clone(),
            request: request.name(),
            problem: problem.to_owned(),
        }
    }

    /// The BMC's only system, found once.
    pub(crate) async fn only_system(&self) -> Result<String, BmcError> {
        if let Some(path) = self.only_system.lock().clone() {
            return Ok(path);
        }
        let root = self.get(ROOT).await?;
        let systems = self
            .get(root.link("/Systems").unwrap_or("/redfish/v1/Systems"))
            .await?;
        match <[String; 1]>::try_from(systems.members()) {
            Ok([path]) => {
                *self.only_system.lock() = Some(path.clone());
                Ok(path)
            }
            Err(found) => Err(BmcError::WhichSystem {
                address: self.name.clone(),
                found,
            }),
        }
    }

    /// The system that was found is gone.
    pub(crate) fn forget_system(&self) {
        *self.only_system.lock() = None;
    }
}
