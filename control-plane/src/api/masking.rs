//! Secrets in free-form objects are shown as asterisks, and asterisks never come back in.

use super::error::{ApiError, ApiResult};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// What stands in a secret's place.
pub(super) const MASK: &str = "******";

/// A key that contains one of these, in any case, names a secret.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "adminpass",
    "admin_pass",
    "new_pass",
    "pswd",
    "secret",
    "token",
    "credential",
    "configdrive",
    "private_key",
    "encrypted_key",
    "sslkey",
    "fernetkey",
    "snmp_auth_key",
    "snmp_priv_key",
    "hex_kg_key",
];

/// An object whose secrets are masked on every level when it is written.
#[derive(Clone, Copy)]
pub(super) struct Masked<'o> {
    object: &'o Map<String, Value>,
    /// Secrets on its first level, whatever they are.
    more: &'static [&'static str],
}

enum MaskedValue<'v> {
    Secret,
    Of(&'v Value),
}

impl<'o> Masked<'o> {
    pub(super) fn of(object: &'o Map<String, Value>) -> Self {
        Self { object, more: &[] }
    }

    /// `instance_info`: its config drive and image URL are secrets too, whatever their form.
    pub(super) fn instance_info(object: &'o Map<String, Value>) -> Self {
        let more = &["configdrive", "image_url"];
        Self { object, more }
    }

    fn hides(&self, key: &str, value: &Value) -> bool {
        (is_secret(key) || self.more.contains(&key)) && !is_empty(value)
    }
}

impl Serialize for Masked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.object.iter().map(|(key, value)| {
            let shown = match self.hides(key, value) {
                true => MaskedValue::Secret,
                false => MaskedValue::Of(value),
            };
            (key, shown)
        }))
    }
}

impl Serialize for MaskedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Secret => MASK.serialize(serializer),
            Self::Of(Value::Object(inner)) => Masked::of(inner).serialize(serializer),
            Self::Of(Value::Array(items)) => serializer.collect_seq(items.iter().map(Self::Of)),
            Self::Of(other) => other.serialize(serializer),
        }
    }
}

impl From<Masked<'_>> for Map<String, Value> {
    fn from(masked: Masked<'_>) -> Self {
        match serde_json::to_value(masked) {
            Ok(Value::Object(object)) => object,
            _ => unreachable!("an object is written as one"),
        }
    }
}

/// The object with its secrets masked, on every level.
pub(super) fn masked(object: &Map<String, Value>) -> Map<String, Value> {
    Masked::of(object).into()
}

/// The same for `instance_info`.
pub(super) fn masked_instance_info(object: &Map<String, Value>) -> Map<String, Value> {
    Masked::instance_info(object).into()
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Refuses a value that was read masked and is sent back: it would overwrite the secret.
pub(super) fn refuse_masked(path: &str, value: &Value) -> ApiResult<()> {
    match value {
        Value::String(text) if text == MASK => Err(ApiError::invalid(format!(
            "{path} is {MASK}, which is what a secret is shown as: asterisks are never stored; send only what changes"
        ))),
        Value::Object(object) => object
            .iter()
            .try_for_each(|(key, value)| refuse_masked(&format!("{path}/{key}"), value)),
        Value::Array(items) => items.iter().try_for_each(|item| refuse_masked(path, item)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: &Value, expected: &Value) {
        let object = value.as_object().unwrap();
        assert_eq!(&Value::Object(masked(object)), expected);
    }

    #[test]
    fn secrets_are_masked_on_every_level() {
        check(
            &json!({"redfish_address": "https://a", "redfish_password": "p", "Agent_Secret_Token": 5}),
            &json!({"redfish_address": "https://a", "redfish_password": "******", "Agent_Secret_Token": "******"}),
        );
        check(
            &json!({"outer": {"ipmi_password": "p", "n": 1}, "list": [{"private_key": "k"}, 2]}),
            &json!({"outer": {"ipmi_password": "******", "n": 1}, "list": [{"private_key": "******"}, 2]}),
        );
        check(
            &json!({"credentials": {"user": "u", "key": "k"}, "tokens": ["t"]}),
            &json!({"credentials": "******", "tokens": "******"}),
        );
    }

    #[test]
    fn what_is_empty_is_no_secret() {
        for empty in [json!(null), json!(""), json!({})] {
            check(
                &json!({"redfish_password": empty}),
                &json!({"redfish_password": empty}),
            );
            let info = json!({"configdrive": empty});
            let shown = masked_instance_info(info.as_object().unwrap());
            assert_eq!(Value::Object(shown), info);
        }
    }

    #[test]
    fn instance_info_hides_its_config_drive() {
        let info = json!({"configdrive": {"meta_data": {}}, "image_url": "http://u?temp", "image_source": "http://s"});
        let shown = masked_instance_info(info.as_object().unwrap());
        let expected =
            json!({"configdrive": "******", "image_url": "******", "image_source": "http://s"});
        assert_eq!(Value::Object(shown), expected);
    }

    #[test]
    fn asterisks_do_not_come_back() {
        assert!(refuse_masked("/driver_info/x", &json!("secret")).is_ok());
        let error = refuse_masked("/driver_info", &json!({"redfish_password": "******"}));
        let text = format!("{:?}", error.unwrap_err());
        assert!(text.contains("/driver_info/redfish_password"), "{text}");
        assert!(text.contains("never stored"), "{text}");
    }
}
