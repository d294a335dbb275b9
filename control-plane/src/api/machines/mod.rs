//! What a machine's ramdisk asks for: lookup, heartbeat, and a place for what inspection found.
//!
//! These stand on both listeners. On the machines' one alone stands what agents come for that open no port, and what they
//! bring of their log; nothing else of the API stands there.

mod agent_log;
mod dial_out;
mod heartbeat;
mod inspection;
mod lookup;
mod settings;

use super::call::{Api, Audience, Call};
use super::error::ApiError;
use super::root::Resource;
use crate::api::gates::{AGENT_TOKEN, CONTINUE_INSPECTION};
use crate::conductor::requests::TokenUse;
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ferric_agent_protocol::extensions::{Extension, Extensions};
use http::{HeaderMap, Method};

pub(super) const RESOURCES: [Resource; 3] = [
    Resource {
        name: "lookup",
        since: 22,
        routes: || Router::new().route("/v1/lookup", get(lookup::lookup)),
    },
    Resource {
        name: "heartbeat",
        since: 22,
        routes: || Router::new().route("/v1/heartbeat/{node}", post(heartbeat::heartbeat)),
    },
    Resource {
        name: "continue_inspection",
        since: CONTINUE_INSPECTION,
        routes: || {
            let post = post(inspection::continue_inspection);
            Router::new().route("/v1/continue_inspection", post)
        },
    },
];

/// Names the extensions that the agent offers; Ironic refuses unknown query keys, so they come in a header.
const EXTENSIONS: &str = "x-ferric-agent";

/// What the agent offers and can be had here.
fn offered(call: &Call, headers: &HeaderMap) -> Extensions {
    let value = headers
        .get(EXTENSIONS)
        .and_then(|value| value.to_str().ok());
    let offered = value.map(Extensions::from_header).unwrap_or_default();
    match call.api.audience {
        Audience::Machines => offered,
        Audience::Operators => offered
            .without(Extension::DialOut)
            .without(Extension::LogPush),
    }
}

/// For an operators' listener that ramdisks have no business with; older versions are told the same, as Ironic has it.
pub(super) async fn turn_away(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let path = path.as_ref().map(MatchedPath::as_str);
    let asks = match path {
        Some("/v1/lookup") => [Method::GET, Method::HEAD].contains(request.method()),
        Some("/v1/heartbeat/{node}" | "/v1/continue_inspection") => {
            request.method() == Method::POST
        }
        _ => false,
    };
    if !asks {
        return next.run(request).await;
    }
    let path = request.uri().path();
    let text = format!("access to {path} is denied: ramdisks are answered elsewhere");
    ApiError::forbidden(text).into_response()
}

/// What stands on the machines' listener alone.
pub(super) fn own_routes() -> Router<Api> {
    dial_out::routes().merge(agent_log::routes())
}

fn token_use(call: &Call) -> TokenUse {
    if call.version.0 >= AGENT_TOKEN {
        TokenUse::Known
    } else {
        TokenUse::Unknown
    }
}
