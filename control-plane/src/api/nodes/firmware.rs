//! `{node}/firmware`: the components and their versions as they were read from the machine last.

use super::find;
use crate::api::call::Call;
use crate::api::document::document;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, Pick, Write};
use crate::api::gates::FIRMWARE_IDENTITY;
use crate::api::path::Path;
use crate::api::selection::Selection;
use crate::api::shape::{ANY_LENGTH, Shape};
use axum::Json;
use ferric_model::firmware::FirmwareComponent;
use serde_json::{Value, json};

const SINCE: u16 = 86;
/// What a list shows unless it is asked for less.
const BRIEF: &[&str] = &[
    "component",
    "initial_version",
    "current_version",
    "last_version_flashed",
    "vendor",
    "model",
    "serial_number",
];

const fn shown(name: &'static str, since: u16) -> Field {
    Field::new(name, since, Write::Never, Shape::Text(ANY_LENGTH))
}

const fn time(name: &'static str) -> Field {
    Field::new(name, SINCE, Write::Never, Shape::Time).pick(Pick::Always)
}

/// In the order in which they are shown.
pub(in crate::api) const COMPONENT: &[Field] = &[
    time("created_at"),
    time("updated_at"),
    shown("component", SINCE),
    shown("initial_version", SINCE),
    shown("current_version", SINCE),
    shown("last_version_flashed", SINCE),
    shown("vendor", FIRMWARE_IDENTITY),
    shown("model", FIRMWARE_IDENTITY),
    shown("serial_number", FIRMWARE_IDENTITY),
];

pub(super) async fn list(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["detail", "fields"])?;
    refuse_newer(&call)?;
    let selection = Selection::of_list_since(&call, COMPONENT, BRIEF, SINCE)?;
    let node = find::id(&call, &ident).await?;
    let stored = call.conductor().firmware_components(node).await?;
    let components = stored.map_or_else(Vec::new, |stored| stored.components);
    let shown = components
        .iter()
        .map(|component| show(&call, component, &selection));
    Ok(Json(
        json!({"firmware": shown.collect::<ApiResult<Vec<_>>>()?}),
    ))
}

/// A field that is newer than the request is a 400 here, as in Ironic, and not a 406.
fn refuse_newer(call: &Call) -> ApiResult<()> {
    let named = call.arguments.list("fields").unwrap_or_default();
    let is_newer = |field: &&Field| !field.exists_in(call.version);
    let newer: Vec<&str> = COMPONENT
        .iter()
        .filter(is_newer)
        .map(|field| field.name)
        .filter(|name| named.iter().any(|named| named == name))
        .collect();
    if newer.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "Fields {} are not allowed in this API version. They require at least API version 1.{FIRMWARE_IDENTITY}.",
        newer.join(", ")
    )))
}

fn show(call: &Call, component: &FirmwareComponent, selection: &Selection) -> ApiResult<Value> {
    let mut stored = document(component, "firmware component")?;
    let fields = COMPONENT
        .iter()
        .filter(|field| selection.shows(field, call.version));
    let shown = fields.map(|field| {
        let value = stored.remove(field.name).unwrap_or_default();
        (field.name.to_owned(), field.shape.show(value))
    });
    Ok(Value::Object(shown.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn the_gates_in_full() {
        let mut table = String::new();
        for field in COMPONENT {
            writeln!(table, "{}", field.line()).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
