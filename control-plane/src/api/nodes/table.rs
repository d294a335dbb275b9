//! The node's fields: since when, who writes them, and their form. Nothing that is not here is ever shown or taken.

use crate::api::fields::{Field, Pick, Write};
use crate::api::shape::{ANY_LENGTH, Shape};

const fn field(name: &'static str, since: u16, write: Write, shape: Shape) -> Field {
    Field::new(name, since, write, shape)
}

const fn shown(name: &'static str, since: u16, shape: Shape) -> Field {
    Field::new(name, since, Write::Never, shape)
}

const fn whole_only(name: &'static str, since: u16, shape: Shape) -> Field {
    Field::new(name, since, Write::Never, shape).pick(Pick::No)
}

const fn interface(name: &'static str, since: u16) -> Field {
    Field::new(name, since, Write::Both, Shape::Text(255))
}

/// In the order in which they are shown.
pub(in crate::api) const NODE: &[Field] = &[
    field("uuid", 1, Write::Create, Shape::Uuid),
    whole_only("created_at", 1, Shape::Time),
    whole_only("updated_at", 1, Shape::Time),
    field("allocation_uuid", 52, Write::Never, Shape::Uuid),
    field("automated_clean", 47, Write::Both, Shape::Tristate),
    interface("bios_interface", 40),
    interface("boot_interface", 31),
    field("boot_mode", 75, Write::Create, Shape::Text(16)),
    field("chassis_uuid", 1, Write::Both, Shape::Uuid),
    shown("clean_step", 7, Shape::Object),
    shown("conductor", 49, Shape::Other),
    field("conductor_group", 46, Write::Both, Shape::Text(255)),
    field("console_enabled", 1, Write::Create, Shape::Flag),
    interface("console_interface", 31),
    interface("deploy_interface", 31),
    shown("deploy_step", 44, Shape::Object),
    field("description", 51, Write::Both, Shape::Text(4096)),
    field("disable_power_off", 95, Write::Both, Shape::Flag),
    field("driver", 1, Write::Both, Shape::Required),
    field("driver_info", 1, Write::Both, Shape::Object),
    shown("driver_internal_info", 3, Shape::Object),
    field("extra", 1, Write::Both, Shape::Object),
    shown("fault", 42, Shape::Text(255)),
    interface("firmware_interface", 86),
    shown("health", 109, Shape::Text(16)),
    shown("inspection_finished_at", 6, Shape::Time),
    shown("inspection_started_at", 6, Shape::Time),
    interface("inspect_interface", 31),
    field("instance_info", 1, Write::Both, Shape::Object),
    field("instance_name", 104, Write::Both, Shape::Text(255)),
    field("instance_uuid", 1, Write::Both, Shape::Uuid),
    shown("last_error", 1, Shape::Text(ANY_LENGTH)),
    field("lessee", 65, Write::Both, Shape::Text(255)),
    field("maintenance", 1, Write::Both, Shape::Flag),
    shown("maintenance_reason", 1, Shape::Text(ANY_LENGTH)),
    interface("management_interface", 31),
    field("name", 5, Write::Both, Shape::Text(255)),
    field("network_data", 66, Write::Both, Shape::Object),
    interface("network_interface", 20),
    field("owner", 50, Write::Both, Shape::Text(255)),
    field("parent_node", 83, Write::Both, Shape::Text(255)),
    interface("power_interface", 31),
    shown("power_state", 1, Shape::Text(16)),
    field("properties", 1, Write::Both, Shape::Object),
    field("protected", 48, Write::Patch, Shape::Flag),
    field(
        "protected_reason",
        48,
        Write::Patch,
        Shape::Text(ANY_LENGTH),
    ),
    shown("provision_state", 1, Shape::Text(16)),
    shown("provision_updated_at", 1, Shape::Time),
    shown("raid_config", 12, Shape::Object),
    interface("raid_interface", 31),
    interface("rescue_interface", 38),
    shown("reservation", 1, Shape::Text(255)),
    field("resource_class", 21, Write::Both, Shape::Text(80)),
    field("retired", 61, Write::Both, Shape::Flag),
    field("retired_reason", 61, Write::Both, Shape::Text(ANY_LENGTH)),
    field("secure_boot", 75, Write::Create, Shape::Tristate),
    shown("service_step", 87, Shape::Object),
    field("shard", 82, Write::Both, Shape::Text(255)),
    interface("storage_interface", 33),
    shown("target_power_state", 1, Shape::Text(16)),
    shown("target_provision_state", 1, Shape::Text(16)),
    shown("target_raid_config", 12, Shape::Object),
    shown("traits", 37, Shape::Other),
    interface("vendor_interface", 31),
    Field::new("links", 1, Write::Never, Shape::Other).pick(Pick::Silent),
    whole_only("ports", 1, Shape::Other),
    whole_only("states", 14, Shape::Other),
    whole_only("portgroups", 24, Shape::Other),
    whole_only("volume", 32, Shape::Other),
];

/// What a list shows of each node unless it is asked for more.
pub(super) const BRIEF: &[&str] = &[
    "uuid",
    "instance_uuid",
    "maintenance",
    "power_state",
    "provision_state",
    "name",
];

/// Words that stand in the place of a node's name in paths.
pub(super) const RESERVED_NAMES: &[&str] = &[
    "maintenance",
    "management",
    "states",
    "vendor_passthru",
    "detail",
    "validate",
    "ports",
    "portgroups",
    "vifs",
    "volume",
    "traits",
    "bios",
    "allocation",
    "history",
    "inventory",
    "children",
    "firmware",
    "vmedia",
];

#[cfg(test)]
mod tests {
    use super::*;

    use crate::api::selection::Selection;
    use crate::api::tests::ironic;
    use crate::api::version::ApiVersion;
    use std::fmt::Write as _;

    #[test]
    fn every_version_shows_the_keys_of_ironic() {
        for minor in 1..=115 {
            ironic::check_keys("node", minor, |version| names(&Selection::All, version));
            ironic::check_keys("nodes list", minor, |version| {
                names(&Selection::Brief(BRIEF), version)
            });
        }
    }

    fn names(selection: &Selection, version: ApiVersion) -> Vec<&'static str> {
        let shown = NODE.iter().filter(|field| selection.shows(field, version));
        shown.map(|field| field.name).collect()
    }

    #[test]
    fn the_gates_in_full() {
        let mut table = String::new();
        for field in NODE {
            writeln!(table, "{}", field.line()).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
