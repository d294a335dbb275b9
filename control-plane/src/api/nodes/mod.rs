//! `/v1/nodes` and what stands under each node.

mod boot_device;
mod create;
mod derived;
mod filters;
pub(super) mod find;
mod history;
mod input;
mod list;
mod maintenance;
mod network_data;
mod provision;
mod raid;
mod reports;
mod runbook;
mod states;
mod steps;
pub(super) mod table;
mod traits;
mod update;
pub(super) mod view;
mod vifs;

pub(super) use create::enrol;
pub(super) use filters::contains;
pub(super) use list::{in_chassis, in_chassis_detailed};
pub(super) use provision::ask;
pub(super) use states::refuse_rest;
pub(super) use steps::{INTERFACES, deploy as deploy_steps};
pub(super) use traits::{check as check_trait, given as traits_of};

use super::call::{Api, Call};
use super::error::ApiResult;
use super::root::Resource;
use crate::api::path::Path;
use axum::Router;
use axum::routing::{MethodRouter, any, delete, get, put};
use http::StatusCode;

pub(super) const RESOURCE: Resource = Resource {
    name: "nodes",
    since: 1,
    routes,
};

fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/nodes", get(list::list).post(create::create))
        .route("/v1/nodes/detail", get(list::detailed))
        .route("/v1/nodes/validate", get(reports::validate_named))
        .route(
            "/v1/nodes/{node}",
            get(list::show).patch(update::update).delete(destroy),
        )
        .route("/v1/nodes/{node}/states", get(states::states))
        .route("/v1/nodes/{node}/states/power", put(states::power))
        .route(
            "/v1/nodes/{node}/states/provision",
            put(provision::provision),
        )
        .route("/v1/nodes/{node}/states/raid", put(raid::set))
        .route(
            "/v1/nodes/{node}/maintenance",
            put(maintenance::on).delete(maintenance::off),
        )
        .route(
            "/v1/nodes/{node}/management/boot_device",
            get(boot_device::show).put(boot_device::set),
        )
        .route(
            "/v1/nodes/{node}/management/boot_device/supported",
            get(boot_device::supported),
        )
        .route("/v1/nodes/{node}/management", MethodRouter::new())
        .route(
            "/v1/nodes/{node}/vendor_passthru",
            any(reports::vendor_passthru),
        )
        .route(
            "/v1/nodes/{node}/vendor_passthru/methods",
            get(reports::vendor_methods),
        )
        .route(
            "/v1/nodes/{node}/vendor_passthru/{method}",
            any(reports::vendor_method),
        )
        .route("/v1/nodes/{node}/validate", get(reports::validate))
        .route("/v1/nodes/{node}/inventory", get(reports::inventory))
        .route("/v1/nodes/{node}/children", get(reports::children))
        .route("/v1/nodes/{node}/history", get(history::list))
        .route("/v1/nodes/{node}/history/{event}", get(history::show_one))
        .route("/v1/nodes/{node}/vifs", get(vifs::list).post(vifs::attach))
        .route("/v1/nodes/{node}/vifs/{vif}", delete(vifs::detach))
        .route(
            "/v1/nodes/{node}/traits",
            get(traits::list).put(traits::replace).delete(traits::clear),
        )
        .route(
            "/v1/nodes/{node}/traits/{trait}",
            put(traits::add).delete(traits::remove),
        )
}

async fn destroy(call: Call, Path(ident): Path<String>) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    forget(&call, &ident).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes the node that is named so.
pub(super) async fn forget(call: &Call, ident: &str) -> ApiResult<()> {
    let id = find::node(call, ident).await?.node.uuid;
    Ok(call.conductor().destroy_node(id).await?)
}
