//! How an Ironic is asked: openly, by http_basic in its URL, or with a token of Keystone's, by the options and the
//! environment (`OS_...`) that OpenStack's own clients have.

use crate::cli::client::Client;
use crate::proxy::Clients;
use anyhow::{Context, bail};
use reqwest::{Certificate, ClientBuilder, StatusCode};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(in crate::cli::transfer) struct Access {
    /// A token of Keystone's.
    #[arg(long, env = "OS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    os_token: Option<String>,
    /// Keystone, which gives a token for the user and the password, or the application credential.
    #[arg(long, env = "OS_AUTH_URL", value_name = "URL")]
    os_auth_url: Option<String>,
    #[arg(long, env = "OS_USERNAME", value_name = "NAME")]
    os_username: Option<String>,
    #[arg(
        long,
        env = "OS_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    os_password: Option<String>,
    #[arg(
        long,
        env = "OS_USER_DOMAIN_NAME",
        value_name = "NAME",
        default_value = "Default"
    )]
    os_user_domain_name: String,
    /// Without a project the token is of the system, whose readers see all nodes.
    #[arg(long, env = "OS_PROJECT_NAME", value_name = "NAME")]
    os_project_name: Option<String>,
    #[arg(
        long,
        env = "OS_PROJECT_DOMAIN_NAME",
        value_name = "NAME",
        default_value = "Default"
    )]
    os_project_domain_name: String,
    #[arg(long, env = "OS_APPLICATION_CREDENTIAL_ID", value_name = "ID")]
    os_application_credential_id: Option<String>,
    #[arg(
        long,
        env = "OS_APPLICATION_CREDENTIAL_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    os_application_credential_secret: Option<String>,
    /// Certificates of an authority that signs those of the Ironic and of Keystone, in PEM.
    #[arg(long, env = "OS_CACERT", value_name = "FILE")]
    os_cacert: Option<PathBuf>,
}

impl Access {
    /// A client of the Ironic there. A user in the URL is http_basic's, and asks no Keystone.
    pub(super) async fn client(&self, url: &str) -> anyhow::Result<Client> {
        let authorities = match &self.os_cacert {
            Some(file) => authorities(file)?,
            None => Vec::new(),
        };
        let base = url.trim_end_matches('/').trim_end_matches("/v1");
        let client = Client::trusting(base, &authorities)?;
        if client.has_password() {
            return Ok(client);
        }
        let token = match (&self.os_token, &self.os_auth_url) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(keystone)) => {
                let token = self.token(keystone, &authorities).await;
                let doing = || format!("asking Keystone at {keystone} for a token");
                Some(token.with_context(doing)?)
            }
            (None, None) => None,
        };
        Ok(client.with_token(token))
    }

    async fn token(&self, keystone: &str, authorities: &[Certificate]) -> anyhow::Result<String> {
        let keystone = keystone.trim_end_matches('/').trim_end_matches("/v3");
        let url = format!("{keystone}/v3/auth/tokens?nocatalog=1");
        let configure = |builder: ClientBuilder| {
            let authorities = authorities.iter().cloned();
            authorities.fold(builder, ClientBuilder::add_root_certificate)
        };
        let clients = Clients::new(configure, None)?;
        let request = clients.for_url(&url).post(&url).timeout(TIMEOUT);
        let answer = request.json(&json!({"auth": self.auth()?})).send().await?;
        if answer.status() != StatusCode::CREATED {
            bail!(
                "it answers {}: are user, password, domain and project right?",
                answer.status()
            );
        }
        let token = answer.headers().get("X-Subject-Token");
        let token = token.and_then(|token| token.to_str().ok());
        token
            .map(str::to_owned)
            .context("it answers without a token")
    }

    fn auth(&self) -> anyhow::Result<Value> {
        if let (Some(id), Some(secret)) = (
            &self.os_application_credential_id,
            &self.os_application_credential_secret,
        ) {
            return Ok(json!({"identity": {
                "methods": ["application_credential"],
                "application_credential": {"id": id, "secret": secret},
            }}));
        }
        let (Some(name), Some(password)) = (&self.os_username, &self.os_password) else {
            bail!(
                "OS_AUTH_URL is set, so OS_USERNAME and OS_PASSWORD must be, or those of an application credential, or OS_TOKEN"
            );
        };
        let user = json!({
            "name": name,
            "password": password,
            "domain": {"name": self.os_user_domain_name},
        });
        let scope = match &self.os_project_name {
            Some(name) => {
                json!({"project": {"name": name, "domain": {"name": self.os_project_domain_name}}})
            }
            None => json!({"system": {"all": true}}),
        };
        Ok(json!({
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": scope,
        }))
    }
}

fn authorities(file: &Path) -> anyhow::Result<Vec<Certificate>> {
    let pem = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    Certificate::from_pem_bundle(&pem)
        .with_context(|| format!("{} has no certificates in PEM", file.display()))
}
