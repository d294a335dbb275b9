//! The servers that checks ask (`http:`, `https:`): who they are, and one question to one of them.
//!
//! Checks are looked at by code that cannot wait as tasks do, in handlers and where the store is read. So the thread
//! waits, and hands its other tasks to another one first (`block_in_place`): how long is bounded by the settings, how many
//! threads by [`MOST_AT_ONCE`].

use super::pattern::Pattern;
use super::question::Question;
use super::wrong::Wrong;
use super::{Asked, PolicyError};
use crate::config::auth::{PolicyServers, QuestionForm, Trust};
use crate::proxy::Clients;
use http::{StatusCode, header};
use reqwest::redirect::Policy as Redirects;
use reqwest::{Certificate, ClientBuilder, Identity};
use std::path::Path;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::block_in_place;
use tokio::time::timeout;
use url::Url;

/// Questions that wait for an answer; whoever comes then is refused.
const MOST_AT_ONCE: usize = 64;

/// Of an answer. The one that counts has four.
const LARGEST_BYTES: usize = 4096;

/// What stands in the answer of a server that lets the caller, as Python writes it.
const YES: &str = "True";

/// Where a check asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    scheme: &'static str,
    /// What stands behind the scheme and its colon.
    rest: Pattern,
}

impl Address {
    /// Which server it is does not depend on who asks for what, and no password stands in it, as callers are shown it.
    pub(super) fn parse(scheme: &'static str, rest: &str) -> Result<Self, Wrong> {
        let wrong = || Wrong::Address(format!("{scheme}:{rest}"));
        let pattern = Pattern::parse(rest)?;
        let fixed = rest.split('%').next().unwrap_or_default();
        let server = fixed.strip_prefix("//").ok_or_else(wrong)?;
        let is_fixed = fixed.len() == rest.len() || server.contains(['/', '?']);
        let begins = server.starts_with(|letter: char| letter.is_alphanumeric() || letter == '[');
        let url = Url::parse(&format!("{scheme}:{fixed}")).map_err(|_| wrong())?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !is_fixed || !begins || !is_plain || rest.contains(['#', '\\']) {
            return Err(wrong());
        }
        Ok(Self {
            scheme,
            rest: pattern,
        })
    }

    #[cfg(test)]
    pub(super) fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// `None`: the object is none that has what the address names.
    pub(super) fn url(&self, asked: &Asked<'_>) -> Option<String> {
        let rest = self.rest.fill_encoded(asked)?;
        Some(format!("{}:{rest}", self.scheme))
    }
}

/// How they are asked, ready to be.
#[derive(Debug)]
pub(super) struct Servers {
    clients: Clients,
    form: QuestionForm,
    timeout: Duration,
    places: Semaphore,
}

/// Why a server has not said yes or no.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("asking")]
    Send(#[source] reqwest::Error),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("there was no answer in time (auth.remote_timeout_s)")]
    Late,
    #[error("{MOST_AT_ONCE} questions wait for their answers already")]
    Busy,
    #[error("there is no thread that could wait")]
    NoThread,
}

impl Servers {
    pub(super) fn open(settings: &PolicyServers) -> Result<Self, PolicyError> {
        let authorities = match &settings.trust {
            Trust::File(path) => Some(authorities(path)?),
            Trust::System | Trust::Anybody => None,
        };
        let identity = match &settings.identity {
            Some(files) => {
                let mut both = pem("auth.remote_ssl_client_crt_file", &files.certificate)?;
                if let Some(key) = &files.key {
                    both.push(b'\n');
                    both.extend(pem("auth.remote_ssl_client_key_file", key)?);
                }
                let identity = Identity::from_pem(&both);
                Some(identity.map_err(|source| PolicyError::Identity {
                    path: files.certificate.clone(),
                    source,
                })?)
            }
            None => None,
        };
        let believes_anybody = settings.trust == Trust::Anybody;
        let configure = |builder: ClientBuilder| {
            let builder = builder
                .redirect(Redirects::none())
                .timeout(settings.timeout)
                .tls_danger_accept_invalid_certs(believes_anybody);
            let builder = match &authorities {
                Some(authorities) => builder.tls_certs_only(authorities.clone()),
                None => builder,
            };
            match &identity {
                Some(identity) => builder.identity(identity.clone()),
                None => builder,
            }
        };
        Ok(Self {
            clients: Clients::new(configure, None).map_err(PolicyError::Client)?,
            form: settings.form,
            timeout: settings.timeout,
            places: Semaphore::new(MOST_AT_ONCE),
        })
    }

    /// For all questions of one request.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether the server lets the caller. The thread waits, for this long at most.
    pub(super) fn ask(
        &self,
        url: &str,
        question: &Question,
        limit: Duration,
    ) -> Result<bool, AskError> {
        let runtime = Handle::try_current().map_err(|_| AskError::NoThread)?;
        if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
            return Err(AskError::NoThread);
        }
        let _place = self.places.try_acquire().map_err(|_| AskError::Busy)?;
        let answer = async { timeout(limit, self.send(url, question)).await };
        block_in_place(|| runtime.block_on(answer)).unwrap_or(Err(AskError::Late))
    }

    async fn send(&self, url: &str, question: &Question) -> Result<bool, AskError> {
        let (content_type, body) = match self.form {
            QuestionForm::Form => ("application/x-www-form-urlencoded", question.as_form()),
            QuestionForm::Json => ("application/json", question.as_json()),
        };
        let request = self.clients.for_url(url).post(url);
        let request = request
            .header(header::CONTENT_TYPE, content_type)
            .body(body);
        let mut response = request.send().await.map_err(AskError::Send)?;
        if !response.status().is_success() {
            return Err(AskError::Status(response.status()));
        }
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(AskError::Send)? {
            text.extend_from_slice(&chunk);
            if text.len() > LARGEST_BYTES {
                return Ok(false);
            }
        }
        // It may be a text of JSON.
        Ok(String::from_utf8_lossy(&text).trim_matches('"') == YES)
    }
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, PolicyError> {
    const OPTION: &str = "auth.remote_ssl_ca_crt_file";
    match Certificate::from_pem_bundle(&pem(OPTION, path)?) {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(PolicyError::NoCertificates {
            path: path.to_owned(),
        }),
    }
}

fn pem(option: &'static str, path: &Path) -> Result<Vec<u8>, PolicyError> {
    std::fs::read(path).map_err(|source| PolicyError::Pem {
        option,
        path: path.to_owned(),
        source,
    })
}
