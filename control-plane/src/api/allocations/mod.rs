//! `/v1/allocations` and `/v1/nodes/{node}/allocation`: a client asks for any node of a kind, and looks later which one
//! it got.

mod create;
mod find;
mod list;
mod of_node;
mod table;
mod update;

pub(super) use list::FILTERS;
pub(super) use table::ALLOCATION;

use super::call::Api;
use super::root::Resource;
use axum::Router;
use axum::routing::get;

const SINCE: u16 = 52;

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
