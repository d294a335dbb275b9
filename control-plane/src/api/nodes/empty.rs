//! The collections that a node links to and that Ferric keeps nothing of: port groups and volumes. They answer that
//! there are none; nothing can be put into them.

use super::find;
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::paging;
use crate::api::path::Path;
use axum::Json;
use serde_json::{Value, json};

const PORTGROUPS_SINCE: u16 = 24;
const VOLUME_SINCE: u16 = 32;

pub(super) async fn portgroups(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.exists_since(PORTGROUPS_SINCE)?;
    collection(&call, &ident, "portgroups").await
}

pub(super) async fn connectors(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.exists_since(VOLUME_SINCE)?;
    collection(&call, &ident, "connectors").await
}

pub(super) async fn targets(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.exists_since(VOLUME_SINCE)?;
    collection(&call, &ident, "targets").await
}

pub(super) async fn volume(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.exists_since(VOLUME_SINCE)?;
    call.no_arguments()?;
    let node = find::node(&call, &ident).await?.node.uuid;
    let pair = |rest: &str| call.base.pair(format!("nodes/{node}/volume{rest}"));
    Ok(Json(json!({
        "connectors": pair("/connectors"),
        "targets": pair("/targets"),
        "links": pair(""),
    })))
}

async fn collection(call: &Call, ident: &str, name: &str) -> ApiResult<Json<Value>> {
    let known = paging::KEYS.iter().copied().chain(["fields", "detail"]);
    call.arguments.allow(&known.collect::<Vec<_>>())?;
    find::node(call, ident).await?;
    Ok(Json(json!({name: []})))
}
