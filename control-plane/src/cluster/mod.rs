//! The way between conductors: HTTP over TLS 1.3, where both sides show a certificate of the cluster's own authority.
//!
//! On its listener nothing but calls of conductors is served, and no other listener serves those.

pub(crate) mod certificates;
mod client;
pub(crate) mod folder;
mod identity;
pub(crate) mod invitation;
mod listener;

pub(crate) use client::HttpPeers;
pub(crate) use identity::Identity;
pub(crate) use listener::router;

/// The largest call: a config drive of 64 MiB, or an inspection, with what is around it.
const CALL_LIMIT_BYTES: usize = 96 << 20;
/// The largest answer: a node with everything that it has.
const ANSWER_LIMIT_BYTES: usize = 96 << 20;
const HELLO: &str = "/cluster/v1/hello";
const CALL: &str = "/cluster/v1/call";
const LIVE: &str = "/cluster/v1/live";
