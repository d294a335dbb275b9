//! Records: typed documents, stored as JSON with the fields beside them that can be asked for.

use crate::StoreError;
use ferric_model::conductor::ConductorRecord;
use ferric_model::ids::Epoch;
use ferric_model::inventory::StoredInventory;
use ferric_model::node::Node;
use ferric_model::port::Port;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// The kinds of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Node,
    Port,
    Conductor,
    Inventory,
}

/// Counts commits; a record carries the one that wrote it last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// A record's place: its table and its id (a UUID, or a conductor's host name).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub table: Table,
    pub id: String,
}

impl Key {
    pub fn new(table: Table, id: impl fmt::Display) -> Self {
        Self {
            table,
            id: id.to_string(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {}", self.table, self.id)
    }
}

/// A stored document.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub key: Key,
    pub revision: Revision,
    /// Grows with each record of a table that is made: the order of lists that name no other.
    pub sequence: u64,
    pub document: Vec<u8>,
    pub fields: Vec<(&'static str, FieldValue)>,
}

/// The value of a field that stands in an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldValue {
    Null,
    Bool(bool),
    Integer(i64),
    Text(String),
}

/// A type that is stored in a table of its own.
pub trait Entity: Serialize + DeserializeOwned + Send + Sync {
    const TABLE: Table;
    /// Fields in which a value other than null belongs to one record only.
    const UNIQUE: &'static [&'static str];
    fn id(&self) -> String;
    /// Each field that lists can be filtered or sorted by, always all of them and in the same order.
    fn fields(&self) -> Vec<(&'static str, FieldValue)>;
    fn key(&self) -> Key {
        Key::new(Self::TABLE, self.id())
    }
    /// For nodes: how often this one has changed hands; writes are fenced by it.
    fn epoch(&self) -> Option<Epoch> {
        None
    }
}

impl Record {
    /// The document as its type.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is not one.
    pub fn decode<E: Entity>(&self) -> Result<E, StoreError> {
        serde_json::from_slice(&self.document).map_err(|source| StoreError::Corrupt {
            key: self.key.clone(),
            source,
        })
    }
}

fn text(value: Option<&str>) -> FieldValue {
    value.map_or(FieldValue::Null, |text| FieldValue::Text(text.to_owned()))
}

fn display(value: Option<impl fmt::Display>) -> FieldValue {
    value.map_or(FieldValue::Null, |value| {
        FieldValue::Text(value.to_string())
    })
}

impl Entity for Node {
    const TABLE: Table = Table::Node;
    const UNIQUE: &'static [&'static str] = &["name", "instance_uuid"];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn epoch(&self) -> Option<Epoch> {
        self.ownership.as_ref().map(|owner| owner.epoch)
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("uuid", FieldValue::Text(self.uuid.to_string())),
            ("name", text(self.name.as_deref())),
            ("instance_uuid", display(self.instance_uuid)),
            ("instance_name", text(self.instance_name.as_deref())),
            ("driver", text(Some(&self.driver))),
            ("provision_state", text(Some(self.provision_state.name()))),
            (
                "power_state",
                text(self.power_state.map(|state| state.name())),
            ),
            ("maintenance", FieldValue::Bool(self.maintenance)),
            ("associated", FieldValue::Bool(self.instance_uuid.is_some())),
            ("fault", text(self.fault.as_deref())),
            ("resource_class", text(self.resource_class.as_deref())),
            ("conductor_group", text(Some(&self.conductor_group))),
            ("chassis_uuid", display(self.chassis_uuid)),
            ("owner", text(self.owner.as_deref())),
            ("lessee", text(self.lessee.as_deref())),
            ("shard", text(self.shard.as_deref())),
            ("sharded", FieldValue::Bool(self.shard.is_some())),
            ("parent_node", display(self.parent_node)),
            ("retired", FieldValue::Bool(self.retired)),
            ("protected", FieldValue::Bool(self.protected)),
            (
                "owned_by",
                text(
                    self.ownership
                        .as_ref()
                        .map(|owner| owner.conductor.as_str()),
                ),
            ),
            ("reserved", FieldValue::Bool(self.reservation.is_some())),
            ("running", FieldValue::Bool(self.run.is_some())),
            ("created_at", display(Some(self.created_at))),
            ("updated_at", display(self.updated_at)),
            ("provision_updated_at", display(self.provision_updated_at)),
        ]
    }
}

impl Entity for Port {
    const TABLE: Table = Table::Port;
    const UNIQUE: &'static [&'static str] = &["address", "name"];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("uuid", FieldValue::Text(self.uuid.to_string())),
            ("address", text(Some(self.address.as_str()))),
            ("node_uuid", FieldValue::Text(self.node_uuid.to_string())),
            ("name", text(self.name.as_deref())),
            ("portgroup_uuid", display(self.portgroup_uuid)),
            ("physical_network", text(self.physical_network.as_deref())),
            ("created_at", display(Some(self.created_at))),
            ("updated_at", display(self.updated_at)),
        ]
    }
}

impl Entity for ConductorRecord {
    const TABLE: Table = Table::Conductor;
    const UNIQUE: &'static [&'static str] = &[];

    fn id(&self) -> String {
        self.hostname.clone()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("hostname", text(Some(&self.hostname))),
            ("conductor_group", text(Some(&self.conductor_group))),
            ("online", FieldValue::Bool(self.online)),
            ("created_at", display(Some(self.created_at))),
            ("updated_at", display(Some(self.updated_at))),
        ]
    }
}

impl Entity for StoredInventory {
    const TABLE: Table = Table::Inventory;
    const UNIQUE: &'static [&'static str] = &[];

    fn id(&self) -> String {
        self.node.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        Vec::new()
    }
}
