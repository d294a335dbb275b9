//! Port groups: ports of one node that are bonded into one interface.

use super::Resource;
use super::reading::{detailed, of_node, whole};
use super::{collection, item};
use crate::api::access::{Rule, rules};
use crate::api::call::{Api, Call};
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, Pick, Write, need};
use crate::api::gates::{self, FILTER_SHARD_OF_PORTGROUPS};
use crate::api::nodes::find::is_name;
use crate::api::patch::Patch;
use crate::api::path::Path;
use crate::api::ports::filters;
use crate::api::root;
use crate::api::shape::Shape;
use axum::routing::get;
use axum::{Json, Router};
use ferric_model::ids::{NodeId, PortgroupId};
use ferric_model::portgroup::{DEFAULT_MODE, Portgroup};
use ferric_store::Query;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

const SINCE: u16 = 23;

pub(in crate::api) const RESOURCE: root::Resource = root::Resource {
    name: "portgroups",
    since: SINCE,
    routes,
};

fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/portgroups", collection::<Portgroup>())
        .route("/v1/portgroups/detail", get(detailed::<Portgroup>))
        .route("/v1/portgroups/{ident}", item::<Portgroup>())
        .route("/v1/nodes/{node}/portgroups", get(under_node))
        .route(
            "/v1/nodes/{node}/portgroups/detail",
            get(under_node_detailed),
        )
}

async fn under_node(call: Call, Path(node): Path<String>) -> ApiResult<Json<Value>> {
    of_node::<Portgroup>(&call, &node, &format!("nodes/{node}/portgroups")).await
}

async fn under_node_detailed(call: Call, Path(node): Path<String>) -> ApiResult<Json<Value>> {
    let path = format!("nodes/{node}/portgroups/detail");
    whole::<Portgroup>(&call, Some(&node), &path).await
}

const fn both(name: &'static str, since: u16, shape: Shape) -> Field {
    Field::new(name, since, Write::Both, shape)
}

const fn shown(name: &'static str, since: u16, shape: Shape) -> Field {
    Field::new(name, since, Write::Never, shape)
}

/// In the order in which they are shown.
pub(in crate::api) const TABLE: &[Field] = &[
    Field::new("uuid", SINCE, Write::Create, Shape::Uuid),
    shown("created_at", SINCE, Shape::Time),
    shown("updated_at", SINCE, Shape::Time),
    both("address", SINCE, Shape::OptionalMac),
    both("extra", SINCE, Shape::Object),
    shown("internal_info", SINCE, Shape::Object),
    both("mode", 26, Shape::Text(255)),
    both("name", SINCE, Shape::Text(255)),
    both("properties", 26, Shape::Object),
    both("standalone_ports_supported", SINCE, Shape::OnFlag),
    both("node_uuid", SINCE, Shape::Required),
    both("physical_network", 102, Shape::Text(64)),
    both("category", 103, Shape::Text(80)),
    shown("dynamic_portgroup", 111, Shape::Flag),
    shown("links", SINCE, Shape::Other).pick(Pick::Always),
    shown("ports", SINCE, Shape::Other),
];

const BRIEF: &[&str] = &["uuid", "address", "name"];

impl Resource for Portgroup {
    const PATH: &'static str = "portgroups";
    const LIST: &'static str = "portgroups";
    const DETAIL_SINCE: u16 = gates::DETAIL;
    const TABLE_OF_FIELDS: &'static [Field] = TABLE;
    const BRIEF: &'static [&'static str] = BRIEF;
    const FILTERS: &'static [&'static str] = &["node", "address", "shard", "conductor_groups"];
    const NAMED: bool = true;
    const HELD_BY_INSPECTION: bool = true;
    const CREATE: Rule = rules::PORTGROUP_CREATE;
    const UPDATE: Rule = rules::PORTGROUP_UPDATE;

    fn blank(id: Uuid, node: Option<NodeId>, at: Timestamp) -> Self {
        // It is not stored before it has one.
        let node = node.unwrap_or(NodeId(Uuid::nil()));
        Self::new(PortgroupId(id), node, at)
    }

    fn check(field: &Field, value: Value) -> ApiResult<Value> {
        match (field.name, &value) {
            // Nothing could be found by it.
            ("name", Value::String(name)) if name.is_empty() => Ok(Value::Null),
            ("name", Value::String(name)) => check_name(name).map(|()| value),
            ("mode", Value::Null) => Ok(Value::from(DEFAULT_MODE)),
            ("mode", Value::String(mode)) if mode.is_empty() => Ok(Value::from(DEFAULT_MODE)),
            _ => Ok(value),
        }
    }

    fn check_patch(patch: &Patch) -> ApiResult<()> {
        if patch.removes("/mode") {
            let text = "mode is a mandatory attribute and cannot be removed";
            return Err(ApiError::invalid(text));
        }
        Ok(())
    }

    fn shown(&self, field: &Field, call: &Call) -> Option<Value> {
        let ports = || call.base.pair(format!("portgroups/{}/ports", self.uuid));
        (field.name == "ports").then(ports)
    }

    async fn filtered(call: &Call, node: Option<&str>, query: Query) -> ApiResult<Query> {
        let arguments = &call.arguments;
        let node = node.or(arguments.text("node"));
        let shards = arguments.text("shard");
        if shards.is_some() {
            need(call.version, FILTER_SHARD_OF_PORTGROUPS, "the filter shard")?;
        }
        let (address, groups) = (
            arguments.text("address"),
            arguments.text("conductor_groups"),
        );
        let given = [node, address, shards, groups];
        if given.iter().flatten().count() > 1 {
            return Err(ApiError::invalid(
                "of node, address, shard and conductor_groups only one can be a filter",
            ));
        }
        let query = filters::by_node(call, query, node).await?;
        let query = filters::by_address(query, address)?;
        let query = filters::by_shards(call, query, shards).await?;
        filters::by_conductor_groups(call, query, groups).await
    }
}

fn check_name(name: &str) -> ApiResult<()> {
    if is_name(name) {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "{name:?} cannot be a port group's name: use letters, digits and -._~, at most 255"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::selection::Selection;
    use crate::api::tests::ironic;
    use std::fmt::Write as _;

    #[test]
    fn every_version_shows_the_keys_of_ironic() {
        for minor in SINCE..=115 {
            for (what, selection) in [
                ("portgroup", Selection::All),
                ("portgroups list", Selection::Brief(BRIEF)),
            ] {
                ironic::check_keys(what, minor, |version| {
                    let shown = TABLE.iter().filter(|field| selection.shows(field, version));
                    shown.map(|field| field.name).collect()
                });
            }
        }
    }

    #[test]
    fn the_gates_in_full() {
        let mut table = String::new();
        for field in TABLE {
            writeln!(table, "{}", field.line()).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
