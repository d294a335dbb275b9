//! What the protocol asks of every request and every answer, whatever resource it is about.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use super::error::Refusal;
use super::message;

const VERSION_HEADER: HeaderName = HeaderName::from_static("odata-version");
const VERSION: &str = "4.0";

/// Refuses another version of OData, and marks each answer. Stands before authentication, so that refusals are marked as well.
pub(super) async fn mark(request: Request, next: Next) -> Response {
    let wanted = request.headers().get(VERSION_HEADER);
    let mut response = if wanted.is_none_or(|version| version == VERSION) {
        next.run(request).await
    } else {
        let status = StatusCode::PRECONDITION_FAILED;
        Refusal::new(status, &message::PRECONDITION_FAILED, &[])
            .because("The version of OData is 4.0.")
            .into_response()
    };
    let headers = response.headers_mut();
    headers.insert(VERSION_HEADER, HeaderValue::from_static(VERSION));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Refuses query parameters of OData, none of which is supported; others are ignored, as the specification has it.
pub(super) async fn refuse_queries(request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let unknown = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name.starts_with('$'));
    match unknown {
        None => next.run(request).await,
        Some((name, _)) => Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            &message::QUERY_NOT_SUPPORTED,
            &[],
        )
        .because(format!("The parameter is {name}."))
        .into_response(),
    }
}
