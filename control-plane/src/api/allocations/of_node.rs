//! `/v1/nodes/{node}/allocation`: the one that the node is reserved by.

use super::find;
use super::list::existing;
use super::table::{ALLOCATION, show as shown};
use crate::api::access::{Rule, Target, rules};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes;
use crate::api::path::Path;
use crate::api::selection::Selection;
use axum::Json;
use ferric_model::allocation::Allocation;
use ferric_model::ids::NodeId;
use http::StatusCode;
use serde_json::Value;

/// A node that there is not is a wrong argument here (400), as in Ironic.
pub(super) async fn show(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["fields"])?;
    let selection = Selection::of_one(&call, ALLOCATION)?;
    let node = existing(&call, &ident).await?.uuid;
    let allocation = of_node(&call, node, &ident).await?;
    check(&call, &rules::ALLOCATION_GET, &allocation)?;
    shown(&allocation, &selection, call.version, &call.base).map(Json)
}

pub(super) async fn destroy(call: Call, Path(ident): Path<String>) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let node = nodes::find::id(&call, &ident).await?;
    let allocation = of_node(&call, node, &ident).await?;
    check(&call, &rules::ALLOCATION_DELETE, &allocation)?;
    call.conductor().destroy_allocation(allocation.uuid).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check(call: &Call, rule: &Rule, allocation: &Allocation) -> ApiResult<()> {
    let target = Target::of_allocation(allocation.owner.as_deref());
    call.access.check(rule, target)
}

async fn of_node(call: &Call, node: NodeId, ident: &str) -> ApiResult<Allocation> {
    let found = find::of_node(call, node).await?;
    found.ok_or_else(|| ApiError::not_found(format!("Allocation for node {ident} was not found")))
}
