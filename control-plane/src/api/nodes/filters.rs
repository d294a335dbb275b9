//! The filters of node lists: which the store can apply, and the few that are applied to what it finds.

use crate::api::arguments::Arguments;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::need;
use crate::api::plain;
use crate::conductor::Conductor;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState;
use ferric_store::{FieldValue, Query};

/// Arguments that filter, and since when they may be used; 1 where older versions do not refuse them.
const FILTERS: &[(&str, u16)] = &[
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
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    FILTERS.iter().map(|(name, _)| *name)
}

/// What the store has no index for; checked on each node that it finds.
#[derive(Debug, Default)]
pub(super) struct Rest {
    conductor: Option<String>,
    project: Option<String>,
    description_contains: Option<String>,
}

impl Rest {
    pub(super) fn is_empty(&self) -> bool {
        self.conductor.is_none() && self.project.is_none() && self.description_contains.is_none()
    }

    pub(super) async fn matches(&self, node: &Node, conductor: &Conductor) -> ApiResult<bool> {
        let is = |field: &Option<String>, wanted: &str| field.as_deref() == Some(wanted);
        if let Some(project) = &self.project
            && !is(&node.owner, project)
            && !is(&node.lessee, project)
        {
            return Ok(false);
        }
        if let Some(part) = &self.description_contains
            && !node
                .description
                .as_ref()
                .is_some_and(|text| contains(text, part))
        {
            return Ok(false);
        }
        match &self.conductor {
            Some(wanted) => Ok(conductor.conductor_of(node).await?.as_ref() == Some(wanted)),
            None => Ok(true),
        }
    }
}

/// As SQL's LIKE compares: without regard to case.
pub(in crate::api) fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

/// The query with the request's filters, and what remains to be checked.
pub(super) async fn apply(call: &Call, mut query: Query) -> ApiResult<(Query, Rest)> {
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
    let owned = |name: &str| arguments.text(name).map(str::to_owned);
    call.access
        .check_listed_project(arguments.text("project"))?;
    let own = call.access.project_of_list().map(str::to_owned);
    let rest = Rest {
        conductor: owned("conductor"),
        project: own.or(owned("project")),
        description_contains: owned("description_contains"),
    };
    Ok((query, rest))
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
