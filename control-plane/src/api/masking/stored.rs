//! Objects that lie as text in a document: what hides no secret is copied as it lies there.

use super::{MASK, MaskedValue, is_secret};
use crate::api::pairs::Pairs;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Like [`Masked`](super::Masked).
#[derive(Clone, Copy)]
pub(in crate::api) struct MaskedStored<'o> {
    object: &'o Pairs<'o, &'o RawValue>,
    more: &'static [&'static str],
}

enum Shown<'o> {
    Secret,
    AsItLies(&'o RawValue),
    /// It may have a secret in it.
    Read(Value),
}

impl<'o> MaskedStored<'o> {
    pub(in crate::api) const fn of(object: &'o Pairs<'o, &'o RawValue>) -> Self {
        Self { object, more: &[] }
    }

    pub(in crate::api) const fn instance_info(object: &'o Pairs<'o, &'o RawValue>) -> Self {
        let more = super::MORE_OF_INSTANCE;
        Self { object, more }
    }

    fn shown(&self, key: &str, value: &'o RawValue) -> Shown<'o> {
        let text = value.get();
        let is_empty = matches!(text, "null" | r#""""# | "{}");
        if !is_empty && (is_secret(key) || self.more.contains(&key)) {
            return Shown::Secret;
        }
        // What is escaped may spell one of the words.
        if !text.contains('\\') && !is_secret(text) {
            return Shown::AsItLies(value);
        }
        // It was read as a part of its document.
        Shown::Read(serde_json::from_str(text).unwrap_or_default())
    }
}

impl Serialize for MaskedStored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.object.0.iter();
        serializer.collect_map(pairs.map(|(key, value)| (key, self.shown(key, value))))
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Secret => MASK.serialize(serializer),
            Self::AsItLies(text) => text.serialize(serializer),
            Self::Read(value) => MaskedValue::Of(value).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Masked;
    use super::*;
    use serde_json::{Map, json};

    #[test]
    fn a_stored_object_is_masked_as_one_that_was_read() {
        for object in [
            json!({}),
            json!({"redfish_address": "https://a", "redfish_password": "p", "n": 5, "no": null}),
            json!({"redfish_password": "", "auth_token": null, "credentials": {}, "secrets": []}),
            json!({"credentials": {"user": "u"}, "tokens": ["t"], "private_key": 7, "sslkey": false}),
            json!({"outer": {"ipmi_password": "p", "n": [1.5, "a\"b"]}, "list": [{"private_key": "k"}, 2]}),
            json!({"params": "nofb token=abc", "quoted": "\"password\": \"x\"", "lines": "a\nb é"}),
            json!({"configdrive": {"meta_data": {}}, "image_url": "http://u?temp", "image_source": "http://s"}),
            json!({"configdrive": "", "image_url": null}),
        ] {
            let text = object.to_string();
            let (read, stored): (Map<String, Value>, Pairs<'_, &RawValue>) = (
                serde_json::from_str(&text).unwrap(),
                serde_json::from_str(&text).unwrap(),
            );
            let shown = serde_json::to_string(&MaskedStored::of(&stored)).unwrap();
            let expected = serde_json::to_string(&Masked::of(&read)).unwrap();
            assert_eq!(shown, expected);
            let shown = serde_json::to_string(&MaskedStored::instance_info(&stored)).unwrap();
            let expected = serde_json::to_string(&Masked::instance_info(&read)).unwrap();
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn what_is_escaped_hides_nothing() {
        let text = r#"{"outer":{"pass\u0077ord":"p"},"params":"toke\u006e=abc"}"#;
        let stored: Pairs<'_, &RawValue> = serde_json::from_str(text).unwrap();
        let shown = serde_json::to_value(MaskedStored::of(&stored)).unwrap();
        let expected = json!({"outer": {"password": MASK}, "params": "token=******"});
        assert_eq!(shown, expected);
    }
}
