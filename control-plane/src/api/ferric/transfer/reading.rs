//! A record's document as what is stored: each field one that the kind has, nothing masked, and null for what has no null
//! standing for what a new one has.

use super::kind::Kind;
use crate::api::error::{ApiError, ApiResult};
use crate::api::masking::{is_masked, refuse_mask, refuse_masked};
use ferric_model::node::Object;
use ferric_store::Entity;
use serde_json::Value;

/// The places at which a record has asterisks instead of a secret: `driver_info/redfish_password`.
#[derive(Debug, Default)]
pub(super) struct Missing(pub(super) Vec<String>);

impl Missing {
    /// Takes the masked entries out of a value, on every level. A list goes as a whole, as its items have no names.
    pub(super) fn take(&mut self, path: &str, value: &mut Value) {
        let Value::Object(object) = value else {
            return;
        };
        object.retain(|key, value| {
            let path = format!("{path}/{key}");
            if has_mask(value) {
                self.0.push(path);
                return false;
            }
            self.take(&path, value);
            true
        });
    }
}

/// Whether it is masked, in whole or in part, or a list with something masked in it.
fn has_mask(value: &Value) -> bool {
    match value {
        Value::String(text) => is_masked(text),
        Value::Array(_) => refuse_masked("", value).is_err(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// Refuses what still has asterisks in the place of a secret. Texts such as a description are shown in clear, and so are
/// inventories and all of a node but two fields: asterisks beside something else are theirs.
pub(super) fn refuse_unfilled(kind: Kind, field: &str, value: &Value) -> ApiResult<()> {
    let is_shown_masked = match kind {
        Kind::Node => ["driver_info", "instance_info"].contains(&field),
        Kind::Inventory => false,
        _ => !value.is_string(),
    };
    match is_shown_masked {
        true => refuse_masked(field, value),
        false => refuse_mask(field, value),
    }
}

/// The entity that the document describes; `blank` has what the document leaves out.
pub(super) fn entity<E: Entity>(blank: &E, document: Object, kind: Kind) -> ApiResult<E> {
    for (key, value) in &document {
        refuse_unfilled(kind, key, value)?;
    }
    merged(blank, document, kind.name())
}

/// Whatever is made is made at some time; made up now, it would differ from itself at the next import.
pub(super) fn check_dated(document: &Object) -> ApiResult<()> {
    match document.get("created_at").is_some_and(Value::is_string) {
        true => Ok(()),
        false => Err(ApiError::invalid("created_at must be there, and be a time")),
    }
}

/// The same, without a look at what is masked.
pub(super) fn merged<E: Entity>(blank: &E, document: Object, noun: &str) -> ApiResult<E> {
    let mut whole = object(blank)?;
    for (key, value) in document {
        let Some(stored) = whole.get_mut(&key).filter(|_| key != "worker") else {
            return Err(ApiError::invalid(format!(
                "{key} is not a field of a {noun}"
            )));
        };
        if !value.is_null() || *stored == Value::Null {
            *stored = value;
        }
    }
    serde_json::from_value(Value::Object(whole))
        .map_err(|error| ApiError::invalid(format!("the {noun} is not valid: {error}")))
}

/// By the names of the model, which but for nodes are those of the wire.
pub(super) fn object<E: Entity>(entity: &E) -> ApiResult<Object> {
    crate::api::document::document(entity, "record")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn masked_entries_are_taken_out_and_named() {
        let mut value = json!({"address": "a", "password": "******", "inner": {"token": "******", "n": 1},
            "list": [{"key": "******"}, 2], "kept": [1], "url": "https://h/i?token=******"});
        let mut missing = Missing::default();
        missing.take("driver_info", &mut value);
        assert_eq!(
            value,
            json!({"address": "a", "inner": {"n": 1}, "kept": [1]})
        );
        let expected = [
            "driver_info/password",
            "driver_info/inner/token",
            "driver_info/list",
            "driver_info/url",
        ];
        assert_eq!(missing.0, expected);
    }

    #[test]
    fn asterisks_in_what_is_shown_in_clear_are_its_own() {
        let note = json!({"note": "****** do not touch ******"});
        for (kind, field, value, taken) in [
            (Kind::Node, "driver_info", note.clone(), false),
            (Kind::Node, "extra", note.clone(), true),
            (Kind::Node, "extra", json!({"a": "******"}), false),
            (Kind::Node, "last_error", note["note"].clone(), true),
            (Kind::Inventory, "inventory", note.clone(), true),
            (Kind::Port, "extra", note.clone(), false),
            (Kind::Port, "description", note["note"].clone(), true),
            (Kind::Port, "description", json!("******"), false),
        ] {
            let found = refuse_unfilled(kind, field, &value);
            assert_eq!(found.is_ok(), taken, "{kind:?} {field} {value}");
        }
    }
}
