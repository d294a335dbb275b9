//! One request to an agent as a value, so that a simulation can answer it without a socket (design D13).

use super::mailbox::Unanswered;
use async_trait::async_trait;
use ferric_model::ids::NodeId;
use serde_json::Value;
use std::time::Duration;

/// What is done with the command list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
}

/// One request. `Debug` is not derived: the URL's query holds the token.
#[derive(Clone)]
pub struct AgentCall {
    /// Whose agent it is.
    pub node: NodeId,
    pub verb: Verb,
    pub url: String,
    pub query: Vec<(&'static str, String)>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    /// PEM of the one certificate that is accepted; `None` only for plain HTTP.
    pub certificate: Option<String>,
    pub timeout: Duration,
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct AgentAnswer {
    pub status: u16,
    pub body: Value,
}

/// No answer came back.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("the agent's certificate cannot be used: {0}")]
    Certificate(String),
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the answer is not JSON")]
    NotJson(#[source] serde_json::Error),
    #[error(transparent)]
    Request(#[from] reqwest::Error),
    /// The conductor is not sure any more that the node is its own; nothing was sent.
    #[error("it was not told: its node may be another conductor's by now")]
    NotPermitted,
    /// Of an agent that opens no port.
    #[error(transparent)]
    DialOut(#[from] Unanswered),
    /// For transports without a network.
    #[error("{0}")]
    Down(String),
}

/// Carries requests to agents.
#[async_trait]
pub trait AgentTransport: Send + Sync {
    async fn send(&self, call: AgentCall) -> Result<AgentAnswer, TransportError>;
}
