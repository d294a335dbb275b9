//! One BMC: its session, its request budget, and the one place where requests are repeated.
//!
//! Every handle to a machine behind this BMC shares the value. It does not know what a system or a boot device is.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, info};
use url::Url;

use super::credential::{Credential, X_AUTH_TOKEN};
use super::exchange::{Answer, ReadError, Request, no_answer};
use super::info::{AuthType, Login, RedfishInfo, Verify};
use super::resource::Resource;
use super::tls::{TlsError, client_config};
use crate::{BmcError, Settings};

const ROOT: &str = "/redfish/v1/";
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
/// How long saying goodbye may take.
const LOGOUT_LIMIT: Duration = Duration::from_secs(5);

pub(crate) struct Bmc {
    address: Url,
    /// The address as errors name it.
    name: String,
    login: Option<Login>,
    auth: AuthType,
    http: Client,
    settings: Settings,
    places: Semaphore,
    credential: Mutex<Option<Arc<Credential>>>,
    /// Held while a session is opened, so that many requests open one session.
    login_turn: tokio::sync::Mutex<()>,
    only_system: Mutex<Option<String>>,
}

impl Bmc {
    pub(crate) fn new(info: &RedfishInfo, settings: &Settings) -> Result<Self, TlsError> {
        Ok(Self {
            name: info.address.as_str().trim_end_matches('/').to_owned(),
            address: info.address.clone(),
            login: info.login.clone(),
            auth: info.auth,
            http: client(info, settings)?,
            places: Semaphore::new(settings.requests_per_bmc),
            settings: settings.clone(),
            credential: Mutex::new(None),
            login_turn: tokio::sync::Mutex::new(()),
            only_system: Mutex::new(None),
        })
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

    async fn exchange(
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
        let mut builder = self
            .http
            .request(request.method.clone(), url)
            .header("OData-Version", "4.0")
            .header("Accept", "application/json");
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

    async fn credential(&self) -> Result<Arc<Credential>, BmcError> {
        if let Some(credential) = self.known_credential() {
            return Ok(credential);
        }
        let _turn = self.login_turn.lock().await;
        if let Some(credential) = self.known_credential() {
            return Ok(credential);
        }
        let credential = Arc::new(self.log_in().await?);
        *self.credential.lock() = Some(credential.clone());
        Ok(credential)
    }

    fn known_credential(&self) -> Option<Arc<Credential>> {
        self.credential.lock().clone()
    }

    /// Forgets a credential that was refused, unless somebody has replaced it already.
    fn forget(&self, refused: &Arc<Credential>) {
        let mut known = self.credential.lock();
        if known
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, refused))
        {
            *known = None;
        }
    }

    async fn log_in(&self) -> Result<Credential, BmcError> {
        let Some(login) = &self.login else {
            return Ok(Credential::Anonymous);
        };
        match self.auth {
            AuthType::Basic => Ok(Credential::basic(login)),
            AuthType::Session => {
                let path = self
                    .sessions_path()
                    .await?
                    .unwrap_or_else(|| SESSIONS.to_owned());
                self.open_session(&path, login)
                    .await
                    .map_err(|refusal| refusal.error)
            }
            AuthType::Auto => self.log_in_as_offered(login).await,
        }
    }

    /// A session where the BMC has them. Where it refuses one for any other reason than the password, it may be out of
    /// sessions or have them switched off, and basic authentication serves as well.
    async fn log_in_as_offered(&self, login: &Login) -> Result<Credential, BmcError> {
        let Some(path) = self.sessions_path().await? else {
            return Ok(Credential::basic(login));
        };
        match self.open_session(&path, login).await {
            Ok(session) => Ok(session),
            Err(Refusal {
                error,
                next: Next::Basic,
            }) => {
                info!(bmc = self.name, %error, "no session, using basic authentication");
                Ok(Credential::basic(login))
            }
            Err(Refusal {
                error,
                next: Next::GiveUp,
            }) => Err(error),
        }
    }

    /// Where sessions are opened; the root needs no credentials. `None`: this BMC has none.
    async fn sessions_path(&self) -> Result<Option<String>, BmcError> {
        let request = Request::get(ROOT);
        let answer = self.exchange(&request, &Credential::Anonymous).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Ok(Some(SESSIONS.to_owned()));
        }
        let root = Resource::new(
            ROOT,
            None,
            answer
                .check(&self.name, &request)?
                .json()
                .unwrap_or_default(),
        );
        let service = root.link("/SessionService").map(|_| SESSIONS);
        Ok(root.link("/Links/Sessions").or(service).map(str::to_owned))
    }

    async fn open_session(&self, path: &str, login: &Login) -> Result<Credential, Refusal> {
        let body = json!({"UserName": login.user, "Password": login.password});
        let request = Request::post(path, &body);
        let answer = self
            .exchange(&request, &Credential::Anonymous)
            .await
            .map_err(Refusal::for_good)?;
        if answer.status() == StatusCode::UNAUTHORIZED && !answer.wants_basic() {
            return Err(Refusal::for_good(BmcError::Credentials {
                address: self.name.clone(),
            }));
        }
        let answer = answer
            .check(&self.name, &request)
            .map_err(|error| Refusal {
                error,
                next: Next::Basic,
            })?;
        let link = |body: Value| Some(body.get("@odata.id")?.as_str()?.to_owned());
        let location = answer
            .location()
            .map(str::to_owned)
            .or_else(|| answer.json().and_then(link));
        let ends_at = location
            .and_then(|location| Some(self.address.join(&location).ok()?.path().to_owned()));
        let session = answer
            .header(&X_AUTH_TOKEN)
            .and_then(|token| Credential::session(token, ends_at));
        session.ok_or_else(|| Refusal {
            error: self.unusable(&request, "it has no X-Auth-Token"),
            next: Next::Basic,
        })
    }

    /// Ends the session, if there is one; a failure only leaves it to end by itself.
    pub(crate) async fn log_out(&self) {
        if let Some(goodbye) = self.goodbye() {
            goodbye.await;
        }
    }

    /// What ends the session. It borrows nothing, so that it can outlive the value.
    fn goodbye(&self) -> Option<impl Future<Output = ()> + Send + 'static> {
        let credential = self.credential.lock().take()?;
        let Credential::Session {
            token,
            path: Some(path),
        } = &*credential
        else {
            return None;
        };
        let url = self.address.join(path).ok()?;
        let request = self
            .http
            .request(Method::DELETE, url)
            .header(X_AUTH_TOKEN, token.clone())
            .timeout(LOGOUT_LIMIT);
        let name = self.name.clone();
        Some(async move {
            if let Err(error) = request.send().await {
                debug!(
                    bmc = name,
                    error = &error as &dyn std::error::Error,
                    "the session is left to end by itself"
                );
            }
        })
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

impl Drop for Bmc {
    /// Many BMCs have few sessions and keep them for half an hour, so leaving one open is worth a request that nobody
    /// waits for. At the end of a process `Drivers::close` does it in order.
    fn drop(&mut self) {
        if let (Some(goodbye), Ok(runtime)) =
            (self.goodbye(), tokio::runtime::Handle::try_current())
        {
            drop(runtime.spawn(goodbye));
        }
    }
}

/// Why there is no session, and what may still help.
struct Refusal {
    error: BmcError,
    next: Next,
}

enum Next {
    Basic,
    GiveUp,
}

impl Refusal {
    fn for_good(error: BmcError) -> Self {
        Self {
            error,
            next: Next::GiveUp,
        }
    }
}

/// No proxy: a BMC is in a network of its own, and its credentials are nobody else's.
fn client(info: &RedfishInfo, settings: &Settings) -> Result<Client, TlsError> {
    // Without TLS nothing is verified, and no CA is needed.
    let verify = if info.address.scheme() == "https" {
        &info.verify
    } else {
        &Verify::Nothing
    };
    let builder = Client::builder()
        .no_proxy()
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        .timeout(settings.connect_timeout + settings.read_timeout)
        .redirect(same_origin())
        .user_agent(concat!("ferric/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(client_config(verify)?);
    Ok(builder
        .build()
        .expect("every part of the client's configuration is given by us"))
}

/// Follows a BMC around its own address only, because requests carry its credentials.
fn same_origin() -> Policy {
    Policy::custom(|attempt| {
        let is_same = attempt
            .previous()
            .first()
            .is_some_and(|first| first.origin() == attempt.url().origin());
        if is_same && attempt.previous().len() <= 3 {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}
