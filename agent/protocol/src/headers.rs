//! Names of the HTTP headers and query keys of the agent protocol, each in one place.

/// The version of Ironic's API that the sender speaks.
pub const API_VERSION: &str = "X-OpenStack-Ironic-API-Version";

/// Names one request through all logs.
pub const REQUEST_ID: &str = "X-OpenStack-Request-ID";

/// The extensions that the agent offers, sent with lookup and inspection data: `progress, epoch`.
pub const FERRIC_AGENT: &str = "X-Ferric-Agent";

/// The epoch of the conductor's ownership, sent with each command.
pub const FERRIC_EPOCH: &str = "X-Ferric-Epoch";

/// The id that the conductor has chosen for a command, so that sending it twice starts it once.
pub const FERRIC_COMMAND_ID: &str = "X-Ferric-Command-Id";

/// The agent's token where it fetches what it is asked; never in a path or a query, which others log.
pub const FERRIC_AGENT_TOKEN: &str = "X-Ferric-Agent-Token";

/// Query key of the agent's token on the command API.
pub const TOKEN_QUERY: &str = "agent_token";

/// Query key of the list of commands: up to where the conductor has the agent's log ([`crate::log`]).
pub const LOG_QUERY: &str = "ferric_log";

/// What a lookup answers instead of a token that has been handed out before.
pub const HIDDEN_TOKEN: &str = "******";

/// A shorter token is not one that a conductor made, and is ignored.
pub const MIN_TOKEN_LENGTH: usize = 32;
