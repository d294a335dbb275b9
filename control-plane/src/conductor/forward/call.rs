//! What one conductor hands to another: a call for a node, and its outcome, as JSON.
//!
//! Two adjacent versions understand each other: unknown fields are ignored, a new field has a default, and a call that
//! the other one does not know is refused by its name before anything is done. A call has no `Debug`: it may carry a
//! rescue password, a config drive or an agent's token.

use super::answer::NodeAnswer;
use super::machine::MachineCall;
use super::refusal::Refusal;
use super::visit::Visit;
use crate::conductor::allocations::Claim;
use crate::conductor::import::OnNode;
use crate::conductor::plain::PlainDocument;
use crate::conductor::requests::{
    HeartbeatRequest, InspectionRequest, LookupRequest, Maintenance, MediaSource, ProvisionRequest,
    VendorRequest,
};
use crate::conductor::vifs::VifChange;
use ferric_drivers::{BootDevice, MediaDevice, Persistence, PowerAction};
use ferric_model::allocation::Allocation;
use ferric_model::ids::{AllocationId, NodeId, PortId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_store::{Entity, Record, Revision, StoreError};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Work that only the owner of a node does.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "call", content = "with", rename_all = "snake_case")]
pub(crate) enum NodeCall {
    UpdateNode(Box<Update<Node>>),
    DestroyNode {
        node: NodeId,
    },
    CreatePort {
        port: Box<Port>,
    },
    UpdatePort(Box<Update<Port>>),
    DestroyPort {
        node: NodeId,
        port: PortId,
    },
    CreatePlain {
        node: NodeId,
        document: Box<PlainDocument>,
    },
    UpdatePlain {
        node: NodeId,
        update: Box<Update<PlainDocument>>,
    },
    DestroyPlain {
        node: NodeId,
        document: Box<PlainDocument>,
    },
    Provision {
        node: NodeId,
        request: Box<ProvisionRequest>,
    },
    SetPower {
        node: NodeId,
        #[serde(with = "super::named")]
        action: PowerAction,
        timeout: Option<Duration>,
    },
    SetMaintenance {
        node: NodeId,
        maintenance: Maintenance,
    },
    ChangeVif {
        node: NodeId,
        change: VifChange,
    },
    BootDevice {
        node: NodeId,
    },
    SetBootDevice {
        node: NodeId,
        #[serde(with = "super::named")]
        device: BootDevice,
        #[serde(with = "super::named")]
        persistence: Persistence,
    },
    SupportedBootDevices {
        node: NodeId,
    },
    /// Boot mode, secure boot, console, lights.
    Machine {
        node: NodeId,
        call: MachineCall,
    },
    VirtualMedia {
        node: NodeId,
    },
    ChangeMedia {
        node: NodeId,
        change: MediaChange,
    },
    VendorMethod {
        node: NodeId,
        request: Box<VendorRequest>,
    },
    Lookup {
        node: NodeId,
        request: LookupRequest,
    },
    Heartbeat {
        node: NodeId,
        request: HeartbeatRequest,
    },
    ContinueInspection {
        node: NodeId,
        request: Box<InspectionRequest>,
    },
    NoteBootRequest {
        node: NodeId,
        what: String,
    },
    /// The node's agent comes by itself.
    Visit {
        node: NodeId,
        visit: Visit,
    },
    /// A child node is wanted by the conductor of its parent, for a step.
    Give {
        node: NodeId,
        to: String,
    },
    /// The node is wanted for an allocation that looks for one.
    Allocate {
        node: NodeId,
        claim: Claim,
    },
    Backfill {
        node: NodeId,
        allocation: Box<Allocation>,
    },
    Deallocate {
        node: NodeId,
        allocation: AllocationId,
    },
    /// A record of another installation comes onto the node.
    Import {
        record: Box<OnNode>,
    },
    /// The item of a bulk request with this id is to be begun; what it asks for stands in the store.
    CarryOut {
        node: NodeId,
        item: String,
    },
    /// A new one, by a conductor that has its hardware type.
    CreateNode {
        node: Box<Node>,
    },
    /// Whoever explains the node wants to know what its lock is held for at this moment.
    LockedFor {
        node: NodeId,
    },
}

/// What is wanted of a machine's virtual drives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MediaChange {
    Attach {
        #[serde(with = "super::named")]
        device: MediaDevice,
        image_url: String,
        #[serde(default)]
        source: MediaSource,
    },
    Detach {
        #[serde(with = "super::named::list")]
        devices: Vec<MediaDevice>,
    },
}

/// A record as somebody has read it, and as it is to be.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Update<T> {
    pub(in crate::conductor) before: T,
    revision: u64,
    pub(in crate::conductor) new: T,
}

impl<T: Entity> Update<T> {
    pub(in crate::conductor) fn of(old: &Record, new: T) -> Result<Self, StoreError> {
        Ok(Self {
            before: old.decode()?,
            revision: old.revision.0,
            new,
        })
    }
}

impl<T> Update<T> {
    pub(in crate::conductor) fn from_revision(before: T, revision: Revision, new: T) -> Self {
        Self {
            before,
            revision: revision.0,
            new,
        }
    }

    pub(in crate::conductor) fn revision(&self) -> Revision {
        Revision(self.revision)
    }
}

/// The names of all calls that this build knows.
pub(super) const NAMES: [&str; 32] = [
    "update_node",
    "destroy_node",
    "create_port",
    "update_port",
    "destroy_port",
    "provision",
    "set_power",
    "set_maintenance",
    "change_vif",
    "boot_device",
    "set_boot_device",
    "supported_boot_devices",
    "lookup",
    "heartbeat",
    "continue_inspection",
    "note_boot_request",
    "create_plain",
    "update_plain",
    "destroy_plain",
    "give",
    "allocate",
    "backfill",
    "deallocate",
    "carry_out",
    "machine",
    "virtual_media",
    "change_media",
    "import",
    "vendor_method",
    "visit",
    "create_node",
    "locked_for",
];

/// Why a call cannot be understood; nothing was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("the call {0:?} is not known here")]
    Unknown(String),
    #[error("the call is not in a form that is known here")]
    Unreadable(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Name {
    call: String,
}

impl NodeCall {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CallError> {
        let Name { call } = serde_json::from_slice(bytes)?;
        if !NAMES.contains(&call.as_str()) {
            return Err(CallError::Unknown(call));
        }
        Ok(serde_json::from_slice(bytes)?)
    }

    /// Whose owner is meant.
    pub(super) fn node(&self) -> NodeId {
        match self {
            Self::UpdateNode(update) => update.before.uuid,
            Self::CreatePort { port } => port.node_uuid,
            Self::UpdatePort(update) => update.before.node_uuid,
            Self::Import { record } => record.node(),
            Self::CreateNode { node } => node.uuid,
            Self::DestroyNode { node }
            | Self::DestroyPort { node, .. }
            | Self::CreatePlain { node, .. }
            | Self::UpdatePlain { node, .. }
            | Self::DestroyPlain { node, .. }
            | Self::Provision { node, .. }
            | Self::SetPower { node, .. }
            | Self::SetMaintenance { node, .. }
            | Self::ChangeVif { node, .. }
            | Self::BootDevice { node }
            | Self::SetBootDevice { node, .. }
            | Self::SupportedBootDevices { node }
            | Self::Machine { node, .. }
            | Self::VirtualMedia { node }
            | Self::ChangeMedia { node, .. }
            | Self::VendorMethod { node, .. }
            | Self::Lookup { node, .. }
            | Self::Heartbeat { node, .. }
            | Self::ContinueInspection { node, .. }
            | Self::NoteBootRequest { node, .. }
            | Self::Visit { node, .. }
            | Self::Give { node, .. }
            | Self::Allocate { node, .. }
            | Self::Backfill { node, .. }
            | Self::Deallocate { node, .. }
            | Self::CarryOut { node, .. }
            | Self::LockedFor { node } => *node,
        }
    }
}

/// How a call ended at the conductor that it was handed to.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Done(NodeAnswer),
    Refused(Refusal),
    /// The node is not this conductor's (any more); nothing was done.
    NotMine,
    /// It is not understood, because the versions differ; nothing was done.
    NotUnderstood {
        reason: String,
    },
}
