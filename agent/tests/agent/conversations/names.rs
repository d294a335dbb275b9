//! Placeholders: `{disk}` in a text or a key, and what stands for each of them.
//!
//! A text that is nothing but a placeholder becomes the value itself, whatever it is; within other text only texts and
//! numbers can stand.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What placeholders stand for.
pub(super) type Names = BTreeMap<String, Value>;

/// Puts values in the place of all placeholders; names one that there is no value for.
pub(super) fn fill(template: &Value, names: &Names) -> Result<Value, String> {
    Ok(match template {
        Value::String(text) => match whole(text) {
            Some(name) => value_of(name, names)?.clone(),
            None => Value::String(fill_text(text, names)?),
        },
        Value::Array(items) => {
            let items = items.iter().map(|item| fill(item, names));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let mut filled = Map::new();
            for (key, value) in fields {
                filled.insert(fill_text(key, names)?, fill(value, names)?);
            }
            Value::Object(filled)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => template.clone(),
    })
}

/// The same for a text that stays one.
pub(super) fn fill_text(text: &str, names: &Names) -> Result<String, String> {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let name = after.split_once('}').map(|(name, _)| name);
        match name.filter(|name| is_name(name)) {
            Some(name) => {
                match value_of(name, names)? {
                    Value::String(text) => filled.push_str(text),
                    Value::Number(number) => filled.push_str(&number.to_string()),
                    other => return Err(format!("{{{name}}} is no text: {other}")),
                }
                rest = &after[name.len() + 1..];
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

fn value_of<'a>(name: &str, names: &'a Names) -> Result<&'a Value, String> {
    let unknown = || {
        let known: Vec<&str> = names.keys().map(String::as_str).collect();
        format!(
            "{{{name}}} stands for nothing; there are: {}",
            known.join(", ")
        )
    };
    names.get(name).ok_or_else(unknown)
}

/// The name of the placeholder that a text consists of.
fn whole(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    is_name(inner).then_some(inner)
}

fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placeholders_are_filled_in_texts_and_keys_and_stand_for_values() {
        let names = Names::from([
            ("disk".to_owned(), json!("/dev/loop7")),
            ("node".to_owned(), json!({"uuid": "u"})),
            ("n".to_owned(), json!(7)),
        ]);
        let template = json!({
            "node": "{node}", "{disk}": ["on {disk}, {n} {node[uuid]} {", 1, null], "n": "{n}",
        });
        let expected = json!({
            "node": {"uuid": "u"}, "/dev/loop7": ["on /dev/loop7, 7 {node[uuid]} {", 1, null], "n": 7,
        });
        assert_eq!(fill(&template, &names), Ok(expected));
        let unknown = "{other} stands for nothing; there are: disk, n, node";
        assert_eq!(fill(&json!(["a {other}"]), &names), Err(unknown.to_owned()));
        let error = fill(&json!("a {node}"), &names).unwrap_err();
        assert!(error.starts_with("{node} is no text"), "{error}");
    }
}
