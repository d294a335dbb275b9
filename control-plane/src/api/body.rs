//! Reading a request's JSON: how large and how deep it may be, before anything is parsed.

use super::error::{ApiError, ApiResult};
use crate::config::{Http, seconds};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

const LIMIT_BYTES: usize = 1 << 20;
/// A config drive comes along.
const PROVISION_LIMIT_BYTES: usize = 64 << 20;
/// An inventory with the machine's logs comes along.
const INSPECTION_LIMIT_BYTES: usize = 16 << 20;
/// A thousand nodes come along.
const BULK_LIMIT_BYTES: usize = 16 << 20;
const DEPTH_LIMIT: usize = 25;
const PATIENCE_BYTES: usize = 8 << 20;

/// A parsed body; an absent one is an empty object.
pub(super) struct Json(pub(super) Value);

/// A body that must be an object, whose keys the handler takes out one by one.
pub(super) struct JsonObject(pub(super) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> ApiResult<Self> {
        let limit = limit_bytes(request.uri().path());
        let patience = request.extensions().get().copied().unwrap_or_default();
        let bytes = read(request.into_body(), limit, patience).await?;
        parse(&bytes).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        match Json::from_request(request, state).await?.0 {
            Value::Object(object) => Ok(Self(object)),
            Value::Null => Ok(Self(Map::new())),
            _ => Err(ApiError::invalid("the body must be a JSON object")),
        }
    }
}

fn limit_bytes(path: &str) -> usize {
    let path = path.trim_end_matches('/');
    if path.ends_with("states/provision") {
        PROVISION_LIMIT_BYTES
    } else if path.ends_with("continue_inspection") {
        INSPECTION_LIMIT_BYTES
    } else if path == "/ferric/v1/nodes/bulk" {
        BULK_LIMIT_BYTES
    } else {
        LIMIT_BYTES
    }
}

/// The whole body, or 408 for one that does not come, or 413. What is too much is read on for a while and thrown away: a client that is cut off while it
/// sends often does not read the answer.
async fn read(mut body: Body, limit: usize, patience: Http) -> ApiResult<Vec<u8>> {
    let (mut bytes, mut length) = (Vec::new(), 0_usize);
    let (pause, last) = (
        seconds(patience.body_pause_s),
        Instant::now() + seconds(patience.body_timeout_s),
    );
    let late = |_elapsed| ApiError::Guard {
        status: StatusCode::REQUEST_TIMEOUT,
        text: "the body did not come in time".to_owned(),
    };
    while let Some(frame) = timeout_at(last.min(Instant::now() + pause), body.frame())
        .await
        .map_err(late)?
    {
        let frame = frame.map_err(|_| ApiError::invalid("the connection ended inside the body"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length <= limit {
            bytes.extend_from_slice(&data);
        } else if length > limit.saturating_add(PATIENCE_BYTES) {
            break;
        }
    }
    if length > limit {
        return Err(ApiError::Guard {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            text: format!("the body is larger than {limit} bytes"),
        });
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> ApiResult<Value> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    if depth(bytes) > DEPTH_LIMIT {
        return Err(ApiError::Guard {
            status: StatusCode::BAD_REQUEST,
            text: format!("the body is nested deeper than {DEPTH_LIMIT} levels"),
        });
    }
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("the body is not JSON: {error}")))
}

/// The deepest nesting of brackets outside of texts; no parser runs before this is known.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                now += 1;
                deepest = deepest.max(now);
            }
            b']' | b'}' if !in_text => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    fn nested(levels: usize) -> String {
        format!("{}{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn depth_counts_brackets_outside_of_texts() {
        let check = |text: &str, expected| assert_eq!(depth(text.as_bytes()), expected, "{text}");
        check("1", 0);
        check(r#"{"a": [1, {"b": 2}], "c": {}}"#, 3);
        check(r#"{"a": "[[[[", "b": "\"[["}"#, 1);
        check("]]]]{", 1);
        check(&nested(26), 26);
    }

    /// A body that comes byte by byte, one every so many seconds.
    fn dripping(every_s: u64, bytes: usize) -> Body {
        let drops = futures_util::stream::iter(0..bytes).then(move |_| async move {
            tokio::time::sleep(seconds(every_s)).await;
            Ok::<_, std::convert::Infallible>("x")
        });
        Body::from_stream(drops)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_408() {
        let check = async |every_s, bytes, expected: Option<u64>| {
            let start = Instant::now();
            let outcome = read(dripping(every_s, bytes), LIMIT_BYTES, Http::default()).await;
            let refused = outcome.err().map(|error| {
                assert!(format!("{error:?}").contains("408"), "{error:?}");
                start.elapsed().as_secs()
            });
            assert_eq!(refused, expected, "{bytes} bytes, one every {every_s} s");
        };
        check(29, 3, None).await;
        check(31, 3, Some(30)).await;
        check(29, 100, Some(600)).await;
    }

    #[test]
    fn what_is_too_deep_or_no_json_is_a_bad_request() {
        let check = |text: &str, expected: Option<&str>| match parse(text.as_bytes()) {
            Ok(_) => assert_eq!(expected, None, "{text}"),
            Err(error) => {
                let found = format!("{error:?}");
                assert!(found.contains("400"), "{found}");
                assert!(found.contains(expected.unwrap()), "{found}");
            }
        };
        check("", None);
        check(&nested(25), None);
        check(&nested(26), Some("Guard"));
        check("{", Some("not JSON"));
        check("{} {}", Some("not JSON"));
    }

    #[test]
    fn paths_that_carry_more_have_larger_limits() {
        assert_eq!(limit_bytes("/v1/nodes/a/states/provision/"), 64 << 20);
        assert_eq!(limit_bytes("/v1/continue_inspection"), 16 << 20);
        assert_eq!(limit_bytes("/ferric/v1/nodes/bulk"), 16 << 20);
        assert_eq!(limit_bytes("/v1/nodes"), 1 << 20);
    }
}
