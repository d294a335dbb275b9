//! POST, PATCH and DELETE of deploy templates and runbooks: checked whole here, stored by the conductor.

use super::{Resource, document, find, show};
use crate::api::body::{Json as Body, JsonObject};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, find as find_field, newer};
use crate::api::masking::refuse_masked;
use crate::api::patch::Patch;
use crate::api::path::Path;
use crate::api::selection::Selection;
use crate::api::version::ApiVersion;
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_model::node::Object;
use http::{StatusCode, header};
use serde_json::Value;

type Changes = Vec<(&'static Field, Value)>;

pub(super) async fn create<R: Resource>(
    call: Call,
    JsonObject(body): JsonObject,
) -> ApiResult<Response> {
    call.no_arguments()?;
    let blank = R::blank(call.api.new_id(), call.conductor().now());
    let changes = given::<R>(body, call.version)?;
    let mut recipe: R = merged(document(&blank)?, changes)?;
    recipe.check_steps(&call.access, None)?;
    recipe.claim(&call.access)?;
    recipe.settle(None)?;
    let recipe = call.conductor().create_recipe(recipe).await?;
    let place = call.base.url(format!("{}/{}", R::PATH, recipe.id()));
    let body = show(&recipe, &Selection::All, call.version, &call.base)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(body)).into_response())
}

pub(super) async fn update<R: Resource>(
    call: Call,
    Path(ident): Path<String>,
    Body(body): Body,
) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let patch = Patch::parse(body, call.version)?;
    patch.check(R::TABLE_OF_FIELDS, call.version)?;
    let (record, old) = find::<R>(&call, &ident).await?;
    old.check_patch(&call.access, &patch)?;
    let before = document(&old)?;
    let mut changes = patch.apply(R::TABLE_OF_FIELDS, before.clone())?;
    for (field, value) in &mut changes {
        *value = checked::<R>(field, value.take(), call.version)?;
    }
    let mut new: R = merged(before, changes)?;
    new.check_steps(&call.access, Some(&old))?;
    new.settle(Some(&old))?;
    let stored = if new == old {
        old
    } else {
        call.conductor().update_recipe(&record, new).await?
    };
    show(&stored, &Selection::All, call.version, &call.base).map(Json)
}

pub(super) async fn destroy<R: Resource>(
    call: Call,
    Path(ident): Path<String>,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let (record, _) = find::<R>(&call, &ident).await?;
    call.conductor().destroy_recipe::<R>(&record).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The fields of a new one; what must be given and is not is named.
fn given<R: Resource>(body: Object, version: ApiVersion) -> ApiResult<Changes> {
    let table = R::TABLE_OF_FIELDS;
    let required = table.iter().filter(|field| field.shape.absent().is_none());
    for field in required {
        if !body.contains_key(field.name) {
            let text = format!("{} must be there: a {} has one", field.name, R::NOUN);
            return Err(ApiError::invalid(text));
        }
    }
    let mut changes = Changes::with_capacity(body.len());
    for (name, value) in body {
        let field = find_field(table, &name).filter(|field| field.writable_by_post());
        let field = field.ok_or_else(|| {
            let text = format!("{name} is not a field that a new {} can be given", R::NOUN);
            ApiError::invalid(text)
        })?;
        if !field.exists_in(version) {
            return Err(newer(&format!("the field {name}"), field.since));
        }
        let value = field.shape.check(field.name, value)?;
        changes.push((field, checked::<R>(field, value, version)?));
    }
    // A null UUID asks for a new one.
    changes.retain(|(field, value)| !(field.name == "uuid" && value.is_null()));
    Ok(changes)
}

fn checked<R: Resource>(field: &Field, value: Value, version: ApiVersion) -> ApiResult<Value> {
    if field.name == "steps" {
        refuse_masked("/steps", &value)?;
    }
    R::check(field, value, version)
}

fn merged<R: Resource>(mut document: Object, changes: Changes) -> ApiResult<R> {
    for (field, value) in changes {
        document.insert(field.name.to_owned(), value);
    }
    serde_json::from_value(Value::Object(document))
        .map_err(|error| ApiError::invalid(format!("the {} would not be valid: {error}", R::NOUN)))
}
