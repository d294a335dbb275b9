//! `/healthcheck`, in front of everything else: whether the API is up, for load balancers and the like, as oslo.middleware
//! answers them. Nobody is asked who they are, so it says nothing but that, unless the settings want details, and no more
//! than one read is made for it.

mod details;
mod finding;
mod form;

use super::call::Api;
use super::envelope;
use crate::config::Healthcheck;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use details::Details;
use finding::Finding;
use form::Form;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::net::SocketAddr;

const PATH: &str = "/healthcheck";

/// Answers whoever asks for it, and lets everything else pass.
pub(super) async fn answer(State(api): State<Api>, request: Request, next: Next) -> Response {
    let settings = api.conductor.settings().healthcheck.as_ref();
    let Some(settings) = settings.filter(|settings| is_asked(settings, &request)) else {
        return next.run(request).await;
    };
    let (method, form) = (request.method().clone(), Form::of(request.headers()));
    // It may hold a body, which nobody reads.
    drop(request);
    let found = finding::all(&api, settings).await;
    let status = match found.iter().all(Finding::is_good) {
        false => StatusCode::SERVICE_UNAVAILABLE,
        true if method == Method::HEAD => StatusCode::NO_CONTENT,
        true => StatusCode::OK,
    };
    let (form, body) = match method {
        Method::HEAD => (Form::Text, String::new()),
        _ => {
            let details = settings.detailed.then(|| Details::read(&api.conductor));
            (form, form.write(&found, details.as_ref()))
        }
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::NO_CONTENT {
        headers.remove(header::CONTENT_TYPE);
    } else {
        let content_type = HeaderValue::from_static(form.content_type());
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    envelope::identify(response.headers_mut());
    response
}

/// Whoever is not to be answered is told what everybody is who asks for a path that there is not.
fn is_asked(settings: &Healthcheck, request: &Request) -> bool {
    // Whatever stands below it is not looked at.
    let below = request.uri().path().strip_prefix(PATH);
    if !below.is_some_and(|below| below.is_empty() || below.starts_with('/')) {
        return false;
    }
    let is_proxied = |headers: &HeaderMap| {
        let mut names = headers.keys().map(|name| name.as_str());
        names.any(|name| name == "forwarded" || name.starts_with("x-forwarded-"))
    };
    if settings.ignore_proxied_requests && is_proxied(request.headers()) {
        return false;
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|peer| peer.0.ip().to_canonical());
    let mut ranges = settings.allowed_source_ranges.iter();
    settings.allowed_source_ranges.is_empty()
        || peer.is_some_and(|peer| ranges.any(|range| range.contains(peer)))
}
