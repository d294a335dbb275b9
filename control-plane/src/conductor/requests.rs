//! What the API asks of the conductor, and what it may be answered. Values only: no HTTP status and no store.

use ferric_agent_protocol::extensions::Extensions;
use ferric_agent_protocol::heartbeat::Heartbeat;
use ferric_model::ids::{MacAddress, NodeId};
use ferric_model::node::{Node, Object};
use ferric_model::verb::Verb;
use ferric_store::{StoreError, Table};
use serde_json::Value;
use std::fmt;
use std::net::IpAddr;

/// Why a request was not done. The texts are for the caller: one sentence with the cause and, where there is one, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// No such node or port (404).
    #[error("{0}")]
    NotFound(String),
    /// The request is wrong, or wrong in this state (400).
    #[error("{0}")]
    Invalid(String),
    /// It may not be done, whoever asks (403).
    #[error("{0}")]
    Forbidden(String),
    /// Somebody else holds the node, or has changed it in between (409).
    #[error("{0}")]
    Conflict(String),
    /// No room for it now (503 with Retry-After).
    #[error("{reason}")]
    Busy { reason: String, retry_after_s: u32 },
    /// Our own failure (500). The caller is not shown the source.
    #[error("{doing}")]
    Internal {
        doing: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl RequestError {
    /// A failure of our own, with what was being done.
    pub fn internal(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Internal {
            doing,
            source: source.into(),
        }
    }
}

impl From<StoreError> for RequestError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale { .. } => {
                Self::Conflict("the record has been changed in between: read it again".to_owned())
            }
            StoreError::NotUnique { .. } => Self::Conflict(not_unique(&error)),
            StoreError::Open(_)
            | StoreError::Corrupt { .. }
            | StoreError::NoSuchField(..)
            | StoreError::NoSuchMarker(..)
            | StoreError::Backend { .. } => Self::internal("asking the store", error),
        }
    }
}

/// In Ironic's words, where it has some.
fn not_unique(error: &StoreError) -> String {
    match error {
        StoreError::NotUnique {
            field: "address",
            value,
            ..
        } => format!("A port with MAC address {value} already exists."),
        StoreError::NotUnique {
            table: Table::Node,
            field: "name",
            value,
            ..
        } => {
            format!("A node with name {value} already exists.")
        }
        StoreError::NotUnique {
            field: "instance_uuid",
            value,
            holder,
            ..
        } => {
            format!("Instance {value} is already associated with another node ({holder}).")
        }
        _ => error.to_string(),
    }
}

/// The refusal of a target in the wrong state, in Ironic's words.
pub fn not_in_this_state(node: &Node, target: &str) -> RequestError {
    RequestError::Invalid(format!(
        "The requested action \"{target}\" can not be performed on node \"{}\" while it is in state \"{}\".",
        node.uuid, node.provision_state
    ))
}

/// A verb with what came along.
#[derive(Clone, Debug)]
pub struct ProvisionRequest {
    pub verb: Verb,
    /// As the client gave it: a text or an object. Its form is checked here.
    pub configdrive: Option<Value>,
    /// `deploy_steps`, `clean_steps` or `service_steps`.
    pub steps: Vec<RequestedStep>,
    pub rescue_password: Option<RescuePassword>,
    pub ramdisk: Ramdisk,
}

/// What the user of a rescued machine logs in with. Shows itself in no log line.
#[derive(Clone, PartialEq, Eq)]
pub struct RescuePassword(pub String);

impl fmt::Debug for RescuePassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Whether the steps of a request are done with the ramdisk up; without it only those that need no agent are possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ramdisk {
    #[default]
    Boot,
    /// `disable_ramdisk`.
    Disable,
}

impl ProvisionRequest {
    /// A verb with nothing along.
    pub fn new(verb: Verb) -> Self {
        Self {
            verb,
            configdrive: None,
            steps: Vec::new(),
            rescue_password: None,
            ramdisk: Ramdisk::Boot,
        }
    }
}

/// A step that a client wants.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestedStep {
    pub interface: String,
    pub step: String,
    pub args: Object,
    /// Deploy steps have one; clean steps run in the order given.
    pub priority: Option<u32>,
}

/// The key of a port's `internal_info` under which the virtual interface stands that is attached to it.
pub const ATTACHED_VIF: &str = "tenant_vif_port_id";

/// `PUT` and `DELETE` of `/v1/nodes/{n}/maintenance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Maintenance {
    On { reason: Option<String> },
    Off,
}

/// One line of `GET /v1/nodes/{n}/validate`: `result` is null where the node has no such interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validation {
    pub result: Option<bool>,
    pub reason: Option<String>,
}

/// Whether the asking agent's API version knows tokens (1.62).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenUse {
    Known,
    Unknown,
}

/// `GET /v1/lookup`.
#[derive(Clone, Debug)]
pub struct LookupRequest {
    pub addresses: Vec<MacAddress>,
    pub node_uuid: Option<NodeId>,
    /// From the header `X-Ferric-Agent`.
    pub extensions: Extensions,
    pub token: TokenUse,
    /// The machine's address, for the timeline.
    pub from: Option<IpAddr>,
}

/// What a lookup is answered; the API adds the settings that are the same for every node.
#[derive(Clone, Debug)]
pub struct LookupAnswer {
    pub node: Node,
    /// The token, or `******` when an agent that has it confirmed is expected to be there already.
    pub token: Option<String>,
    /// What both sides know; empty: leave `config.ferric` out.
    pub extensions: Extensions,
    pub heartbeat_timeout_s: u64,
}

/// `POST /v1/heartbeat/{node}`.
#[derive(Clone, Debug)]
pub struct HeartbeatRequest {
    pub heartbeat: Heartbeat,
    pub from: Option<IpAddr>,
}

/// `POST /v1/continue_inspection`.
#[derive(Clone, Debug)]
pub struct InspectionRequest {
    pub node_uuid: Option<NodeId>,
    /// The body, whole.
    pub data: Object,
    pub extensions: Extensions,
    pub token: TokenUse,
    pub from: Option<IpAddr>,
}
