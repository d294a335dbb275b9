//! Addresses with facts of the node in them: `http://server/{node[uuid]}/{ports[0][address]}`.
//!
//! It is what `str.format` of Python makes of them, without its formats and attributes.

use serde_json::Value;
use thiserror::Error;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum TemplateError {
    #[error("a brace is not closed")]
    Open,
    #[error("a closing brace has no opening one before it")]
    Closed,
    #[error("{{{0}}} is not of the form {{node[key]}} or {{ports[0][key]}}")]
    Form(String),
    #[error("there is no {{{0}}}")]
    Absent(String),
    #[error("{{{0}}} is neither a text nor a number")]
    NotAText(String),
}

/// Puts the facts in.
pub(super) fn filled(text: &str, facts: &Value) -> Result<String, TemplateError> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            filled.push_str(brace);
            rest = after;
        } else if brace == "{" {
            let (field, after) = after.split_once('}').ok_or(TemplateError::Open)?;
            filled.push_str(&value(field, facts)?);
            rest = after;
        } else {
            return Err(TemplateError::Closed);
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

fn value(field: &str, facts: &Value) -> Result<String, TemplateError> {
    let form = || TemplateError::Form(field.to_owned());
    let absent = || TemplateError::Absent(field.to_owned());
    let (name, mut rest) = field.split_at(field.find('[').unwrap_or(field.len()));
    let mut value = facts.get(name).ok_or_else(form)?;
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').ok_or_else(form)?;
        let (key, after) = inner.split_once(']').ok_or_else(form)?;
        value = match value {
            Value::Array(items) => {
                let index: usize = key.parse().map_err(|_| form())?;
                items.get(index).ok_or_else(absent)?
            }
            _ => value.get(key).ok_or_else(absent)?,
        };
        rest = after;
    }
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(true) => Ok("True".to_owned()),
        Value::Bool(false) => Ok("False".to_owned()),
        _ => Err(TemplateError::NotAText(field.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: Result<&str, TemplateError>) {
        let facts = json!({
            "node": {"uuid": "1be2", "properties": {"rack": 7}, "name": null},
            "ports": [{"address": "52:54:00:00:00:01"}],
        });
        assert_eq!(filled(text, &facts), expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn facts_of_the_node_and_its_ports_are_put_in() {
        check("http://a/b", Ok("http://a/b"));
        check("http://a/{node[uuid]}/x", Ok("http://a/1be2/x"));
        check("{ports[0][address]}", Ok("52:54:00:00:00:01"));
        check("{node[properties][rack]}", Ok("7"));
        check("{{node}} }}", Ok("{node} }"));
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        check("{node[uuid", Err(TemplateError::Open));
        check("a}b", Err(TemplateError::Closed));
        check(
            "{ports[1][address]}",
            Err(TemplateError::Absent("ports[1][address]".to_owned())),
        );
        check(
            "{node[none]}",
            Err(TemplateError::Absent("node[none]".to_owned())),
        );
        check(
            "{node[name]}",
            Err(TemplateError::NotAText("node[name]".to_owned())),
        );
        for wrong in ["self[x]", "node.uuid", "node[uuid]x", "ports[x]"] {
            check(
                &format!("{{{wrong}}}"),
                Err(TemplateError::Form(wrong.to_owned())),
            );
        }
    }
}
