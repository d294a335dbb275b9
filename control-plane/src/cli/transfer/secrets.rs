//! What an Ironic masks, from elsewhere: a JSON object a line, with the uuid or the name of whatever it is of, and the
//! fields that are to stand in it in the place of asterisks.

use super::record::{Object, Record};
use anyhow::{Context, bail};
use serde_json::Value;
use std::collections::HashMap;

const MASK: &str = "******";

/// By uuid or name.
#[derive(Debug, Default)]
pub(super) struct Secrets(HashMap<String, Object>);

impl Secrets {
    /// # Errors
    /// With the number of the line that is none, which is not quoted: it is secret.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut secrets = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let number = index + 1;
            let wrong = || format!("line {number} of the secrets is no JSON object");
            let mut fields: Object = serde_json::from_str(line)
                .map_err(|error| anyhow::anyhow!("at column {}", error.column()))
                .with_context(wrong)?;
            let id = fields
                .shift_remove("uuid")
                .or_else(|| fields.shift_remove("name"));
            let Some(Value::String(id)) = id else {
                bail!("line {number} of the secrets has neither a uuid nor a name");
            };
            secrets.insert(id, fields);
        }
        Ok(Self(secrets))
    }

    /// Whether none is known of anything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(Object::is_empty)
    }

    /// Puts secrets in the place of texts with asterisks, and of what a sensitive inspection rule does not show. What is shown
    /// stays.
    pub(super) fn fill(&self, record: &mut Record) {
        let ids = [record.text("uuid"), record.text("name")];
        let found = ids.into_iter().flatten().find_map(|id| self.0.get(id));
        for (field, secret) in found.into_iter().flatten() {
            if let Some(shown) = record.document.get_mut(field) {
                fill(shown, secret);
            }
        }
    }
}

fn fill(shown: &mut Value, secret: &Value) {
    // A text may have its secret in the middle.
    if shown.is_null() || shown.as_str().is_some_and(|text| text.contains(MASK)) {
        *shown = secret.clone();
        return;
    }
    match (shown, secret) {
        (Value::Object(shown), Value::Object(secret)) => {
            for (key, value) in shown.iter_mut() {
                if let Some(secret) = secret.get(key) {
                    fill(value, secret);
                }
            }
        }
        (Value::Array(shown), Value::Array(secret)) if shown.len() == secret.len() => {
            let pairs = shown.iter_mut().zip(secret);
            pairs.for_each(|(value, secret)| fill(value, secret));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(document: &Value) -> Record {
        Record::new("node", document.as_object().unwrap().clone())
    }

    #[test]
    fn asterisks_are_replaced_and_what_is_shown_stays() {
        let lines = r#"
            {"uuid": "u1", "driver_info": {"password": "p", "address": "old", "in": {"token": "t"}, "more": 1, "urls": ["a?token=t&b"]}}
            {"name": "n2", "steps": [{"args": {"token": "t"}}], "actions": [1]}"#;
        let secrets = Secrets::parse(lines).unwrap();
        let mut node = record(&json!({"uuid": "u1", "driver_info":
            {"password": "******", "address": "new", "in": {"token": "******"}, "lost": "******", "urls": ["a?token=******"]}}));
        secrets.fill(&mut node);
        let expected = json!({"password": "p", "address": "new", "in": {"token": "t"}, "lost": "******", "urls": ["a?token=t&b"]});
        assert_eq!(node.document["driver_info"], expected);
        let mut by_name = record(&json!({"uuid": "u2", "name": "n2", "actions": null,
            "steps": [{"args": {"token": "******"}, "priority": 1}]}));
        secrets.fill(&mut by_name);
        let expected = json!([{"args": {"token": "t"}, "priority": 1}]);
        assert_eq!(by_name.document["steps"], expected);
        assert_eq!(by_name.document["actions"], json!([1]));
    }

    #[test]
    fn a_line_that_is_wrong_is_not_quoted() {
        for (text, part) in [
            ("{\"uuid\": \"u\"}\nhush", "line 2"),
            ("{\"a\": \"hush\"}", "neither"),
        ] {
            let error = format!("{:#}", Secrets::parse(text).unwrap_err());
            assert!(error.contains(part) && !error.contains("hush"), "{error}");
        }
    }
}
