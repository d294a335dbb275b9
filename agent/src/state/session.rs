//! What the conductor and this agent have agreed on for the life of the ramdisk.

use std::net::SocketAddr;

use ferric_agent_protocol::lookup::LookupConfig;
use ferric_agent_protocol::node::Node;
use serde::{Deserialize, Serialize};

use crate::tls::Certificate;

/// A conductor refuses an agent whose address, token or certificate changes, so a restarted agent must have them
/// all. It does not look itself up again either: to the conductor a lookup means that the ramdisk was booted anew.
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    pub node: Node,
    pub config: LookupConfig,
    pub token: Option<String>,
    pub callback_url: String,
    /// What the server is bound to; `None` where there is none.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// Present unless the server's certificate comes from a file or there is none.
    pub certificate: Option<Certificate>,
}

impl Session {
    pub const FILE: &str = "session.json";
    /// The node as a command has told it since; goes with the session.
    pub const NODE_FILE: &str = "node.json";
}
