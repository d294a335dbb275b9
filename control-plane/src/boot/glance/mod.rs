//! OpenStack's image service as a source of images: what it says of one, and its bytes.
//!
//! Nothing is kept here but a token: a record is asked for each time, so that an image that was deactivated, or taken away
//! from us, is not given out any more. Bytes pass through as they come and are never stored.

mod record;
mod serve;
mod temp_url;

pub(super) use record::ImageRecord;
pub(super) use serve::serve;

use super::image::without_secrets;
use crate::auth::http_client::{self, HttpError};
use crate::auth::{LoginError, OwnToken};
use crate::config::glance::{Access, Glance as Settings};
use crate::proxy::Clients;
use http::header::RANGE;
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use reqwest::{Certificate, RequestBuilder, Response};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Why an image of Glance cannot be had. Each is one sentence with its sources.
#[derive(Debug, thiserror::Error)]
pub enum GlanceError {
    #[error(
        "the image {0} is one of Glance, and no Glance is configured: add the section [glance]"
    )]
    NotConfigured(Uuid),
    #[error("logging in for Glance, by what [glance] says")]
    Login(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("asking Glance ({url}) about the image {id}")]
    Asking {
        url: String,
        id: Uuid,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(
        "Glance has no image {0}, or does not show it to us: correct image_source, or share the image"
    )]
    NotFound(Uuid),
    #[error(
        "Glance ({url}) refuses our token ({status}) for the image {id}: check the credentials in [glance]"
    )]
    Refused {
        url: String,
        id: Uuid,
        status: StatusCode,
    },
    #[error("Glance ({url}) answers {status} for the image {id}")]
    Answer {
        url: String,
        id: Uuid,
        status: StatusCode,
    },
    #[error("Glance's record of the image {0} is not what its API says")]
    Unreadable(Uuid),
    #[error("the image {id} is {status} in Glance, not active: upload its data, or reactivate it")]
    NotActive { id: Uuid, status: String },
    #[error(
        "the image {0} belongs to another project and is not shared with ours: share it, or set \
         glance.allow_private_images"
    )]
    NotOurs(Uuid),
    #[error("trying the URL that the machine would get ({place})")]
    Trying {
        place: String,
        #[source]
        source: reqwest::Error,
    },
    #[error(
        "the URL that the machine would get ({place}) is answered with {status}: check glance.access, and with \
         \"tempurl\" url, account, container and temp_url_key in [glance.swift]"
    )]
    NoBytes { place: String, status: StatusCode },
    #[error("the image {id} cannot be used: {problem}")]
    Unusable { id: Uuid, problem: String },
}

impl GlanceError {
    /// Whether it may be gone in a moment.
    fn is_passing(&self) -> bool {
        match self {
            Self::Login(_) | Self::Asking { .. } | Self::Refused { .. } => true,
            Self::Answer { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }
}

/// Why Glance cannot be used at all, at start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("reading glance.ca {path}", path = path.display())]
    Ca {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("glance.ca {path} holds no certificates in PEM", path = path.display())]
    NoCertificates { path: PathBuf },
    #[error("making an HTTP client for Glance")]
    Client(#[from] reqwest::Error),
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Glance(Arc<Inner>);

struct Inner {
    settings: Settings,
    asking: Clients,
    downloading: Clients,
    own: Option<OwnToken>,
}

/// The UUID of a Glance image, where the text names one: by itself, or as `glance://UUID`.
pub(crate) fn image_id(source: &str) -> Option<Uuid> {
    let id = source.strip_prefix("glance://").unwrap_or(source);
    // Of the forms of a UUID the one with dashes alone is Glance's.
    (id.len() == 36).then(|| id.parse().ok()).flatten()
}

impl Glance {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// [`OpenError`] names the setting.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        let ca = settings.ca.as_ref().map(certificates).transpose()?;
        let timeout = Duration::from_secs(settings.timeout_s);
        Ok(Self(Arc::new(Inner {
            asking: http_client::clients_trusting(ca.as_deref(), timeout)?,
            downloading: http_client::clients_for_downloads(ca.as_deref(), timeout)?,
            own: settings.login.clone().map(OwnToken::new),
            settings: settings.clone(),
        })))
    }

    /// The record of an image that is active, and that we may give to a machine.
    pub(super) async fn image(&self, id: Uuid) -> Result<ImageRecord, GlanceError> {
        let url = self.url(id);
        let (status, body) = self.ask(id, &url).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(GlanceError::NotFound(id)),
            status => return Err(self.unexpected(id, status)),
        }
        let record: ImageRecord =
            serde_json::from_slice(&body).map_err(|_unreadable| GlanceError::Unreadable(id))?;
        if record.status != "active" {
            let status = record.status;
            return Err(GlanceError::NotActive { id, status });
        }
        if !self.may_be_given(id, &record).await? {
            return Err(GlanceError::NotOurs(id));
        }
        Ok(record)
    }

    /// The bytes from `range` on, as Glance answers: 200, 206 or 416.
    async fn download(
        &self,
        id: Uuid,
        range: Option<&HeaderValue>,
    ) -> Result<Response, GlanceError> {
        let url = format!("{}/file", self.url(id));
        let clients = &self.0.downloading;
        let send = async || {
            let mut request = clients.for_url(&url).get(&url);
            if let Some(range) = range {
                request = request.header(RANGE, range.clone());
            }
            let (request, token) = self.with_token(request).await?;
            let sent = request.send().await;
            let response = sent.map_err(|error| self.asking(id, error.without_url()))?;
            Ok((response, token))
        };
        let (mut response, token) = send().await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.forget(token).await {
            response = send().await?.0;
        }
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                Ok(response)
            }
            // It has a record, and no data.
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Err(GlanceError::NotFound(id)),
            status => Err(self.unexpected(id, status)),
        }
    }

    /// Where machines get the bytes without us and without a token, tried once; `None`: they get them from us.
    pub(super) async fn direct_url(&self, id: Uuid) -> Result<Option<String>, GlanceError> {
        let url = match &self.0.settings.access {
            Access::Proxy => return Ok(None),
            Access::Direct => format!("{}/file", self.url(id)),
            Access::TempUrl(settings) => {
                temp_url::of_image(settings, &id.to_string(), Timestamp::now())
            }
        };
        // As a machine asks; not all answer HEAD.
        let request = self.0.asking.for_url(&url).get(&url);
        let sent = request.header(RANGE, "bytes=0-0").send().await;
        let place = || without_secrets(&url);
        let answer = sent.map_err(|error| GlanceError::Trying {
            place: place(),
            source: error.without_url(),
        })?;
        match answer.status() {
            status if status.is_success() => Ok(Some(url)),
            status => Err(GlanceError::NoBytes {
                place: place(),
                status,
            }),
        }
    }

    fn url(&self, id: Uuid) -> String {
        format!("{}/v2/images/{id}", self.0.settings.url)
    }

    async fn ask(&self, id: Uuid, url: &str) -> Result<(StatusCode, Vec<u8>), GlanceError> {
        let clients = &self.0.asking;
        let send = async || {
            let request = clients.for_url(url).get(url);
            let (request, token) = self.with_token(request).await?;
            let answer = http_client::send(request).await;
            let answer = answer.map_err(|error| match error {
                HttpError::Send(error) => self.asking(id, error.without_url()),
                other => self.asking(id, other),
            })?;
            Ok((answer, token))
        };
        let (mut answer, token) = send().await?;
        if answer.status == StatusCode::UNAUTHORIZED && self.forget(token).await {
            answer = send().await?.0;
        }
        Ok((answer.status, answer.body))
    }

    async fn with_token(
        &self,
        request: RequestBuilder,
    ) -> Result<(RequestBuilder, Option<String>), GlanceError> {
        let Some(own) = &self.0.own else {
            return Ok((request, None));
        };
        let token = own.get(&self.0.asking).await.map_err(login)?.token;
        Ok((request.header("X-Auth-Token", &token), Some(token)))
    }

    /// A token that was refused may have been revoked; answers whether another one can be had.
    async fn forget(&self, token: Option<String>) -> bool {
        match (&self.0.own, token) {
            (Some(own), Some(token)) => {
                own.forget(&token).await;
                true
            }
            _ => false,
        }
    }

    /// Our credentials may show us images of everybody: who sets a node's `image_source` must not get these by us.
    async fn may_be_given(&self, id: Uuid, record: &ImageRecord) -> Result<bool, GlanceError> {
        let visibility = record.visibility.as_deref();
        let everybodys = matches!(visibility, Some("public" | "community"));
        let Some(own) = self.0.own.as_ref() else {
            // Who needs no token sees what we see.
            return Ok(true);
        };
        if everybodys || self.0.settings.allow_private_images {
            return Ok(true);
        }
        let Some(project) = own.get(&self.0.asking).await.map_err(login)?.project else {
            return Ok(false);
        };
        if record.owner.as_deref() == Some(project.as_str()) {
            return Ok(true);
        }
        if visibility != Some("shared") {
            return Ok(false);
        }
        let member = format!("{}/members/{project}", self.url(id));
        match self.ask(id, &member).await?.0 {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Ok(false),
            status => Err(self.unexpected(id, status)),
        }
    }

    fn asking(
        &self,
        id: Uuid,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> GlanceError {
        GlanceError::Asking {
            url: self.0.settings.url.clone(),
            id,
            source: source.into(),
        }
    }

    fn unexpected(&self, id: Uuid, status: StatusCode) -> GlanceError {
        let url = self.0.settings.url.clone();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                GlanceError::Refused { url, id, status }
            }
            status => GlanceError::Answer { url, id, status },
        }
    }
}

fn login(error: LoginError) -> GlanceError {
    GlanceError::Login(Box::new(error))
}

fn certificates(path: &PathBuf) -> Result<Vec<Certificate>, OpenError> {
    let pem = std::fs::read(path).map_err(|source| OpenError::Ca {
        path: path.clone(),
        source,
    })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(OpenError::NoCertificates { path: path.clone() }),
    }
}

#[cfg(test)]
mod tests;
