//! A token of our own, with which we ask Keystone or another service, renewed before it ends.

use super::http_client::{self, HttpError};
use crate::config::auth::{Credentials, Login};
use crate::proxy::Clients;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// It is renewed so long before it ends.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Why Keystone gives us none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("asking Keystone for a token of our own")]
    Http(#[from] HttpError),
    #[error(
        "Keystone gives us no token of our own ({0}): check the credentials in the configuration"
    )]
    Refused(StatusCode),
    #[error("Keystone's answer is not what its API says")]
    Unreadable,
}

/// No `Debug`: it is a secret.
#[derive(Clone)]
pub(crate) struct Own {
    pub(crate) token: String,
    /// The project that it is for.
    pub(crate) project: Option<String>,
}

pub(crate) struct OwnToken {
    login: Login,
    kept: Mutex<Option<(Own, Timestamp)>>,
}

impl OwnToken {
    pub(crate) fn new(login: Login) -> Self {
        Self {
            login,
            kept: Mutex::default(),
        }
    }

    pub(crate) async fn get(&self, clients: &Clients) -> Result<Own, LoginError> {
        let mut kept = self.kept.lock().await;
        if let Some((own, renew_at)) = kept.as_ref()
            && Timestamp::now() < *renew_at
        {
            return Ok(own.clone());
        }
        let (own, expires_at) = fetch(clients, &self.login).await?;
        let renew_at = expires_at.checked_sub(MARGIN).unwrap_or(expires_at);
        *kept = Some((own.clone(), renew_at));
        Ok(own)
    }

    /// Unless there is another one by now.
    pub(crate) async fn forget(&self, token: &str) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|(kept, _)| kept.token == token) {
            *kept = None;
        }
    }
}

async fn fetch(clients: &Clients, login: &Login) -> Result<(Own, Timestamp), LoginError> {
    let url = format!("{}/auth/tokens", login.url);
    let request = clients
        .for_url(&url)
        .post(&url)
        .query(&[("nocatalog", "1")]);
    let request = request.json(&json!({"auth": auth(&login.credentials)}));
    let answer = http_client::send(request).await?;
    if answer.status != StatusCode::CREATED {
        return Err(LoginError::Refused(answer.status));
    }
    let token = answer.headers.get("x-subject-token");
    let token = token.and_then(|token| token.to_str().ok());
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let text = |place: &str| body.as_ref()?.pointer(place)?.as_str();
    let expires_at = text("/token/expires_at").and_then(|text| text.parse().ok());
    match (token, expires_at) {
        (Some(token), Some(expires_at)) => {
            let own = Own {
                token: token.to_owned(),
                project: text("/token/project/id").map(str::to_owned),
            };
            Ok((own, expires_at))
        }
        _ => Err(LoginError::Unreadable),
    }
}

fn auth(credentials: &Credentials) -> Value {
    match credentials {
        Credentials::Password {
            username,
            password,
            user_domain_name,
            project_name,
            project_domain_name,
        } => {
            let user = json!({
                "name": username,
                "password": password.reveal(),
                "domain": {"name": user_domain_name},
            });
            let scope = match project_name {
                Some(name) => {
                    json!({"project": {"name": name, "domain": {"name": project_domain_name}}})
                }
                None => json!({"system": {"all": true}}),
            };
            json!({"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope})
        }
        Credentials::Application { id, secret } => json!({"identity": {
            "methods": ["application_credential"],
            "application_credential": {"id": id, "secret": secret.reveal()},
        }}),
    }
}
