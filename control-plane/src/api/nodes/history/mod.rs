//! `{node}/history`: the lines of the timeline that Ironic keeps, in Ironic's form.

mod entry;
mod order;

use super::find;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::paging;
use crate::api::path::Path;
use axum::Json;
use entry::{Entry, Story};
use ferric_model::event::TimelineEvent;
use ferric_model::node::Node;
use ferric_store::EventFilter;
use order::Order;
use serde_json::{Value, json};
use std::fmt;
use uuid::Uuid;

/// Events that are read at once.
const BATCH: usize = 1000;

/// What happened, and what is shown of it.
type Line = (TimelineEvent, Entry);

pub(super) async fn list(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    let known = paging::KEYS.iter().chain(&["detail"]);
    call.arguments.allow(&known.copied().collect::<Vec<_>>())?;
    let detail = call.arguments.boolean("detail")?.unwrap_or(false);
    let limit = paging::limit(&call)?;
    let marker = call.arguments.uuid("marker")?;
    let order = Order::parse(&call.arguments)?;
    let node = find::node(&call, &ident).await?.node;
    let mut events = order.sorted(events(&call, &node).await?, &call.base);
    if let Some(marker) = marker {
        let place = events.iter().position(|(event, _)| event.id == marker);
        let place = place.ok_or_else(|| not_found(marker))?;
        events.drain(..=place);
    }
    let more = events.len() >= limit;
    events.truncate(limit);
    let shown = events
        .iter()
        .map(|(event, entry)| entry.show(event, &call.base, detail.then_some(call.version)));
    let mut body = json!({"history": shown.collect::<Vec<_>>()});
    if let Some((last, _)) = events.last().filter(|_| more) {
        let path = format!("nodes/{ident}/history");
        body["next"] = paging::next(&call, &path, limit, &last.id.to_string());
    }
    Ok(Json(body))
}

pub(super) async fn show_one(
    call: Call,
    Path((ident, event)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let node = find::node(&call, &ident).await?.node;
    let events = events(&call, &node).await?;
    let found = event.parse::<Uuid>().ok();
    let found = found.and_then(|id| events.iter().find(|(known, _)| known.id == id));
    let (event, entry) = found.ok_or_else(|| not_found(&event))?;
    Ok(Json(entry.show(event, &call.base, Some(call.version))))
}

fn not_found(event: impl fmt::Display) -> ApiError {
    ApiError::not_found(format!("the history record {event} could not be found"))
}

/// All that is kept of a node, oldest first.
async fn events(call: &Call, node: &Node) -> ApiResult<Vec<Line>> {
    let mut filter = EventFilter {
        node: Some(node.uuid),
        after: 0,
        limit: BATCH,
    };
    let (mut story, mut kept) = (Story::default(), Vec::new());
    loop {
        let batch = call.conductor().store().events(&filter).await?;
        let Some(last) = batch.last() else {
            break;
        };
        filter.after = last.sequence;
        kept.extend(batch.into_iter().filter_map(|stored| {
            let entry = story.entry(&stored.event)?;
            Some((stored.event, entry))
        }));
    }
    let first = story.first_state().unwrap_or(node.provision_state);
    for (_, entry) in &mut kept {
        entry.state.get_or_insert(first);
    }
    Ok(kept)
}
