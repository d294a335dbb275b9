//! What is stored, and which of its fields stand in an index.

use crate::StoreError;
use crate::record::{Entity, FieldValue, Key, Table};
use ferric_model::allocation::Allocation;
use ferric_model::chassis::Chassis;
use ferric_model::conductor::ConductorRecord;
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

/// The fields of a stored document.
pub(crate) fn fields_of(
    key: &Key,
    document: &[u8],
) -> Result<Vec<(&'static str, FieldValue)>, StoreError> {
    fn of<E: Entity>(document: &[u8]) -> serde_json::Result<Vec<(&'static str, FieldValue)>> {
        serde_json::from_slice::<E>(document).map(|entity| entity.fields())
    }
    let fields = match key.table {
        Table::Node => of::<Node>(document),
        Table::Port => of::<Port>(document),
        Table::Conductor => of::<ConductorRecord>(document),
        Table::Inventory => of::<StoredInventory>(document),
        Table::DeployTemplate => of::<DeployTemplate>(document),
        Table::Runbook => of::<Runbook>(document),
        Table::Portgroup => of::<Portgroup>(document),
        Table::Chassis => of::<Chassis>(document),
        Table::VolumeConnector => of::<VolumeConnector>(document),
        Table::VolumeTarget => of::<VolumeTarget>(document),
        Table::Allocation => of::<Allocation>(document),
        Table::InspectionRule => of::<InspectionRule>(document),
    };
    fields.map_err(|source| StoreError::Corrupt {
        key: key.clone(),
        source,
    })
}

/// The fields of a table whose values belong to one record only.
pub(crate) const fn unique(table: Table) -> &'static [&'static str] {
    match table {
        Table::Node => Node::UNIQUE,
        Table::Port => Port::UNIQUE,
        Table::Conductor => ConductorRecord::UNIQUE,
        Table::Inventory => StoredInventory::UNIQUE,
        Table::DeployTemplate => DeployTemplate::UNIQUE,
        Table::Runbook => Runbook::UNIQUE,
        Table::Portgroup => Portgroup::UNIQUE,
        Table::Chassis => Chassis::UNIQUE,
        Table::VolumeConnector => VolumeConnector::UNIQUE,
        Table::VolumeTarget => VolumeTarget::UNIQUE,
        Table::Allocation => Allocation::UNIQUE,
        Table::InspectionRule => InspectionRule::UNIQUE,
    }
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

fn display(value: Option<impl fmt::Display>) -> FieldValue {
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

impl Entity for Node {
    const TABLE: Table = Table::Node;
    const UNIQUE: &'static [&'static str] = &["name", "instance_uuid"];
    const FIELDS: &'static [&'static str] = &[
        "uuid",
        "name",
        "instance_uuid",
        "instance_name",
        "driver",
        "provision_state",
        "power_state",
        "maintenance",
        "associated",
        "fault",
        "resource_class",
        "conductor_group",
        "chassis_uuid",
        "owner",
        "lessee",
        "shard",
        "sharded",
        "parent_node",
        "retired",
        "protected",
        "owned_by",
        "reserved",
        "running",
        "waits_for",
        "awaits_job",
        "wait_deadline",
        "target_power_state",
        "power_sync_failures",
        "created_at",
        "updated_at",
        "provision_updated_at",
    ];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn epoch(&self) -> Option<Epoch> {
        self.ownership.as_ref().map(|owner| owner.epoch)
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        let wait = self.run.as_ref().and_then(|run| run.wait.as_ref());
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
            ("waits_for", text(wait.map(|wait| wait.reason.name()))),
            ("awaits_job", text(wait.and_then(|wait| wait.reason.job()))),
            ("wait_deadline", time(wait.and_then(|wait| wait.deadline))),
            (
                "target_power_state",
                text(self.target_power_state.map(|state| state.name())),
            ),
            (
                "power_sync_failures",
                FieldValue::Integer(self.power_sync_failures.into()),
            ),
            ("created_at", time(Some(self.created_at))),
            ("updated_at", time(self.updated_at)),
            ("provision_updated_at", time(self.provision_updated_at)),
        ]
    }
}

impl Entity for Port {
    const TABLE: Table = Table::Port;
    const UNIQUE: &'static [&'static str] = &["address", "name"];
    const FIELDS: &'static [&'static str] = &[
        "uuid",
        "address",
        "node_uuid",
        "name",
        "portgroup_uuid",
        "physical_network",
        "created_at",
        "updated_at",
    ];

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
            ("created_at", time(Some(self.created_at))),
            ("updated_at", time(self.updated_at)),
        ]
    }
}

impl Entity for ConductorRecord {
    const TABLE: Table = Table::Conductor;
    const UNIQUE: &'static [&'static str] = &[];
    const FIELDS: &'static [&'static str] = &[
        "hostname",
        "conductor_group",
        "online",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> String {
        self.hostname.clone()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("hostname", text(Some(&self.hostname))),
            ("conductor_group", text(Some(&self.conductor_group))),
            ("online", FieldValue::Bool(self.online)),
            ("created_at", time(Some(self.created_at))),
            ("updated_at", time(Some(self.updated_at))),
        ]
    }
}

impl Entity for StoredInventory {
    const TABLE: Table = Table::Inventory;
    const UNIQUE: &'static [&'static str] = &[];
    const FIELDS: &'static [&'static str] = &[];

    fn id(&self) -> String {
        self.node.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        Vec::new()
    }
}

impl Entity for DeployTemplate {
    const TABLE: Table = Table::DeployTemplate;
    const UNIQUE: &'static [&'static str] = &["name"];
    const FIELDS: &'static [&'static str] = &["uuid", "name", "created_at", "updated_at"];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("uuid", FieldValue::Text(self.uuid.to_string())),
            ("name", text(Some(&self.name))),
            ("created_at", time(Some(self.created_at))),
            ("updated_at", time(self.updated_at)),
        ]
    }
}

impl Entity for Runbook {
    const TABLE: Table = Table::Runbook;
    const UNIQUE: &'static [&'static str] = &["name"];
    const FIELDS: &'static [&'static str] = &[
        "uuid",
        "name",
        "public",
        "owner",
        "disable_ramdisk",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("uuid", FieldValue::Text(self.uuid.to_string())),
            ("name", text(Some(&self.name))),
            ("public", FieldValue::Bool(self.public)),
            ("owner", text(self.owner.as_deref())),
            ("disable_ramdisk", FieldValue::Bool(self.disable_ramdisk)),
            ("created_at", time(Some(self.created_at))),
            ("updated_at", time(self.updated_at)),
        ]
    }
}

impl Entity for InspectionRule {
    const TABLE: Table = Table::InspectionRule;
    const UNIQUE: &'static [&'static str] = &[];
    const FIELDS: &'static [&'static str] = &[
        "uuid",
        "description",
        "priority",
        "sensitive",
        "phase",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("uuid", FieldValue::Text(self.uuid.to_string())),
            ("description", text(self.description.as_deref())),
            ("priority", FieldValue::Integer(self.priority)),
            ("sensitive", FieldValue::Bool(self.sensitive)),
            ("phase", text(Some(&self.phase))),
            ("created_at", time(Some(self.created_at))),
            ("updated_at", time(self.updated_at)),
        ]
    }
}

impl Entity for Allocation {
    const TABLE: Table = Table::Allocation;
    const UNIQUE: &'static [&'static str] = &["name", "node_uuid"];
    const FIELDS: &'static [&'static str] = &[
        "uuid",
        "name",
        "node_uuid",
        "resource_class",
        "state",
        "owner",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("uuid", FieldValue::Text(self.uuid.to_string())),
            ("name", text(self.name.as_deref())),
            ("node_uuid", display(self.node_uuid)),
            ("resource_class", text(self.resource_class.as_deref())),
            ("state", text(Some(self.state.name()))),
            ("owner", text(self.owner.as_deref())),
            ("created_at", time(Some(self.created_at))),
            ("updated_at", time(self.updated_at)),
        ]
    }
}
