//! `/v1/allocations` and `/v1/nodes/{node}/allocation`: a client asks for any node of a kind, and looks later which one
//! it got.

mod create;
mod find;
mod list;
mod of_node;
mod table;
mod update;

use super::call::{Api, Call};
use super::error::{ApiError, ApiResult};
use super::root::Resource;
use axum::Router;
use axum::routing::get;
use http::Method;

const SINCE: u16 = 52;
const UPDATE_SINCE: u16 = 57;

pub(super) const RESOURCE: Resource = Resource {
    name: "allocations",
    since: SINCE,
    routes,
};

fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/allocations", get(list::list).post(create::create))
        .route(
            "/v1/allocations/{ident}",
            get(list::show)
                .patch(update::update)
                .delete(update::destroy),
        )
        .route(
            "/v1/nodes/{node}/allocation",
            get(of_node::show).delete(of_node::destroy),
        )
}

/// 405 for a change that an old version asks for.
fn writable(call: &Call, since: u16, method: &Method) -> ApiResult<()> {
    if call.version.0 < since {
        return Err(ApiError::method_not_allowed(method));
    }
    call.no_arguments()
}
