//! `{node}/traits`: all of them, or one at a time.

use super::find::{self, Found};
use super::states::refuse_rest;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_model::traits::is_trait;
use http::{StatusCode, header};
use serde_json::{Value, json};

const MOST: usize = 50;

pub(super) async fn list(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let found = find::node(&call, &ident).await?;
    Ok(Json(json!({"traits": found.node.traits})))
}

pub(super) async fn replace(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(mut body): JsonObject,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let traits = given(body.shift_remove("traits"))?;
    refuse_rest(&body)?;
    change(&call, &ident, |_| Ok(traits)).await
}

/// A list of traits as a client gives it, without repetitions.
pub(in crate::api) fn given(value: Option<Value>) -> ApiResult<Vec<String>> {
    let Some(Value::Array(given)) = value else {
        return Err(ApiError::invalid("traits must be a list of texts"));
    };
    let mut traits: Vec<String> = Vec::with_capacity(given.len());
    for value in given {
        let name = value.as_str().unwrap_or_default();
        check(name)?;
        if !traits.iter().any(|known| known == name) {
            traits.push(name.to_owned());
        }
    }
    Ok(traits)
}

pub(super) async fn add(
    call: Call,
    Path((ident, name)): Path<(String, String)>,
    JsonObject(body): JsonObject,
) -> ApiResult<Response> {
    call.no_arguments()?;
    check(&name)?;
    if !body.is_empty() {
        return Err(ApiError::invalid(
            "one trait is added without a body; PUT on traits replaces them all",
        ));
    }
    let location = call.base.url(format!("nodes/{ident}/traits/{name}"));
    let status = change(&call, &ident, |mut traits| {
        if !traits.contains(&name) {
            traits.push(name);
        }
        Ok(traits)
    });
    Ok((status.await?, [(header::LOCATION, location)]).into_response())
}

pub(super) async fn clear(call: Call, Path(ident): Path<String>) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    change(&call, &ident, |_| Ok(Vec::new())).await
}

pub(super) async fn remove(
    call: Call,
    Path((ident, name)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    change(&call, &ident, |mut traits| {
        let before = traits.len();
        traits.retain(|known| *known != name);
        if traits.len() == before {
            return Err(ApiError::not_found(format!("the node has no trait {name}")));
        }
        Ok(traits)
    })
    .await
}

async fn change(
    call: &Call,
    ident: &str,
    change: impl FnOnce(Vec<String>) -> ApiResult<Vec<String>>,
) -> ApiResult<StatusCode> {
    let Found { record, mut node } = find::node(call, ident).await?;
    node.traits = change(node.traits)?;
    if node.traits.len() > MOST {
        return Err(ApiError::invalid(format!(
            "a node can have at most {MOST} traits"
        )));
    }
    call.conductor().update_node(&record, node).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 400 for what is no trait.
pub(in crate::api) fn check(name: &str) -> ApiResult<()> {
    if is_trait(name) {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "{name:?} is not a trait: CUSTOM_ and capital letters, digits and _, or a standard trait"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trait_names() {
        for good in ["CUSTOM_A", "CUSTOM_RAID_5", "HW_CPU_X86_VMX"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "CUSTOM_", "CUSTOM_a", "FOO", "custom_A"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
