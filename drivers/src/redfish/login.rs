//! How a BMC is logged into: opening, sharing, renewing and ending its session.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::JoinError;
use tokio::time::timeout;
use tracing::{debug, info};

use super::bmc::{Bmc, ROOT};
use super::credential::{Credential, X_AUTH_TOKEN};
use super::exchange::Request;
use super::info::{AuthType, Login};
use super::resource::Resource;
use crate::BmcError;

const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
/// How long saying goodbye may take.
const LOGOUT_LIMIT: Duration = Duration::from_secs(5);

impl Bmc {
    /// What to send with a request; a session is opened by the first who asks.
    pub(super) async fn credential(&self) -> Result<Arc<Credential>, BmcError> {
        if let Some(credential) = self.known_credential() {
            return Ok(credential);
        }
        let turn = self.login_turn.clone().lock_owned().await;
        if let Some(credential) = self.known_credential() {
            return Ok(credential);
        }
        let bmc = self.itself.upgrade().expect("whoever asks holds it");
        // Whoever asks may have no more time before the BMC has answered. The session would stay open then, and known to
        // nobody: so the login goes on by itself, and the next one who asks has the session.
        let login = Handle::current().spawn(async move {
            let _turn = turn;
            let credential = Arc::new(bmc.log_in().await?);
            *bmc.credential.lock() = Some(credential.clone());
            Ok(credential)
        });
        match login.await.map_err(JoinError::try_into_panic) {
            Ok(outcome) => outcome,
            Err(Ok(panic)) => resume_unwind(panic),
            // The process ends.
            Err(Err(_)) => pending().await,
        }
    }

    fn known_credential(&self) -> Option<Arc<Credential>> {
        self.credential.lock().clone()
    }

    /// Forgets a credential that was refused, unless somebody has replaced it already.
    pub(super) fn forget(&self, refused: &Arc<Credential>) {
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
        let request = Request::login(path, &body);
        let answer = self
            .exchange(&request, &Credential::Anonymous)
            .await
            .map_err(Refusal::for_good)?;
        // A service that answers in Redfish's words has judged the password; asking it again would lock the account.
        let is_judged = !answer.wants_basic() || answer.is_redfish_error();
        if answer.status() == StatusCode::UNAUTHORIZED && is_judged {
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
        // A login that is under way has a session soon. One that takes longer than this is left behind.
        let _turn = timeout(LOGOUT_LIMIT, self.login_turn.lock()).await;
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
}

impl Drop for Bmc {
    /// Many BMCs have few sessions and keep them for half an hour, so leaving one open is worth a request that nobody
    /// waits for. At the end of a process `Drivers::close` does it in order.
    fn drop(&mut self) {
        if let (Some(goodbye), Ok(runtime)) = (self.goodbye(), Handle::try_current()) {
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
