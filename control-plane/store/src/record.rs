//! Records: typed documents, stored as JSON with the fields beside them that can be asked for.

use crate::StoreError;
use ferric_model::allocation::Allocation;
use ferric_model::bios::BiosSettings;
use ferric_model::bulk::{BulkItem, BulkRequest};
use ferric_model::chassis::Chassis;
use ferric_model::conductor::ConductorRecord;
use ferric_model::erasure::SignedErasure;
use ferric_model::firmware::FirmwareComponents;
use ferric_model::ids::Epoch;
use ferric_model::inspection_rule::InspectionRule;
use ferric_model::inventory::StoredInventory;
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_model::recipe::{DeployTemplate, Runbook};
use ferric_model::volume::{VolumeConnector, VolumeTarget};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::fmt;

/// The kinds of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Node,
    Port,
    Conductor,
    Inventory,
    DeployTemplate,
    Runbook,
    Portgroup,
    Chassis,
    VolumeConnector,
    VolumeTarget,
    Allocation,
    InspectionRule,
    BiosSettings,
    FirmwareComponents,
    BulkRequest,
    BulkItem,
    EraseRecord,
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

/// A record without its document.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    pub key: Key,
    pub revision: Revision,
    pub sequence: u64,
    /// Those that the query wants, in the order of [`Table::fields`].
    pub fields: Vec<(&'static str, FieldValue)>,
}

impl From<Record> for Outline {
    fn from(record: Record) -> Self {
        Self {
            key: record.key,
            revision: record.revision,
            sequence: record.sequence,
            fields: record.fields,
        }
    }
}

/// The value of a field, borrowed from where it lies.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueRef<'v> {
    Null,
    Bool(bool),
    Integer(i64),
    Text(Cow<'v, str>),
}

/// The value of a field that stands in an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldValue {
    Null,
    Bool(bool),
    Integer(i64),
    Text(String),
}

impl Table {
    pub const ALL: &[Self] = &[
        Self::Node,
        Self::Port,
        Self::Conductor,
        Self::Inventory,
        Self::DeployTemplate,
        Self::Runbook,
        Self::Portgroup,
        Self::Chassis,
        Self::VolumeConnector,
        Self::VolumeTarget,
        Self::Allocation,
        Self::InspectionRule,
        Self::BiosSettings,
        Self::FirmwareComponents,
        Self::BulkRequest,
        Self::BulkItem,
        Self::EraseRecord,
    ];

    /// In keys of every store, and in what documents are sealed to. Never given to another one.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Node => 1,
            Self::Port => 2,
            Self::Conductor => 3,
            Self::Inventory => 4,
            Self::DeployTemplate => 5,
            Self::Runbook => 6,
            Self::Portgroup => 21,
            Self::Chassis => 22,
            Self::VolumeConnector => 23,
            Self::VolumeTarget => 24,
            Self::Allocation => 12,
            Self::InspectionRule => 20,
            Self::BiosSettings => 35,
            Self::FirmwareComponents => 36,
            Self::BulkRequest => 40,
            Self::BulkItem => 41,
            Self::EraseRecord => 50,
        }
    }

    /// The place of a field among the table's fields.
    pub(crate) fn field(self, name: &str) -> Result<usize, StoreError> {
        let mut fields = self.fields().iter();
        fields
            .position(|field| *field == name)
            .ok_or_else(|| StoreError::NoSuchField(name.to_owned(), self))
    }

    /// The places of these fields, in the order of the table; of all of them where none are named.
    pub(crate) fn places(self, wanted: Option<&[&str]>) -> Result<Vec<usize>, StoreError> {
        let Some(wanted) = wanted else {
            return Ok((0..self.fields().len()).collect());
        };
        let places = wanted.iter().map(|name| self.field(name));
        let mut places = places.collect::<Result<Vec<_>, _>>()?;
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }

    /// The fields of its records that can be asked for, in the order of [`Entity::fields`].
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Node => Node::FIELDS,
            Self::Port => Port::FIELDS,
            Self::Conductor => ConductorRecord::FIELDS,
            Self::Inventory => StoredInventory::FIELDS,
            Self::DeployTemplate => DeployTemplate::FIELDS,
            Self::Runbook => Runbook::FIELDS,
            Self::Portgroup => Portgroup::FIELDS,
            Self::Chassis => Chassis::FIELDS,
            Self::VolumeConnector => VolumeConnector::FIELDS,
            Self::VolumeTarget => VolumeTarget::FIELDS,
            Self::Allocation => Allocation::FIELDS,
            Self::InspectionRule => InspectionRule::FIELDS,
            Self::BiosSettings => BiosSettings::FIELDS,
            Self::FirmwareComponents => FirmwareComponents::FIELDS,
            Self::BulkRequest => BulkRequest::FIELDS,
            Self::BulkItem => BulkItem::FIELDS,
            Self::EraseRecord => SignedErasure::FIELDS,
        }
    }

    /// The fields that lists can be sorted by without any index, in the order of [`Entity::sealed_fields`].
    pub const fn sealed_fields(self) -> &'static [&'static str] {
        match self {
            Self::Node => Node::SEALED_FIELDS,
            _ => &[],
        }
    }

    /// What a list is sorted by.
    pub(crate) fn order(self, name: &str) -> Result<Sorted, StoreError> {
        let mut sealed = self.sealed_fields().iter();
        match sealed.position(|field| *field == name) {
            Some(place) => Ok(Sorted::Sealed(place)),
            None => self.field(name).map(Sorted::Indexed),
        }
    }
}

/// The place of a field that lists are sorted by, among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sorted {
    Indexed(usize),
    Sealed(usize),
}

/// A type that is stored in a table of its own.
pub trait Entity: Serialize + DeserializeOwned + Send + Sync {
    const TABLE: Table;
    /// Fields in which a value other than null belongs to one record only.
    const UNIQUE: &'static [&'static str];
    /// The names in [`Entity::fields`], so that a store knows them when it has no record.
    const FIELDS: &'static [&'static str];
    fn id(&self) -> String;
    /// Each field that lists can be filtered or sorted by, always all of `FIELDS` and in that order.
    fn fields(&self) -> Vec<(&'static str, FieldValue)>;
    /// Fields that lists can be sorted by, and that stand in clear nowhere.
    const SEALED_FIELDS: &'static [&'static str] = &[];
    /// Their values, always all of `SEALED_FIELDS` and in that order.
    fn sealed_fields(&self) -> Vec<FieldValue> {
        Vec::new()
    }
    fn key(&self) -> Key {
        Key::new(Self::TABLE, self.id())
    }
    /// For nodes: how often this one has changed hands; writes are fenced by it.
    fn epoch(&self) -> Option<Epoch> {
        None
    }
}

/// The value of a field; null for one that there is not.
pub fn value_of<'f>(fields: &'f [(&'static str, FieldValue)], name: &str) -> &'f FieldValue {
    let mut fields = fields.iter();
    let found = fields.find(|(known, _)| *known == name);
    found.map_or(&FieldValue::Null, |(_, value)| value)
}

impl From<ValueRef<'_>> for FieldValue {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Bool(flag) => Self::Bool(flag),
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Text(text) => Self::Text(text.into_owned()),
        }
    }
}

impl<'v> From<&'v FieldValue> for ValueRef<'v> {
    fn from(value: &'v FieldValue) -> Self {
        match value {
            FieldValue::Null => Self::Null,
            FieldValue::Bool(flag) => Self::Bool(*flag),
            FieldValue::Integer(number) => Self::Integer(*number),
            FieldValue::Text(text) => Self::Text(Cow::Borrowed(text)),
        }
    }
}

impl FieldValue {
    /// The text, of a value that is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Integer(_) => None,
        }
    }
}

impl Record {
    /// The document as its type.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is not one.
    pub fn decode<E: DeserializeOwned>(&self) -> Result<E, StoreError> {
        // Whether it is UTF-8 is looked at once, and not for each string in it.
        let decoded = match std::str::from_utf8(&self.document) {
            Ok(document) => serde_json::from_str(document),
            Err(_) => serde_json::from_slice(&self.document),
        };
        decoded.map_err(|source| StoreError::Corrupt {
            key: self.key.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_tables_have_one_number() {
        let numbers: BTreeSet<u8> = Table::ALL.iter().map(|table| table.number()).collect();
        assert_eq!(numbers.len(), Table::ALL.len());
    }
}
