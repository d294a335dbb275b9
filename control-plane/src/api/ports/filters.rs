//! Filters that lists of ports and of port groups have in common: both hang on a node and may have an address.

use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes;
use crate::api::shape::mac_address;
use ferric_store::{FieldValue, Query, Table};

/// Of this node, by UUID or name; 404 when there is none.
pub(in crate::api) async fn by_node(
    call: &Call,
    query: Query,
    node: Option<&str>,
) -> ApiResult<Query> {
    let Some(node) = node else {
        return Ok(query);
    };
    let found = nodes::find::node(call, node).await?;
    Ok(query.filter("node_uuid", vec![text(&found.node.uuid.to_string())]))
}

pub(in crate::api) fn by_address(query: Query, address: Option<&str>) -> ApiResult<Query> {
    let Some(address) = address else {
        return Ok(query);
    };
    let parsed = mac_address(address);
    let address = parsed.ok_or_else(|| {
        ApiError::invalid(format!("address must be a MAC address, not {address:?}"))
    })?;
    Ok(query.filter("address", vec![text(address.as_str())]))
}

/// Of nodes in one of these shards.
pub(in crate::api) async fn by_shards(
    call: &Call,
    query: Query,
    shards: Option<&str>,
) -> ApiResult<Query> {
    let Some(shards) = shards else {
        return Ok(query);
    };
    let shards = shards.split(',').map(|shard| text(shard.trim()));
    let nodes = nodes_in(call, "shard", shards.collect()).await?;
    Ok(query.filter("node_uuid", nodes))
}

/// Of nodes in one of these conductor groups, which are stored in lower case.
pub(in crate::api) async fn by_conductor_groups(
    call: &Call,
    query: Query,
    groups: Option<&str>,
) -> ApiResult<Query> {
    let Some(groups) = groups else {
        return Ok(query);
    };
    let groups = groups
        .split(',')
        .map(|group| text(&group.trim().to_lowercase()));
    let nodes = nodes_in(call, "conductor_group", groups.collect()).await?;
    Ok(query.filter("node_uuid", nodes))
}

async fn nodes_in(call: &Call, field: &str, values: Vec<FieldValue>) -> ApiResult<Vec<FieldValue>> {
    let query = Query::all(Table::Node)
        .filter(field, values)
        .want(Vec::new());
    let nodes = call.conductor().store().outlines(&query).await?;
    Ok(nodes.iter().map(|node| text(&node.key.id)).collect())
}

fn text(value: &str) -> FieldValue {
    FieldValue::Text(value.to_owned())
}
