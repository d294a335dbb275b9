//! `POST /ferric/v1/agents/{node}/requests` and `.../answers/{request}`: an agent that opens no port fetches what it is
//! asked, and brings the answers. On the machines' listener alone.
//!
//! The token is in a header, and is checked before anything of the body is read.

use crate::api::body::JsonObject;
use crate::api::call::{Api, Call};
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use axum::extract::{FromRequest, Request};
use axum::routing::post;
use axum::{Json, Router};
use ferric_agent_protocol::dial_out::{DialOutAnswer, DialOutRequest, Offer, Poll};
use ferric_model::ids::NodeId;
use ferric_model::node::agent_session::Token;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// `X-Ferric-Agent-Token`.
const TOKEN_HEADER: &str = "x-ferric-agent-token";

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/ferric/v1/agents/{node}/requests", post(fetch))
        .route("/ferric/v1/agents/{node}/answers/{request}", post(bring))
}

async fn fetch(
    call: Call,
    Path(node): Path<Uuid>,
    request: Request,
) -> ApiResult<Json<Offer<Arc<DialOutRequest>>>> {
    let node = NodeId(node);
    let token = admit(&call, node, request.headers()).await?;
    let Poll { known } = body(request).await?;
    let fetching = call.conductor().fetch_for_agent(node, token, known);
    // The process ends in order: whoever is held is let go.
    let fetched = call.api.stop.run_until_cancelled(fetching).await;
    let request = fetched.transpose()?.flatten();
    Ok(Json(Offer { request }))
}

async fn bring(
    call: Call,
    Path((node, id)): Path<(Uuid, Uuid)>,
    request: Request,
) -> ApiResult<StatusCode> {
    let node = NodeId(node);
    admit(&call, node, request.headers()).await?;
    let answer: DialOutAnswer = body(request).await?;
    let conductor = call.conductor();
    conductor.take_agents_answer(node, id, answer).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The token that was shown, if it is that of the node's agent.
async fn admit(call: &Call, node: NodeId, headers: &HeaderMap) -> ApiResult<Token> {
    call.no_arguments()?;
    let token = shown_token(headers);
    call.conductor().admit_agent(node, token).await?;
    Ok(Token(token.to_owned()))
}

/// Empty where none is shown, which is nobody's.
pub(super) fn shown_token(headers: &HeaderMap) -> &str {
    let token = headers
        .get(TOKEN_HEADER)
        .and_then(|token| token.to_str().ok());
    token.unwrap_or_default()
}

pub(super) async fn body<T: DeserializeOwned>(request: Request) -> ApiResult<T> {
    let JsonObject(object) = JsonObject::from_request(request, &()).await?;
    serde_json::from_value(Value::Object(object))
        .map_err(|error| ApiError::invalid(format!("the body is not in its form: {error}")))
}
