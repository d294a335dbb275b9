//! `/v1/ports`, and the ports of a node and of a port group.

mod create;
pub(super) mod filters;
mod find;
mod input;
mod link;
mod list;
mod table;
mod update;
mod view;

pub(super) use create::of_new_node;
pub(super) use list::FILTERS;
pub(super) use table::PORT;

use super::call::{Api, Call};
use super::error::{ApiError, ApiResult};
use super::root::Resource;
use crate::api::path::Path;
use axum::Router;
use axum::routing::get;
use ferric_model::ids::PortId;
use http::StatusCode;

pub(super) const RESOURCE: Resource = Resource {
    name: "ports",
    since: 1,
    routes,
};

fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/ports", get(list::list).post(create::create))
        .route("/v1/ports/detail", get(list::detailed))
        .route(
            "/v1/ports/{port}",
            get(list::show).patch(update::update).delete(destroy),
        )
        .route("/v1/nodes/{node}/ports", get(list::of_node))
        .route("/v1/nodes/{node}/ports/detail", get(list::of_node_detailed))
        .route("/v1/portgroups/{ident}/ports", get(list::of_portgroup))
        .route(
            "/v1/portgroups/{ident}/ports/detail",
            get(list::of_portgroup_detailed),
        )
}

/// By UUID only.
async fn destroy(call: Call, Path(ident): Path<String>) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let id = call.without_suffix(&ident).unwrap_or(&ident);
    if id.parse::<PortId>().is_err() {
        return Err(ApiError::invalid(format!(
            "{ident:?} is not a UUID: ports are deleted by UUID"
        )));
    }
    let id = find::port(&call, &ident).await?.port.uuid;
    call.conductor().destroy_port(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
