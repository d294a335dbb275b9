//! POST, PATCH and DELETE of inspection rules: checked whole here, stored by the conductor.

use super::{PATH, TABLE, document, find, show};
use crate::api::body::{Json as Body, JsonObject};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, find as find_field};
use crate::api::patch::Patch;
use crate::api::path::Path;
use crate::api::selection::Selection;
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_model::ids::InspectionRuleId;
use ferric_model::inspection_rule::{
    InspectionRule, MAIN_PHASE, Operation, read_actions, read_conditions,
};
use ferric_model::node::Object;
use http::{StatusCode, header};
use serde_json::Value;

pub(super) async fn create(call: Call, JsonObject(body): JsonObject) -> ApiResult<Response> {
    call.no_arguments()?;
    if !body.contains_key("actions") {
        let text = "actions must be there: an inspection rule has at least one";
        return Err(ApiError::invalid(text));
    }
    let id = InspectionRuleId(call.api.new_id());
    let mut document = document(&InspectionRule::new(id, call.conductor().now()))?;
    for (name, value) in body {
        let field = find_field(TABLE, &name).filter(|field| field.writable_by_post());
        let field = field.ok_or_else(|| {
            let text = format!("{name} is not a field that a new inspection rule can be given");
            ApiError::invalid(text)
        })?;
        refuse_null_phase(field, &value)?;
        let value = checked(field, value)?;
        // A null UUID asks for a new one.
        if !(field.name == "uuid" && value.is_null()) {
            document.insert(name, value);
        }
    }
    let rule = decoded(document)?;
    let rule = call.conductor().create_recipe(rule).await?;
    let place = call.base.url(format!("{PATH}/{}", rule.uuid));
    let body = show(&rule, &Selection::All, call.version, &call.base)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(body)).into_response())
}

pub(super) async fn update(
    call: Call,
    Path(ident): Path<String>,
    Body(body): Body,
) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let patch = Patch::parse(body, call.version)?;
    patch.check(TABLE, call.version)?;
    for value in patch.values("/sensitive") {
        check_flag(value)?;
    }
    let (record, old) = find(&call, &ident).await?;
    let before = document(&old)?;
    let mut after = before.clone();
    for (field, value) in patch.apply(TABLE, before)? {
        let value = match value {
            // Removed: back to what it is on a new rule.
            Value::Null if field.name == "phase" => Value::from(MAIN_PHASE),
            value => value,
        };
        after.insert(field.name.to_owned(), checked(field, value)?);
    }
    let new = decoded(after)?;
    if old.sensitive && !new.sensitive {
        return Err(ApiError::invalid(
            "an inspection rule that is sensitive stays so: make another one instead",
        ));
    }
    let stored = if new == old {
        old
    } else {
        call.conductor().update_recipe(&record, new).await?
    };
    show(&stored, &Selection::All, call.version, &call.base).map(Json)
}

pub(super) async fn destroy(call: Call, Path(ident): Path<String>) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let (record, _) = find(&call, &ident).await?;
    call.conductor()
        .destroy_recipe::<InspectionRule>(&record)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn destroy_all(call: Call) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    call.conductor().destroy_inspection_rules().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn refuse_null_phase(field: &Field, value: &Value) -> ApiResult<()> {
    if field.name == "phase" && value.is_null() {
        return Err(not_a_phase(value));
    }
    Ok(())
}

fn not_a_phase(value: &Value) -> ApiError {
    ApiError::invalid(format!(
        "{value} is not a phase of inspection: there is {MAIN_PHASE}"
    ))
}

/// Rules are younger than the custom to write flags as texts.
fn check_flag(value: &Value) -> ApiResult<()> {
    if value.is_boolean() || value.is_null() {
        return Ok(());
    }
    let text = format!("sensitive must be true or false, not {value}");
    Err(ApiError::invalid(text))
}

/// The value of a field as it is stored, or 400.
fn checked(field: &Field, value: Value) -> ApiResult<Value> {
    if field.name == "sensitive" {
        check_flag(&value)?;
    }
    let value = field.shape.check(field.name, value)?;
    match field.name {
        "phase" if value != MAIN_PHASE => Err(not_a_phase(&value)),
        "conditions" => operations(read_conditions(&value)),
        "actions" => operations(read_actions(&value)),
        _ => Ok(value),
    }
}

fn operations(read: Result<Vec<Operation>, String>) -> ApiResult<Value> {
    let operations = read.map_err(ApiError::invalid)?;
    serde_json::to_value(operations).map_err(|source| ApiError::Internal {
        doing: "reading an inspection rule".into(),
        source: Box::new(source),
    })
}

fn decoded(document: Object) -> ApiResult<InspectionRule> {
    serde_json::from_value(Value::Object(document)).map_err(|error| {
        ApiError::invalid(format!("the inspection rule would not be valid: {error}"))
    })
}
