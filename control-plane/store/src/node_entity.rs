//! Which fields of a node stand in an index: whatever lists are filtered and sorted by, and what the conductor looks for.
//!
//! They stand there in clear. What may quote a machine or an operator's slip (last_error and the reasons) does not: it is
//! sealed, and sorting by it opens what is sealed.

use crate::entities::{display, text, time};
use crate::record::{Entity, FieldValue, Table};
use ferric_model::ids::Epoch;
use ferric_model::node::Node;

type Fields<const N: usize> = [(&'static str, FieldValue); N];

/// Names of fields with their kinds of interface.
const INTERFACES: [(&str, &str); 13] = [
    ("bios_interface", "bios"),
    ("boot_interface", "boot"),
    ("console_interface", "console"),
    ("deploy_interface", "deploy"),
    ("firmware_interface", "firmware"),
    ("inspect_interface", "inspect"),
    ("management_interface", "management"),
    ("network_interface", "network"),
    ("power_interface", "power"),
    ("raid_interface", "raid"),
    ("rescue_interface", "rescue"),
    ("storage_interface", "storage"),
    ("vendor_interface", "vendor"),
];

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
        "upkeep",
        "power_sync_failures",
        "created_at",
        "updated_at",
        "provision_updated_at",
        "allocation_uuid",
        "automated_clean",
        "boot_mode",
        "console_enabled",
        "description",
        "disable_power_off",
        "health",
        "inspection_finished_at",
        "inspection_started_at",
        "reservation",
        "secure_boot",
        "target_provision_state",
        "bios_interface",
        "boot_interface",
        "console_interface",
        "deploy_interface",
        "firmware_interface",
        "inspect_interface",
        "management_interface",
        "network_interface",
        "power_interface",
        "raid_interface",
        "rescue_interface",
        "storage_interface",
        "vendor_interface",
    ];

    const SEALED_FIELDS: &'static [&'static str] = &[
        "last_error",
        "maintenance_reason",
        "protected_reason",
        "retired_reason",
    ];

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn sealed_fields(&self) -> Vec<FieldValue> {
        vec![
            text(self.last_error.as_deref()),
            text(self.maintenance_reason.as_deref()),
            text(self.protected_reason.as_deref()),
            text(self.retired_reason.as_deref()),
        ]
    }

    fn epoch(&self) -> Option<Epoch> {
        self.ownership.as_ref().map(|owner| owner.epoch)
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        let mut fields = Vec::with_capacity(Self::FIELDS.len());
        fields.extend(what_it_is(self));
        fields.extend(how_it_stands(self));
        fields.extend(what_only_orders(self));
        fields.extend(INTERFACES.map(|(name, kind)| (name, text(self.interface(kind)))));
        fields
    }
}

/// What is to be looked after beside power and runs: `wish` before `console`.
fn upkeep(node: &Node) -> Option<&'static str> {
    let console = node.console_enabled.then_some("console");
    node.wish.as_ref().map(|_| "wish").or(console)
}

fn what_it_is(node: &Node) -> Fields<20> {
    [
        ("uuid", FieldValue::Text(node.uuid.to_string())),
        ("name", text(node.name.as_deref())),
        ("instance_uuid", display(node.instance_uuid)),
        ("instance_name", text(node.instance_name.as_deref())),
        ("driver", text(Some(&node.driver))),
        ("provision_state", text(Some(node.provision_state.name()))),
        (
            "power_state",
            text(node.power_state.map(|state| state.name())),
        ),
        ("maintenance", FieldValue::Bool(node.maintenance)),
        ("associated", FieldValue::Bool(node.instance_uuid.is_some())),
        ("fault", text(node.fault.as_deref())),
        ("resource_class", text(node.resource_class.as_deref())),
        ("conductor_group", text(Some(&node.conductor_group))),
        ("chassis_uuid", display(node.chassis_uuid)),
        ("owner", text(node.owner.as_deref())),
        ("lessee", text(node.lessee.as_deref())),
        ("shard", text(node.shard.as_deref())),
        ("sharded", FieldValue::Bool(node.shard.is_some())),
        ("parent_node", display(node.parent_node)),
        ("retired", FieldValue::Bool(node.retired)),
        ("protected", FieldValue::Bool(node.protected)),
    ]
}

fn how_it_stands(node: &Node) -> Fields<12> {
    let wait = node.run.as_ref().and_then(|run| run.wait.as_ref());
    [
        (
            "owned_by",
            text(
                node.ownership
                    .as_ref()
                    .map(|owner| owner.conductor.as_str()),
            ),
        ),
        ("reserved", FieldValue::Bool(node.reservation.is_some())),
        ("running", FieldValue::Bool(node.run.is_some())),
        ("waits_for", text(wait.map(|wait| wait.reason.name()))),
        ("awaits_job", text(wait.and_then(|wait| wait.reason.job()))),
        ("wait_deadline", time(wait.and_then(|wait| wait.deadline))),
        (
            "target_power_state",
            text(node.target_power_state.map(|state| state.name())),
        ),
        ("upkeep", text(upkeep(node))),
        (
            "power_sync_failures",
            FieldValue::Integer(node.power_sync_failures.into()),
        ),
        ("created_at", time(Some(node.created_at))),
        ("updated_at", time(node.updated_at)),
        ("provision_updated_at", time(node.provision_updated_at)),
    ]
}

/// What no list is filtered by.
fn what_only_orders(node: &Node) -> Fields<12> {
    let flag = |value: Option<bool>| value.map_or(FieldValue::Null, FieldValue::Bool);
    let holder = node
        .reservation
        .as_ref()
        .map(|held| held.conductor.as_str());
    let target = node.target_provision_state.map(|state| state.name());
    [
        ("allocation_uuid", display(node.allocation_uuid)),
        ("automated_clean", flag(node.automated_clean)),
        ("boot_mode", text(node.boot_mode.as_deref())),
        ("console_enabled", FieldValue::Bool(node.console_enabled)),
        ("description", text(node.description.as_deref())),
        (
            "disable_power_off",
            FieldValue::Bool(node.disable_power_off),
        ),
        ("health", text(node.health.as_deref())),
        ("inspection_finished_at", time(node.inspection_finished_at)),
        ("inspection_started_at", time(node.inspection_started_at)),
        ("reservation", text(holder)),
        ("secure_boot", flag(node.secure_boot)),
        ("target_provision_state", text(target)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::NodeId;
    use jiff::Timestamp;
    use uuid::Uuid;

    #[test]
    fn values_stand_in_the_order_of_their_names() {
        let node = Node::new(NodeId(Uuid::nil()), "redfish", Timestamp::UNIX_EPOCH);
        let names: Vec<_> = node.fields().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, Node::FIELDS);
        assert_eq!(node.sealed_fields().len(), Node::SEALED_FIELDS.len());
    }
}
