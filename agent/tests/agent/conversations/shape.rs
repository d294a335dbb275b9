//! Compares JSON with a shape: exact values, kinds of values, lists, and objects all of whose keys are named.
//!
//! A kind is a text in angle brackets; `<uuid = step>` remembers what was found for the placeholder `{step}`. A rule is
//! an object whose key is in angle brackets. All other values must be equal. Of an object every key is named; one that
//! may be missing ends in `?`, and a key that no shape names is a mismatch. So is a shape that is not understood: a
//! typing error never makes a comparison pass.

use std::fmt;

use serde_json::{Map, Value};

use super::kind::fits;
use super::names::Names;

/// A longer text is cut when a mismatch is told.
const SHOWN_CHARACTERS: usize = 400;

const EACH: &str = "<each>";
const VALUES: &str = "<values>";
const LEAST: &str = "<least>";
const SOME: &str = "<some>";
const STARTS: &str = "<starts>";
const CONTAINS: &str = "<contains>";
const OR_NULL: &str = "<or null>";

/// The first place at which the found value is not as the shape has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    path: String,
    expected: String,
    found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "/"
        } else {
            &self.path
        };
        let (expected, found) = (&self.expected, &self.found);
        write!(
            formatter,
            "at {path}\n  expected: {expected}\n  found:    {found}"
        )
    }
}

/// Compares, and remembers what the shape gives a name.
pub(super) fn compare(shape: &Value, found: &Value, names: &mut Names) -> Result<(), Mismatch> {
    let mut comparison = Comparison {
        names,
        path: Vec::new(),
    };
    comparison.value(shape, found)
}

/// A value as a failure shows it.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

struct Comparison<'a> {
    names: &'a mut Names,
    path: Vec<String>,
}

type Compared = Result<(), Mismatch>;

impl Comparison<'_> {
    fn value(&mut self, shape: &Value, found: &Value) -> Compared {
        match shape {
            Value::String(text) if in_brackets(text) => self.kind(text, found),
            Value::Object(rule) if rule.keys().any(|key| in_brackets(key)) => {
                self.rule(rule, found)
            }
            Value::Object(fields) => self.object(fields, found),
            Value::Array(items) => self.list(items, found),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                if shape == found {
                    return Ok(());
                }
                self.differs(shown(shape), found)
            }
        }
    }

    fn differs(&self, expected: impl Into<String>, found: &Value) -> Compared {
        self.fails(expected, shown(found))
    }

    fn fails(&self, expected: impl Into<String>, found: impl Into<String>) -> Compared {
        let path: String = self.path.iter().map(|part| format!("/{part}")).collect();
        Err(Mismatch {
            path,
            expected: expected.into(),
            found: found.into(),
        })
    }

    /// Compares a part of the value.
    fn part(&mut self, name: &str, shape: &Value, found: &Value) -> Compared {
        self.path.push(name.to_owned());
        let compared = self.value(shape, found);
        self.path.pop();
        compared
    }

    fn kind(&mut self, text: &str, found: &Value) -> Compared {
        let inner = &text[1..text.len() - 1];
        let (kind, name) = match inner.split_once(" = ") {
            Some((kind, name)) => (kind, Some(name)),
            None => (inner, None),
        };
        match fits(kind, found) {
            None => return self.fails("a kind that is known", text),
            Some(false) => return self.differs(text, found),
            Some(true) => {}
        }
        if let Some(name) = name {
            self.names.insert(name.to_owned(), found.clone());
        }
        Ok(())
    }

    fn object(&mut self, fields: &Map<String, Value>, found: &Value) -> Compared {
        let Some(given) = found.as_object() else {
            return self.differs("an object", found);
        };
        for (key, shape) in fields {
            let name = key.strip_suffix('?').unwrap_or(key);
            match given.get(name) {
                Some(value) => self.part(name, shape, value)?,
                None if name.len() < key.len() => {}
                None => return self.differs(format!("the key {name:?}"), found),
            }
        }
        let is_named =
            |key: &String| fields.contains_key(key) || fields.contains_key(&format!("{key}?"));
        match given.iter().find(|(key, _)| !is_named(key)) {
            Some((key, value)) => {
                let found = format!("{key:?}: {}", shown(value));
                self.fails("no key but those of the shape", found)
            }
            None => Ok(()),
        }
    }

    fn list(&mut self, items: &[Value], found: &Value) -> Compared {
        let Some(given) = found.as_array() else {
            return self.differs("a list", found);
        };
        for (index, (shape, value)) in items.iter().zip(given).enumerate() {
            self.part(&index.to_string(), shape, value)?;
        }
        if items.len() != given.len() {
            return self.differs(format!("a list of {}", items.len()), found);
        }
        Ok(())
    }

    fn rule(&mut self, rule: &Map<String, Value>, found: &Value) -> Compared {
        let known = [EACH, VALUES, LEAST, SOME, STARTS, CONTAINS, OR_NULL];
        if let Some(key) = rule.keys().find(|key| !known.contains(&key.as_str())) {
            return self.fails("a rule that is known", key.as_str());
        }
        if let Some(shape) = rule.get(OR_NULL) {
            return if found.is_null() {
                Ok(())
            } else {
                self.value(shape, found)
            };
        }
        if let Some(shape) = rule.get(EACH) {
            return self.each(rule, shape, found);
        }
        if let Some(shape) = rule.get(VALUES) {
            return self.values(rule, shape, found);
        }
        let text = found.as_str().unwrap_or_default();
        let of = |key: &str| {
            rule.get(key)
                .and_then(Value::as_str)
                .filter(|part| !part.is_empty())
        };
        let fits = match (of(STARTS), of(CONTAINS)) {
            (Some(start), None) => text.starts_with(start),
            (None, Some(part)) => text.contains(part),
            (Some(start), Some(part)) => text.starts_with(start) && text.contains(part),
            (None, None) => {
                return self.fails("a rule that says something", shown(&rule_value(rule)));
            }
        };
        if fits {
            return Ok(());
        }
        self.differs(shown(&rule_value(rule)), found)
    }

    /// A list whose items are all of one shape, and some of them of others.
    fn each(&mut self, rule: &Map<String, Value>, shape: &Value, found: &Value) -> Compared {
        let Some(given) = found.as_array() else {
            return self.differs("a list", found);
        };
        for (index, value) in given.iter().enumerate() {
            self.part(&index.to_string(), shape, value)?;
        }
        self.at_least(rule, given.len(), found)?;
        let wanted: &[Value] = match rule.get(SOME) {
            None => &[],
            Some(Value::Array(shapes)) => shapes,
            Some(other) => return self.fails("a list of shapes", shown(other)),
        };
        for shape in wanted {
            if !given.iter().any(|value| self.value(shape, value).is_ok()) {
                return self.differs(format!("a list with {}", shown(shape)), found);
            }
        }
        Ok(())
    }

    /// An object whose keys may be any, and whose values are all of one shape.
    fn values(&mut self, rule: &Map<String, Value>, shape: &Value, found: &Value) -> Compared {
        let Some(given) = found.as_object() else {
            return self.differs("an object", found);
        };
        for (key, value) in given {
            self.part(key, shape, value)?;
        }
        self.at_least(rule, given.len(), found)
    }

    /// Where nothing is said there must be one: about none there is nothing to compare.
    fn at_least(&self, rule: &Map<String, Value>, count: usize, found: &Value) -> Compared {
        let least = rule.get(LEAST).map_or(Some(1), Value::as_u64);
        let Some(least) = least else {
            return self.fails("a rule that is known", LEAST);
        };
        if count as u64 >= least {
            return Ok(());
        }
        self.differs(format!("at least {least}"), found)
    }
}

fn rule_value(rule: &Map<String, Value>) -> Value {
    Value::Object(rule.clone())
}

fn in_brackets(text: &str) -> bool {
    text.len() > 2 && text.starts_with('<') && text.ends_with('>')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(shape: &Value, found: &Value) -> Option<String> {
        compare(shape, found, &mut Names::new())
            .err()
            .map(|mismatch| mismatch.path)
    }

    fn check(shape: &Value, good: &[Value], bad: &[(Value, &str)]) {
        for found in good {
            assert_eq!(path(shape, found), None, "{shape} and {found}");
        }
        for (found, place) in bad {
            assert_eq!(
                path(shape, found).as_deref(),
                Some(*place),
                "{shape} and {found}"
            );
        }
    }

    #[test]
    fn what_is_no_kind_and_no_rule_must_be_equal() {
        check(
            &json!({"a": 1, "b": [null, "x"]}),
            &[json!({"b": [null, "x"], "a": 1})],
            &[
                (json!({"a": 2, "b": [null, "x"]}), "/a"),
                (json!({"a": "1", "b": [null, "x"]}), "/a"),
                (json!({"a": 1, "b": [null, "y"]}), "/b/1"),
                (json!({"a": 1, "b": [null]}), "/b"),
                (json!({"a": 1, "b": [null, "x", 2]}), "/b"),
                (json!({"a": 1}), ""),
                (json!([]), ""),
            ],
        );
    }

    #[test]
    fn a_key_that_no_shape_names_is_a_mismatch_and_one_with_a_mark_may_be_missing() {
        check(
            &json!({"a": {"b?": "<string>"}}),
            &[json!({"a": {}}), json!({"a": {"b": ""}})],
            &[
                (json!({"a": {"b": 1}}), "/a/b"),
                (json!({"a": {"c": 1}}), "/a"),
                (json!({"a": {}, "d": null}), ""),
            ],
        );
    }

    #[test]
    fn lists_and_objects_may_have_one_shape_for_all_that_is_in_them() {
        let each = json!({"<each>": {"n": "<number>"}, "<some>": [{"n": 2}]});
        check(
            &each,
            &[json!([{"n": 2}]), json!([{"n": 1}, {"n": 2}])],
            &[
                (json!([{"n": 2}, {"n": "x"}]), "/1/n"),
                (json!([{"n": 1}]), ""),
                (json!([]), ""),
                (json!({"n": 2}), ""),
            ],
        );
        check(
            &json!({"<each>": "<any>", "<least>": 0}),
            &[json!([])],
            &[(json!(null), "")],
        );
        check(
            &json!({"<values>": "<bool>", "<least>": 2}),
            &[json!({"x": true, "y": false})],
            &[(json!({"x": true}), ""), (json!({"x": true, "y": 1}), "/y")],
        );
    }

    #[test]
    fn texts_are_compared_by_a_part_of_them() {
        check(
            &json!({"<starts>": "no ", "<contains>": "disk"}),
            &[json!("no disk"), json!("no such disk")],
            &[
                (json!("a disk, no "), ""),
                (json!("no tape"), ""),
                (json!(null), ""),
            ],
        );
        check(
            &json!({"<or null>": {"<contains>": "x"}}),
            &[json!(null), json!("axb")],
            &[(json!(""), ""), (json!(0), "")],
        );
    }

    #[test]
    fn a_shape_that_is_not_understood_fits_nothing() {
        for shape in [
            json!("<strnig>"),
            json!({"<eahc>": 1}),
            json!({"<starts>": ""}),
            json!({"<least>": 0}),
            json!({"<each>": "<any>", "<least>": "none"}),
            json!({"<each>": "<any>", "key": 1}),
            json!({"<each>": "<any>", "<some>": "<any>"}),
        ] {
            for found in [json!("x"), json!([1]), json!({"key": 1}), json!("<strnig>")] {
                assert!(path(&shape, &found).is_some(), "{shape} and {found}");
            }
        }
    }

    #[test]
    fn what_has_a_name_is_remembered() {
        let mut names = Names::new();
        let shape = json!({"a": [{"id": "<uuid = first>"}]});
        let id = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";
        compare(&shape, &json!({"a": [{"id": id}]}), &mut names).unwrap();
        assert_eq!(names, Names::from([("first".to_owned(), json!(id))]));
    }

    #[test]
    fn a_mismatch_tells_the_place_and_both_values() {
        let (shape, found) = (json!({"a": ["<uuid>"]}), json!({"a": [7]}));
        let mismatch = compare(&shape, &found, &mut Names::new()).unwrap_err();
        let expected = "at /a/0\n  expected: <uuid>\n  found:    7";
        assert_eq!(mismatch.to_string(), expected);
        assert_eq!(
            shown(&json!("é".repeat(1000))).chars().count(),
            400 + "... (2002 bytes)".len()
        );
    }
}
