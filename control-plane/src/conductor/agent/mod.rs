//! Speaking to the agent on a machine: commands, their list, and what they are told. Changes no node.

mod client;
mod dial_out;
mod http;
mod mailbox;
pub(super) mod params;
mod patience;
mod pinned;
mod transport;

pub(super) use client::{AgentClient, AgentError, command_id, failure, takes_command_ids};
pub(super) use dial_out::{BothWays, brings_log, dials_out};
pub use http::HttpTransport;
pub use mailbox::Unanswered;
pub(super) use mailbox::{Late, Mailboxes};
pub use transport::{AgentAnswer, AgentCall, AgentTransport, TransportError, Verb};
