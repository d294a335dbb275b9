//! A node's own fields as the wire has them: one by one and borrowed, so that what is not shown is not copied.

use crate::api::links::Pair;
use crate::api::masking::{Masked, MaskedStored};
use crate::api::shape::shown_time;
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Object};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;
use uuid::Uuid;

/// The value of a field on its way to the wire.
pub(super) enum Shown<'n> {
    Text(Option<&'n str>),
    Flag(Option<bool>),
    Id(Option<Uuid>),
    Time(Option<Timestamp>),
    Object(&'n Object),
    Texts(&'n [String]),
    Masked(Masked<'n>),
    MaskedStored(MaskedStored<'n>),
    Links(Pair<'n, NodePath>),
    /// As it is stored; null where nothing is.
    Copied(Option<&'n RawValue>),
    /// Put together from more than one field.
    Made(Value),
}

/// Of a node, or of what stands under it.
pub(super) struct NodePath {
    pub(super) node: NodeId,
    pub(super) under: Option<&'static str>,
}

impl fmt::Display for NodePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (node, under) = (self.node, self.under);
        match under {
            Some(under) => write!(formatter, "nodes/{node}/{under}"),
            None => write!(formatter, "nodes/{node}"),
        }
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Flag(flag) => flag.serialize(serializer),
            Self::Id(id) => id.serialize(serializer),
            Self::Time(time) => time.map(shown_time).serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
            Self::Texts(texts) => texts.serialize(serializer),
            Self::Masked(masked) => masked.serialize(serializer),
            Self::MaskedStored(masked) => masked.serialize(serializer),
            Self::Links(pair) => pair.serialize(serializer),
            Self::Copied(text) => text.serialize(serializer),
            Self::Made(value) => value.serialize(serializer),
        }
    }
}

impl From<Shown<'_>> for Value {
    fn from(shown: Shown<'_>) -> Self {
        match shown {
            Shown::Text(text) => Self::from(text),
            Shown::Flag(flag) => Self::from(flag),
            Shown::Id(id) => Self::from(id.map(|id| id.to_string())),
            Shown::Time(time) => Self::from(time.map(shown_time)),
            Shown::Object(object) => Self::Object(object.clone()),
            Shown::Texts(texts) => Self::from(texts),
            Shown::Masked(masked) => Self::Object(masked.into()),
            Shown::MaskedStored(_) | Shown::Links(_) => written(&shown),
            Shown::Copied(text) => json_value(text),
            Shown::Made(value) => value,
        }
    }
}

fn written(shown: &Shown<'_>) -> Value {
    serde_json::to_value(shown).expect("keys are texts")
}

fn json_value(text: Option<&RawValue>) -> Value {
    let value = text.and_then(|text| serde_json::from_str(text.get()).ok());
    value.unwrap_or_default()
}

/// `None` for what is no field of its own, but a view of others.
pub(super) fn of<'n>(node: &'n Node, name: &str) -> Option<Shown<'n>> {
    identity(node, name)
        .or_else(|| settings(node, name))
        .or_else(|| condition(node, name))
}

fn identity<'n>(node: &'n Node, name: &str) -> Option<Shown<'n>> {
    Some(match name {
        "uuid" => Shown::Id(Some(node.uuid.0)),
        "allocation_uuid" => Shown::Id(node.allocation_uuid),
        "chassis_uuid" => Shown::Id(node.chassis_uuid),
        "conductor_group" => Shown::Text(Some(&node.conductor_group)),
        "description" => Shown::Text(node.description.as_deref()),
        "driver" => Shown::Text(Some(&node.driver)),
        "instance_name" => Shown::Text(node.instance_name.as_deref()),
        "instance_uuid" => Shown::Id(node.instance_uuid),
        "lessee" => Shown::Text(node.lessee.as_deref()),
        "name" => Shown::Text(node.name.as_deref()),
        "owner" => Shown::Text(node.owner.as_deref()),
        "parent_node" => Shown::Id(node.parent_node.map(|id| id.0)),
        "resource_class" => Shown::Text(node.resource_class.as_deref()),
        "shard" => Shown::Text(node.shard.as_deref()),
        _ => return None,
    })
}

fn settings<'n>(node: &'n Node, name: &str) -> Option<Shown<'n>> {
    Some(match name {
        "automated_clean" => Shown::Flag(node.automated_clean),
        "boot_mode" => Shown::Text(node.boot_mode.as_deref()),
        "disable_power_off" => Shown::Flag(Some(node.disable_power_off)),
        "extra" => Shown::Object(&node.extra),
        "network_data" => Shown::Object(&node.network_data),
        "properties" => Shown::Object(&node.properties),
        "raid_config" => Shown::Object(&node.raid_config),
        "secure_boot" => Shown::Flag(node.secure_boot),
        "target_raid_config" => Shown::Object(&node.target_raid_config),
        "traits" => Shown::Texts(&node.traits),
        _ => return None,
    })
}

fn condition<'n>(node: &'n Node, name: &str) -> Option<Shown<'n>> {
    Some(match name {
        "console_enabled" => Shown::Flag(Some(node.console_enabled)),
        "created_at" => Shown::Time(Some(node.created_at)),
        "fault" => Shown::Text(node.fault.as_deref()),
        "health" => Shown::Text(node.health.as_deref()),
        "inspection_finished_at" => Shown::Time(node.inspection_finished_at),
        "inspection_started_at" => Shown::Time(node.inspection_started_at),
        "last_error" => Shown::Text(node.last_error.as_deref()),
        "maintenance" => Shown::Flag(Some(node.maintenance)),
        "maintenance_reason" => Shown::Text(node.maintenance_reason.as_deref()),
        "power_state" => Shown::Text(node.power_state.map(|state| state.name())),
        "protected" => Shown::Flag(Some(node.protected)),
        "protected_reason" => Shown::Text(node.protected_reason.as_deref()),
        "provision_state" => Shown::Text(Some(node.provision_state.name())),
        "provision_updated_at" => Shown::Time(node.provision_updated_at),
        "retired" => Shown::Flag(Some(node.retired)),
        "retired_reason" => Shown::Text(node.retired_reason.as_deref()),
        "target_power_state" => Shown::Text(node.target_power_state.map(|state| state.name())),
        "target_provision_state" => {
            Shown::Text(node.target_provision_state.map(|state| state.name()))
        }
        "updated_at" => Shown::Time(node.updated_at),
        _ => return None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::api::nodes::table::NODE;
    use crate::api::nodes::view::document;
    use ferric_model::ids::NodeId;
    use ferric_model::state::{PowerState, ProvisionState};
    use serde_json::json;
    use uuid::Uuid;

    /// With a value in every field of its own.
    pub(in crate::api::nodes) fn full() -> Node {
        let id = Uuid::from_u128(7);
        let at: Timestamp = "2026-01-02T03:04:05.678901Z".parse().unwrap();
        let mut node = Node::new(NodeId(id), "redfish", Timestamp::UNIX_EPOCH);
        let text = || Some("a text".to_owned());
        (node.name, node.owner, node.lessee) = (text(), text(), text());
        (node.fault, node.shard, node.description) = (text(), text(), text());
        (node.instance_name, node.resource_class) = (text(), text());
        (node.boot_mode, node.health, node.last_error) = (text(), text(), text());
        (node.maintenance_reason, node.protected_reason) = (text(), text());
        node.retired_reason = text();
        (node.instance_uuid, node.chassis_uuid) = (Some(id), Some(id));
        (node.allocation_uuid, node.parent_node) = (Some(id), Some(NodeId(id)));
        (node.automated_clean, node.secure_boot) = (Some(false), Some(true));
        (node.maintenance, node.retired, node.protected) = (true, true, true);
        (node.console_enabled, node.disable_power_off) = (true, true);
        node.conductor_group = "group".to_owned();
        node.traits = vec!["CUSTOM_GOLD".to_owned()];
        let object = || Object::from_iter([("key".to_owned(), json!({"b": [1], "a": null}))]);
        (node.extra, node.properties, node.network_data) = (object(), object(), object());
        (node.raid_config, node.target_raid_config) = (object(), object());
        (node.updated_at, node.provision_updated_at) = (Some(at), Some(at));
        (node.inspection_started_at, node.inspection_finished_at) = (Some(at), Some(at));
        node.power_state = Some(PowerState::ALL[0]);
        node.target_power_state = Some(PowerState::ALL[1]);
        node.provision_state = ProvisionState::InspectWait;
        node.target_provision_state = Some(ProvisionState::Manageable);
        node
    }

    #[test]
    fn every_stored_field_is_shown_as_it_is_stored() {
        for node in [
            full(),
            Node::new(full().uuid, "ipmi", Timestamp::UNIX_EPOCH),
        ] {
            let stored = document(&node).unwrap();
            let mut compared = 0;
            for field in NODE {
                // Put together from more than the field of this name.
                if ["driver_info", "instance_info", "reservation"].contains(&field.name) {
                    continue;
                }
                let expected = stored.get(field.name);
                let expected = expected.map(|value| field.shape.show(value.clone()));
                let shown = of(&node, field.name);
                let written = shown
                    .as_ref()
                    .map(|shown| serde_json::to_value(shown).unwrap());
                assert_eq!(written, expected, "{}", field.name);
                assert_eq!(shown.map(Value::from), expected, "{}", field.name);
                compared += usize::from(expected.is_some());
            }
            assert!(compared > 40, "only {compared} fields were compared");
        }
    }
}
