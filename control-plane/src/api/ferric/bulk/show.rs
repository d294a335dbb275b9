//! A bulk request as clients see it.

use super::MAX_LIMIT;
use crate::api::access::{Target, rules};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::shape::shown_time;
use ferric_model::bulk::{BulkAction, BulkItem, BulkRequest, BulkState};
use ferric_model::node::Node;
use ferric_store::{FieldValue, Key, Query, Table, value_of};
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// In the place of what only those see who see the `last_error` of the node.
const HIDDEN: &str = "the work on the node failed";

/// Which of the items.
pub(super) struct Part {
    pub(super) limit: usize,
    /// Behind the item with this number.
    pub(super) after: Option<u32>,
    pub(super) state: Option<BulkState>,
}

impl Part {
    pub(super) fn whole() -> Self {
        Self {
            limit: MAX_LIMIT,
            after: None,
            state: None,
        }
    }
}

/// How many items are how far.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<&'static str, usize>);

impl Counts {
    pub(super) fn of(&self, state: BulkState) -> usize {
        self.0.get(state.name()).copied().unwrap_or_default()
    }

    fn show(&self) -> Value {
        let all = BulkState::ALL.iter();
        let all = all.map(|state| (state.name().to_owned(), Value::from(self.of(*state))));
        Value::Object(all.collect::<Map<_, _>>())
    }
}

/// Without its items.
pub(super) fn request(request: &BulkRequest) -> Value {
    json!({
        "id": request.id,
        "action": request.action.name(),
        "owner": request.owner,
        "nodes": request.items,
        "open": request.open,
        "created_at": shown_time(request.created_at),
    })
}

/// With these items, and how many there are in all.
pub(super) async fn with_items(
    call: &Call,
    found: &BulkRequest,
    part: &Part,
) -> ApiResult<(Value, Counts)> {
    let store = call.conductor().store();
    let id = FieldValue::Text(found.id.to_string());
    let all = Query::all(Table::BulkItem).filter("request", vec![id]);
    let mut query = Query {
        sort: Some("number".to_owned()),
        marker: part.after.map(|number| BulkItem::id_of(found.id, number)),
        limit: part.limit,
        ..all.clone()
    };
    if let Some(state) = part.state {
        query = query.filter("state", vec![FieldValue::Text(state.name().to_owned())]);
    }
    let is_behind_all = part.after.is_some_and(|after| after >= found.items);
    let records = match is_behind_all {
        true => Vec::new(),
        false => store.page(&query).await?.records,
    };
    let mut counts = Counts::default();
    for outline in store.outlines(&all).await? {
        let state = value_of(&outline.fields, "state").as_text();
        let state = BulkState::ALL
            .iter()
            .find(|known| state == Some(known.name()));
        if let Some(state) = state {
            *counts.0.entry(state.name()).or_default() += 1;
        }
    }
    let items = records.iter().map(|record| Ok(record.decode()?));
    let items: Vec<BulkItem> = items.collect::<ApiResult<_>>()?;
    let last = items.last().map(|item| item.number);
    let next = last.filter(|_| items.len() == part.limit);
    let hidden = hidden(call, &items).await?;
    let results = items.iter();
    let results = results.map(|item| result(found.action, item, hidden.contains(&item.number)));
    let mut shown = request(found);
    shown["counts"] = counts.show();
    shown["done"] = Value::from(counts.of(BulkState::Done) + counts.of(BulkState::Running));
    shown["failed"] = Value::from(counts.of(BulkState::Failed));
    shown["results"] = results.collect();
    shown["next"] = Value::from(next);
    Ok((shown, counts))
}

/// The numbers of those whose nodes have failed for a reason that the caller may not see.
async fn hidden(call: &Call, items: &[BulkItem]) -> ApiResult<BTreeSet<u32>> {
    let has_run = |item: &&BulkItem| {
        let refusal = item.refusal.as_ref();
        refusal.is_some_and(|refusal| refusal.status.is_none())
    };
    let mut hidden = BTreeSet::new();
    for item in items.iter().filter(has_run) {
        let Some(id) = item.node else { continue };
        let key = Key::new(Table::Node, id);
        let node: Option<Node> = match call.conductor().store().get(&key).await? {
            Some(record) => Some(record.decode()?),
            None => None,
        };
        let target = node.as_ref().map_or(Target::NOBODYS, Target::of_node);
        if !call.access.allows(&rules::NODE_GET_LAST_ERROR, target) {
            hidden.insert(item.number);
        }
    }
    Ok(hidden)
}

fn result(action: BulkAction, item: &BulkItem, is_hidden: bool) -> Value {
    let is_enrolled = action == BulkAction::Enrol && item.state == BulkState::Done;
    let node = match item.node {
        Some(node) if is_enrolled => Value::from(node.to_string()),
        _ => item.named.clone(),
    };
    let is_there = action != BulkAction::Enrol || is_enrolled;
    let mut shown = json!({
        "number": item.number,
        "node": node,
        "node_uuid": item.node.filter(|_| is_there),
        "state": item.state.name(),
        "status": status(action, item).map(|status| status.as_u16()),
        "updated_at": shown_time(item.updated_at),
    });
    if let Some(refusal) = &item.refusal {
        let status = status(action, item).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = if is_hidden { HIDDEN } else { &refusal.reason };
        let text = text.to_owned();
        let (_, body) = ApiError::Fault { status, text }.logged();
        shown["error_message"] = body["error_message"].clone();
    }
    if let Some(run) = item.run {
        shown["run"] = json!(run);
    }
    shown
}

/// As a single request is answered; nothing of one that was never begun.
fn status(action: BulkAction, item: &BulkItem) -> Option<StatusCode> {
    let refused = item.refusal.as_ref().and_then(|refusal| refusal.status);
    if let Some(status) = refused {
        return StatusCode::from_u16(status).ok();
    }
    match (item.state, action) {
        (BulkState::Cancelled, _) => None,
        (BulkState::Queued, _) | (_, BulkAction::Provision) => Some(StatusCode::ACCEPTED),
        (_, BulkAction::Enrol) => Some(StatusCode::CREATED),
        (_, BulkAction::Delete) => Some(StatusCode::NO_CONTENT),
    }
}
