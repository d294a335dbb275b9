//! A port as a client sees it.

use super::table::PORT;
use crate::api::error::ApiResult;
use crate::api::selection::Selection;

use crate::api::links::Base;
use crate::api::version::ApiVersion;
use ferric_model::node::Object;
use ferric_model::port::Port;
use serde_json::Value;

pub(super) fn show(
    port: &Port,
    selection: &Selection,
    version: ApiVersion,
    base: &Base,
) -> ApiResult<Value> {
    let mut stored = document(port)?;
    let fields = PORT.iter().filter(|field| selection.shows(field, version));
    let shown = fields.map(|field| {
        let value = match field.name {
            "links" => base.pair(format!("ports/{}", port.uuid)),
            name => field.shape.show(stored.remove(name).unwrap_or_default()),
        };
        (field.name.to_owned(), value)
    });
    Ok(Value::Object(shown.collect()))
}

/// The port by the names of the model, which are those of the wire.
pub(super) fn document(port: &Port) -> ApiResult<Object> {
    crate::api::document::document(port, "port")
}
