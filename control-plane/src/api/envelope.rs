//! Around every request: its path brought into one form, its version negotiated, the headers of its answer.

use super::error::ApiError;
use super::suffix;
use super::version::{self, ApiVersion, MAXIMUM_VERSION, MINIMUM_VERSION, VERSION, VersionError};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use uuid::Uuid;

const REQUEST_ID: [HeaderName; 2] = [
    HeaderName::from_static("x-openstack-request-id"),
    HeaderName::from_static("openstack-request-id"),
];

/// Stands for HEAD where only discovery answers it: no route has this method, so the router says whether there is such
/// a path and which methods it has, and nothing is done.
const IN_PLACE_OF_HEAD: Method = Method::TRACE;

/// Brings a path into the form that the routes have: with `/v1`, without a slash at the end.
pub(super) fn normalise(mut request: Request) -> Request {
    let mut path = normal_path(request.uri().path());
    if let Ok(version) = version::negotiate(request.headers())
        && let Some(stripped) = suffix::strip_path(version, &path)
    {
        path = stripped.to_owned();
    }
    if path != request.uri().path() {
        let query = request.uri().query();
        let target = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = target.parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    if request.method() == Method::HEAD && !matches!(path.as_str(), "/" | "/v1") {
        *request.method_mut() = IN_PLACE_OF_HEAD;
    }
    request
}

fn normal_path(path: &str) -> String {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return "/".to_owned();
    }
    let versioned = path == "/v1" || path.starts_with("/v1/");
    let ours =
        matches!(path, "/metrics" | "/openapi.json" | "/docs") || path.starts_with("/ferric/");
    if versioned || ours {
        path.to_owned()
    } else {
        format!("/v1{path}")
    }
}

/// Negotiates the version, answers what every path answers alike, and puts the headers on.
pub(super) async fn envelope(mut request: Request, next: Next) -> Response {
    let negotiated = version::negotiate(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = match &negotiated {
        Err(error) => not_acceptable(error),
        Ok(_) if method == Method::OPTIONS => StatusCode::OK.into_response(),
        Ok(version) => {
            request.extensions_mut().insert(*version);
            next.run(request).await
        }
    };
    let headers = response.headers_mut();
    headers.insert(MINIMUM_VERSION, version_value(ApiVersion::MIN));
    headers.insert(MAXIMUM_VERSION, version_value(ApiVersion::MAX));
    if let Ok(version) = negotiated {
        headers.insert(VERSION, version_value(version));
    }
    headers.append(header::VARY, HeaderValue::from_static(VERSION));
    identify(headers);
    tracing::debug!(%method, path, status = response.status().as_u16(), "answered");
    response
}

/// Gives an answer the id of its request.
pub(super) fn identify(headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::try_from(format!("req-{}", request_id())) {
        for name in REQUEST_ID {
            headers.insert(name, id.clone());
        }
    }
}

/// From a generator of this process: the kernel's own would cost a system call for each request.
fn request_id() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}

fn version_value(version: ApiVersion) -> HeaderValue {
    HeaderValue::try_from(version.to_string()).expect("digits and a dot are a header's value")
}

fn not_acceptable(error: &VersionError) -> Response {
    ApiError::routing(StatusCode::NOT_ACCEPTABLE, error.to_string()).into_response()
}

/// For paths that no route has.
pub(super) async fn no_such_path() -> ApiError {
    ApiError::no_such_path()
}

/// For methods that a route does not have; the router adds `Allow`.
pub(super) async fn method_not_allowed(method: Method) -> ApiError {
    if method == IN_PLACE_OF_HEAD {
        return ApiError::method_not_allowed(&Method::HEAD);
    }
    ApiError::method_not_allowed(&method)
}

/// A 405 says what is allowed, be it nothing, and no other refusal does. The router counts HEAD in wherever there is GET;
/// here it is discovery's.
pub(super) fn allow(mut response: Response) -> Response {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = response.headers().get(header::ALLOW);
        let allowed = allowed.and_then(|methods| methods.to_str().ok());
        let methods = allowed.unwrap_or_default().split(',');
        let methods: Vec<_> = methods.filter(|method| *method != "HEAD").collect();
        if let Ok(methods) = HeaderValue::try_from(methods.join(",")) {
            response.headers_mut().insert(header::ALLOW, methods);
        }
    } else if response.status().is_client_error() {
        response.headers_mut().remove(header::ALLOW);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_form() {
        let check = |path: &str, expected| assert_eq!(normal_path(path), expected, "{path}");
        check("/", "/");
        check("", "/");
        check("/v1", "/v1");
        check("/v1/", "/v1");
        check("/metrics", "/metrics");
        check("/openapi.json", "/openapi.json");
        check("/nodes", "/v1/nodes");
        check("/nodes/", "/v1/nodes");
        check("/v1/nodes/a/", "/v1/nodes/a");
        check("/v1nodes", "/v1/v1nodes");
        check("/ferric/v1/nodes/a/timeline", "/ferric/v1/nodes/a/timeline");
    }

    #[test]
    fn the_query_stays() {
        let request = Request::get("/nodes/?limit=5").body(axum::body::Body::empty());
        let request = normalise(request.unwrap());
        assert_eq!(request.uri(), "/v1/nodes?limit=5");
    }
}
