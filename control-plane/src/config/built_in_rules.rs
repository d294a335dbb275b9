//! The file of built-in inspection rules, in YAML (JSON is YAML too): read once, at start, and checked like those of
//! the API.

use super::{BuiltInRule, SettingsError};
use ferric_model::inspection_rule::{MAIN_PHASE, Rule, read_actions, read_conditions};
use ferric_model::node::Object;
use serde_json::{Value, json};
use std::path::Path;

const LARGEST_BYTES: u64 = 1 << 20;
const KEYS: &[&str] = &[
    "uuid",
    "description",
    "priority",
    "sensitive",
    "phase",
    "conditions",
    "actions",
];

pub(super) fn read(path: &Path) -> Result<Vec<BuiltInRule>, SettingsError> {
    let source = |source| SettingsError::Read {
        path: path.to_owned(),
        source,
    };
    let wrong = |problem: String| SettingsError::Option {
        option: "inspection.built_in_rules",
        problem: format!("= {}: {problem}", path.display()),
    };
    let length = std::fs::metadata(path).map_err(source)?.len();
    if length > LARGEST_BYTES {
        return Err(wrong(format!("it is larger than {LARGEST_BYTES} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(source)?;
    rules(&text).map_err(wrong)
}

fn rules(text: &str) -> Result<Vec<BuiltInRule>, String> {
    let value: Value = serde_norway::from_str(text).map_err(|error| error.to_string())?;
    let Value::Array(items) = value else {
        return Err("it must be a list of rules".to_owned());
    };
    let mut rules: Vec<BuiltInRule> = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let rule = rule(index, item).map_err(|problem| format!("rule {index}: {problem}"))?;
        if rules.iter().any(|known| known.id == rule.id) {
            return Err(format!("rule {index}: there is another rule {}", rule.id));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn rule(index: usize, item: Value) -> Result<BuiltInRule, String> {
    let Value::Object(mut item) = item else {
        return Err("it must be an object".to_owned());
    };
    if let Some(other) = item.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let keys = KEYS.join(", ");
        return Err(format!("{other} is not a key of a rule; it has {keys}"));
    }
    let phase = text(&mut item, "phase")?;
    if phase.is_some_and(|phase| phase != MAIN_PHASE) {
        return Err(format!("phase must be {MAIN_PHASE}"));
    }
    let rule = BuiltInRule {
        id: text(&mut item, "uuid")?
            .unwrap_or_else(|| format!("00000000-0000-0000-0000-{index:012x}")),
        description: text(&mut item, "description")?,
        priority: match item.shift_remove("priority") {
            None => 0,
            Some(value) => value.as_i64().ok_or("priority must be a whole number")?,
        },
        sensitive: match item.shift_remove("sensitive") {
            None => false,
            Some(value) => value.as_bool().ok_or("sensitive must be true or false")?,
        },
        conditions: read_conditions(&item.shift_remove("conditions").unwrap_or(json!([])))?,
        actions: read_actions(&item.shift_remove("actions").unwrap_or_default())?,
    };
    Rule::new(rule.text())?;
    Ok(rule)
}

fn text(item: &mut Object, key: &str) -> Result<Option<String>, String> {
    match item.shift_remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{key} must be a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
- uuid: dell
  description: sets up Dell servers
  priority: 20000
  sensitive: true
  phase: main
  conditions:
    - op: contains
      args: {value: '{inventory[system_vendor][manufacturer]}', regex: '(?i)dell'}
  actions:
    - op: set-attribute
      args: {path: /driver, value: redfish}
- actions: [{op: fail, args: [too old]}]
";

    #[test]
    fn rules_are_read() {
        let rules = rules(GOOD).unwrap();
        assert_eq!((rules[0].id.as_str(), rules[0].priority), ("dell", 20000));
        assert!(rules[0].sensitive && rules[0].conditions.len() == 1);
        assert_eq!(rules[1].id, "00000000-0000-0000-0000-000000000001");
        assert!(!format!("{:?}", rules[0]).contains("driver"));
        let as_json = r#"[{"actions": [{"op": "log", "args": {"msg": "x"}}]}]"#;
        assert_eq!(super::rules(as_json).unwrap().len(), 1);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let cases = [
            ("a: 1", "a list of rules"),
            ("- 1", "rule 0: it must be an object"),
            ("- {actions: [], phase: main}", "rule 0: actions must be"),
            ("- {actions: [{op: x, args: {}}]}", "is not an action"),
            (
                "- {actions: [{op: fail, args: [x]}], scope: a}",
                "scope is not a key",
            ),
            (
                "- {actions: [{op: fail, args: [x]}], phase: pre}",
                "phase must be main",
            ),
            (
                "- {actions: [{op: fail, args: [x]}], priority: high}",
                "priority",
            ),
            (
                "- {actions: [{op: fail, args: [x]}], conditions: [{op: le, args: []}]}",
                "use one of",
            ),
            ("- [", "while parsing"),
        ];
        for (text, expected) in cases {
            let problem = rules(text).unwrap_err();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
        let twice = "- {uuid: a, actions: [{op: fail, args: [x]}]}\n".repeat(2);
        assert!(rules(&twice).unwrap_err().contains("another rule a"));
    }

    #[test]
    fn the_file_is_named_in_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.yaml");
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("rules.yaml"), "{error}");
        std::fs::write(&path, "- {}").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("rules.yaml: rule 0: actions"), "{error}");
    }
}
