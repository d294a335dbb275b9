//! `/v1/inspection_rules`: what is done to a node by what inspection finds on it. What a rule may say is the model's
//! business. Built-in rules are not here: they come from a file, and nobody changes them.

mod writing;

use super::call::{Api, Call};
use super::error::{ApiError, ApiResult};
use super::fields::{Field, Pick, Write};
use super::links::Base;
use super::paging::{self, Paging};
use super::path::Path;
use super::reading::{self, Reading};
use super::root;
use super::selection::Selection;
use super::shape::Shape;
use super::version::ApiVersion;
use axum::routing::get;
use axum::{Json, Router};
use ferric_model::inspection_rule::{InspectionRule, Multiple, Operation};
use ferric_model::node::Object;
use ferric_store::{FieldValue, Key, Record, Table};
use serde_json::{Value, json};
use uuid::Uuid;

const PATH: &str = "inspection_rules";
const SINCE: u16 = 96;
/// What a list shows of each one unless it is asked for more.
const BRIEF: &[&str] = &["uuid", "priority", "phase", "description"];

pub(super) const RESOURCE: root::Resource = root::Resource {
    name: PATH,
    since: SINCE,
    routes,
};

pub(super) const TABLE: &[Field] = &[
    Field::new("uuid", SINCE, Write::Create, Shape::Uuid),
    Field::new("created_at", SINCE, Write::Never, Shape::Time),
    Field::new("updated_at", SINCE, Write::Never, Shape::Time),
    Field::new("description", SINCE, Write::Both, Shape::Text(255)),
    Field::new("priority", SINCE, Write::Both, Shape::Priority),
    Field::new("sensitive", SINCE, Write::Both, Shape::Flag),
    Field::new("phase", SINCE, Write::Both, Shape::Text(16)),
    Field::new("conditions", SINCE, Write::Both, Shape::OptionalList),
    Field::new("actions", SINCE, Write::Both, Shape::List),
    Field::new("links", SINCE, Write::Never, Shape::Other).pick(Pick::Always),
];

fn routes() -> Router<Api> {
    Router::new()
        .route(
            "/v1/inspection_rules",
            get(list).post(writing::create).delete(writing::destroy_all),
        )
        .route(
            "/v1/inspection_rules/{ident}",
            get(show_one)
                .patch(writing::update)
                .delete(writing::destroy),
        )
}

async fn list(call: Call) -> ApiResult<Json<Value>> {
    let known = paging::KEYS.iter().chain(&["fields", "detail", "phase"]);
    call.arguments.allow(&known.copied().collect::<Vec<_>>())?;
    let selection = Selection::of_list(&call, TABLE, BRIEF)?;
    let paging = Paging::parse(&call, TABLE)?;
    if let Some(marker) = call.arguments.uuid("marker")? {
        find(&call, &marker.to_string()).await?;
    }
    let mut query = paging.query(Table::InspectionRule);
    if let Some(phase) = call.arguments.text("phase") {
        query = query.filter("phase", vec![FieldValue::Text(phase.to_owned())]);
    }
    let found: Vec<InspectionRule> = reading::page(&call, &paging, query, &Everything).await?;
    let shown = found
        .iter()
        .map(|rule| show(rule, &selection, call.version, &call.base));
    let mut body = json!({PATH: shown.collect::<ApiResult<Vec<_>>>()?});
    let last = found.last().map(|rule| rule.uuid.to_string());
    if let Some(next) = paging.next(&call, PATH, last.as_deref(), found.len()) {
        body["next"] = next;
    }
    Ok(Json(body))
}

async fn show_one(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["fields"])?;
    let selection = Selection::of_one(&call, TABLE)?;
    let rule = find(&call, &ident).await?.1;
    show(&rule, &selection, call.version, &call.base).map(Json)
}

/// Every record that the query finds is in the list, and all that can be sorted by has an index.
struct Everything;

impl Reading<InspectionRule> for Everything {
    fn takes_all(&self) -> bool {
        true
    }

    fn takes(&self, _id: &str, _fields: &[(&'static str, FieldValue)]) -> bool {
        true
    }

    fn value(&self, rule: &InspectionRule, field: &Field) -> ApiResult<Value> {
        Ok(document(rule)?.remove(field.name).unwrap_or_default())
    }
}

/// By UUID; they have no names.
async fn find(call: &Call, ident: &str) -> ApiResult<(Record, InspectionRule)> {
    let id = ident.parse::<Uuid>().map_err(|_| {
        ApiError::invalid(format!("{ident:?} is not the UUID of an inspection rule"))
    })?;
    let key = Key::new(Table::InspectionRule, id);
    let record = call.conductor().store().get(&key).await?;
    let record = record
        .ok_or_else(|| ApiError::not_found(format!("inspection rule {id} could not be found")))?;
    let rule = record.decode()?;
    Ok((record, rule))
}

/// A sensitive rule shows neither its conditions nor its actions, to nobody.
fn show(
    rule: &InspectionRule,
    selection: &Selection,
    version: ApiVersion,
    base: &Base,
) -> ApiResult<Value> {
    let mut stored = document(rule)?;
    let fields = TABLE.iter().filter(|field| selection.shows(field, version));
    let shown = fields.map(|field| {
        let value = match field.name {
            "links" => base.pair(format!("{PATH}/{}", rule.uuid)),
            "conditions" | "actions" if rule.sensitive => Value::Null,
            "conditions" => rule.conditions.iter().map(show_condition).collect(),
            "actions" => rule.actions.iter().map(show_action).collect(),
            name => field.shape.show(stored.remove(name).unwrap_or_default()),
        };
        (field.name.to_owned(), value)
    });
    Ok(Value::Object(shown.collect()))
}

fn show_action(action: &Operation) -> Value {
    let mut shown = json!({"op": action.op, "args": action.args});
    if action.each().is_some() {
        shown["loop"] = json!(action.items);
    }
    shown
}

fn show_condition(condition: &Operation) -> Value {
    let mut shown = show_action(condition);
    if condition.each().is_some() {
        shown["multiple"] = json!(condition.multiple.unwrap_or(Multiple::Any));
    }
    shown
}

/// It by the names of the model, which are those of the wire.
fn document(rule: &InspectionRule) -> ApiResult<Object> {
    crate::api::document::document(rule, "inspection rule")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn the_gates_in_full() {
        let mut table = String::new();
        for field in TABLE {
            writeln!(table, "{}", field.line()).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
