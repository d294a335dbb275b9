//! Who asks: the strategies by which the operators' API knows its callers.
//!
//! A strategy reads the headers of a request and says who sent it, or why nobody is let in. What a caller may do is
//! `api::access`'s. No password and no token is logged, and none is kept but as a keyed hash.

mod basic;
mod cache;
mod caller;
pub(crate) mod http_client;
mod keystone;
mod oidc;
#[cfg(test)]
pub(crate) mod played;
mod refusal;

pub use caller::Role;
pub(crate) use caller::{Caller, Domains, Identity, Project, Scope};
pub(crate) use keystone::{LoginError, OwnToken};
pub(crate) use refusal::Refusal;

use crate::config::auth::Strategy;
use basic::Basic;
use http::HeaderMap;
use keystone::Keystone;
use oidc::Oidc;
use std::sync::Arc;

/// The strategy that was chosen, with what it needs. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

enum Inner {
    Nobody,
    Basic(Box<Basic>),
    Keystone(Box<Keystone>),
    Oidc(Box<Oidc>),
    /// Everybody is this one.
    #[cfg(test)]
    Played(Identity),
}

/// Why a strategy cannot be used, at start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Basic(#[from] basic::FileError),
    #[error("making an HTTP client for Keystone")]
    Keystone(#[source] reqwest::Error),
    #[error(transparent)]
    Oidc(#[from] oidc::KeysError),
}

impl Authenticator {
    /// Reads what the strategy needs, such as its file of users.
    ///
    /// # Errors
    /// [`StartError`] names the file or setting.
    pub fn new(strategy: &Strategy) -> Result<Self, StartError> {
        let inner = match strategy {
            Strategy::NoAuth => Inner::Nobody,
            Strategy::HttpBasic { user_file } => Inner::Basic(Box::new(Basic::open(user_file)?)),
            Strategy::Keystone(settings) => {
                let keystone = Keystone::open(settings).map_err(StartError::Keystone)?;
                Inner::Keystone(Box::new(keystone))
            }
            Strategy::Oidc(settings) => Inner::Oidc(Box::new(Oidc::open(settings)?)),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Everybody is let in.
    pub fn nobody() -> Self {
        Self(Arc::new(Inner::Nobody))
    }

    #[cfg(test)]
    pub(crate) fn played(identity: Identity) -> Self {
        Self(Arc::new(Inner::Played(identity)))
    }

    /// Who sent a request with these headers.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        match self.0.as_ref() {
            Inner::Nobody => Ok(Caller::Trusted { user: None }),
            Inner::Basic(basic) => basic.caller(headers).await,
            Inner::Keystone(keystone) => keystone.caller(headers).await,
            Inner::Oidc(oidc) => oidc.caller(headers).await,
            #[cfg(test)]
            Inner::Played(identity) => Ok(Caller::Known(identity.clone())),
        }
    }
}
