//! A node: the document that is stored, and nothing derived from it.
//!
//! The API's view of it (names, masking, versions) is the API's business. `driver_internal_info` of the wire is put
//! together from `agent` and `internal_info` there.

mod agent_offers;
pub mod agent_session;
mod media;
mod wish;

pub use agent_offers::AgentOffers;
pub use media::RelayedMedia;
pub use wish::{Wish, WishProgress};

use crate::ids::{Epoch, Incarnation, NodeId};
use crate::run::Run;
use crate::state::{PowerState, ProvisionState};
use agent_session::AgentSession;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A JSON object as clients give it.
pub type Object = Map<String, Value>;

/// Everything stored about a node. Written by the conductor only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the wire's, and each says something of its own"
)]
pub struct Node {
    pub uuid: NodeId,
    pub name: Option<String>,
    pub driver: String,
    pub driver_info: Object,
    pub properties: Object,
    pub extra: Object,
    pub instance_info: Object,
    pub instance_uuid: Option<Uuid>,
    pub instance_name: Option<String>,
    /// `boot_interface` and its like, by kind without the suffix: `boot` -> `ipxe`. All 13 kinds, resolved at creation.
    pub interfaces: BTreeMap<String, String>,
    pub resource_class: Option<String>,
    pub conductor_group: String,
    pub chassis_uuid: Option<Uuid>,
    pub owner: Option<String>,
    pub lessee: Option<String>,
    pub description: Option<String>,
    pub shard: Option<String>,
    pub parent_node: Option<NodeId>,
    pub network_data: Object,
    pub traits: Vec<String>,

    pub provision_state: ProvisionState,
    pub target_provision_state: Option<ProvisionState>,
    pub provision_updated_at: Option<Timestamp>,
    pub power_state: Option<PowerState>,
    pub target_power_state: Option<PowerState>,
    pub last_error: Option<String>,
    pub boot_mode: Option<String>,
    pub secure_boot: Option<bool>,
    pub console_enabled: bool,
    /// Since the last tear-down: it is opened again for the next instance, or when somebody asks for it.
    #[serde(default)]
    pub console_closed: bool,
    pub health: Option<String>,

    pub maintenance: bool,
    pub maintenance_reason: Option<String>,
    pub fault: Option<String>,
    pub automated_clean: Option<bool>,
    pub protected: bool,
    pub protected_reason: Option<String>,
    pub retired: bool,
    pub retired_reason: Option<String>,
    pub disable_power_off: bool,

    pub raid_config: Object,
    pub target_raid_config: Object,
    pub inspection_started_at: Option<Timestamp>,
    pub inspection_finished_at: Option<Timestamp>,
    pub allocation_uuid: Option<Uuid>,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,

    /// What is going on, with its steps and how far it got; `None` in a stable state. The step fields of the wire are views of it.
    pub run: Option<Run>,
    /// What the boot script tells the machine when it asks.
    pub network_boot: NetworkBoot,
    /// What DHCP was told of the machine last; [`Node::dhcp`] also knows of nodes that were stored without it.
    #[serde(default)]
    pub dhcp: Option<Dhcp>,
    /// The ramdisk that is, or was last, up on the machine.
    pub agent: Option<AgentSession>,
    /// What that agent, or the one before it, has told of its deploy steps. A conductor of an older release forgets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_offers: Option<AgentOffers>,
    /// What is remembered beside the agent's session and shown in `driver_internal_info`.
    pub internal_info: Object,
    /// Whose node it is (design D3).
    pub ownership: Option<Ownership>,
    /// Who works on it right now and why; `reservation` on the wire shows the holder.
    pub reservation: Option<Reservation>,
    /// What was asked of the machine beside a provision state and power, and is not done yet.
    #[serde(default)]
    pub wish: Option<Wish>,
    /// How far that has got; `None` also of a wish that an older release has stored.
    #[serde(default)]
    pub wish_progress: Option<WishProgress>,
    /// What its BMC reads from the conductor, or is about to. A conductor of an older release forgets it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relayed_media: Vec<RelayedMedia>,
    /// How many times in a row the BMC did not answer the power sync.
    pub power_sync_failures: u32,
    /// What the periodic jobs of drivers remember of it, by the purpose of the job.
    #[serde(default)]
    pub periodic_records: BTreeMap<String, Value>,
}

/// What a machine that boots from the network gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkBoot {
    /// Go on to the local disk.
    #[default]
    LocalDisk,
    /// The ramdisk with the agent.
    Ramdisk,
}

/// Whether DHCP answers a machine. The files that say so are on its conductor's disk, and are made again from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dhcp {
    Answered,
    Ignored,
}

/// The conductor that a node belongs to, and how often it has changed hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    pub conductor: String,
    pub incarnation: Incarnation,
    pub epoch: Epoch,
}

/// The holder of a node's lock, for people to read: the lock itself is in the owner's memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub conductor: String,
    pub purpose: String,
    pub since: Timestamp,
}

impl Node {
    /// A node in `enroll` with nothing but what must be there.
    pub fn new(uuid: NodeId, driver: &str, created_at: Timestamp) -> Self {
        Self {
            uuid,
            name: None,
            driver: driver.to_owned(),
            driver_info: Object::new(),
            properties: Object::new(),
            extra: Object::new(),
            instance_info: Object::new(),
            instance_uuid: None,
            instance_name: None,
            interfaces: BTreeMap::new(),
            resource_class: None,
            conductor_group: String::new(),
            chassis_uuid: None,
            owner: None,
            lessee: None,
            description: None,
            shard: None,
            parent_node: None,
            network_data: Object::new(),
            traits: Vec::new(),
            provision_state: ProvisionState::Enroll,
            target_provision_state: None,
            provision_updated_at: None,
            power_state: None,
            target_power_state: None,
            last_error: None,
            boot_mode: None,
            secure_boot: None,
            console_enabled: false,
            console_closed: false,
            health: None,
            maintenance: false,
            maintenance_reason: None,
            fault: None,
            automated_clean: None,
            protected: false,
            protected_reason: None,
            retired: false,
            retired_reason: None,
            disable_power_off: false,
            raid_config: Object::new(),
            target_raid_config: Object::new(),
            inspection_started_at: None,
            inspection_finished_at: None,
            allocation_uuid: None,
            created_at,
            updated_at: None,
            run: None,
            network_boot: NetworkBoot::LocalDisk,
            dhcp: None,
            agent: None,
            agent_offers: None,
            internal_info: Object::new(),
            ownership: None,
            reservation: None,
            wish: None,
            wish_progress: None,
            relayed_media: Vec::new(),
            power_sync_failures: 0,
            periodic_records: BTreeMap::new(),
        }
    }

    /// The implementation chosen for an interface kind (`boot`, `deploy`, ...).
    pub fn interface(&self, kind: &str) -> Option<&str> {
        self.interfaces.get(kind).map(String::as_str)
    }

    /// A yes or no of `driver_info`, written as Ironic takes it: any other text is a no. `None` leaves it to the settings.
    pub fn own_flag(&self, key: &str) -> Option<bool> {
        match self.driver_info.get(key)? {
            Value::Bool(own) => Some(*own),
            Value::String(own) => {
                let own = own.trim().to_ascii_lowercase();
                Some(["true", "1", "yes", "on", "t", "y"].contains(&own.as_str()))
            }
            _ => None,
        }
    }

    /// What DHCP says to the machine; `None`: it was never told anything. Older releases did not store it: their nodes
    /// are answered while they boot the ramdisk and while they have an instance.
    pub fn dhcp(&self) -> Option<Dhcp> {
        if self.interface("boot") == Some("fake") {
            return None;
        }
        let has_instance = matches!(
            self.provision_state,
            ProvisionState::Active | ProvisionState::Rescue
        );
        let is_answered = has_instance || self.network_boot == NetworkBoot::Ramdisk;
        self.dhcp.or(is_answered.then_some(Dhcp::Answered))
    }
}
