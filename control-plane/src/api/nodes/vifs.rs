//! `{node}/vifs`: which virtual interface of the instance's network sits on which port or port group. Who serves them is
//! the node's network interface; the conductor knows.

use super::find;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::gates::VIF_PLACE;
use crate::api::path::Path;
use crate::api::version::ApiVersion;
use crate::conductor::{VifAttachment, VifChange, VifPlace};
use axum::Json;
use ferric_model::node::Object;
use http::StatusCode;
use serde_json::{Value, json};

pub(super) async fn list(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let node = find::node(&call, &ident).await?.node;
    let vifs = call.conductor().vifs_of(&node).await?.into_iter();
    let vifs: Vec<Value> = vifs.map(|id| json!({"id": id})).collect();
    Ok(Json(json!({"vifs": vifs})))
}

pub(super) async fn attach(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let id = body.get("id").and_then(Value::as_str);
    let id = id.filter(|id| find::is_name(id));
    let id = id.ok_or_else(|| ApiError::invalid("id must be there, and be a UUID or a name"))?;
    let attachment = VifAttachment {
        id: id.to_owned(),
        place: place(&body, call.version)?,
        physical_network: text(&body, "physical_network")?.map(str::to_owned),
    };
    let node = find::node(&call, &ident).await?.node;
    let change = VifChange::Attach(attachment);
    call.conductor().change_vif(node.uuid, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn detach(
    call: Call,
    Path((ident, id)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    if !find::is_name(&id) {
        let text = format!("{id:?} is no virtual interface: it has a UUID or a name");
        return Err(ApiError::invalid(text));
    }
    let node = find::node(&call, &ident).await?.node;
    let short = call.without_suffix(&id).map(str::to_owned);
    let names = [id].into_iter().chain(short).collect();
    let change = VifChange::Detach { names };
    call.conductor().change_vif(node.uuid, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `null` is nothing, as in Ironic.
fn text<'a>(body: &'a Object, key: &str) -> ApiResult<Option<&'a str>> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(ApiError::invalid(format!(
            "{key} must be a text, not {other}"
        ))),
    }
}

fn place(body: &Object, version: ApiVersion) -> ApiResult<VifPlace> {
    let is_given = |key: &str| body.get(key).is_some_and(|value| !value.is_null());
    let (of_port, of_group) = (is_given("port_uuid"), is_given("portgroup_uuid"));
    if (of_port || of_group) && version.0 < VIF_PLACE {
        let text = format!("choosing a port needs API version 1.{VIF_PLACE} or newer");
        return Err(ApiError::invalid(text));
    }
    if of_port && of_group {
        let text = "port_uuid and portgroup_uuid do not go together";
        return Err(ApiError::invalid(text));
    }
    let port = text(body, "port_uuid")?.map(|port| VifPlace::Port(port.to_owned()));
    let group = text(body, "portgroup_uuid")?.map(|group| VifPlace::Portgroup(group.to_owned()));
    Ok(port.or(group).unwrap_or(VifPlace::Any))
}
