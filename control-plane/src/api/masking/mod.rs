//! Secrets in free-form objects are shown as asterisks, and asterisks never come back in.

mod shapes;
mod stored;
mod text;

use super::error::{ApiError, ApiResult};
use regex::Regex;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::sync::LazyLock;
pub(super) use stored::MaskedStored;

/// What stands in a secret's place.
pub(super) const MASK: &str = "******";

/// A key that contains one of these, in any case, names a secret, as one does that contains a word of Ironic's.
const MORE_WORDS: &[&str] = &[
    "passwd",
    "pswd",
    "credential",
    "snmp_auth_key",
    "snmp_priv_key",
    "hex_kg_key",
];

/// Secrets on the first level of `instance_info`.
const MORE_OF_INSTANCE: &[&str] = &["configdrive", "image_url"];

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
        let more = MORE_OF_INSTANCE;
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
            Self::Of(Value::String(text)) => text::masked(text).serialize(serializer),
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
    static WORDS: LazyLock<Regex> =
        LazyLock::new(|| text::any_of(&[text::WORDS, MORE_WORDS].concat()));
    WORDS.is_match(key)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a text is, or has in it, what a secret is shown as.
pub(super) fn is_masked(text: &str) -> bool {
    text.contains(MASK)
}

/// Refuses a value that was read masked and is sent back: it would overwrite the secret.
pub(super) fn refuse_masked(path: &str, value: &Value) -> ApiResult<()> {
    refuse(path, value, is_masked)
}

/// The same of what is not shown masked inside texts: asterisks beside something else are its own.
pub(super) fn refuse_mask(path: &str, value: &Value) -> ApiResult<()> {
    refuse(path, value, |text| text == MASK)
}

fn refuse(path: &str, value: &Value, is_refused: fn(&str) -> bool) -> ApiResult<()> {
    match value {
        Value::String(text) if is_refused(text) => Err(ApiError::invalid(format!(
            "{path} has {MASK} in it, which is what a secret is shown as: asterisks are never stored; send only what changes"
        ))),
        Value::Object(object) => object
            .iter()
            .try_for_each(|(key, value)| refuse(&format!("{path}/{key}"), value, is_refused)),
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| refuse(path, item, is_refused)),
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

    /// Words of Ironic's, and those that only Ferric has.
    #[test]
    fn keys_that_name_secrets() {
        for key in [
            "cephAdminKey",
            "rabbitcookie",
            "swifthashsuffix",
            "my_configdrive",
            "x_sys_pswd",
            "passwd",
            "credential",
            "snmp_auth_key",
            "ipmi_hex_kg_key",
        ] {
            check(&json!({key: "hush"}), &json!({key: "******"}));
        }
        for key in ["key", "pass", "ssh_public_key", "ipmi_username"] {
            check(&json!({key: "seen"}), &json!({key: "seen"}));
        }
    }

    #[test]
    fn secrets_are_masked_inside_texts_too() {
        check(
            &json!({"kernel_append_params": "nofb token=abc", "in": {"urls": ["https://h/i?token=abc", 1]}}),
            &json!({"kernel_append_params": "nofb token=******", "in": {"urls": ["https://h/i?token=******", 1]}}),
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
        assert!(refuse_masked("/driver_info", &json!({"p": ["nofb token=****** x"]})).is_err());
        let error = refuse_masked("/driver_info", &json!({"redfish_password": "******"}));
        let text = format!("{:?}", error.unwrap_err());
        assert!(text.contains("/driver_info/redfish_password"), "{text}");
        assert!(text.contains("never stored"), "{text}");
    }
}
