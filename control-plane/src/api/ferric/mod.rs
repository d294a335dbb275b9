//! `/ferric/v1`: what Ironic has not (`docs/ferric-api.md`). Ironic's versions do not count here: a name is as good as a
//! UUID, and everything is as in the newest one, whatever the header says.

mod bulk;
mod erase_records;
mod events;
mod explain;
mod follower;
mod plan;
mod shown;
mod streams;
mod transfer;
mod wanted;

pub(super) use streams::Streams;

use super::call::{Api, Call};
use super::version::ApiVersion;
use axum::Router;
use axum::routing::{get, post};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/ferric/v1/events", get(events::of_all))
        .route("/ferric/v1/export", get(transfer::export))
        .route("/ferric/v1/import", post(transfer::import))
        .route("/ferric/v1/nodes/bulk", post(bulk::bulk))
        .route("/ferric/v1/bulk", get(bulk::all))
        .route("/ferric/v1/bulk/{request}", get(bulk::one))
        .route("/ferric/v1/bulk/{request}/cancel", post(bulk::cancel))
        .route("/ferric/v1/erase-key", get(erase_records::key))
        .route(
            "/ferric/v1/nodes/{node}/erase-records",
            get(erase_records::of_node),
        )
        .route("/ferric/v1/nodes/{node}/explain", get(explain::explain))
        .route("/ferric/v1/nodes/{node}/plan", post(plan::plan))
        .route("/ferric/v1/nodes/{node}/timeline", get(events::of_node))
}

/// The request as if it asked for the newest version.
fn newest(call: Call) -> Call {
    Call {
        version: ApiVersion::MAX,
        ..call
    }
}
