//! What clients may write into a port beyond the form of each field.

use super::link;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::Field;
use crate::api::version::ApiVersion;
use ferric_model::node::Object;
use ferric_model::port::Port;
use serde_json::Value;

pub(super) fn check(field: &Field, value: Value, version: ApiVersion) -> ApiResult<Value> {
    match (field.name, &value) {
        ("local_link_connection", _) => link::check(value, version),
        ("physical_network", Value::String(text)) if text.is_empty() => {
            Err(ApiError::invalid("physical_network must not be empty"))
        }
        _ => Ok(value),
    }
}

pub(super) fn merged(
    mut document: Object,
    changes: impl IntoIterator<Item = (&'static Field, Value)>,
) -> ApiResult<Port> {
    for (field, value) in changes {
        document.insert(field.name.to_owned(), value);
    }
    serde_json::from_value(Value::Object(document))
        .map_err(|error| ApiError::invalid(format!("the port would not be valid: {error}")))
}
