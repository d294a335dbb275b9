//! `{node}/vendor_passthru`: what only the node's vendor interface has, called by any HTTP method. The body is for the
//! vendor's method, and what that says for whoever called.

use super::find;
use crate::api::body;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use crate::conductor::requests::{VendorOutcome, VendorRequest};
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_drivers::{Drivers, VendorLock, VendorMethod, VendorReply};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

/// By name, with what each is for.
pub(super) async fn methods(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let node = find::node(&call, &ident).await?.node;
    let methods = Drivers::vendor_methods(node.interface("vendor").unwrap_or_default());
    let lines = methods
        .iter()
        .map(|method| (method.name.to_owned(), shown(method)));
    Ok(Json(Value::Object(lines.collect())))
}

fn shown(method: &VendorMethod) -> Value {
    json!({
        "http_methods": method.http_methods,
        "async": method.reply == VendorReply::Later,
        "attach": method.reply == VendorReply::Attachment,
        "description": method.description,
        "require_exclusive_lock": method.lock == VendorLock::Exclusive,
    })
}

pub(super) async fn call_in_query(
    call: Call,
    Path(ident): Path<String>,
    http_method: Method,
    body::Json(arguments): body::Json,
) -> ApiResult<Response> {
    let method = call.arguments.text("method").unwrap_or_default().to_owned();
    passed(&call, &ident, (method, http_method), arguments).await
}

/// The same with the method in the path.
pub(super) async fn call_in_path(
    call: Call,
    Path((ident, method)): Path<(String, String)>,
    http_method: Method,
    body::Json(arguments): body::Json,
) -> ApiResult<Response> {
    passed(&call, &ident, (method, http_method), arguments).await
}

async fn passed(
    call: &Call,
    ident: &str,
    (method, http_method): (String, Method),
    arguments: Value,
) -> ApiResult<Response> {
    call.arguments.allow(&["method"])?;
    let id = find::id(call, ident).await?;
    if method.is_empty() {
        let text = "Method not specified when calling vendor extension.";
        return Err(ApiError::invalid(text));
    }
    let request = VendorRequest {
        method,
        http_method: http_method.to_string(),
        arguments,
    };
    let outcome = call.conductor().call_vendor_method(id, request).await?;
    Ok(answer(outcome))
}

fn answer(outcome: VendorOutcome) -> Response {
    match outcome {
        VendorOutcome::Begun => StatusCode::ACCEPTED.into_response(),
        VendorOutcome::Value(value) => Json(value).into_response(),
        VendorOutcome::Attachment(text) => {
            let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
            (kind, text.into_bytes()).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    async fn check(outcome: VendorOutcome, status: u16, kind: Option<&str>, body: &str) {
        let (parts, found) = answer(outcome).into_parts();
        let found = to_bytes(found, 1 << 10).await.unwrap();
        let found_kind = parts.headers.get(header::CONTENT_TYPE);
        assert_eq!(parts.status.as_u16(), status);
        assert_eq!(found_kind.map(|kind| kind.to_str().unwrap()), kind);
        assert_eq!(std::str::from_utf8(&found).unwrap(), body);
    }

    #[tokio::test]
    async fn outcomes_are_answered_as_ironic_does() {
        let (json, raw) = ("application/json", "application/octet-stream");
        check(VendorOutcome::Begun, 202, None, "").await;
        let value = VendorOutcome::Value(json!({"a": [1]}));
        check(value, 200, Some(json), r#"{"a":[1]}"#).await;
        check(VendorOutcome::Value(Value::Null), 200, Some(json), "null").await;
        let text = VendorOutcome::Attachment("\"a\nb".to_owned());
        check(text, 200, Some(raw), "\"a\nb").await;
    }
}
