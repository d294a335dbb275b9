//! What the API asks of the conductor, and what it may be answered. Values only: no HTTP status and no store.
//! What one conductor hands to another is written as it stands here: a new field needs `#[serde(default)]`.

use ferric_agent_protocol::extensions::Extensions;
use ferric_agent_protocol::heartbeat::Heartbeat;
use ferric_drivers::ConsoleAddress;
use ferric_model::event::Requester;
use ferric_model::ids::{MacAddress, NodeId};
use ferric_model::node::{Node, Object};
use ferric_model::recipe::Runbook;
use ferric_model::verb::Verb;
use ferric_store::{StoreError, Table};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
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
    /// It was handed on and no answer came, so it may have been done (504). Not 503, which clients repeat by themselves.
    #[error("{0}")]
    Unanswered(String),
    /// Our own failure (500). The caller is not shown the source.
    #[error("{doing}")]
    Internal {
        doing: Cow<'static, str>,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a client is told while the database server is away.
pub(crate) const STORE_AWAY: &str = "the conductor's store does not answer: try again in a moment";
pub(crate) const STORE_AWAY_RETRY_S: u32 = 5;
/// Somebody else was faster, at this conductor or at another one.
const NO_ROOM: &str =
    "as many nodes as may be are being deployed or cleaned already: try again later";
pub(crate) const NO_ROOM_RETRY_S: u32 = 30;

impl RequestError {
    /// Nothing is wrong with what was asked.
    pub fn store_away() -> Self {
        Self::Busy {
            reason: STORE_AWAY.to_owned(),
            retry_after_s: STORE_AWAY_RETRY_S,
        }
    }

    /// A failure of our own, with what was being done.
    pub fn internal(
        doing: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Internal {
            doing: doing.into(),
            source: source.into(),
        }
    }
}

/// How a BMC comes by an image for a virtual drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaSource {
    /// It fetches the image from where it is.
    #[default]
    Direct,
    /// From the conductor, which fetches it.
    Relayed,
}

/// A virtual drive, as one conductor tells another and as Ironic's API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaSlot {
    /// `CD`, `DVD`, `Floppy`, `USBStick`.
    pub media_types: Vec<String>,
    #[serde(default)]
    pub inserted: Option<bool>,
    #[serde(default)]
    pub image: Option<String>,
}

impl From<ferric_drivers::MediaSlot> for MediaSlot {
    fn from(slot: ferric_drivers::MediaSlot) -> Self {
        Self {
            media_types: slot.media_types,
            inserted: slot.inserted,
            image: slot.image,
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
            StoreError::Away { .. } => Self::store_away(),
            StoreError::NoRoom { .. } => Self::Busy {
                reason: NO_ROOM.to_owned(),
                retry_after_s: NO_ROOM_RETRY_S,
            },
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

/// A verb with what came along.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProvisionRequest {
    pub verb: Verb,
    /// As the client gave it: a text or an object. Its form is checked here.
    pub configdrive: Option<Value>,
    /// `deploy_steps`, `clean_steps` or `service_steps`.
    pub steps: Vec<RequestedStep>,
    /// Where the steps come from.
    pub origin: Origin,
    /// The name of the runbook that they come from.
    pub runbook: Option<String>,
    pub rescue_password: Option<RescuePassword>,
    pub ramdisk: Ramdisk,
    /// For the timeline.
    #[serde(default)]
    pub asked_by: Option<Requester>,
}

/// Who wrote a list of steps: what is forbidden is refused to a client, and left out of what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    Client,
    /// A runbook or a deploy template.
    Stored,
}

/// What the user of a rescued machine logs in with. Shows itself in no log line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RescuePassword(pub String);

impl fmt::Debug for RescuePassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Whether the steps of a request are done with the ramdisk up; without it only those that need no agent are possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
            origin: Origin::Client,
            runbook: None,
            rescue_password: None,
            ramdisk: Ramdisk::Boot,
            asked_by: None,
        }
    }

    /// With the steps of a runbook.
    #[must_use]
    pub fn with_runbook(mut self, runbook: &Runbook) -> Self {
        let steps = runbook.in_order().into_iter().map(|step| RequestedStep {
            args: step.args.clone(),
            ..RequestedStep::new(&step.interface, &step.step)
        });
        self.steps = steps.collect();
        self.origin = Origin::Stored;
        self.runbook = Some(runbook.name.clone());
        if runbook.disable_ramdisk {
            self.ramdisk = Ramdisk::Disable;
        }
        self
    }
}

/// A step that a client wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestedStep {
    pub interface: String,
    pub step: String,
    pub args: Object,
    /// Deploy steps have one; clean steps run in the order given.
    pub priority: Option<u32>,
    /// `execute_on_child_nodes`: to be done on these child nodes, on all of them if none is named.
    pub on_children: Option<Vec<NodeId>>,
}

impl RequestedStep {
    /// With nothing told to it.
    pub fn new(interface: &str, step: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            step: step.to_owned(),
            args: Object::new(),
            priority: None,
            on_children: None,
        }
    }
}

/// The key of a port's `internal_info` under which the virtual interface stands that is attached to it.
pub const ATTACHED_VIF: &str = "tenant_vif_port_id";

/// `PUT` and `DELETE` of `/v1/nodes/{n}/maintenance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// `GET /v1/nodes/{n}/states/console`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleShown {
    Closed,
    /// Open, and where: what speaks there and its URL. `None`: nowhere that a client could go.
    Open(Option<(String, String)>),
}

impl ConsoleShown {
    pub(super) fn of(address: Option<ConsoleAddress>) -> Self {
        Self::Open(address.map(|address| (address.kind, address.url)))
    }
}

/// A light of a machine, in Ironic's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndicatorShown {
    pub component: String,
    pub name: String,
    pub readonly: bool,
    pub states: Vec<String>,
}

/// Any HTTP method on `/v1/nodes/{n}/vendor_passthru`. Without `Debug`: what only a vendor knows may be secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct VendorRequest {
    /// The vendor's method.
    pub method: String,
    /// In upper case.
    pub http_method: String,
    /// The body, whole; null and an object are fit.
    pub arguments: Value,
}

/// What a call of a vendor's method comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VendorOutcome {
    /// It is done, or is going to be.
    Begun,
    Value(Value),
    /// To be answered as it is.
    Attachment(String),
}

/// Whether the asking agent's API version knows tokens (1.62).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenUse {
    Known,
    Unknown,
}

/// `GET /v1/lookup`.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LookupAnswer {
    pub node: Node,
    /// The token, or `******` when an agent that has it confirmed is expected to be there already.
    pub token: Option<String>,
    /// What both sides know; empty: leave `config.ferric` out.
    pub extensions: Extensions,
    pub heartbeat_timeout_s: u64,
}

/// `POST /v1/heartbeat/{node}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeartbeatRequest {
    pub heartbeat: Heartbeat,
    pub from: Option<IpAddr>,
}

/// `POST /v1/continue_inspection`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InspectionRequest {
    pub node_uuid: Option<NodeId>,
    /// The body, whole.
    pub data: Object,
    pub extensions: Extensions,
    pub token: TokenUse,
    pub from: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_away_is_a_reason_to_come_back() {
        let away = StoreError::Away {
            doing: "committing",
            source: "the server with the secret name is down".into(),
        };
        match RequestError::from(away) {
            RequestError::Busy { reason, .. } => assert!(!reason.contains("secret name")),
            other => panic!("busy was expected, not {other:?}"),
        }
    }
}
