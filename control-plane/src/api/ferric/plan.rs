//! `POST /ferric/v1/nodes/{node}/plan`: what a deploy would do. Writes nothing and touches no machine.

use super::newest;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::masking::refuse_masked;
use crate::api::nodes::{self, deploy_steps, refuse_rest};
use crate::api::path::Path;
use crate::conductor::plan::PlanRequest;
use axum::Json;
use ferric_model::node::Object;
use ferric_model::verb::Verb;
use serde_json::Value;

pub(super) async fn plan(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let call = newest(call);
    call.no_arguments()?;
    let request = parse(body)?;
    let node = nodes::find::id(&call, &ident).await?;
    let plan = call.conductor().plan(node, request).await?;
    let shown = serde_json::to_value(plan).map_err(|source| ApiError::Internal {
        doing: "writing a plan".into(),
        source: source.into(),
    })?;
    Ok(Json(shown))
}

fn parse(mut body: Object) -> ApiResult<PlanRequest> {
    let verb = match body.shift_remove("target") {
        None | Some(Value::Null) => Verb::Active,
        Some(target) => verb(&target)?,
    };
    let steps = match body.shift_remove("deploy_steps") {
        None | Some(Value::Null) => Vec::new(),
        Some(given) => deploy_steps(given)?,
    };
    let instance_info = match body.shift_remove("instance_info") {
        None | Some(Value::Null) => Object::new(),
        Some(Value::Object(info)) => info,
        Some(other) => {
            return Err(ApiError::invalid(format!(
                "instance_info must be an object, not {other}"
            )));
        }
    };
    refuse_masked("instance_info", &Value::Object(instance_info.clone()))?;
    refuse_rest(&body)?;
    Ok(PlanRequest {
        verb,
        steps,
        instance_info,
    })
}

fn verb(target: &Value) -> ApiResult<Verb> {
    match target.as_str() {
        Some("active" | "deploy") => Ok(Verb::Active),
        Some("rebuild") => Ok(Verb::Rebuild),
        _ => Err(ApiError::invalid(format!(
            "target must be active or rebuild, not {target}"
        ))),
    }
}
