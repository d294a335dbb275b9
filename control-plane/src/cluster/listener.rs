//! What other conductors may ask for: who this is, that a call for a node of this conductor be done, and what it tells live.

use super::{CALL, CALL_LIMIT_BYTES, HELLO, LIVE};
use crate::conductor::Conductor;
use crate::config::{Http, seconds};
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use http::{StatusCode, header};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Only behind the cluster's TLS: whoever comes through to here is a conductor of this cluster.
pub(crate) fn router(conductor: Conductor) -> Router {
    Router::new()
        .route(HELLO, get(hello))
        .route(CALL, post(call))
        .route(LIVE, get(live))
        .with_state(conductor)
}

/// Its answer proves to the other side that its certificate was accepted: whatever goes wrong before a call was sent has
/// done nothing.
async fn hello(State(conductor): State<Conductor>) -> Json<Value> {
    Json(json!({"host": conductor.settings().host, "version": env!("CARGO_PKG_VERSION")}))
}

/// A line each, until this conductor stops.
async fn live(State(conductor): State<Conductor>) -> Response {
    Body::from_stream(conductor.live_lines()).into_response()
}

async fn call(
    State(conductor): State<Conductor>,
    Extension(patience): Extension<Http>,
    body: Body,
) -> Response {
    let limit = seconds(patience.body_timeout_s);
    let bytes = match timeout(limit, to_bytes(body, CALL_LIMIT_BYTES)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let answer = conductor.take_call(&bytes).await;
    ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
}
