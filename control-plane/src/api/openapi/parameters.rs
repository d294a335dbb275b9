//! The parameters of queries, in sets: what they are called and which form they have.

use crate::api::{allocations, nodes, paging, ports};
use serde_json::{Value, json};

/// Parameters that an operation takes together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Set {
    /// `limit`, `marker`, `sort_key`, `sort_dir`.
    Page,
    NodeFilters,
    PortFilters,
    AllocationFilters,
    These(&'static [&'static str]),
}

/// Lists that may be cut short and shown in part.
pub(super) const LIST: &[Set] = &[Set::Page, Set::These(&["fields", "detail"])];
pub(super) const NODES: &[Set] = &[
    Set::Page,
    Set::NodeFilters,
    Set::These(&["fields", "detail"]),
];
pub(super) const NODES_WHOLE: &[Set] = &[Set::Page, Set::NodeFilters];
pub(super) const PORTS: &[Set] = &[
    Set::Page,
    Set::PortFilters,
    Set::These(&["fields", "detail"]),
];
pub(super) const PORTS_WHOLE: &[Set] = &[Set::Page, Set::PortFilters];
pub(super) const ALLOCATIONS: &[Set] =
    &[Set::Page, Set::AllocationFilters, Set::These(&["fields"])];
const OF_PORTGROUPS: Set = Set::These(&["node", "address", "shard", "conductor_groups"]);
pub(super) const PORTGROUPS: &[Set] =
    &[Set::Page, OF_PORTGROUPS, Set::These(&["fields", "detail"])];
pub(super) const PORTGROUPS_WHOLE: &[Set] = &[Set::Page, OF_PORTGROUPS];
pub(super) const PAGES_ONLY: &[Set] = &[Set::Page];
pub(super) const VOLUMES: &[Set] = &[Set::Page, Set::These(&["node", "fields", "detail"])];
pub(super) const RUNBOOKS: &[Set] = &[Set::Page, Set::These(&["project", "fields", "detail"])];
pub(super) const RULES: &[Set] = &[Set::Page, Set::These(&["phase", "fields", "detail"])];
pub(super) const FIELDS: &[Set] = &[Set::These(&["fields"])];

const FLAGS: &[&str] = &[
    "associated",
    "maintenance",
    "retired",
    "sharded",
    "include_children",
    "detail",
    "reset_interfaces",
    "persistent",
];
const UUIDS: &[&str] = &["marker", "instance_uuid", "chassis_uuid", "node_uuid"];
const NUMBERS: &[&str] = &["limit", "after"];

impl Set {
    pub(super) fn names(self) -> Vec<&'static str> {
        match self {
            Self::Page => paging::KEYS.to_vec(),
            Self::NodeFilters => nodes::filters().collect(),
            Self::PortFilters => ports::FILTERS.to_vec(),
            Self::AllocationFilters => allocations::FILTERS.to_vec(),
            Self::These(names) => names.to_vec(),
        }
    }
}

/// A parameter of a query as the document has it.
pub(super) fn shown(name: &str) -> Value {
    json!({"name": name, "in": "query", "schema": schema(name)})
}

fn schema(name: &str) -> Value {
    match name {
        "sort_dir" => json!({"enum": ["asc", "desc"]}),
        "type" => json!({"enum": ["classic", "dynamic"]}),
        _ if FLAGS.contains(&name) => json!({"type": "boolean"}),
        _ if UUIDS.contains(&name) => json!({"type": "string", "format": "uuid"}),
        _ if NUMBERS.contains(&name) => json!({"type": "integer", "minimum": 0}),
        _ => json!({"type": "string"}),
    }
}
