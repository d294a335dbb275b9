//! `/ferric/v1/nodes/{node}/timeline`: what happened to a node, as a list or as it happens.
//!
//! Nothing of this is Ironic's. A stream goes on behind the event whose number the client names, so that a cut loses
//! nothing; between events it asks the store again, since a commit may be another conductor's.

use super::call::{Api, Call};
use super::error::{ApiError, ApiResult};
use super::nodes;
use super::path::Path;
use super::shape::shown_time;
use super::version::ApiVersion;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use ferric_model::ids::NodeId;
use ferric_store::{EventFilter, StoreError, StoredEvent};
use futures_util::stream::{self, Stream, StreamExt};
use http::{HeaderMap, header};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

const MAX_LIMIT: usize = 1000;
/// How often a stream that has sent everything looks for more.
const POLL: Duration = Duration::from_millis(500);

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/ferric/v1/nodes/{node}/timeline", get(timeline))
}

async fn timeline(
    mut call: Call,
    Path(ident): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    call.arguments.allow(&["after", "limit"])?;
    // Ironic's versions are not ours: a name is as good as a UUID here, whatever the header says.
    call.version = ApiVersion::MAX;
    let node = nodes::find::node(&call, &ident).await?.node.uuid;
    let after = number(&call, "after")?;
    let wants_stream = header(&headers, header::ACCEPT.as_str())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    if wants_stream {
        let resumed = header(&headers, "last-event-id").and_then(|id| id.parse().ok());
        let events = follow(call.api.clone(), node, resumed.or(after).unwrap_or(0));
        return Ok(Sse::new(events)
            .keep_alive(KeepAlive::default())
            .into_response());
    }
    let limit = number(&call, "limit")?.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT);
    let events = read(&call.api, node, after.unwrap_or(0), limit).await?;
    let shown: Vec<Value> = events.iter().map(show).collect();
    Ok(Json(json!({"events": shown})).into_response())
}

fn number(call: &Call, key: &str) -> ApiResult<Option<u64>> {
    let number = call.arguments.integer(key)?.map(u64::try_from).transpose();
    number.map_err(|_| ApiError::invalid(format!("{key} must not be negative")))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

async fn read(
    api: &Api,
    node: NodeId,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredEvent>, StoreError> {
    let filter = EventFilter {
        node: Some(node),
        after,
        limit,
    };
    api.conductor.store().events(&filter).await
}

/// One event: its number, its time, and what happened with the names of the model.
fn show(stored: &StoredEvent) -> Value {
    let mut event = serde_json::to_value(&stored.event).unwrap_or_default();
    event["at"] = Value::from(shown_time(stored.event.at));
    event["sequence"] = Value::from(stored.sequence);
    event
}

/// Where a stream stands.
struct Follower {
    api: Api,
    node: NodeId,
    after: u64,
    read: VecDeque<StoredEvent>,
}

fn follow(api: Api, node: NodeId, after: u64) -> impl Stream<Item = Result<Event, Infallible>> {
    let follower = Follower {
        api,
        node,
        after,
        read: VecDeque::new(),
    };
    stream::unfold(follower, |mut follower| async {
        let stored = follower.next().await?;
        Some((stored, follower))
    })
    .map(|stored| Ok(sent(&stored)))
}

impl Follower {
    /// The next event, whenever it happens; `None` when the server stops or the store fails: the client resumes.
    async fn next(&mut self) -> Option<StoredEvent> {
        loop {
            if let Some(stored) = self.read.pop_front() {
                self.after = stored.sequence;
                return Some(stored);
            }
            match read(&self.api, self.node, self.after, MAX_LIMIT).await {
                Ok(events) => self.read = events.into(),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "reading a timeline");
                    return None;
                }
            }
            if self.read.is_empty() {
                let wait = tokio::time::sleep(POLL);
                self.api.stop.run_until_cancelled(wait).await?;
            }
        }
    }
}

fn sent(stored: &StoredEvent) -> Event {
    let id = stored.sequence.to_string();
    Event::default().id(id).data(show(stored).to_string())
}
