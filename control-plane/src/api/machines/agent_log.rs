//! `POST /ferric/v1/agents/{node}/log`: what an agent has logged, brought by itself. On the machines' listener alone.
//!
//! The token is in a header, and is checked before anything of the body is read.

use super::dial_out::{body, shown_token};
use crate::api::call::{Api, Call};
use crate::api::error::ApiResult;
use crate::api::path::Path;
use axum::extract::Request;
use axum::routing::post;
use axum::{Json, Router};
use ferric_agent_protocol::log::{LogPiece, LogTaken};
use ferric_model::ids::NodeId;
use ferric_model::node::agent_session::Token;
use uuid::Uuid;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/ferric/v1/agents/{node}/log", post(take))
}

async fn take(call: Call, Path(node): Path<Uuid>, request: Request) -> ApiResult<Json<LogTaken>> {
    let node = NodeId(node);
    call.no_arguments()?;
    let token = Token(shown_token(request.headers()).to_owned());
    let conductor = call.conductor();
    conductor.admit_logging_agent(node, &token.0).await?;
    let piece: LogPiece = body(request).await?;
    Ok(Json(conductor.take_agents_log(node, token, piece).await?))
}
