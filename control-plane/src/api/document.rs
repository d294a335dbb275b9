//! A record as an object by the names of the model, most of which are those of the wire.

use super::error::{ApiError, ApiResult};
use ferric_model::node::Object;
use serde::Serialize;
use serde_json::Value;

/// `noun` says in the log what it is.
pub(super) fn document(record: &impl Serialize, noun: &str) -> ApiResult<Object> {
    match serde_json::to_value(record) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Ok(Object::new()),
        Err(source) => Err(ApiError::Internal {
            doing: format!("showing the {noun}").into(),
            source: Box::new(source),
        }),
    }
}
