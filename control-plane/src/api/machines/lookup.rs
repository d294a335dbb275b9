//! `GET /v1/lookup`: which node a machine is. Every failure is the same 404, so that nothing leaks.

use super::{offered, settings, token_use};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::conductor::requests::{LookupRequest, RequestError};
use axum::Json;
use ferric_model::ids::{MacAddress, NodeId};
use http::HeaderMap;
use serde_json::Value;

pub(super) async fn lookup(call: Call, headers: HeaderMap) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["addresses", "node_uuid"])?;
    let node_uuid = call.arguments.uuid("node_uuid")?.map(NodeId);
    let given = call.arguments.list("addresses").unwrap_or_default();
    // A NIC may have an address of another form, such as InfiniBand's: the others count.
    let addresses: Vec<MacAddress> = given
        .iter()
        .filter_map(|address| address.parse().ok())
        .collect();
    if addresses.is_empty() && node_uuid.is_none() {
        return Err(ApiError::invalid(
            "at least one MAC address in addresses, or node_uuid, is needed",
        ));
    }
    let request = LookupRequest {
        addresses,
        node_uuid,
        extensions: offered(&call, &headers),
        token: token_use(&call),
        from: call.from,
    };
    let answer = call.conductor().lookup(request).await.map_err(concealed)?;
    settings::answer(&call, &answer).await.map(Json)
}

/// What a machine is told that asks too early, too late, or for nothing of ours.
fn unknown() -> ApiError {
    ApiError::not_found("the resource could not be found")
}

/// Why a machine is not known is nobody's business on the machines' network.
pub(super) fn concealed(error: RequestError) -> ApiError {
    match error {
        RequestError::NotFound(reason) => {
            tracing::info!(reason, "a machine that asked who it is was not told");
            unknown()
        }
        other => other.into(),
    }
}
