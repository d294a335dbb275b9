//! Reading a request's JSON: how large and how deep it may be, and whether there is room for it, before anything is
//! parsed.

use super::access::Access;
use super::error::{ApiError, ApiResult};
use crate::config::{Http, seconds};
use crate::listener::{BodyRoom, BodyShare, NoRoom, Sender};
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use http::{StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

const LIMIT_BYTES: usize = 1 << 20;
/// A config drive comes along.
const PROVISION_LIMIT_BYTES: usize = 64 << 20;
/// An inventory with the machine's logs comes along.
const INSPECTION_LIMIT_BYTES: usize = 16 << 20;
/// An answer of the agent's command API comes along, as text.
const AGENT_ANSWER_LIMIT_BYTES: usize = 80 << 20;
/// A thousand nodes come along.
const BULK_LIMIT_BYTES: usize = 16 << 20;
const DEPTH_LIMIT: usize = 25;
/// A thousand nodes with all they have are fewer.
const VALUES_LIMIT: usize = 250_000;
/// What a parsed value takes beside its text, whatever it is.
const VALUE_BYTES: usize = 128;
const PATIENCE_BYTES: usize = 8 << 20;
/// When a client is to come again that found no room.
const RETRY_S: u32 = 5;

/// A parsed body; an absent one is an empty object.
pub(super) struct Json(pub(super) Value);

/// A body that must be an object, whose keys the handler takes out one by one.
pub(super) struct JsonObject(pub(super) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> ApiResult<Self> {
        let reading = Reading::of(&request);
        let waits = request.headers().contains_key(header::EXPECT);
        let body = request.into_body();
        let length = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        // Whoever waits for a word has not sent it yet, and so much more is not read to its end.
        if length > reading.limit && (waits || length - reading.limit > PATIENCE_BYTES) {
            return Err(too_large(reading.limit));
        }
        let bytes = reading.read(body).await?;
        parse(&bytes, |more| reading.room(bytes.len() + more)).map(Self)
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
    // An imported node may bring its config drive.
    if path.ends_with("states/provision") || path == "/ferric/v1/import" {
        PROVISION_LIMIT_BYTES
    } else if path.ends_with("continue_inspection") {
        INSPECTION_LIMIT_BYTES
    } else if path == "/ferric/v1/nodes/bulk" {
        BULK_LIMIT_BYTES
    } else if path.starts_with("/ferric/v1/agents/") && path.contains("/answers/") {
        AGENT_ANSWER_LIMIT_BYTES
    } else {
        LIMIT_BYTES
    }
}

/// How a body is read.
struct Reading {
    limit: usize,
    patience: Http,
    share: BodyShare,
    sender: Sender,
}

impl Reading {
    fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        let patience: Http = extensions.get().copied().unwrap_or_default();
        // The listener has put it there, and holds it until the request is answered.
        let share = extensions.get().cloned();
        let share = share.unwrap_or_else(|| BodyRoom::new(patience.body_memory_mib).share());
        let sender = match extensions.get::<Access>() {
            Some(_) => Sender::Caller,
            None => Sender::Stranger,
        };
        Self {
            limit: limit_bytes(request.uri().path()),
            patience,
            share,
            sender,
        }
    }

    /// The whole body, or 408 for one that does not come, or 413, or 503. What is too much is read on for a while and thrown
    /// away: a client that is cut off while it sends often does not read the answer.
    async fn read(&self, mut body: Body) -> ApiResult<Vec<u8>> {
        let (mut bytes, mut length) = (Vec::new(), 0_usize);
        let (pause, last) = (
            seconds(self.patience.body_pause_s),
            Instant::now() + seconds(self.patience.body_timeout_s),
        );
        let late = |_elapsed| ApiError::Guard {
            status: StatusCode::REQUEST_TIMEOUT,
            text: "the body did not come in time".to_owned(),
        };
        while let Some(frame) = timeout_at(last.min(Instant::now() + pause), body.frame())
            .await
            .map_err(late)?
        {
            let frame =
                frame.map_err(|_| ApiError::invalid("the connection ended inside the body"))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            length = length.saturating_add(data.len());
            if length <= self.limit {
                self.room(length)?;
                bytes.extend_from_slice(&data);
            } else if length > self.limit.saturating_add(PATIENCE_BYTES) {
                break;
            }
        }
        if length > self.limit {
            return Err(too_large(self.limit));
        }
        Ok(bytes)
    }

    fn room(&self, bytes: usize) -> ApiResult<()> {
        let grown = self.share.grow_to(bytes, self.sender);
        grown.map_err(|NoRoom| ApiError::Busy {
            text: "too much is being sent by too many at the same time: try again later".to_owned(),
            retry_after_s: RETRY_S,
        })
    }
}

fn guard(status: StatusCode, text: String) -> ApiError {
    ApiError::Guard { status, text }
}

fn too_large(limit: usize) -> ApiError {
    let text = format!("the body is larger than {limit} bytes");
    guard(StatusCode::PAYLOAD_TOO_LARGE, text)
}

/// `room` is asked before anything is parsed, for what that takes beside the text.
fn parse(bytes: &[u8], room: impl FnOnce(usize) -> ApiResult<()>) -> ApiResult<Value> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let Outline { depth, values } = outline(bytes);
    if depth > DEPTH_LIMIT {
        let text = format!("the body is nested deeper than {DEPTH_LIMIT} levels");
        return Err(guard(StatusCode::BAD_REQUEST, text));
    }
    if values > VALUES_LIMIT {
        let text = format!("the body has more than {VALUES_LIMIT} values");
        return Err(guard(StatusCode::BAD_REQUEST, text));
    }
    room(values * VALUE_BYTES)?;
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("the body is not JSON: {error}")))
}

/// What can be told of JSON before any parser runs.
struct Outline {
    /// The deepest nesting of brackets.
    depth: usize,
    /// At least as many values as there are.
    values: usize,
}

/// Of what stands outside of texts.
fn outline(bytes: &[u8]) -> Outline {
    let (mut now, mut depth, mut values) = (0_usize, 0, 1);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                now += 1;
                values += 1;
                depth = depth.max(now);
            }
            b',' if !in_text => values += 1,
            b']' | b'}' if !in_text => now = now.saturating_sub(1),
            _ => {}
        }
    }
    Outline { depth, values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    fn nested(levels: usize) -> String {
        format!("{}{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn an_outline_is_of_what_stands_outside_of_texts() {
        let check = |text: &str, expected| {
            let Outline { depth, values } = outline(text.as_bytes());
            assert_eq!((depth, values), expected, "{text}");
        };
        check("1", (0, 1));
        check(r#"{"a": [1, {"b": 2}], "c": {}}"#, (3, 7));
        check(r#"{"a": "[[[[", "b": "\"[[,"}"#, (1, 3));
        check("]]]]{", (1, 2));
        check(&nested(26), (26, 27));
    }

    /// A reader of a small body of anybody's, with so much room in all.
    fn reader(room_mib: usize) -> Reading {
        Reading {
            limit: LIMIT_BYTES,
            patience: Http::default(),
            share: BodyRoom::new(room_mib).share(),
            sender: Sender::Stranger,
        }
    }

    #[tokio::test]
    async fn what_finds_no_room_is_503_and_may_come_again() {
        let full = reader(0);
        let small = full.read(Body::from(vec![b'1'; 16 << 10])).await;
        assert_eq!(small.unwrap().len(), 16 << 10);
        let large = full.read(Body::from(vec![b'1'; 17 << 10])).await;
        assert!(matches!(large, Err(ApiError::Busy { .. })), "{large:?}");
        // Little to send, and much to hold.
        let text = format!("[{}1]", "1,".repeat(5000));
        let parsed = parse(text.as_bytes(), |more| full.room(text.len() + more));
        assert!(matches!(parsed, Err(ApiError::Busy { .. })), "{parsed:?}");
        let roomy = reader(1);
        assert!(parse(text.as_bytes(), |more| roomy.room(more)).is_ok());
    }

    async fn answer(path: &str, expects: bool, length: usize) -> u16 {
        let mut request = Request::post(path);
        if expects {
            request = request.header(header::EXPECT, "100-continue");
        }
        // It is told of, and never sent.
        let body = Body::new(Announced(length));
        let outcome = Json::from_request(request.body(body).unwrap(), &()).await;
        let refused = outcome
            .err()
            .map(axum::response::IntoResponse::into_response);
        refused.unwrap().status().as_u16()
    }

    struct Announced(usize);

    impl HttpBody for Announced {
        type Data = axum::body::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
            std::task::Poll::Pending
        }

        fn size_hint(&self) -> hyper::body::SizeHint {
            hyper::body::SizeHint::with_exact(self.0 as u64)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_announced_as_too_large_is_not_waited_for() {
        assert_eq!(answer("/v1/nodes", true, (1 << 20) + 1).await, 413);
        assert_eq!(answer("/v1/nodes", false, 10 << 20).await, 413);
        assert_eq!(answer("/v1/nodes", true, 1 << 20).await, 408);
        assert_eq!(answer("/v1/continue_inspection", true, 2 << 20).await, 408);
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
            let outcome = reader(1).read(dripping(every_s, bytes)).await;
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
        let check = |text: &str, expected: Option<&str>| match parse(text.as_bytes(), |_| Ok(())) {
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
        let many = format!("[{}1]", "1,".repeat(VALUES_LIMIT));
        check(&many, Some("more than 250000 values"));
    }

    #[test]
    fn paths_that_carry_more_have_larger_limits() {
        assert_eq!(limit_bytes("/v1/nodes/a/states/provision/"), 64 << 20);
        assert_eq!(limit_bytes("/v1/continue_inspection"), 16 << 20);
        assert_eq!(limit_bytes("/ferric/v1/nodes/bulk"), 16 << 20);
        assert_eq!(limit_bytes("/ferric/v1/agents/a/answers/b"), 80 << 20);
        assert_eq!(limit_bytes("/ferric/v1/agents/a/requests"), 1 << 20);
        assert_eq!(limit_bytes("/v1/nodes"), 1 << 20);
    }
}
