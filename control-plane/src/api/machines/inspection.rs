//! `POST /v1/continue_inspection`: what a ramdisk found on its machine.

use super::lookup::concealed;
use super::{offered, settings, token_use};
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::gates::CONTINUE_INSPECTION;
use crate::conductor::requests::InspectionRequest;
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_model::ids::{MacAddress, NodeId};
use ferric_model::node::Object;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

/// The one older version that it is known in, for agents that were written for another service.
const COMPATIBLE: u16 = 1;

pub(super) async fn continue_inspection(
    call: Call,
    headers: HeaderMap,
    JsonObject(data): JsonObject,
) -> ApiResult<Response> {
    call.arguments.allow(&["node_uuid"])?;
    let node_uuid = call.arguments.uuid("node_uuid")?.map(NodeId);
    check(&data)?;
    let new = call.version.0 >= CONTINUE_INSPECTION;
    if !new && (call.version.0 != COMPATIBLE || node_uuid.is_some()) {
        return Err(ApiError::not_found(format!(
            "API version 1.{CONTINUE_INSPECTION} or newer is needed"
        )));
    }
    if node_uuid.is_none() && !names_a_machine(&data["inventory"]) {
        return Err(ApiError::invalid(
            "no MAC address and no BMC address says which node this is",
        ));
    }
    let request = InspectionRequest {
        node_uuid,
        data,
        extensions: offered(&call, &headers),
        token: token_use(&call),
        from: call.from,
    };
    let answer = call
        .conductor()
        .continue_inspection(request)
        .await
        .map_err(concealed)?;
    let body = if new {
        settings::answer(&call, &answer).await?
    } else {
        json!({"uuid": answer.node.uuid})
    };
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

/// Something to find the node by.
fn names_a_machine(inventory: &Value) -> bool {
    let interfaces = inventory["interfaces"].as_array();
    let macs = interfaces
        .into_iter()
        .flatten()
        .filter_map(|interface| interface["mac_address"].as_str());
    let bmc =
        ["bmc_address", "bmc_v6address"].map(|key| inventory[key].as_str().unwrap_or_default());
    macs.filter_map(|mac| mac.parse::<MacAddress>().ok())
        .next()
        .is_some()
        || bmc.iter().any(|address| !address.is_empty())
}

/// The least that an inventory must have.
fn check(data: &Object) -> ApiResult<()> {
    let invalid = |text: &str| Err(ApiError::invalid(text));
    let Some(Value::Object(inventory)) = data.get("inventory") else {
        return invalid("inventory must be there, and be an object");
    };
    let interfaces = inventory.get("interfaces").and_then(Value::as_array);
    let Some(interfaces) = interfaces.filter(|list| !list.is_empty()) else {
        return invalid("inventory.interfaces must be a list with at least one interface");
    };
    if !interfaces
        .iter()
        .all(|interface| interface["mac_address"].is_string())
    {
        return invalid("each of inventory.interfaces must have a mac_address");
    }
    for key in ["bmc_address", "bmc_v6address"] {
        if !inventory
            .get(key)
            .is_none_or(|value| value.is_string() || value.is_null())
        {
            return invalid("inventory.bmc_address and bmc_v6address must be texts");
        }
    }
    Ok(())
}
