//! Which fields of port groups, chassis and volumes stand in an index.
//!
//! An index has one value a field, so what is unique in pairs has a field of its own, which no list can be sorted by.

use crate::entities::{text, time};
use crate::record::{Entity, FieldValue, Table};
use ferric_model::chassis::Chassis;
use ferric_model::portgroup::Portgroup;
use ferric_model::volume::{VolumeConnector, VolumeTarget};

impl Entity for Portgroup {
    const TABLE: Table = Table::Portgroup;
    const UNIQUE: &'static [&'static str] = &["address", "name"];
    const FIELDS: &'static [&'static str] = &[
        "uuid",
        "address",
        "node_uuid",
        "name",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        let address = self.address.as_ref().map(|address| address.as_str());
        vec![
            ("uuid", FieldValue::Text(self.uuid.to_string())),
            ("address", text(address)),
            ("node_uuid", FieldValue::Text(self.node_uuid.to_string())),
            ("name", text(self.name.as_deref())),
            ("created_at", time(Some(self.created_at))),
            ("updated_at", time(self.updated_at)),
        ]
    }
}

impl Entity for Chassis {
    const TABLE: Table = Table::Chassis;
    const UNIQUE: &'static [&'static str] = &[];
    const FIELDS: &'static [&'static str] = &["uuid", "description", "created_at", "updated_at"];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("uuid", FieldValue::Text(self.uuid.to_string())),
            ("description", text(self.description.as_deref())),
            ("created_at", time(Some(self.created_at))),
            ("updated_at", time(self.updated_at)),
        ]
    }
}

impl Entity for VolumeConnector {
    const TABLE: Table = Table::VolumeConnector;
    const UNIQUE: &'static [&'static str] = &["type_and_id"];
    const FIELDS: &'static [&'static str] = &[
        "uuid",
        "node_uuid",
        "type",
        "connector_id",
        "type_and_id",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("uuid", FieldValue::Text(self.uuid.to_string())),
            ("node_uuid", FieldValue::Text(self.node_uuid.to_string())),
            ("type", text(Some(&self.kind))),
            ("connector_id", text(Some(&self.connector_id))),
            // Written with its quotes, the pair cannot be read in two ways.
            (
                "type_and_id",
                FieldValue::Text(format!("{:?} {:?}", self.kind, self.connector_id)),
            ),
            ("created_at", time(Some(self.created_at))),
            ("updated_at", time(self.updated_at)),
        ]
    }
}

impl Entity for VolumeTarget {
    const TABLE: Table = Table::VolumeTarget;
    const UNIQUE: &'static [&'static str] = &["node_and_boot_index"];
    const FIELDS: &'static [&'static str] = &[
        "uuid",
        "node_uuid",
        "volume_type",
        "volume_id",
        "boot_index",
        "node_and_boot_index",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("uuid", FieldValue::Text(self.uuid.to_string())),
            ("node_uuid", FieldValue::Text(self.node_uuid.to_string())),
            ("volume_type", text(Some(&self.volume_type))),
            ("volume_id", text(Some(&self.volume_id))),
            ("boot_index", FieldValue::Integer(self.boot_index)),
            (
                "node_and_boot_index",
                FieldValue::Text(format!("{} {}", self.node_uuid, self.boot_index)),
            ),
            ("created_at", time(Some(self.created_at))),
            ("updated_at", time(self.updated_at)),
        ]
    }
}

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
