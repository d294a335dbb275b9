//! `/v1/deploy_templates` and `/v1/runbooks`: named lists of steps. The two are handled by the same code; what differs
//! is in `template` and `runbook`.

mod items;
mod runbook;
mod runbook_traits;
mod template;
mod writing;

pub(super) use runbook::RESOURCE as RUNBOOKS;
pub(super) use template::RESOURCE as DEPLOY_TEMPLATES;

use super::access::Access;
use super::arguments::parse_bool;
use super::call::{Api, Call};
use super::error::{ApiError, ApiResult};
use super::fields::Field;
use super::links::Base;
use super::masking::masked;
use super::nodes::find::is_name;
use super::paging::{self, Paging};
use super::patch::Patch;
use super::path::Path;
use super::reading::{self, Reading};
use super::selection::Selection;
use super::version::ApiVersion;
use crate::conductor::Recipe;
use axum::routing::get;
use axum::{Json, Router};
use ferric_model::node::Object;
use ferric_model::recipe::Runbook;
use ferric_store::{FieldValue, Key, Query, Record};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// The tables of their fields.
pub(super) mod tables {
    pub(in crate::api) use super::runbook::TABLE as RUNBOOK;
    pub(in crate::api) use super::template::TABLE as TEMPLATE;
}

/// What a list shows of each one unless it is asked for more.
const BRIEF: &[&str] = &["uuid", "name"];

/// A kind of recipe as a resource.
trait Resource: Recipe + PartialEq {
    /// Its place under `/v1`, and the key of its lists.
    const PATH: &'static str;
    const TABLE_OF_FIELDS: &'static [Field];
    /// Arguments that a list of this kind alone takes.
    const FILTERS: &'static [&'static str] = &[];
    fn blank(id: Uuid, at: Timestamp) -> Self;
    /// What a field may be beyond its form.
    fn check(field: &Field, value: Value, version: ApiVersion) -> ApiResult<Value>;
    /// What only the whole can tell, and what follows from a change.
    fn settle(&mut self, before: Option<&Self>) -> ApiResult<()>;

    /// What a new one becomes in the hands of its maker.
    fn claim(&mut self, _access: &Access) -> ApiResult<()> {
        Ok(())
    }

    /// 403 for steps that rules keep from the caller: of a new one, or of one that was another before.
    fn check_steps(&self, _access: &Access, _before: Option<&Self>) -> ApiResult<()> {
        Ok(())
    }

    /// 403 for a patch that is not for the caller, beyond what guards the route.
    fn check_patch(&self, _access: &Access, _patch: &Patch) -> ApiResult<()> {
        Ok(())
    }

    /// Whether what stands in the store's indexes puts it into the list of a project.
    fn is_listed_for(_fields: &[(&'static str, FieldValue)], _project: &str) -> bool {
        true
    }
}

fn routes<R: Resource>() -> Router<Api> {
    let collection = format!("/v1/{}", R::PATH);
    Router::new()
        .route(&collection, get(list::<R>).post(writing::create::<R>))
        .route(
            &format!("{collection}/{{ident}}"),
            get(show_one::<R>)
                .patch(writing::update::<R>)
                .delete(writing::destroy::<R>),
        )
}

async fn list<R: Resource>(call: Call) -> ApiResult<Json<Value>> {
    let common = paging::KEYS.iter().chain(&["fields", "detail"]);
    let known = common.chain(R::FILTERS);
    call.arguments.allow(&known.copied().collect::<Vec<_>>())?;
    let selection = Selection::of_list(&call, R::TABLE_OF_FIELDS, BRIEF)?;
    let paging = Paging::parse(&call, R::TABLE_OF_FIELDS)?;
    let asked = asked_project(&call)?;
    let project = call.access.project_of_list();
    if let Some(marker) = call.arguments.uuid("marker")? {
        let marker = marker.to_string();
        let (_, recipe) = find::<R>(&call, &marker).await?;
        if project.is_some_and(|project| !R::is_listed_for(&recipe.fields(), project)) {
            return Err(not_found::<R>(&marker));
        }
    }
    let listing = Listing {
        project: project.or(asked),
    };
    let found = reading::page(&call, &paging, paging.query(R::TABLE), &listing).await?;
    let shown = found
        .iter()
        .map(|recipe: &R| show(recipe, &selection, call.version, &call.base));
    let mut body = json!({R::PATH: shown.collect::<ApiResult<Vec<_>>>()?});
    let last = found.last().map(|recipe| recipe.id());
    if let Some(next) = paging.next(&call, R::PATH, last.as_deref(), found.len()) {
        body["next"] = next;
    }
    Ok(Json(body))
}

/// The project whose runbooks are wanted, beside the public ones. For Ironic it is a flag, of which `false` asks for all.
fn asked_project(call: &Call) -> ApiResult<Option<&str>> {
    let asked = call.arguments.text("project");
    if asked == Some("") {
        return Err(ApiError::invalid("project must be the id of a project"));
    }
    let asked = asked.filter(|project| parse_bool(project) != Some(false));
    call.access.check_listed_project(asked)?;
    Ok(asked)
}

async fn show_one<R: Resource>(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["fields"])?;
    let selection = Selection::of_one(&call, R::TABLE_OF_FIELDS)?;
    let recipe = find::<R>(&call, &ident).await?.1;
    show(&recipe, &selection, call.version, &call.base).map(Json)
}

/// Every record is in the list, or what a project may see; all that can be sorted by has an index.
struct Listing<'a> {
    project: Option<&'a str>,
}

impl<R: Resource> Reading<R> for Listing<'_> {
    fn takes_all(&self) -> bool {
        self.project.is_none()
    }

    fn takes(&self, _id: &str, fields: &[(&'static str, FieldValue)]) -> bool {
        let project = self.project;
        project.is_none_or(|project| R::is_listed_for(fields, project))
    }

    fn value(&self, recipe: &R, field: &Field) -> ApiResult<Value> {
        Ok(document(recipe)?.remove(field.name).unwrap_or_default())
    }
}

/// By UUID or name; 404 when there is none.
async fn find<R: Resource>(call: &Call, ident: &str) -> ApiResult<(Record, R)> {
    let mut found = record::<R>(call, ident).await?;
    if let (None, Some(stripped)) = (&found, call.without_suffix(ident)) {
        found = record::<R>(call, stripped).await?;
    }
    let found = found.ok_or_else(|| not_found::<R>(ident))?;
    let recipe = found.decode()?;
    Ok((found, recipe))
}

fn not_found<R: Resource>(ident: &str) -> ApiError {
    ApiError::not_found(format!("{} {ident} could not be found", R::NOUN))
}

async fn record<R: Resource>(call: &Call, ident: &str) -> ApiResult<Option<Record>> {
    let store = call.conductor().store();
    if let Ok(id) = ident.parse::<Uuid>() {
        return Ok(store.get(&Key::new(R::TABLE, id)).await?);
    }
    if !is_name(ident) {
        let text = format!("{ident:?} is neither a UUID nor a name");
        return Err(ApiError::invalid(text));
    }
    let name = FieldValue::Text(ident.to_owned());
    let mut query = Query::all(R::TABLE).filter("name", vec![name]);
    query.limit = 1;
    Ok(store.page(&query).await?.records.pop())
}

/// The runbook that a verb names.
pub(super) async fn runbook(call: &Call, ident: &str) -> ApiResult<Runbook> {
    Ok(find::<Runbook>(call, ident).await?.1)
}

fn show<R: Resource>(
    recipe: &R,
    selection: &Selection,
    version: ApiVersion,
    base: &Base,
) -> ApiResult<Value> {
    let mut stored = document(recipe)?;
    let table = R::TABLE_OF_FIELDS;
    let fields = table.iter().filter(|field| selection.shows(field, version));
    let shown = fields.map(|field| {
        let value = stored.remove(field.name).unwrap_or_default();
        let value = match field.name {
            "links" => base.pair(format!("{}/{}", R::PATH, recipe.id())),
            "steps" => with_masked_arguments(value),
            _ => field.shape.show(value),
        };
        (field.name.to_owned(), value)
    });
    Ok(Value::Object(shown.collect()))
}

/// Arguments of steps hold passwords as often as `driver_info` does.
fn with_masked_arguments(mut steps: Value) -> Value {
    let items = steps.as_array_mut().into_iter().flatten();
    for args in items.filter_map(|item| item.get_mut("args")) {
        if let Value::Object(object) = args {
            *args = Value::Object(masked(object));
        }
    }
    steps
}

/// It by the names of the model, which are those of the wire.
fn document<R: Resource>(recipe: &R) -> ApiResult<Object> {
    crate::api::document::document(recipe, R::NOUN)
}
