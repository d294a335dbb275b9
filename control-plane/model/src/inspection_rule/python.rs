//! JSON values as Python has them: their text, equality and order. The language of rules is defined by them.

use super::secrets::Shown;
use serde_json::{Number, Value};
use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt::Write as _;

/// The longest text that one template may become.
pub(super) const LONGEST: usize = 1 << 20;

/// The text would be longer than is allowed for one, or for a whole inspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// A text that grows up to a bound, and takes from what all texts may have together.
pub(super) struct Text<'a> {
    text: String,
    left: &'a Cell<usize>,
}

impl<'a> Text<'a> {
    pub(super) fn new(left: &'a Cell<usize>) -> Self {
        let text = String::new();
        Self { text, left }
    }

    pub(super) fn push(&mut self, part: &str) -> Result<(), TooLong> {
        let left = self.left.get().checked_sub(part.len()).ok_or(TooLong)?;
        if self.text.len() + part.len() > LONGEST {
            return Err(TooLong);
        }
        self.left.set(left);
        self.text.push_str(part);
        Ok(())
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }

    /// `str(value)`.
    pub(super) fn push_str_of(&mut self, value: &Value, shown: Shown) -> Result<(), TooLong> {
        match value {
            Value::String(text) => self.push(text),
            other => self.push_repr(other, shown),
        }
    }

    /// `repr(value)`.
    pub(super) fn push_repr(&mut self, value: &Value, shown: Shown) -> Result<(), TooLong> {
        match value {
            Value::Null => self.push("None"),
            Value::Bool(true) => self.push("True"),
            Value::Bool(false) => self.push("False"),
            Value::Number(number) => self.push(&number.to_string()),
            Value::String(text) => self.push(&quoted(text)),
            Value::Array(items) => {
                self.push("[")?;
                for (index, item) in items.iter().enumerate() {
                    self.push(if index == 0 { "" } else { ", " })?;
                    self.push_repr(item, shown)?;
                }
                self.push("]")
            }
            Value::Object(entries) => {
                self.push("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    self.push(if index == 0 { "" } else { ", " })?;
                    self.push(&quoted(key))?;
                    self.push(": ")?;
                    self.push_repr(shown.of(key, value), shown)?;
                }
                self.push("}")
            }
        }
    }
}

/// `str(value)` without a bound, for values that are not put together from others.
pub(super) fn text(value: &Value) -> String {
    let left = Cell::new(LONGEST);
    let mut text = Text::new(&left);
    match text.push_str_of(value, Shown::All) {
        Ok(()) | Err(TooLong) => text.into_string(),
    }
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter if letter == quote => {
                quoted.push('\\');
                quoted.push(letter);
            }
            letter if letter.is_ascii_control() => {
                // Writing to a String cannot fail.
                write!(quoted, "\\x{:02x}", u32::from(letter)).unwrap_or_default();
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push(quote);
    quoted
}

/// `a == b`: numbers by value, true and false are 1 and 0, an object's order does not count.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, value): (&String, &Value)| {
                b.get(key).is_some_and(|other| equal(value, other))
            };
            a.len() == b.len() && a.iter().all(same)
        }
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Null, Value::Null) => true,
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => numeric(&a, &b) == Some(Ordering::Equal),
            _ => false,
        },
    }
}

/// The order of two values, where they have one.
///
/// Python has none between a text and a number. A number that a template was filled with is a text, so a text that reads
/// as a number is taken for one beside a number: it could not be compared otherwise.
pub(super) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Array(a), Value::Array(b)) => {
            for (a, b) in a.iter().zip(b) {
                if !equal(a, b) {
                    return order(a, b);
                }
            }
            Some(a.len().cmp(&b.len()))
        }
        (Value::String(text), other) => numeric(&parsed(text)?, &number(other)?),
        (other, Value::String(text)) => numeric(&number(other)?, &parsed(text)?),
        _ => numeric(&number(a)?, &number(b)?),
    }
}

fn parsed(text: &str) -> Option<Number> {
    match serde_json::from_str(text.trim()) {
        Ok(Value::Number(number)) => Some(number),
        Ok(_) | Err(_) => None,
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::Bool(flag) => Some(Number::from(u8::from(*flag))),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whole numbers exactly, others as floating-point ones.
fn numeric(a: &Number, b: &Number) -> Option<Ordering> {
    let whole = |number: &Number| {
        number
            .as_i64()
            .map(i128::from)
            .or(number.as_u64().map(i128::from))
    };
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_those_of_python() {
        let cases = [
            (json!(null), "None"),
            (json!(true), "True"),
            (json!(12), "12"),
            (json!(1.5), "1.5"),
            (json!("a'b"), "a'b"),
            (json!([1, "a", null]), "[1, 'a', None]"),
            (json!({"a": {"b": [true]}}), "{'a': {'b': [True]}}"),
            (json!(["it's"]), "[\"it's\"]"),
            (json!(["a\n\u{1}\\"]), "['a\\n\\x01\\\\']"),
            (json!([]), "[]"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(&value), expected);
        }
    }

    #[test]
    fn equality_is_by_value() {
        let equals = |a: Value, b: Value| equal(&a, &b);
        assert!(equals(json!(1), json!(1.0)) && equals(json!(true), json!(1)));
        assert!(equals(json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1})));
        assert!(!equals(json!("1"), json!(1)) && !equals(json!(null), json!(false)));
        assert!(!equals(json!([1]), json!([1, 2])));
    }

    #[test]
    fn order_is_among_the_like() {
        let ordered = |a: Value, b: Value| order(&a, &b);
        assert_eq!(ordered(json!(2), json!(10)), Some(Ordering::Less));
        assert_eq!(ordered(json!("2"), json!("10")), Some(Ordering::Greater));
        assert_eq!(ordered(json!("16"), json!(4)), Some(Ordering::Greater));
        assert_eq!(ordered(json!([1, 2]), json!([1, 3])), Some(Ordering::Less));
        assert_eq!(ordered(json!("x"), json!(4)), None);
        assert_eq!(ordered(json!(null), json!(4)), None);
        assert_eq!(ordered(json!({}), json!({})), None);
    }

    #[test]
    fn texts_have_a_bound() {
        let left = Cell::new(10);
        let mut text = Text::new(&left);
        assert_eq!(text.push("1234567"), Ok(()));
        assert_eq!(text.push_repr(&json!(["a", "b"]), Shown::All), Err(TooLong));
    }
}
