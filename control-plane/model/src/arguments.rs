//! Arguments of a step, checked against what its owner says that it takes (`argsinfo`). Pure.

use crate::node::Object;
use crate::step::StepId;
use serde_json::Value;

/// What is wrong with the arguments of a step, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    #[error("{step} takes no argument {names}; {allowed}")]
    Unknown {
        step: StepId,
        names: String,
        allowed: String,
    },
    #[error("{step} needs the argument {names}; {allowed}")]
    Missing {
        step: StepId,
        names: String,
        allowed: String,
    },
    #[error("the argument {name} of {step} must be of the type {expected}, not {found}")]
    Type {
        step: StepId,
        name: String,
        expected: String,
        found: &'static str,
    },
}

/// `argsinfo` is an object of `{description, required, type}` by name, as Ironic has it; `type`, which few have, is that
/// of JSON Schema. A step without `argsinfo` takes no arguments.
///
/// # Errors
/// [`ArgumentError`], of the first kind of problem that there is.
pub fn check(step: &StepId, args: &Object, argsinfo: Option<&Object>) -> Result<(), ArgumentError> {
    let empty = Object::new();
    let known = argsinfo.unwrap_or(&empty);
    let unknown = args.keys().filter(|name| !known.contains_key(*name));
    if let Some(names) = listed(unknown) {
        return Err(ArgumentError::Unknown {
            step: step.clone(),
            names,
            allowed: allowed(known),
        });
    }
    let required = known.iter().filter(|(_, info)| is_required(info));
    let missing = required.filter(|(name, _)| args.get(*name).is_none_or(Value::is_null));
    if let Some(names) = listed(missing.map(|(name, _)| name)) {
        return Err(ArgumentError::Missing {
            step: step.clone(),
            names,
            allowed: allowed(known),
        });
    }
    args.iter().try_for_each(|(name, value)| {
        let expected = types(known.get(name));
        if value.is_null() || expected.is_empty() || expected.iter().any(|kind| is_of(kind, value))
        {
            return Ok(());
        }
        Err(ArgumentError::Type {
            step: step.clone(),
            name: name.clone(),
            expected: expected.join(" or "),
            found: type_of(value),
        })
    })
}

fn is_required(info: &Value) -> bool {
    info.get("required") == Some(&Value::Bool(true))
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> Option<String> {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_unstable();
    (!names.is_empty()).then(|| names.join(", "))
}

fn allowed(known: &Object) -> String {
    match listed(known.keys()) {
        None => "it takes none".to_owned(),
        Some(names) => format!("it takes {names}"),
    }
}

/// The known types of an argument; a name that is none of JSON Schema's says nothing.
fn types(info: Option<&Value>) -> Vec<&str> {
    const TYPES: &[&str] = &["string", "integer", "number", "boolean", "object", "array"];
    let named: Vec<&str> = match info.and_then(|info| info.get("type")) {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if named.iter().all(|name| TYPES.contains(name)) {
        named
    } else {
        Vec::new()
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        kind => kind == type_of(value),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: &Value) -> Object {
        value.as_object().unwrap().clone()
    }

    fn verdict(args: &Value, argsinfo: Option<&Value>) -> String {
        let (step, info) = (StepId::new("raid", "apply"), argsinfo.map(object));
        let outcome = check(&step, &object(args), info.as_ref());
        outcome
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn what_is_wrong_and_what_is_allowed_is_said() {
        let info = json!({
            "raid_config": {"description": "d", "required": true, "type": "object"},
            "delete_existing": {"description": "d", "type": "boolean"},
            "tries": {"type": "integer"},
            "odd": {"type": "strange"},
            "either": {"type": ["string", "array"]},
        });
        let check = |args: Value, expected: &str| assert_eq!(verdict(&args, Some(&info)), expected);
        check(json!({"raid_config": {}}), "");
        check(
            json!({"raid_config": {}, "tries": 3, "odd": 1, "either": []}),
            "",
        );
        check(json!({"raid_config": {}, "delete_existing": null}), "");
        check(
            json!({"raid_config": {}, "b": 1, "a": 1}),
            "raid.apply takes no argument a, b; it takes delete_existing, either, odd, raid_config, tries",
        );
        check(
            json!({"tries": 1}),
            "raid.apply needs the argument raid_config; it takes delete_existing, either, odd, raid_config, tries",
        );
        let typed = |name: &str, value: Value, expected: &str, found: &str| {
            check(
                json!({"raid_config": {}, name: value}),
                &format!(
                    "the argument {name} of raid.apply must be of the type {expected}, not {found}"
                ),
            );
        };
        typed("delete_existing", json!("yes"), "boolean", "string");
        typed("tries", json!(1.5), "integer", "number");
        typed("either", json!(1), "string or array", "number");
    }

    #[test]
    fn without_argsinfo_nothing_is_taken() {
        assert_eq!(verdict(&json!({}), None), "");
        assert_eq!(
            verdict(&json!({"a": 1}), None),
            "raid.apply takes no argument a; it takes none"
        );
    }
}
