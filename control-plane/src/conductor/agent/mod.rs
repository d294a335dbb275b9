//! Speaking to the agent on a machine: commands, their list, and what they are told. Changes no node.

mod client;
mod http;
pub(super) mod params;
mod patience;
mod pinned;
mod transport;

pub(super) use client::{AgentClient, AgentError, command_id, failure, takes_command_ids};
pub use http::HttpTransport;
pub use transport::{AgentAnswer, AgentCall, AgentTransport, TransportError, Verb};
