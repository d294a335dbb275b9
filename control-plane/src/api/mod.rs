//! The REST API: Ironic's, version 1 from 1.1 to 1.115, and Ferric's own extensions under `/ferric/v1`.
//!
//! Asks the conductor and reads the store; opens no transaction and knows no BMC. What a field or an argument may be
//! stands in tables, so that what is shown and what is refused cannot differ.

mod access;
mod allocations;
mod answers;
mod arguments;
mod body;
mod call;
mod conductors;
mod document;
mod drain;
mod drivers;
mod envelope;
mod error;
mod events;
mod ferric;
mod fields;
mod forwarded;
mod gates;
mod healthcheck;
mod inspection_rules;
mod json_text;
mod links;
mod machines;
mod masking;
mod metrics;
mod nodes;
mod openapi;
mod origin;
mod paging;
mod pairs;
mod patch;
mod path;
mod plain;
mod ports;
mod reading;
mod recipes;
mod root;
mod selection;
mod shape;
mod shards;
mod suffix;
mod traits;
mod version;

#[cfg(test)]
mod tests;

pub use access::{Gate, PolicyError, rules_for_people};

use crate::conductor::Conductor;
use axum::Router;
use axum::middleware;
use axum::routing::get;
use call::{Api, Audience};
use root::Resource;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

/// What an operator can ask for. `public_url` is the URL of links, the request's host by default, unless a proxy is to say
/// it with each request; `stop` ends streams.
///
/// `gate` stands in front of every route: who asks, and whether they may.
pub fn operator_router(
    conductor: Conductor,
    public_url: Option<&str>,
    stop: CancellationToken,
    gate: Gate,
) -> Router {
    let (resources, routes) = operator_routes();
    let audience = Audience::Operators;
    let public_url = public_url.filter(|_| !conductor.settings().parse_proxy_headers);
    let api = Api::new(conductor, audience, public_url, resources, stop);
    let door = middleware::from_fn_with_state((api.clone(), gate), access::admit);
    // Also in front of what there is not.
    let routes = routes
        .fallback(envelope::no_such_path)
        .method_not_allowed_fallback(envelope::method_not_allowed);
    let bounds = middleware::from_fn_with_state(api.clone(), answers::bounded);
    let mut routes = routes.layer(bounds).layer(door);
    if !api.conductor.settings().ramdisk_endpoints {
        routes = routes.layer(middleware::from_fn(machines::turn_away));
    }
    let router = enveloped(routes, api.clone());
    if api.conductor.settings().healthcheck.is_none() {
        return router;
    }
    router.layer(middleware::from_fn_with_state(api, healthcheck::answer))
}

/// All resources of the operators' API, and all its routes.
fn operator_routes() -> (Vec<Resource>, Router<Api>) {
    let resources = [
        nodes::RESOURCE,
        ports::RESOURCE,
        drivers::RESOURCE,
        conductors::RESOURCE,
        recipes::DEPLOY_TEMPLATES,
        recipes::RUNBOOKS,
        plain::PORTGROUPS,
        plain::CHASSIS,
        plain::VOLUME,
        shards::RESOURCE,
        events::RESOURCE,
        allocations::RESOURCE,
        inspection_rules::RESOURCE,
    ];
    let resources = [&resources[..], &machines::RESOURCES].concat();
    let routes = routes(&resources)
        .merge(ferric::routes())
        .merge(openapi::routes())
        .merge(metrics::routes())
        .merge(drain::routes());
    (resources, routes)
}

/// The OpenAPI document of all that an operator can ask for.
pub fn openapi() -> String {
    openapi::text()
}

/// What a machine can ask for, and nothing else: lookup, heartbeat, inspection data, what an agent is asked that opens no
/// port, and which versions there are.
pub fn machine_router(
    conductor: Conductor,
    public_url: Option<&str>,
    stop: CancellationToken,
) -> Router {
    let resources = machines::RESOURCES.to_vec();
    let routes = routes(&resources)
        .merge(machines::own_routes())
        .fallback(envelope::no_such_path)
        .method_not_allowed_fallback(envelope::method_not_allowed);
    let audience = Audience::Machines;
    let api = Api::new(conductor, audience, public_url, resources, stop);
    enveloped(routes, api)
}

/// Discovery, and what it tells of.
fn routes(resources: &[Resource]) -> Router<Api> {
    let discovery = Router::new()
        .route("/", get(root::root))
        .route("/v1", get(root::v1));
    let routes = resources.iter().map(|resource| (resource.routes)());
    routes.fold(discovery, Router::merge)
}

/// The outer router has no routes of its own, so that a path is brought into one form before it is looked up.
fn enveloped(routes: Router<Api>, api: Api) -> Router {
    let routes = routes
        .layer(middleware::from_fn_with_state(
            api.clone(),
            origin::refuse_foreign,
        ))
        .layer(middleware::from_fn(envelope::envelope))
        .with_state(api);
    let normalised = ServiceBuilder::new()
        .map_request(envelope::normalise)
        .map_response(envelope::allow)
        .service(routes);
    Router::new().fallback_service(normalised)
}
