//! How other conductors are reached; what carries the calls is somebody else's business.

use async_trait::async_trait;
use jiff::Timestamp;
use std::time::Duration;

/// Another conductor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The name that it must prove to have.
    pub host: String,
    /// `https://ADDRESS:PORT`.
    pub address: String,
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The call was never in the other's hands, or was turned away unread: nothing was done.
    #[error("the call did not reach it")]
    NotReached(#[source] Cause),
    /// The call was sent: it may have been done.
    #[error("it was given the call and did not answer")]
    Unanswered(#[source] Cause),
}

/// Which certificate it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateKind {
    /// This conductor's own.
    Conductor,
    /// Of an authority that this conductor believes.
    Authority,
}

impl CertificateKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Conductor => "conductor",
            Self::Authority => "authority",
        }
    }

    /// What is to be done before it ends.
    pub(in crate::conductor) fn renewal(self) -> &'static str {
        match self {
            Self::Conductor => {
                "`ferric cluster renew` makes a new one where the authority is, and it is used without a restart"
            }
            Self::Authority => {
                "`ferric cluster renew --authority` makes a new one, and says what comes then"
            }
        }
    }
}

/// A certificate that the way to other conductors rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub kind: CertificateKind,
    /// By the wall clock.
    pub ends: Timestamp,
}

impl Certificate {
    /// Whole days; negative once it has ended.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        let seconds = self.ends.duration_since(now).as_secs();
        seconds.div_euclid(24 * 3600)
    }
}

/// Takes a live event of another conductor.
pub type Tell<'t> = dyn Fn(&[u8]) + Send + Sync + 't;

/// Carries calls to other conductors, each once.
#[async_trait]
pub trait Peers: Send + Sync {
    /// The answer to a call (both JSON), within `limit`.
    async fn call(&self, peer: &Peer, call: Vec<u8>, limit: Duration)
    -> Result<Vec<u8>, PeerError>;

    /// Has each live event of another conductor told, as JSON, as it comes. Ends when the way to it does.
    async fn follow(&self, _peer: &Peer, _tell: &Tell<'_>) -> Result<(), PeerError> {
        let cause = "there is no way for live events";
        Err(PeerError::NotReached(cause.into()))
    }

    /// What proves who is who on that way, as it is used now.
    fn certificates(&self) -> Vec<Certificate> {
        Vec::new()
    }
}

/// Of a conductor that has no way to the others.
pub(in crate::conductor) struct NoPeers;

#[async_trait]
impl Peers for NoPeers {
    async fn call(
        &self,
        _peer: &Peer,
        _call: Vec<u8>,
        _limit: Duration,
    ) -> Result<Vec<u8>, PeerError> {
        let cause = "this conductor has no [cluster] in its configuration";
        Err(PeerError::NotReached(cause.into()))
    }
}
