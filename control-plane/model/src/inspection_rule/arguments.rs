//! Arguments of operators: which there are, and the two ways to write them.

use crate::node::Object;
use serde_json::Value;

/// The arguments of an operator by name, in the order in which a list gives them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature {
    pub(super) required: &'static [&'static str],
    pub(super) optional: &'static [&'static str],
    /// Those in which braces are filled in; within a loop they are in all.
    pub(super) filled: &'static [&'static str],
}

/// The arguments by name, or what is missing or unexpected.
pub(super) fn named(signature: Signature, args: &Value) -> Result<Object, String> {
    let names = || signature.required.iter().chain(signature.optional);
    let args = match args {
        Value::Object(args) => args.clone(),
        Value::Array(values) if values.len() > names().count() => {
            let most = names().count();
            return Err(format!("args may have at most {most} values"));
        }
        Value::Array(values) => {
            let pairs = names().zip(values);
            pairs
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect()
        }
        _ => return Err("args must be an object or a list".to_owned()),
    };
    let missing = signature.required.iter().copied();
    let missing: Vec<_> = missing.filter(|name| !args.contains_key(*name)).collect();
    if !missing.is_empty() {
        return Err(format!(
            "missing required arguments: {}",
            missing.join(", ")
        ));
    }
    let unexpected = args.keys().map(String::as_str);
    let unexpected: Vec<_> = unexpected
        .filter(|name| !names().any(|known| known == name))
        .collect();
    if !unexpected.is_empty() {
        let known: Vec<_> = names().copied().collect();
        return Err(format!(
            "unexpected arguments: {}; there are {}",
            unexpected.join(", "),
            known.join(", ")
        ));
    }
    Ok(args)
}

/// A text argument.
pub(super) fn text<'a>(args: &'a Object, name: &str) -> Result<&'a str, String> {
    let text = args.get(name).and_then(Value::as_str);
    text.ok_or_else(|| format!("{name} must be a text"))
}

/// A switch: absent means no.
pub(super) fn flag(args: &Object, name: &str) -> Result<bool, String> {
    match args.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(other) => Err(format!("{name} must be true or false, not {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SIGNATURE: Signature = Signature {
        required: &["path", "value"],
        optional: &["unique"],
        filled: &["value"],
    };

    #[expect(
        clippy::needless_pass_by_value,
        reason = "reads better where it is called"
    )]
    fn check(args: Value, expected: Result<Value, &str>) {
        match (named(SIGNATURE, &args), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(Value::Object(found), expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{args}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn by_name_and_by_position() {
        let both = json!({"path": "a", "value": 1});
        check(both.clone(), Ok(both.clone()));
        check(json!(["a", 1]), Ok(both));
        let three = json!({"path": "a", "value": 1, "unique": true});
        check(json!(["a", 1, true]), Ok(three));
        check(json!(["a"]), Err("missing required arguments: value"));
        check(json!({}), Err("path, value"));
        check(json!(["a", 1, true, 2]), Err("at most 3"));
        check(
            json!({"path": "a", "value": 1, "vaule": 2}),
            Err("unexpected arguments: vaule; there are path, value, unique"),
        );
        check(json!("a"), Err("an object or a list"));
    }
}
