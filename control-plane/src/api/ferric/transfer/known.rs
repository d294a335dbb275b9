//! Secrets that a record does not show and the store has, since the same record was imported with them before, or was
//! given them: it is not in want of them.

use super::kind::Kind;
use super::reading::refuse_unfilled;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::masking::is_masked;
use ferric_model::node::Object;
use ferric_store::Key;
use serde_json::Value;

/// Puts what stands in the store in the place of asterisks, and of what a sensitive inspection rule does not show.
pub(super) async fn fill(call: &Call, kind: Kind, document: &mut Object) -> ApiResult<()> {
    if !document
        .iter()
        .any(|(key, value)| is_hidden(kind, key, value))
    {
        return Ok(());
    }
    let id = document.get(kind.identity()).and_then(Value::as_str);
    let key = Key::new(kind.query().table, id.unwrap_or_default());
    let Some(record) = call.conductor().store().get(&key).await? else {
        return Ok(());
    };
    let stored: Object =
        serde_json::from_slice(&record.document).map_err(|source| ApiError::Internal {
            doing: "reading a record".into(),
            source: Box::new(source),
        })?;
    for (key, value) in document.iter_mut() {
        match stored.get(key) {
            Some(stored) if is_hidden(kind, key, value) => fill_value(value, stored),
            _ => {}
        }
    }
    Ok(())
}

fn is_hidden(kind: Kind, key: &str, value: &Value) -> bool {
    let is_of_rule = kind == Kind::InspectionRule && ["conditions", "actions"].contains(&key);
    is_of_rule && value.is_null() || refuse_unfilled(kind, key, value).is_err()
}

fn fill_value(shown: &mut Value, stored: &Value) {
    if shown.is_null() || shown.as_str().is_some_and(is_masked) {
        *shown = stored.clone();
        return;
    }
    match (shown, stored) {
        (Value::Object(shown), Value::Object(stored)) => {
            for (key, value) in shown.iter_mut() {
                match stored.get(key) {
                    Some(stored) if !value.is_null() => fill_value(value, stored),
                    _ => {}
                }
            }
        }
        (Value::Array(shown), Value::Array(stored)) if shown.len() == stored.len() => {
            let pairs = shown.iter_mut().zip(stored);
            for (value, stored) in pairs.filter(|(value, _)| !value.is_null()) {
                fill_value(value, stored);
            }
        }
        _ => {}
    }
}
