//! `/ferric/v1/drain`: POST has this conductor finish the steps in hand, hand its nodes over and end, as after SIGTERM;
//! GET says how far it is. It answers until it has ended.

use super::call::{Api, Call};
use super::error::ApiResult;
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/ferric/v1/drain", post(drain).get(show))
}

async fn drain(call: Call) -> ApiResult<(StatusCode, Json<Value>)> {
    call.no_arguments()?;
    call.conductor().drain();
    let host = &call.conductor().settings().host;
    Ok((StatusCode::ACCEPTED, Json(json!({"conductor": host}))))
}

async fn show(call: Call) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let conductor = call.conductor();
    let nodes = conductor.owned_nodes().await?;
    let (host, draining) = (&conductor.settings().host, conductor.is_draining());
    let state = json!({"conductor": host, "draining": draining, "nodes": nodes});
    Ok(Json(state))
}
