//! `/v1/nodes` and what stands under each node.

mod bios;
mod boot_device;
mod brief;
mod console;
mod create;
mod derived;
mod filters;
pub(super) mod find;
mod firmware;
mod firmware_state;
mod history;
mod indicators;
mod input;
mod list;
mod maintenance;
mod network_data;
mod provision;
mod raid;
mod reports;
mod runbook;
mod source;
mod states;
mod steps;
mod stored;
pub(super) mod table;
mod traits;
mod update;
mod values;
mod vendor;
pub(super) mod view;
mod vifs;
mod vmedia;

pub(super) use create::described;
#[cfg(test)]
pub(super) use filters::FILTERS;
pub(super) use filters::{contains, keys as filters};
pub(super) use list::{in_chassis, in_chassis_detailed};
pub(super) use provision::asked;
pub(super) use states::refuse_rest;
pub(super) use steps::{INTERFACES, deploy as deploy_steps};

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
    own_routes()
        .merge(states_routes())
        .merge(management_routes())
}

fn states_routes() -> Router<Api> {
    Router::new()
        .route("/v1/nodes/{node}/states", get(states::states))
        .route("/v1/nodes/{node}/states/power", put(states::power))
        .route(
            "/v1/nodes/{node}/states/provision",
            put(provision::provision),
        )
        .route("/v1/nodes/{node}/states/raid", put(raid::set))
        .route(
            "/v1/nodes/{node}/states/boot_mode",
            put(firmware_state::set_boot_mode),
        )
        .route(
            "/v1/nodes/{node}/states/secure_boot",
            put(firmware_state::set_secure_boot),
        )
        .route(
            "/v1/nodes/{node}/states/console",
            get(console::show).put(console::set),
        )
}

fn management_routes() -> Router<Api> {
    Router::new()
        .route(
            "/v1/nodes/{node}/management/boot_device",
            get(boot_device::show).put(boot_device::set),
        )
        .route(
            "/v1/nodes/{node}/management/boot_device/supported",
            get(boot_device::supported),
        )
        .route(
            "/v1/nodes/{node}/management/inject_nmi",
            put(indicators::inject_nmi),
        )
        .route(
            "/v1/nodes/{node}/management/indicators",
            get(indicators::list),
        )
        .route(
            "/v1/nodes/{node}/management/indicators/{indicator}",
            get(indicators::show).put(indicators::set),
        )
        .route("/v1/nodes/{node}/management", MethodRouter::new())
}

fn own_routes() -> Router<Api> {
    Router::new()
        .route("/v1/nodes", get(list::list).post(create::create))
        .route("/v1/nodes/detail", get(list::detailed))
        .route("/v1/nodes/validate", get(reports::validate_named))
        .route(
            "/v1/nodes/{node}",
            get(list::show).patch(update::update).delete(destroy),
        )
        .route(
            "/v1/nodes/{node}/maintenance",
            put(maintenance::on).delete(maintenance::off),
        )
        .route(
            "/v1/nodes/{node}/vendor_passthru",
            any(vendor::call_in_query),
        )
        .route(
            "/v1/nodes/{node}/vendor_passthru/methods",
            get(vendor::methods),
        )
        .route(
            "/v1/nodes/{node}/vendor_passthru/{method}",
            any(vendor::call_in_path),
        )
        .route("/v1/nodes/{node}/validate", get(reports::validate))
        .route("/v1/nodes/{node}/inventory", get(reports::inventory))
        .route("/v1/nodes/{node}/bios", get(bios::list))
        .route("/v1/nodes/{node}/bios/{setting}", get(bios::show_one))
        .route("/v1/nodes/{node}/firmware", get(firmware::list))
        .route(
            "/v1/nodes/{node}/vmedia",
            get(vmedia::show)
                .post(vmedia::attach)
                .delete(vmedia::detach),
        )
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
    let id = find::id(&call, &ident).await?;
    call.conductor().destroy_node(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The tables of what a machine's firmware says.
pub(super) mod tables {
    pub(in crate::api) use super::bios::SETTING;
    pub(in crate::api) use super::firmware::COMPONENT;
}
