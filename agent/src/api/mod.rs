//! The agent's HTTP API on port 9999, to the key and status code as Ironic's agent has it.
//!
//! It parses, checks the token, asks the ledger and answers; what a command does is in `commands`.

mod commands;
mod fault;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod links;
mod listener;
mod root;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::agent::Agent;

pub use listener::{Listener, ListenerError};

/// A config drive of 64 MiB has 85 MiB as base64, and Ironic sends it three times in one request: as the argument of
/// the step, in `image_info`, and in the node's `instance_info`.
const MAX_BODY_BYTES: usize = 272 << 20;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api {
    agent: Arc<Agent>,
    scheme: &'static str,
    started_at: Timestamp,
    /// One body at a time is held in memory.
    bodies: Arc<Semaphore>,
}

/// All routes, each with and without the version.
pub(crate) fn router(agent: Arc<Agent>, scheme: &'static str, started_at: Timestamp) -> Router {
    let api = Api {
        agent,
        scheme,
        started_at,
        bodies: Arc::new(Semaphore::new(1)),
    };
    Router::new()
        .route("/", get(root::versions))
        .route("/v1", get(links::with_slash))
        .route("/v1/", get(root::version_1))
        .merge(resources("/v1"))
        .merge(resources(""))
        .fallback(fault::not_found)
        .method_not_allowed_fallback(fault::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(axum::middleware::from_fn(log_request))
        .with_state(api)
}

/// Not nested, because a redirect needs the whole path.
fn resources(version: &str) -> Router<Api> {
    let path = |name: &str| format!("{version}/{name}");
    let redirect = get(links::with_slash).post(links::with_slash);
    Router::new()
        .route(&path("status"), get(root::status))
        .route(&path("commands"), redirect)
        .route(&path("commands/"), get(commands::list).post(commands::post))
        .route(&path("commands/{id}"), get(commands::get))
}

/// The query holds the token, so only the path is logged.
async fn log_request(
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    tracing::debug!(%method, path, status = response.status().as_u16(), "request");
    response
}
