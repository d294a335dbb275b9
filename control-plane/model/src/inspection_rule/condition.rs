//! What a condition may ask, with its arguments, and the answer.

use super::arguments::Signature;
use super::pattern::Pattern;
use super::python;
use crate::named::named;
use crate::network::{Network, address};
use crate::node::Object;
use serde_json::Value;
use std::cmp::Ordering;

named!(
    /// The operators of conditions.
    Operator, "operator of a condition", {
        Eq = "eq",
        Lt = "lt",
        Gt = "gt",
        IsEmpty = "is-empty",
        InNet = "in-net",
        Matches = "matches",
        Contains = "contains",
        OneOf = "one-of",
        IsNone = "is-none",
        IsTrue = "is-true",
        IsFalse = "is-false",
    }
);

/// The operator, and whether it is turned around.
pub(super) fn parse(op: &str) -> Result<(Operator, bool), String> {
    let (name, negated) = match op.strip_prefix('!') {
        Some(name) => (name, true),
        None => (op, false),
    };
    let operator = name.parse().map_err(|_| {
        let names: Vec<_> = Operator::ALL.iter().map(|known| known.name()).collect();
        let names = names.join(", ");
        format!("{op:?} is not an operator of a condition: use one of {names}, with ! in front for the opposite")
    })?;
    Ok((operator, negated))
}

impl Operator {
    pub(super) fn signature(self) -> Signature {
        let (required, optional, filled): (&[_], &[_], &[_]) = match self {
            Self::Eq | Self::Lt | Self::Gt => (&["values"], &["force_strings"], &["values"]),
            Self::InNet => (&["address", "subnet"], &[], &["address", "subnet"]),
            Self::Matches | Self::Contains => (&["value", "regex"], &[], &["value"]),
            Self::OneOf => (&["value"], &["values"], &["value"]),
            Self::IsEmpty | Self::IsNone | Self::IsTrue | Self::IsFalse => {
                (&["value"], &[], &["value"])
            }
        };
        Signature {
            required,
            optional,
            filled,
        }
    }

    /// The answer for arguments that are filled in.
    ///
    /// # Errors
    /// One sentence: the question makes no sense for these values.
    pub(super) fn holds(self, args: &Object, pattern: Option<&Pattern>) -> Result<bool, String> {
        let value = args.get("value").unwrap_or(&Value::Null);
        match self {
            Self::Eq | Self::Lt | Self::Gt => self.compares(args),
            Self::IsEmpty => Ok(matches!(
                python::text(value).as_str(),
                "" | "None" | "[]" | "{}"
            )),
            Self::InNet => {
                let text = |name: &str| args.get(name).map(python::text).unwrap_or_default();
                let network = Network::parse(&text("subnet"))?;
                Ok(network.contains(address(&text("address"))?))
            }
            Self::Matches | Self::Contains => {
                let text = python::text(value);
                match pattern {
                    Some(pattern) => pattern.fits(&text),
                    None => {
                        let regex = args.get("regex").and_then(Value::as_str);
                        let regex = regex.ok_or("regex must be a text")?;
                        Pattern::new(self, regex)?.fits(&text)
                    }
                }
            }
            Self::OneOf => one_of(value, args.get("values")),
            Self::IsNone => Ok(value.is_null()),
            Self::IsTrue => Ok(truth(value, &["yes", "true"]).unwrap_or(false)),
            Self::IsFalse => Ok(value.is_null()
                || match value {
                    Value::String(text) => is_word(text, &["no", "false"]),
                    other => truth(other, &[]).is_some_and(|truth| !truth),
                }),
        }
    }

    /// Each value beside the next one.
    fn compares(self, args: &Object) -> Result<bool, String> {
        let values = args.get("values").and_then(Value::as_array);
        let values = values.ok_or("values must be a list")?;
        let as_texts = args.get("force_strings").is_some_and(is_set);
        let texts: Vec<Value>;
        let values = if as_texts {
            texts = values
                .iter()
                .map(|value| python::text(value).into())
                .collect();
            &texts
        } else {
            values
        };
        for pair in values.windows(2) {
            let [a, b] = pair else { continue };
            let fits = match self {
                Self::Eq => python::equal(a, b),
                other => {
                    let order = python::order(a, b)
                        .ok_or_else(|| format!("{a} and {b} cannot be compared"))?;
                    order
                        == if other == Self::Lt {
                            Ordering::Less
                        } else {
                            Ordering::Greater
                        }
                }
            };
            if !fits {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_word(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// `None`: it is neither.
fn truth(value: &Value, words: &[&str]) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(text) => Some(is_word(text, words)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn one_of(value: &Value, values: Option<&Value>) -> Result<bool, String> {
    match values {
        None => Ok(false),
        Some(Value::Array(items)) => Ok(items.iter().any(|item| python::equal(item, value))),
        Some(Value::Object(entries)) => {
            Ok(value.as_str().is_some_and(|key| entries.contains_key(key)))
        }
        Some(Value::String(text)) => Ok(value.as_str().is_some_and(|part| text.contains(part))),
        Some(_) => Err("values must be a list".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "reads better where it is called"
    )]
    fn check(op: &str, args: Value, expected: Result<bool, &str>) {
        let (operator, negated) = parse(op).unwrap();
        let found = operator.holds(args.as_object().unwrap(), None);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found != negated, expected, "{op} {args}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{op} {args}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn comparisons() {
        check("eq", json!({"values": [1, 1.0, true]}), Ok(true));
        check("eq", json!({"values": ["a", "b"]}), Ok(false));
        check("!eq", json!({"values": ["a", "b"]}), Ok(true));
        check("eq", json!({"values": ["1", 1]}), Ok(false));
        check(
            "eq",
            json!({"values": ["1", 1], "force_strings": true}),
            Ok(true),
        );
        check("eq", json!({"values": ["x"]}), Ok(true));
        check("lt", json!({"values": [1, 2, 3]}), Ok(true));
        check("lt", json!({"values": [1, 3, 3]}), Ok(false));
        check("!lt", json!({"values": ["8", 4]}), Ok(true));
        check("gt", json!({"values": ["16", 4]}), Ok(true));
        check("gt", json!({"values": ["x", 4]}), Err("cannot be compared"));
        check("eq", json!({"values": "x"}), Err("must be a list"));
    }

    #[test]
    fn single_values() {
        for empty in [json!(""), json!(null), json!([]), json!({}), json!("None")] {
            check("is-empty", json!({"value": empty}), Ok(true));
        }
        check("is-empty", json!({"value": 0}), Ok(false));
        check("is-none", json!({"value": null}), Ok(true));
        check("is-none", json!({"value": "None"}), Ok(false));
        for yes in [json!(true), json!(2), json!("Yes"), json!("TRUE")] {
            check("is-true", json!({"value": yes}), Ok(true));
            check("is-false", json!({"value": yes}), Ok(false));
        }
        for no in [json!(false), json!(0), json!("no"), json!("False")] {
            check("is-false", json!({"value": no}), Ok(true));
            check("is-true", json!({"value": no}), Ok(false));
        }
        check("is-false", json!({"value": null}), Ok(true));
        check("is-true", json!({"value": "perhaps"}), Ok(false));
        check("is-false", json!({"value": "perhaps"}), Ok(false));
        check("is-false", json!({"value": []}), Ok(false));
    }

    #[test]
    fn sets_networks_and_patterns() {
        check(
            "one-of",
            json!({"value": "a", "values": ["b", "a"]}),
            Ok(true),
        );
        check("one-of", json!({"value": "a", "values": [1]}), Ok(false));
        check("one-of", json!({"value": "a"}), Ok(false));
        check("one-of", json!({"value": "a", "values": 3}), Err("a list"));
        let net = json!({"address": "10.1.2.3", "subnet": "10.0.0.0/8"});
        check("in-net", net, Ok(true));
        let net = json!({"address": "x", "subnet": "10.0.0.0/8"});
        check("in-net", net, Err("not an IP address"));
        check("matches", json!({"value": 12, "regex": "[0-9]+"}), Ok(true));
        check("contains", json!({"value": "abc", "regex": "b"}), Ok(true));
        check(
            "contains",
            json!({"value": "abc", "regex": "("}),
            Err("unclosed"),
        );
        check(
            "contains",
            json!({"value": "abc", "regex": 5}),
            Err("a text"),
        );
    }

    #[test]
    fn unknown_operators_are_told_what_there_is() {
        for op in ["le", "!!eq", "! eq", "", "EQ"] {
            let problem = parse(op).unwrap_err();
            assert!(problem.contains("is-empty, in-net"), "{problem}");
        }
    }
}
