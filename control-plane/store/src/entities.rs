//! What is stored, and which of its fields stand in an index; those of nodes are in `node_entity`.
//!
//! An index has one value a field, so what is unique in pairs has a field of its own, which no list can be sorted by.

use crate::StoreError;
use crate::record::{Entity, FieldValue, Key, Table};
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
use jiff::Timestamp;
use std::fmt;

/// Does the same with the type of whichever table it is.
macro_rules! of_type {
    (@ $of:expr, $entity:ident, $what:expr; $($table:ident: $type:ty,)*) => {
        match $of {
            $(Table::$table => {
                type $entity = $type;
                $what
            })*
        }
    };
    ($of:expr, $entity:ident => $what:expr) => {
        of_type! { @ $of, $entity, $what;
            Node: Node, Port: Port, Conductor: ConductorRecord, Inventory: StoredInventory,
            DeployTemplate: DeployTemplate, Runbook: Runbook, Portgroup: Portgroup, Chassis: Chassis,
            VolumeConnector: VolumeConnector, VolumeTarget: VolumeTarget, Allocation: Allocation,
            InspectionRule: InspectionRule, BiosSettings: BiosSettings,
            FirmwareComponents: FirmwareComponents, BulkRequest: BulkRequest, BulkItem: BulkItem,
            EraseRecord: SignedErasure, }
    };
}

/// Where a type is stored, by what its records are found, what no two of them may share, and its indexed fields.
macro_rules! entity {
    ($entity:ident in $table:ident by $id:ident) => {
        entity! { $entity in $table by $id, unique [], it: }
    };
    ($entity:ident in $table:ident by $id:ident, unique $unique:expr, $it:ident: $($field:literal = $value:expr,)*) => {
        impl Entity for $entity {
            const TABLE: Table = Table::$table;
            const UNIQUE: &'static [&'static str] = &$unique;
            const FIELDS: &'static [&'static str] = &[$($field),*];

            fn id(&self) -> String {
                self.$id.to_string()
            }

            fn fields(&self) -> Vec<(&'static str, FieldValue)> {
                vec![$({
                    let $it = self;
                    ($field, $value)
                }),*]
            }
        }
    };
}

/// The fields of a stored document.
pub(crate) fn fields_of(
    key: &Key,
    document: &[u8],
) -> Result<Vec<(&'static str, FieldValue)>, StoreError> {
    fn of<E: Entity>(document: &[u8]) -> serde_json::Result<Vec<(&'static str, FieldValue)>> {
        serde_json::from_slice::<E>(document).map(|entity| entity.fields())
    }
    let fields = of_type!(key.table, E => of::<E>(document));
    fields.map_err(|source| StoreError::Corrupt {
        key: key.clone(),
        source,
    })
}

/// What of a stored document lists can be sorted by and stands in clear nowhere.
pub(crate) fn sealed_fields_of(key: &Key, document: &[u8]) -> Result<Vec<FieldValue>, StoreError> {
    if key.table != Table::Node {
        return Ok(Vec::new());
    }
    let node: serde_json::Result<Node> = serde_json::from_slice(document);
    node.map(|node| node.sealed_fields())
        .map_err(|source| StoreError::Corrupt {
            key: key.clone(),
            source,
        })
}

/// The fields of a table whose values belong to one record only.
pub(crate) const fn unique(table: Table) -> &'static [&'static str] {
    of_type!(table, E => E::UNIQUE)
}

/// The epoch in a stored document; only nodes have one.
pub(crate) fn epoch_of(key: &Key, document: &[u8]) -> Result<Option<Epoch>, StoreError> {
    if key.table != Table::Node {
        return Ok(None);
    }
    let node: serde_json::Result<Node> = serde_json::from_slice(document);
    node.map(|node| node.epoch())
        .map_err(|source| StoreError::Corrupt {
            key: key.clone(),
            source,
        })
}

pub(crate) fn text(value: Option<&str>) -> FieldValue {
    value.map_or(FieldValue::Null, |text| FieldValue::Text(text.to_owned()))
}

pub(crate) fn display(value: Option<impl fmt::Display>) -> FieldValue {
    value.map_or(FieldValue::Null, |value| {
        FieldValue::Text(value.to_string())
    })
}

/// Microseconds since 1970: text would not sort, as it drops the zeros at its end.
pub(crate) fn time(value: Option<Timestamp>) -> FieldValue {
    value.map_or(FieldValue::Null, |time| {
        FieldValue::Integer(time.as_microsecond())
    })
}

entity! { Port in Port by uuid, unique ["address", "name"], it:
    "uuid" = FieldValue::Text(it.uuid.to_string()),
    "address" = text(Some(it.address.as_str())),
    "node_uuid" = FieldValue::Text(it.node_uuid.to_string()),
    "name" = text(it.name.as_deref()),
    "portgroup_uuid" = display(it.portgroup_uuid),
    "physical_network" = text(it.physical_network.as_deref()),
    "created_at" = time(Some(it.created_at)),
    "updated_at" = time(it.updated_at),
    "is_smartnic" = FieldValue::Bool(it.is_smartnic),
    "pxe_enabled" = FieldValue::Bool(it.pxe_enabled),
    "description" = text(it.description.as_deref()),
    "vendor" = text(it.vendor.as_deref()),
    "category" = text(it.category.as_deref()),
    "available_for_dynamic_portgroup" = FieldValue::Bool(it.available_for_dynamic_portgroup),
}

entity! { ConductorRecord in Conductor by hostname, unique [], it:
    "hostname" = text(Some(&it.hostname)),
    "conductor_group" = text(Some(&it.conductor_group)),
    "online" = FieldValue::Bool(it.online),
    "created_at" = time(Some(it.created_at)),
    "updated_at" = time(Some(it.updated_at)),
}

entity! { DeployTemplate in DeployTemplate by uuid, unique ["name"], it:
    "uuid" = FieldValue::Text(it.uuid.to_string()),
    "name" = text(Some(&it.name)),
    "created_at" = time(Some(it.created_at)),
    "updated_at" = time(it.updated_at),
}

entity! { Runbook in Runbook by uuid, unique ["name"], it:
    "uuid" = FieldValue::Text(it.uuid.to_string()),
    "name" = text(Some(&it.name)),
    "public" = FieldValue::Bool(it.public),
    "owner" = text(it.owner.as_deref()),
    "disable_ramdisk" = FieldValue::Bool(it.disable_ramdisk),
    "created_at" = time(Some(it.created_at)),
    "updated_at" = time(it.updated_at),
}

entity! { InspectionRule in InspectionRule by uuid, unique [], it:
    "uuid" = FieldValue::Text(it.uuid.to_string()),
    "description" = text(it.description.as_deref()),
    "priority" = FieldValue::Integer(it.priority),
    "sensitive" = FieldValue::Bool(it.sensitive),
    "phase" = text(Some(&it.phase)),
    "created_at" = time(Some(it.created_at)),
    "updated_at" = time(it.updated_at),
}

entity! { Allocation in Allocation by uuid, unique ["name", "node_uuid"], it:
    "uuid" = FieldValue::Text(it.uuid.to_string()),
    "name" = text(it.name.as_deref()),
    "node_uuid" = display(it.node_uuid),
    "resource_class" = text(it.resource_class.as_deref()),
    "state" = text(Some(it.state.name())),
    "owner" = text(it.owner.as_deref()),
    "created_at" = time(Some(it.created_at)),
    "updated_at" = time(it.updated_at),
}

entity! { Portgroup in Portgroup by uuid, unique ["address", "name"], it:
    "uuid" = FieldValue::Text(it.uuid.to_string()),
    "address" = text(it.address.as_ref().map(|address| address.as_str())),
    "node_uuid" = FieldValue::Text(it.node_uuid.to_string()),
    "name" = text(it.name.as_deref()),
    "created_at" = time(Some(it.created_at)),
    "updated_at" = time(it.updated_at),
}

entity! { Chassis in Chassis by uuid, unique [], it:
    "uuid" = FieldValue::Text(it.uuid.to_string()),
    "description" = text(it.description.as_deref()),
    "created_at" = time(Some(it.created_at)),
    "updated_at" = time(it.updated_at),
}

entity! { VolumeConnector in VolumeConnector by uuid, unique ["type_and_id"], it:
    "uuid" = FieldValue::Text(it.uuid.to_string()),
    "node_uuid" = FieldValue::Text(it.node_uuid.to_string()),
    "type" = text(Some(&it.kind)),
    "connector_id" = text(Some(&it.connector_id)),
    // Written with its quotes, the pair cannot be read in two ways.
    "type_and_id" = FieldValue::Text(format!("{:?} {:?}", it.kind, it.connector_id)),
    "created_at" = time(Some(it.created_at)),
    "updated_at" = time(it.updated_at),
}

entity! { VolumeTarget in VolumeTarget by uuid, unique ["node_and_boot_index"], it:
    "uuid" = FieldValue::Text(it.uuid.to_string()),
    "node_uuid" = FieldValue::Text(it.node_uuid.to_string()),
    "volume_type" = text(Some(&it.volume_type)),
    "volume_id" = text(Some(&it.volume_id)),
    "boot_index" = FieldValue::Integer(it.boot_index),
    "node_and_boot_index" = FieldValue::Text(format!("{} {}", it.node_uuid, it.boot_index)),
    "created_at" = time(Some(it.created_at)),
    "updated_at" = time(it.updated_at),
}

entity! { SignedErasure in EraseRecord by uuid, unique [], it:
    "uuid" = FieldValue::Text(it.uuid.to_string()),
    "node_uuid" = FieldValue::Text(it.node_uuid.to_string()),
    "signed_at" = time(Some(it.signed_at)),
}

// One document a node, found by the node's UUID, and in no list.
entity! { StoredInventory in Inventory by node }
entity! { BiosSettings in BiosSettings by node }
entity! { FirmwareComponents in FirmwareComponents by node }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryStore, Store, StoreError, Transaction};
    use ferric_model::ids::{NodeId, VolumeConnectorId, VolumeTargetId};
    use jiff::Timestamp;
    use uuid::Uuid;

    fn connector(id: u128, kind: &str, connector_id: &str) -> VolumeConnector {
        let (uuid, node) = (Uuid::from_u128(id), NodeId(Uuid::nil()));
        let at = Timestamp::UNIX_EPOCH;
        VolumeConnector {
            kind: kind.to_owned(),
            connector_id: connector_id.to_owned(),
            ..VolumeConnector::new(VolumeConnectorId(uuid), node, at)
        }
    }

    fn target(id: u128, node: u128, boot_index: i64) -> VolumeTarget {
        let (uuid, node) = (Uuid::from_u128(id), NodeId(Uuid::from_u128(node)));
        let at = Timestamp::UNIX_EPOCH;
        VolumeTarget {
            boot_index,
            ..VolumeTarget::new(VolumeTargetId(uuid), node, at)
        }
    }

    #[tokio::test]
    async fn pairs_are_unique_and_their_halves_are_not() {
        let store = MemoryStore::new();
        let check = async |transaction: Transaction, free: bool| {
            let outcome = store.commit(transaction).await;
            match outcome {
                Ok(_) => assert!(free),
                Err(StoreError::NotUnique { .. }) => assert!(!free),
                Err(error) => panic!("{error}"),
            }
        };
        let put = |one: &VolumeConnector| Transaction::new().put(one);
        check(put(&connector(1, "iqn", "a")), true).await;
        check(put(&connector(2, "iqn", "b")), true).await;
        check(put(&connector(3, "wwpn", "a")), true).await;
        check(put(&connector(4, "iqn", "a")), false).await;
        check(put(&connector(5, "iqn\" \"a", "b")), true).await;
        check(put(&connector(6, "iqn", "a\" \"b")), true).await;
        let put = |one: &VolumeTarget| Transaction::new().put(one);
        check(put(&target(1, 1, 0)), true).await;
        check(put(&target(2, 1, 1)), true).await;
        check(put(&target(3, 2, 0)), true).await;
        check(put(&target(4, 1, 0)), false).await;
    }
}
