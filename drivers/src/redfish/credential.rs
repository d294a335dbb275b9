//! How the account is shown to a BMC: nothing, basic authentication, or a session of which only the token travels.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::info::Login;

/// The header that carries a session's token.
pub(crate) const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// What is sent with each request.
pub(crate) enum Credential {
    Anonymous,
    Basic(HeaderValue),
    Session {
        token: HeaderValue,
        path: Option<String>,
    },
}

impl Credential {
    pub(crate) fn basic(login: &Login) -> Self {
        let encoded = STANDARD.encode(format!("{}:{}", login.user, login.password));
        let mut value = HeaderValue::try_from(format!("Basic {encoded}")).expect("base64 is ASCII");
        value.set_sensitive(true);
        Self::Basic(value)
    }

    /// `path` is where the session ends; `None`: it ends by itself.
    pub(crate) fn session(token: &str, path: Option<String>) -> Option<Self> {
        let mut token = HeaderValue::from_str(token).ok()?;
        token.set_sensitive(true);
        Some(Self::Session { token, path })
    }

    pub(crate) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Anonymous => None,
            Self::Basic(value) => Some((AUTHORIZATION, value.clone())),
            Self::Session { token, .. } => Some((X_AUTH_TOKEN, token.clone())),
        }
    }

    /// Whether the BMC may have forgotten it, so that a new one is worth an attempt.
    pub(crate) fn can_expire(&self) -> bool {
        matches!(self, Self::Session { .. })
    }
}
