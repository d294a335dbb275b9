//! `POST /ferric/v1/drain`: this conductor finishes the steps in hand, hands its nodes over and ends, as after SIGTERM.

use super::call::{Api, Call};
use super::error::ApiResult;
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/ferric/v1/drain", post(drain))
}

async fn drain(call: Call) -> ApiResult<(StatusCode, Json<Value>)> {
    call.no_arguments()?;
    call.conductor().drain();
    let host = &call.conductor().settings().host;
    Ok((StatusCode::ACCEPTED, Json(json!({"conductor": host}))))
}
