//! The token with which we ask about those of others, renewed before it ends.

use super::{AskError, http_client};
use crate::config::auth::{Credentials, Keystone};
use crate::proxy::Clients;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// It is renewed so long before it ends.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

#[derive(Default)]
pub(super) struct OwnToken(Mutex<Option<(String, Timestamp)>>);

impl OwnToken {
    pub(super) async fn get(
        &self,
        clients: &Clients,
        settings: &Keystone,
    ) -> Result<String, AskError> {
        let mut kept = self.0.lock().await;
        if let Some((token, renew_at)) = kept.as_ref()
            && Timestamp::now() < *renew_at
        {
            return Ok(token.clone());
        }
        let (token, expires_at) = fetch(clients, settings).await?;
        let renew_at = expires_at.checked_sub(MARGIN).unwrap_or(expires_at);
        *kept = Some((token.clone(), renew_at));
        Ok(token)
    }

    /// Unless there is another one by now.
    pub(super) async fn forget(&self, token: &str) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|(kept, _)| kept == token) {
            *kept = None;
        }
    }
}

async fn fetch(clients: &Clients, settings: &Keystone) -> Result<(String, Timestamp), AskError> {
    let url = format!("{}/auth/tokens", settings.url);
    let request = clients
        .for_url(&url)
        .post(&url)
        .query(&[("nocatalog", "1")]);
    let request = request.json(&json!({"auth": auth(&settings.credentials)}));
    let answer = http_client::send(request).await?;
    if answer.status != StatusCode::CREATED {
        return Err(AskError::OwnCredentials(answer.status));
    }
    let token = answer.headers.get("x-subject-token");
    let token = token.and_then(|token| token.to_str().ok());
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let expires_at = body.as_ref().and_then(|body| {
        let text = body.pointer("/token/expires_at")?.as_str()?;
        text.parse().ok()
    });
    match (token, expires_at) {
        (Some(token), Some(expires_at)) => Ok((token.to_owned(), expires_at)),
        _ => Err(AskError::Unreadable),
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
