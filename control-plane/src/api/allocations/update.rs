//! PATCH and DELETE of an allocation: its name and `extra` may change, nothing else.

use super::table::{ALLOCATION, document, show};
use super::{create, find};
use crate::api::body::Json as Body;
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::patch::Patch;
use crate::api::path::Path;
use crate::api::selection::Selection;
use axum::Json;
use http::StatusCode;
use serde_json::Value;

pub(super) async fn update(
    call: Call,
    Path(ident): Path<String>,
    Body(body): Body,
) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let (record, old) = find::allocation(&call, &ident).await?;
    let patch = Patch::parse(body, call.version)?;
    patch.check(ALLOCATION, call.version)?;
    let mut new = document(&old)?;
    for (field, value) in patch.apply(ALLOCATION, new.clone())? {
        let value = create::checked(field, value)?;
        new.insert(field.name.to_owned(), value);
    }
    let new = create::decoded(new)?;
    let stored = if new == old {
        old
    } else {
        call.conductor().update_allocation(&record, new).await?
    };
    show(&stored, &Selection::All, call.version, &call.base).map(Json)
}

pub(super) async fn destroy(call: Call, Path(ident): Path<String>) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let (_, allocation) = find::allocation(&call, &ident).await?;
    call.conductor().destroy_allocation(allocation.uuid).await?;
    Ok(StatusCode::NO_CONTENT)
}
