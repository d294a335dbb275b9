//! `GET /v1/nodes`, `GET /v1/nodes/detail` and `GET /v1/nodes/{node}`, and the nodes of a chassis.

use super::table::{BRIEF, NODE};
use super::view::View;
use super::{filters, find};
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::json_text::{self, JsonText};
use crate::api::paging::{self, Paging};
use crate::api::path::Path;
use crate::api::selection::Selection;
use ferric_model::ids::ChassisId;
use ferric_store::{FieldValue, Query, Rows, Table};
use std::sync::Arc;

pub(super) async fn list(call: Call) -> ApiResult<JsonText> {
    allow(&call, &["fields", "detail"])?;
    let selection = Selection::of_list(&call, NODE, BRIEF)?;
    collection(&call, None, selection, "nodes").await
}

pub(super) async fn detailed(call: Call) -> ApiResult<JsonText> {
    allow(&call, &[])?;
    collection(&call, None, Selection::All, "nodes/detail").await
}

/// Those of one chassis.
pub(in crate::api) async fn in_chassis(call: &Call, chassis: ChassisId) -> ApiResult<JsonText> {
    allow(call, &["fields", "detail"])?;
    let selection = Selection::of_list(call, NODE, BRIEF)?;
    let path = format!("chassis/{chassis}/nodes");
    collection(call, Some(chassis), selection, &path).await
}

pub(in crate::api) async fn in_chassis_detailed(
    call: &Call,
    chassis: ChassisId,
) -> ApiResult<JsonText> {
    allow(call, &[])?;
    let path = format!("chassis/{chassis}/nodes/detail");
    collection(call, Some(chassis), Selection::All, &path).await
}

pub(super) async fn show(call: Call, Path(ident): Path<String>) -> ApiResult<JsonText> {
    call.arguments.allow(&["fields"])?;
    let selection = Selection::of_one(&call, NODE)?;
    let record = find::record(&call, &ident).await?;
    let view = View::of(&call, selection).await?;
    view.answer_record(&record)
}

fn allow(call: &Call, more: &[&'static str]) -> ApiResult<()> {
    let common = paging::KEYS.iter().copied().chain(filters::keys());
    call.arguments
        .allow(&common.chain(more.iter().copied()).collect::<Vec<_>>())
}

async fn collection(
    call: &Call,
    chassis: Option<ChassisId>,
    selection: Selection,
    path: &str,
) -> ApiResult<JsonText> {
    let paging = Paging::parse(call, NODE)?;
    check_marker(call, &paging).await?;
    let mut query = paging.query(Table::Node);
    if let Some(chassis) = chassis {
        let chassis = FieldValue::Text(chassis.to_string());
        query = query.filter("chassis_uuid", vec![chassis]);
    }
    let query = filters::apply(call, query).await?;
    let view = View::of(call, selection).await?;
    let shown = shown(call, query, &view).await?;
    // An instance has one node: there is no next page, although the first may be full.
    let ended = call.arguments.text("instance_uuid").is_some();
    let next = paging
        .next(call, path, shown.last.as_deref(), shown.count)
        .filter(|_| !ended);
    let mut body = shown.text;
    body.push(b']');
    if let Some(next) = next {
        body.extend_from_slice(br#","next":"#);
        json_text::push(&next, &mut body);
    }
    body.push(b'}');
    Ok(JsonText(body))
}

/// Up to the end of the list. Where all that is wanted stands in the store's indexes, no document is opened.
async fn shown(call: &Call, query: Query, view: &View<'_>) -> ApiResult<Rows> {
    const BEGIN: &[u8] = br#"{"nodes":["#;
    let store = call.conductor().store();
    if view.needs_no_document() {
        let rows = view.rows();
        let query = query.want(rows.wanted());
        return Ok(store.rows(&query, Arc::new(rows), BEGIN.to_vec()).await?);
    }
    let records = store.page(&query).await?.records;
    let mut text = BEGIN.to_vec();
    for (place, record) in records.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        view.push_record(record, &mut text)?;
        if place == 0 {
            // Nodes are about as long as each other: the text does not move all the time.
            text.reserve(records.len().saturating_mul(text.len() + text.len() / 8));
        }
    }
    Ok(Rows {
        text,
        count: records.len(),
        last: records.last().map(|record| record.key.id.clone()),
    })
}

async fn check_marker(call: &Call, paging: &Paging) -> ApiResult<()> {
    call.arguments.uuid("marker")?;
    if let Some(marker) = &paging.marker {
        find::node(call, marker).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::shape::Shape;
    use ferric_model::node::Node;
    use ferric_store::Entity;

    #[test]
    fn the_store_sorts_by_whatever_lists_are_sorted_by() {
        for field in NODE {
            let is_sorted_by = !matches!(
                field.shape,
                Shape::Object | Shape::List | Shape::OptionalList | Shape::Other
            );
            let name = &field.name;
            let known = Node::FIELDS.contains(name) || Node::SEALED_FIELDS.contains(name);
            assert!(known || !is_sorted_by, "{name}");
        }
    }
}
