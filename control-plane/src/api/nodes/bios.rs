//! `{node}/bios`: the settings as they were read from the machine last.

use super::find;
use crate::api::call::Call;
use crate::api::document::document;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, Pick, Write};
use crate::api::gates::BIOS_REGISTRY;
use crate::api::path::Path;
use crate::api::selection::Selection;
use crate::api::shape::{ANY_LENGTH, Shape};
use axum::Json;
use ferric_model::bios::BiosSetting;
use ferric_model::ids::NodeId;
use ferric_model::node::Object;
use serde_json::{Value, json};

const SINCE: u16 = 40;
/// What a list shows unless it is asked for more.
const BRIEF: &[&str] = &["name", "value"];

const fn shown(name: &'static str, since: u16, shape: Shape) -> Field {
    Field::new(name, since, Write::Never, shape)
}

/// In the order in which they are shown.
pub(in crate::api) const SETTING: &[Field] = &[
    shown("created_at", SINCE, Shape::Time).pick(Pick::Always),
    shown("updated_at", SINCE, Shape::Time).pick(Pick::Always),
    shown("name", SINCE, Shape::Text(ANY_LENGTH)),
    shown("value", SINCE, Shape::Text(ANY_LENGTH)),
    shown("attribute_type", BIOS_REGISTRY, Shape::Text(ANY_LENGTH)),
    shown("allowable_values", BIOS_REGISTRY, Shape::OptionalList),
    shown("lower_bound", BIOS_REGISTRY, Shape::Other),
    shown("max_length", BIOS_REGISTRY, Shape::Other),
    shown("min_length", BIOS_REGISTRY, Shape::Other),
    shown("read_only", BIOS_REGISTRY, Shape::Tristate),
    shown("reset_required", BIOS_REGISTRY, Shape::Tristate),
    shown("unique", BIOS_REGISTRY, Shape::Tristate),
    shown("upper_bound", BIOS_REGISTRY, Shape::Other),
    shown("links", SINCE, Shape::Other).pick(Pick::Always),
];

pub(super) async fn list(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    let selection = if call.version.0 < BIOS_REGISTRY {
        call.no_arguments()?;
        Selection::Brief(BRIEF)
    } else {
        call.arguments.allow(&["detail", "fields"])?;
        Selection::of_list_since(&call, SETTING, BRIEF, BIOS_REGISTRY)?
    };
    let node = find::id(&call, &ident).await?;
    let settings = settings(&call, node).await?;
    let shown = settings
        .iter()
        .map(|setting| show(&call, setting, &selection, &ident));
    Ok(Json(json!({"bios": shown.collect::<ApiResult<Vec<_>>>()?})))
}

/// An object with the setting's name as its only key.
pub(super) async fn show_one(
    call: Call,
    Path((ident, name)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let node = find::id(&call, &ident).await?;
    let settings = settings(&call, node).await?;
    let found = settings.iter().find(|setting| setting.name == name);
    let found = found.ok_or_else(|| {
        ApiError::not_found(format!("Node {node} doesn't have a BIOS setting '{name}'"))
    })?;
    let shown = show(&call, found, &Selection::All, &node.to_string())?;
    Ok(Json(Value::Object(Object::from_iter([(name, shown)]))))
}

async fn settings(call: &Call, node: NodeId) -> ApiResult<Vec<BiosSetting>> {
    let stored = call.conductor().bios_settings(node).await?;
    Ok(stored.map_or_else(Vec::new, |stored| stored.settings))
}

/// `ident` is what its links call the node: in a list what the client calls it.
fn show(
    call: &Call,
    setting: &BiosSetting,
    selection: &Selection,
    ident: &str,
) -> ApiResult<Value> {
    let mut stored = document(setting, "BIOS setting")?;
    let fields = SETTING
        .iter()
        .filter(|field| selection.shows(field, call.version));
    let shown = fields.map(|field| {
        let value = match field.name {
            "links" => {
                let path = format!("nodes/{ident}/bios/{}", setting.name);
                call.base.pair(path)
            }
            // A list that is not known is shown as an empty one.
            "allowable_values" => json!(
                setting
                    .attribute
                    .allowable_values
                    .as_deref()
                    .unwrap_or_default()
            ),
            name => field.shape.show(stored.remove(name).unwrap_or_default()),
        };
        (field.name.to_owned(), value)
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
        for field in SETTING {
            writeln!(table, "{}", field.line()).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
