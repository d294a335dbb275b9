//! `{node}/history`: the lines of the timeline that Ironic keeps, in Ironic's form.

use super::find;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::links::Base;
use crate::api::path::Path;
use crate::api::shape::shown_time;
use axum::Json;
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::NodeId;
use ferric_model::state::ProvisionState;
use ferric_store::EventFilter;
use serde_json::{Value, json};
use std::fmt;
use uuid::Uuid;

const SINCE: u16 = 78;
const PROJECT_SINCE: u16 = 113;
const STATE_SINCE: u16 = 115;
const MAX_LIMIT: usize = 1000;
/// What a list without detail shows of a text.
const BRIEF_LENGTH: usize = 255;
/// Events that are read at once.
const BATCH: usize = 1000;

/// A line of the timeline that is worth keeping for people.
struct Entry {
    severity: &'static str,
    event_type: &'static str,
    text: String,
    state: Option<ProvisionState>,
    target: Option<ProvisionState>,
}

pub(super) async fn list(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.exists_since(SINCE)?;
    call.arguments.allow(&["detail", "marker", "limit"])?;
    let detail = call.arguments.boolean("detail")?.unwrap_or(false);
    let limit = match call.arguments.integer("limit")?.map(usize::try_from) {
        None => MAX_LIMIT,
        Some(Ok(limit)) if limit > 0 => limit.min(MAX_LIMIT),
        Some(_) => return Err(ApiError::invalid("limit must be positive")),
    };
    let marker = call.arguments.uuid("marker")?;
    let node = find::node(&call, &ident).await?.node.uuid;
    let mut events = events(&call, node).await?;
    if let Some(marker) = marker {
        let place = events.iter().position(|(event, _)| event.id == marker);
        let place = place.ok_or_else(|| not_found(marker))?;
        events.drain(..=place);
    }
    let more = events.len() >= limit;
    events.truncate(limit);
    let shown = events
        .iter()
        .map(|(event, entry)| show(&call, event, entry, detail));
    let mut body = json!({"history": shown.collect::<Vec<_>>()});
    if let Some((last, _)) = events.last().filter(|_| more) {
        let path = format!("nodes/{ident}/history?limit={limit}&marker={}", last.id);
        body["next"] = Value::from(call.base.url(path));
    }
    Ok(Json(body))
}

pub(super) async fn show_one(
    call: Call,
    Path((ident, event)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    call.exists_since(SINCE)?;
    call.no_arguments()?;
    let node = find::node(&call, &ident).await?.node.uuid;
    let events = events(&call, node).await?;
    let found = event.parse::<Uuid>().ok();
    let found = found.and_then(|id| events.iter().find(|(known, _)| known.id == id));
    let (event, entry) = found.ok_or_else(|| not_found(&event))?;
    Ok(Json(show(&call, event, entry, true)))
}

fn not_found(event: impl fmt::Display) -> ApiError {
    ApiError::not_found(format!("the history record {event} could not be found"))
}

/// All that is kept of a node, oldest first.
async fn events(call: &Call, node: NodeId) -> ApiResult<Vec<(TimelineEvent, Entry)>> {
    let mut filter = EventFilter {
        node: Some(node),
        after: 0,
        limit: BATCH,
    };
    let mut kept = Vec::new();
    loop {
        let batch = call.conductor().store().events(&filter).await?;
        let Some(last) = batch.last() else {
            return Ok(kept);
        };
        filter.after = last.sequence;
        kept.extend(batch.into_iter().filter_map(|stored| {
            let entry = entry(&stored.event.what)?;
            Some((stored.event, entry))
        }));
    }
}

/// `None` for what only the timeline shows, such as progress and heartbeats.
fn entry(what: &What) -> Option<Entry> {
    let error = |event_type, text: &str| Entry {
        severity: "ERROR",
        event_type,
        text: text.to_owned(),
        state: None,
        target: None,
    };
    match what {
        What::StateChanged {
            from,
            to,
            target,
            error,
            ..
        } => Some(Entry {
            severity: if error.is_some() { "ERROR" } else { "INFO" },
            event_type: "provisioning",
            text: error
                .clone()
                .unwrap_or_else(|| format!("went from {from} to {to}")),
            state: Some(*to),
            target: *target,
        }),
        What::StepFailed { step, error: text } => {
            Some(error("provisioning", &format!("{step}: {text}")))
        }
        What::BmcError { error: text } => Some(error("power", text)),
        What::Enrolled
        | What::PowerChanged { .. }
        | What::StepStarted { .. }
        | What::StepDone { .. }
        | What::Progress { .. }
        | What::BootRequest { .. }
        | What::Lookup { .. }
        | What::Heartbeat { .. }
        | What::Inspected { .. }
        | What::Resumed { .. }
        | What::Note { .. } => None,
    }
}

fn show(call: &Call, event: &TimelineEvent, entry: &Entry, detail: bool) -> Value {
    let text = if detail {
        entry.text.clone()
    } else {
        entry.text.chars().take(BRIEF_LENGTH).collect()
    };
    let mut shown = json!({
        "uuid": event.id,
        "created_at": shown_time(event.at),
        "severity": entry.severity,
        "event": text,
        "links": links(&call.base, event),
    });
    if detail {
        shown["event_type"] = Value::from(entry.event_type);
        shown["conductor"] = Value::from(event.conductor.as_str());
        shown["user"] = Value::Null;
        if call.version.0 >= PROJECT_SINCE {
            shown["project"] = Value::Null;
        }
        if call.version.0 >= STATE_SINCE {
            shown["state"] = json!(entry.state);
            shown["target_provision_state"] = json!(entry.target);
            shown["duration_seconds"] = Value::Null;
        }
    }
    shown
}

fn links(base: &Base, event: &TimelineEvent) -> Value {
    base.pair(format!("nodes/{}/history/{}", event.node, event.id))
}
