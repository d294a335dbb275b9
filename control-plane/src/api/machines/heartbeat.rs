//! `POST /v1/heartbeat/{node}`: a ramdisk's sign of life.

use crate::api::arguments::missing;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::gates::{AGENT_CERTIFICATE, AGENT_STATUS, AGENT_VERSION};
use crate::api::nodes;
use crate::api::nodes::refuse_rest;
use crate::api::path::Path;
use crate::conductor::requests::HeartbeatRequest;
use ferric_agent_protocol::heartbeat::Heartbeat;
use ferric_model::node::Object;
use http::StatusCode;
use serde_json::Value;

/// Fields that came later; older requests with them are refused (400, as Ironic has it).
const SINCE: &[(&str, u16)] = &[
    ("agent_version", AGENT_VERSION),
    ("agent_verify_ca", AGENT_CERTIFICATE),
    ("agent_status", AGENT_STATUS),
    ("agent_status_message", AGENT_STATUS),
];

pub(super) async fn heartbeat(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let heartbeat = parse(&call, body)?;
    let id = nodes::find::id(&call, &ident).await?;
    let request = HeartbeatRequest {
        heartbeat,
        from: call.from,
    };
    call.conductor().heartbeat(id, request).await?;
    Ok(StatusCode::ACCEPTED)
}

fn parse(call: &Call, mut body: Object) -> ApiResult<Heartbeat> {
    for (name, since) in SINCE {
        if body.get(*name).is_some_and(|value| !value.is_null()) && call.version.0 < *since {
            return Err(ApiError::invalid(format!(
                "the field {name} needs API version 1.{since} or newer"
            )));
        }
    }
    let mut text = |key: &str| match body.shift_remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(ApiError::invalid(format!(
            "{key} must be a text, not {other}"
        ))),
    };
    let heartbeat = Heartbeat {
        callback_url: text("callback_url")?.ok_or_else(|| missing("callback_url"))?,
        agent_token: text("agent_token")?,
        agent_version: text("agent_version")?,
        agent_verify_ca: text("agent_verify_ca")?,
        agent_status: text("agent_status")?,
        agent_status_message: text("agent_status_message")?,
    };
    refuse_rest(&body)?;
    if let Some(status) = heartbeat.agent_status.as_deref()
        && !["start", "end", "error"].contains(&status)
    {
        return Err(ApiError::invalid(
            "agent_status must be start, end or error",
        ));
    }
    Ok(heartbeat)
}
