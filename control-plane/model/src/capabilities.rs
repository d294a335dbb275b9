//! `properties.capabilities`: `boot_mode:uefi,cpu_vt:true`, or the same as an object.

use crate::node::Object;
use serde_json::Value;

const KEY: &str = "capabilities";

/// Names with their values, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(Vec<(String, String)>);

impl Capabilities {
    /// Those of a node's properties.
    ///
    /// # Errors
    /// One sentence, when they are written in neither way.
    pub fn of(properties: &Object) -> Result<Self, String> {
        match properties.get(KEY) {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(Value::String(text)) => Self::parse(text),
            Some(Value::Object(entries)) => {
                let entry = |(name, value): (&String, &Value)| {
                    let value = match value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    (name.clone(), value)
                };
                Ok(Self(entries.iter().map(entry).collect()))
            }
            Some(other) => Err(format!("properties.capabilities is {other}")),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut capabilities = Self::default();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once(':').ok_or_else(|| {
                format!(
                    "properties.capabilities is {text:?}, and not of the form name:value,name:value"
                )
            })?;
            capabilities.put(name.trim(), value.trim());
        }
        Ok(capabilities)
    }

    /// Adds one, or changes it.
    ///
    /// # Errors
    /// One sentence, when name or value would be read as something else.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if name.is_empty() || name.contains([',', ':']) || value.contains(',') {
            return Err(format!(
                "{name}:{value} is not a capability: no comma, and no colon in the name"
            ));
        }
        self.put(name, value);
        Ok(())
    }

    fn put(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    pub fn unset(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// Writes them back as a text; the key goes with the last of them.
    pub fn store(&self, properties: &mut Object) {
        let parts: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}:{value}"))
            .collect();
        if parts.is_empty() {
            properties.shift_remove(KEY);
        } else {
            properties.insert(KEY.to_owned(), Value::from(parts.join(",")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn they_are_changed_and_keep_their_order() {
        let mut properties = json!({"capabilities": "a:1, boot_mode:bios"})
            .as_object()
            .unwrap()
            .clone();
        let mut capabilities = Capabilities::of(&properties).unwrap();
        capabilities.set("boot_mode", "uefi").unwrap();
        capabilities.set("b", "x:y").unwrap();
        capabilities.unset("a");
        capabilities.store(&mut properties);
        assert_eq!(properties["capabilities"], "boot_mode:uefi,b:x:y");
        assert!(capabilities.set("a,b", "1").is_err() && capabilities.set("", "1").is_err());
        Capabilities::default().store(&mut properties);
        assert!(properties.is_empty());
    }

    #[test]
    fn both_forms_are_read() {
        let of =
            |value: Value| Capabilities::of(json!({"capabilities": value}).as_object().unwrap());
        assert_eq!(of(json!({"a": 1})).unwrap(), of(json!("a:1")).unwrap());
        assert_eq!(of(json!(null)).unwrap(), Capabilities::default());
        assert!(of(json!("a")).is_err() && of(json!(5)).is_err());
    }
}
