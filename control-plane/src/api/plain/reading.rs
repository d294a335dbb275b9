//! Lists and single documents.

use super::{Resource, not_found};
use crate::api::access::{can_be_listed, of_visible_nodes};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::Field;
use crate::api::nodes::find::is_name;
use crate::api::paging::{self, Paging};
use crate::api::path::Path;
use crate::api::reading::{self, Reading};
use crate::api::selection::Selection;
use axum::Json;
use ferric_model::node::Object;
use ferric_store::{FieldValue, Key, Query, Record};
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) async fn list<R: Resource>(call: Call) -> ApiResult<Json<Value>> {
    brief::<R>(&call, None, R::PATH).await
}

pub(super) async fn detailed<R: Resource>(call: Call) -> ApiResult<Json<Value>> {
    whole::<R>(&call, None, &format!("{}/detail", R::PATH)).await
}

/// Those of the node in whose path it is asked for.
pub(super) async fn of_node<R: Resource>(
    call: &Call,
    node: &str,
    path: &str,
) -> ApiResult<Json<Value>> {
    brief::<R>(call, Some(node), path).await
}

pub(super) async fn show_one<R: Resource>(
    call: Call,
    Path(ident): Path<String>,
) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["fields"])?;
    let selection = Selection::of_one(&call, R::TABLE_OF_FIELDS)?;
    let found = find::<R>(&call, &ident).await?.1;
    show(&found, &selection, &call).map(Json)
}

async fn brief<R: Resource>(call: &Call, node: Option<&str>, path: &str) -> ApiResult<Json<Value>> {
    allow::<R>(call, &["fields", "detail"])?;
    let selection = Selection::of_list_since(call, R::TABLE_OF_FIELDS, R::BRIEF, R::DETAIL_SINCE)?;
    collection::<R>(call, node, selection, path).await
}

pub(super) async fn whole<R: Resource>(
    call: &Call,
    node: Option<&str>,
    path: &str,
) -> ApiResult<Json<Value>> {
    allow::<R>(call, &[])?;
    collection::<R>(call, node, Selection::All, path).await
}

fn allow<R: Resource>(call: &Call, more: &[&str]) -> ApiResult<()> {
    let known = paging::KEYS.iter().chain(R::FILTERS).chain(more);
    call.arguments.allow(&known.copied().collect::<Vec<_>>())
}

async fn collection<R: Resource>(
    call: &Call,
    node: Option<&str>,
    selection: Selection,
    path: &str,
) -> ApiResult<Json<Value>> {
    let table = R::TABLE_OF_FIELDS;
    let paging = Paging::parse(call, table)?;
    if let Some(marker) = call.arguments.uuid("marker")? {
        let marker = marker.to_string();
        if !can_be_listed(call, &find::<R>(call, &marker).await?.0).await? {
            return Err(not_found::<R>(&marker));
        }
    }
    let query = R::filtered(call, node, paging.query(R::TABLE)).await?;
    let query = of_visible_nodes(call, query).await?;
    let found = reading::page(call, &paging, query, &Everything).await?;
    let shown = found.iter().map(|one: &R| show(one, &selection, call));
    let mut body = json!({R::LIST: shown.collect::<ApiResult<Vec<_>>>()?});
    let last = found.last().map(|one| one.id());
    if let Some(next) = paging.next(call, path, last.as_deref(), found.len()) {
        body["next"] = next;
    }
    Ok(Json(body))
}

/// Every record that the query finds is in the list.
struct Everything;

impl<R: Resource> Reading<R> for Everything {
    fn takes_all(&self) -> bool {
        true
    }

    fn takes(&self, _id: &str, _fields: &[(&'static str, FieldValue)]) -> bool {
        true
    }

    fn value(&self, one: &R, field: &Field) -> ApiResult<Value> {
        Ok(document(one)?.remove(field.name).unwrap_or_default())
    }
}

/// By UUID, or by name where it may have one; 404 when there is none.
#[expect(
    private_bounds,
    reason = "the kinds are known in this folder only, and named outside"
)]
pub(in crate::api) async fn find<R: Resource>(call: &Call, ident: &str) -> ApiResult<(Record, R)> {
    let mut found = record::<R>(call, ident).await?;
    if let (None, Some(stripped)) = (&found, call.without_suffix(ident)) {
        found = record::<R>(call, stripped).await?;
    }
    let found = found.ok_or_else(|| not_found::<R>(ident))?;
    let one = found.decode()?;
    Ok((found, one))
}

/// In the order in which the guard of the route looks, or it would look at another one.
async fn record<R: Resource>(call: &Call, ident: &str) -> ApiResult<Option<Record>> {
    let store = call.conductor().store();
    if let Ok(id) = ident.parse::<Uuid>() {
        return Ok(store.get(&Key::new(R::TABLE, id)).await?);
    }
    if !R::NAMED {
        let bare = call.without_suffix(ident);
        if bare.is_some_and(|bare| bare.parse::<Uuid>().is_ok()) {
            return Ok(None);
        }
        return Err(ApiError::invalid(format!(
            "{ident:?} is not a UUID: a {} has no name",
            R::NOUN
        )));
    }
    if !is_name(ident) {
        let text = format!("{ident:?} is neither a UUID nor a name");
        return Err(ApiError::routing(StatusCode::BAD_REQUEST, text));
    }
    let name = FieldValue::Text(ident.to_owned());
    let mut query = Query::all(R::TABLE).filter("name", vec![name]);
    query.limit = 1;
    Ok(store.page(&query).await?.records.pop())
}

pub(super) fn show<R: Resource>(one: &R, selection: &Selection, call: &Call) -> ApiResult<Value> {
    let mut stored = document(one)?;
    let table = R::TABLE_OF_FIELDS;
    let fields = table
        .iter()
        .filter(|field| selection.shows(field, call.version));
    let shown = fields.map(|field| {
        let value = match field.name {
            "links" => call.base.pair(format!("{}/{}", R::PATH, one.id())),
            name => one
                .shown(field, call)
                .unwrap_or_else(|| field.shape.show(stored.remove(name).unwrap_or_default())),
        };
        (field.name.to_owned(), value)
    });
    Ok(Value::Object(shown.collect()))
}

/// It by the names of the model, which are those of the wire.
pub(super) fn document<R: Resource>(one: &R) -> ApiResult<Object> {
    crate::api::document::document(one, R::NOUN)
}
