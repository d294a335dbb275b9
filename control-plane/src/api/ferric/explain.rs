//! `GET /ferric/v1/nodes/{node}/explain`: why the node is where it is and what to do, in words and as data.

use super::newest;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes;
use crate::api::path::Path;
use axum::Json;
use serde_json::Value;

pub(super) async fn explain(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    let call = newest(call);
    call.no_arguments()?;
    let node = nodes::find::id(&call, &ident).await?;
    let explanation = call.conductor().explain(node).await?;
    let shown = serde_json::to_value(explanation).map_err(|source| ApiError::Internal {
        doing: "writing an explanation".into(),
        source: source.into(),
    })?;
    Ok(Json(shown))
}
