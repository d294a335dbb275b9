//! `{node}/management/indicators` and `inject_nmi`: asked of the BMC while the client waits. A light is called
//! `name@component`. As in Ironic lights are there in every version, although they came with 1.63.

use super::find;
use super::states::refuse_rest;
use crate::api::arguments::missing;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use crate::conductor::requests::IndicatorShown;
use axum::Json;
use ferric_drivers::{Component, IndicatorState};
use http::StatusCode;
use serde_json::{Value, json};

pub(super) async fn inject_nmi(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    refuse_rest(&body)?;
    let id = find::id(&call, &ident).await?;
    call.conductor().inject_nmi(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn list(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let id = find::id(&call, &ident).await?;
    let found = call.conductor().indicators(id).await?;
    let shown: Vec<Value> = found
        .iter()
        .map(|light| shown(&call, &ident, light))
        .collect();
    Ok(Json(json!({"indicators": shown})))
}

fn shown(call: &Call, ident: &str, light: &IndicatorShown) -> Value {
    let name = format!("{}@{}", light.name, light.component);
    let place = format!("nodes/{ident}/management/indicators/{name}");
    json!({
        "name": name,
        "component": light.component,
        "readonly": light.readonly,
        "states": light.states,
        "links": call.base.pair(place),
    })
}

pub(super) async fn show(
    call: Call,
    Path((ident, indicator)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let id = find::id(&call, &ident).await?;
    let (name, component) = parsed(&indicator)?;
    let state = call.conductor().indicator(id, component, name).await?;
    Ok(Json(json!({"state": state})))
}

pub(super) async fn set(
    call: Call,
    Path((ident, indicator)): Path<(String, String)>,
    JsonObject(mut body): JsonObject,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let state = body.shift_remove("state");
    refuse_rest(&body)?;
    let state = match state.ok_or_else(|| missing("state"))? {
        Value::String(name) => name.parse::<IndicatorState>(),
        other => other.to_string().parse(),
    };
    let state = state.map_err(|error| ApiError::invalid(error.to_string()))?;
    let id = find::id(&call, &ident).await?;
    let (name, component) = parsed(&indicator)?;
    let conductor = call.conductor();
    conductor.set_indicator(id, component, name, state).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The name and the component of a light.
fn parsed(indicator: &str) -> ApiResult<(String, Component)> {
    let (name, component) = indicator.split_once('@').ok_or_else(|| {
        let text =
            format!("Malformed indicator name \"{indicator}\": it is written name@component");
        ApiError::invalid(text)
    })?;
    let component = component.parse();
    let component = component.map_err(|error| {
        ApiError::invalid(format!(
            "the indicator '{indicator}' does not exist: {error}"
        ))
    })?;
    Ok((name.to_owned(), component))
}
