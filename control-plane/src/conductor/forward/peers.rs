//! How other conductors are reached; what carries the calls is somebody else's business.

use async_trait::async_trait;
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

/// Carries calls to other conductors, each once.
#[async_trait]
pub trait Peers: Send + Sync {
    /// The answer to a call (both JSON), within `limit`.
    async fn call(&self, peer: &Peer, call: Vec<u8>, limit: Duration)
    -> Result<Vec<u8>, PeerError>;
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
