//! `/v1/conductors`: who is registered, and whether it was heard of lately.

use super::call::{Api, Call};
use super::error::{ApiError, ApiResult};
use super::fields::{Field, Pick, Write};
use super::paging::{self, Paging};
use super::path::Path;
use super::root::Resource;
use super::selection::Selection;
use super::shape::{Shape, shown_time};
use axum::routing::get;
use axum::{Json, Router};
use ferric_model::conductor::ConductorRecord;
use ferric_store::{Key, Query, Table};
use serde_json::{Map, Value, json};

const SINCE: u16 = 49;

pub(super) const CONDUCTOR: &[Field] = &[
    shown("created_at", Shape::Time),
    shown("updated_at", Shape::Time),
    shown("hostname", Shape::Text(255)),
    shown("conductor_group", Shape::Text(255)),
    shown("drivers", Shape::Other),
    Field::new("links", SINCE, Write::Never, Shape::Other).pick(Pick::Always),
    shown("alive", Shape::Other),
];

const BRIEF: &[&str] = &["hostname", "conductor_group", "alive"];

const fn shown(name: &'static str, shape: Shape) -> Field {
    Field::new(name, SINCE, Write::Never, shape)
}

pub(super) const RESOURCE: Resource = Resource {
    name: "conductors",
    since: SINCE,
    routes,
};

fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/conductors", get(list))
        .route("/v1/conductors/{hostname}", get(show))
}

async fn list(call: Call) -> ApiResult<Json<Value>> {
    let known: Vec<&str> = paging::KEYS
        .iter()
        .copied()
        .chain(["fields", "detail"])
        .collect();
    call.arguments.allow(&known)?;
    let selection = Selection::of_list(&call, CONDUCTOR, BRIEF)?;
    let paging = Paging::parse(&call, CONDUCTOR)?;
    let records = call
        .conductor()
        .store()
        .page(&paging.query(Table::Conductor))
        .await?
        .records;
    let mut conductors = Vec::with_capacity(records.len());
    for record in &records {
        conductors.push(view(&call, &record.decode()?, &selection));
    }
    let mut body = json!({"conductors": conductors});
    let last = records.last().map(|record| record.key.id.as_str());
    if let Some(next) = paging.next(&call, "conductors", last, records.len()) {
        body["next"] = next;
    }
    Ok(Json(body))
}

async fn show(call: Call, Path(hostname): Path<String>) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["fields"])?;
    let selection = Selection::of_one(&call, CONDUCTOR)?;
    let store = call.conductor().store();
    let mut record = store.get(&Key::new(Table::Conductor, &hostname)).await?;
    if let (None, Some(stripped)) = (&record, call.without_suffix(&hostname)) {
        record = store.get(&Key::new(Table::Conductor, stripped)).await?;
    }
    let record = record
        .ok_or_else(|| ApiError::not_found(format!("conductor {hostname} could not be found")))?;
    Ok(Json(view(&call, &record.decode()?, &selection)))
}

fn view(call: &Call, conductor: &ConductorRecord, selection: &Selection) -> Value {
    let fields = CONDUCTOR
        .iter()
        .filter(|field| selection.shows(field, call.version));
    let shown = fields.map(|field| {
        let value = match field.name {
            "created_at" => Value::from(shown_time(conductor.created_at)),
            "updated_at" => Value::from(shown_time(conductor.updated_at)),
            "hostname" => Value::from(conductor.hostname.as_str()),
            "conductor_group" => Value::from(conductor.conductor_group.as_str()),
            "drivers" => json!(conductor.drivers),
            "alive" => Value::from(call.conductor().is_alive(conductor)),
            _ => call.base.pair(format!("conductors/{}", conductor.hostname)),
        };
        (field.name.to_owned(), value)
    });
    Value::Object(shown.collect::<Map<_, _>>())
}

pub(super) async fn live(call: &Call) -> ApiResult<Vec<ConductorRecord>> {
    let store = call.conductor().store();
    let records = store.page(&Query::all(Table::Conductor)).await?.records;
    let mut conductors = Vec::with_capacity(records.len());
    for record in records {
        let conductor: ConductorRecord = record.decode()?;
        if call.conductor().is_alive(&conductor) {
            conductors.push(conductor);
        }
    }
    Ok(conductors)
}
