//! `/ferric/v1/events` and `/ferric/v1/nodes/{node}/timeline`: what happened, as a list or as it happens.
//!
//! A stream goes on behind the event whose number the client names, so that a cut loses nothing.

use super::follower::Follower;
use super::newest;
use super::shown;
use super::wanted::{Wanted, known};
use crate::api::access::{Gate, Rule, Standing, rules};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes;
use crate::api::path::Path;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, header};
use serde_json::{Value, json};

const MAX_LIMIT: usize = 1000;
/// Events that one list looks at, however few of them fit.
const MAX_SCANNED: usize = 20_000;

/// What the caller was let in by: the door, and the headers that opened it.
type Way = (Gate, HeaderMap);

pub(super) async fn of_node(
    call: Call,
    Path(ident): Path<String>,
    Extension(gate): Extension<Gate>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let call = newest(call);
    call.arguments.allow(&["after", "limit", "kind", "live"])?;
    let node = nodes::find::id(&call, &ident).await?;
    let wanted = Wanted::read(&call, Some(node))?;
    let (rule, beginning) = (rules::FERRIC_TIMELINE, Beginning::Oldest);
    answer(call, wanted, (gate, headers), (rule, beginning)).await
}

pub(super) async fn of_all(
    call: Call,
    Extension(gate): Extension<Gate>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let call = newest(call);
    let known = ["after", "limit", "kind", "live", "node"];
    call.arguments.allow(&known)?;
    let node = match call.arguments.text("node") {
        Some(ident) => Some(nodes::find::id(&call, ident).await?),
        None => None,
    };
    let wanted = Wanted::read(&call, node)?;
    let (rule, beginning) = (rules::FERRIC_EVENTS, Beginning::Now);
    answer(call, wanted, (gate, headers), (rule, beginning)).await
}

/// Where a stream begins whose client knows no event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beginning {
    Oldest,
    Now,
}

async fn answer(
    call: Call,
    wanted: Wanted,
    (gate, headers): Way,
    (rule, beginning): (Rule, Beginning),
) -> ApiResult<Response> {
    let after = known(&call, &headers)?;
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("text/event-stream")) {
        return list(&call, &wanted, after.unwrap_or(0)).await;
    }
    let place = call.api.streams.admit(call.access.party())?;
    // Heard from now on, so that nothing is lost between the look at the store and the first wait.
    let live = call.arguments.boolean("live")?.unwrap_or(true);
    let live = live.then(|| call.conductor().follow_live());
    let newest = call.conductor().store().newest_event().await?;
    // A store that was restored from a backup has given out lower numbers than a client may know.
    let after = match (after, beginning) {
        (Some(after), _) => after.min(newest),
        (None, Beginning::Oldest) => 0,
        (None, Beginning::Now) => newest,
    };
    // The events of all are for whoever may see those of any node.
    let node = wanted.node.filter(|_| beginning == Beginning::Oldest);
    let follower = Follower {
        standing: Standing::new((gate, headers), call.access, rule, node),
        api: call.api,
        wanted,
        after,
        live,
        _place: place,
    };
    let stream = Sse::new(follower.stream()).keep_alive(KeepAlive::default());
    Ok(stream.into_response())
}

/// What fits behind the number, and the number behind which the next list begins.
async fn list(call: &Call, wanted: &Wanted, mut after: u64) -> ApiResult<Response> {
    let limit = call.arguments.integer("limit")?.map(usize::try_from);
    let limit = match limit {
        None => MAX_LIMIT,
        Some(Ok(limit)) if limit > 0 => limit.min(MAX_LIMIT),
        Some(_) => return Err(ApiError::invalid("limit must be positive")),
    };
    let (mut shown, mut scanned): (Vec<Value>, usize) = (Vec::new(), 0);
    while shown.len() < limit && scanned < MAX_SCANNED {
        let filter = wanted.filter(after, limit);
        let batch = call.conductor().store().events(&filter).await?;
        scanned += batch.len();
        let is_last = batch.len() < limit;
        for stored in batch {
            if shown.len() == limit {
                break;
            }
            after = stored.sequence;
            if wanted.fits(&stored.event) {
                shown.push(shown::stored(&stored));
            }
        }
        if is_last {
            break;
        }
    }
    Ok(Json(json!({"events": shown, "next": after})).into_response())
}
