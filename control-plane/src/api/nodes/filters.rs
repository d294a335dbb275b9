//! The filters of node lists: what the store's indexes are asked for, and the few that are checks.

use crate::api::arguments::Arguments;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::need;
use crate::api::plain;
use ferric_model::hash_ring::groups::Rings;
use ferric_model::ids::NodeId;
use ferric_model::state::ProvisionState;
use ferric_store::{Check, FieldValue, Query};
use std::sync::Arc;

/// Arguments that filter, and since when they may be used; 1 where older versions do not refuse them.
pub(in crate::api) const FILTERS: &[(&str, u16)] = &[
    ("instance_uuid", 1),
    ("chassis_uuid", 1),
    ("associated", 1),
    ("maintenance", 1),
    ("provision_state", 9),
    ("driver", 16),
    ("resource_class", 21),
    ("fault", 42),
    ("conductor_group", 46),
    ("conductor", 49),
    ("owner", 50),
    ("description_contains", 1),
    ("retired", 1),
    ("project", 1),
    ("lessee", 65),
    ("shard", 82),
    ("sharded", 82),
    ("parent_node", 83),
    ("include_children", 83),
    ("instance_name", 104),
];

const TEXTS: &[&str] = &[
    "driver",
    "resource_class",
    "owner",
    "lessee",
    "instance_name",
];

const FLAGS: &[&str] = &["associated", "maintenance", "retired", "sharded"];

const FAULTS: &[&str] = &[
    "power failure",
    "clean failure",
    "rescue abort failure",
    "service failure",
];

/// The names of all filters.
pub(in crate::api) fn keys() -> impl Iterator<Item = &'static str> {
    FILTERS.iter().map(|(name, _)| *name)
}

/// As SQL's LIKE compares: without regard to case. The part is in lower case.
pub(in crate::api) fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(part)
}

/// Those that the hash ring gives to a conductor.
fn of_conductor(host: String, rings: Arc<Rings>) -> Check {
    Check::new(&["uuid", "conductor_group", "driver"], move |values| {
        let [id, group, driver] = values else {
            return false;
        };
        let (group, driver) = (group.as_text(), driver.as_text());
        let (group, driver) = (group.unwrap_or_default(), driver.unwrap_or_default());
        let id = id.as_text().unwrap_or_default().parse::<NodeId>();
        id.is_ok_and(|id| rings.host(group, driver, id) == Ok(host.as_str()))
    })
}

fn described(part: &str) -> Check {
    let part = part.to_lowercase();
    Check::new(&["description"], move |values| {
        let text = values[0].as_text();
        text.is_some_and(|text| contains(text, &part))
    })
}

/// The query with the request's filters.
pub(super) async fn apply(call: &Call, mut query: Query) -> ApiResult<Query> {
    let arguments = &call.arguments;
    for (name, since) in FILTERS {
        if arguments.text(name).is_some() {
            need(call.version, *since, &format!("the filter {name}"))?;
        }
    }
    for name in TEXTS {
        if let Some(value) = arguments.text(name) {
            query = query.filter(name, vec![text(value)]);
        }
    }
    for name in FLAGS {
        if let Some(value) = arguments.boolean(name)? {
            query = query.filter(name, vec![FieldValue::Bool(value)]);
        }
    }
    if let Some(instance) = arguments.uuid("instance_uuid")? {
        query = query.filter("instance_uuid", vec![text(&instance.to_string())]);
    }
    if let Some(chassis) = arguments.uuid("chassis_uuid")? {
        if !plain::chassis_exists(call, chassis).await? {
            return Err(ApiError::not_found(format!(
                "chassis {chassis} could not be found"
            )));
        }
        query = query.filter("chassis_uuid", vec![text(&chassis.to_string())]);
    }
    query = by_state(arguments, query)?;
    query = by_place(arguments, query);
    query = by_parent(call, query).await?;
    call.access
        .check_listed_project(arguments.text("project"))?;
    let own = call.access.project_of_list();
    if let Some(project) = own.or(arguments.text("project")) {
        query = query.filter_any(&["owner", "lessee"], vec![text(project)]);
    }
    if let Some(seen) = call.access.seen_nodes() {
        query = query.check(seen);
    }
    if let Some(part) = arguments.text("description_contains") {
        query = query.check(described(part));
    }
    if let Some(host) = arguments.text("conductor") {
        let rings = call.conductor().rings().await?;
        query = query.check(of_conductor(host.to_owned(), rings));
    }
    Ok(query)
}

fn by_state(arguments: &Arguments, mut query: Query) -> ApiResult<Query> {
    if let Some(name) = arguments.text("provision_state") {
        let state: ProvisionState = name
            .parse()
            .map_err(|_| ApiError::invalid(format!("{name:?} is not a provision state")))?;
        query = query.filter("provision_state", vec![text(state.name())]);
    }
    if let Some(fault) = arguments.text("fault") {
        if !FAULTS.contains(&fault) {
            let known = FAULTS.join(", ");
            return Err(ApiError::invalid(format!(
                "{fault:?} is not a fault: use one of {known}"
            )));
        }
        query = query.filter("fault", vec![text(fault)]);
    }
    Ok(query)
}

fn by_place(arguments: &Arguments, mut query: Query) -> Query {
    if let Some(group) = arguments.text("conductor_group") {
        query = query.filter("conductor_group", vec![text(&group.to_lowercase())]);
    }
    if let Some(shards) = arguments.text("shard") {
        let shards = shards
            .split(',')
            .map(str::trim)
            .filter(|shard| !shard.is_empty());
        query = query.filter("shard", shards.map(text).collect());
    }
    query
}

/// Children are not shown unless they are asked for.
async fn by_parent(call: &Call, query: Query) -> ApiResult<Query> {
    if let Some(parent) = call.arguments.text("parent_node") {
        let found = super::find::lookup(call, parent).await?;
        // A parent that there is not has no children.
        let id = found.map_or_else(|| parent.to_owned(), |found| found.node.uuid.to_string());
        return Ok(query.filter("parent_node", vec![text(&id)]));
    }
    let all = call.arguments.boolean("include_children")?.unwrap_or(false);
    Ok(if all {
        query
    } else {
        query.filter("parent_node", vec![FieldValue::Null])
    })
}

fn text(value: &str) -> FieldValue {
    FieldValue::Text(value.to_owned())
}
