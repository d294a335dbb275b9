//! What a field's value may be, checked at the edge; what passes here decodes into the model.

use super::arguments::{not_a_boolean, parse_bool};
use super::error::{ApiError, ApiResult};
use ferric_model::ids::MacAddress;
use ferric_model::inspection_rule::PRIORITIES;
use serde_json::{Map, Value};
use uuid::Uuid;

/// The form of a field, of the longest text that it takes where it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A text or null.
    Text(usize),
    /// A text that must be there.
    Required,
    /// A text that must be there, and may be empty.
    Given,
    /// An object; null stands for the empty one.
    Object,
    /// A list, which must be there.
    List,
    /// A list; when it is not given, an empty one.
    OptionalList,
    /// A whole number from 0 to 9999; when it is not given, 0.
    Priority,
    /// True or false; null stands for false.
    Flag,
    /// True or false; null stands for true.
    OnFlag,
    /// True, false or null.
    Tristate,
    /// A UUID or null.
    Uuid,
    /// A MAC address.
    Mac,
    /// A MAC address or null.
    OptionalMac,
    /// A whole number, which must be there.
    Integer,
    /// A time in UTC, shown with its offset.
    Time,
    /// Shown as it is, and never written.
    Other,
}

/// Texts whose length nobody bounds but the body's size.
pub(super) const ANY_LENGTH: usize = usize::MAX;

impl Shape {
    /// The value as it is stored, or 400 with the field's name and what is wrong.
    pub(super) fn check(self, field: &str, value: Value) -> ApiResult<Value> {
        match self {
            Self::Text(longest) => text(field, value, longest),
            Self::Required => match value {
                Value::String(text) if !text.is_empty() => Ok(Value::String(text)),
                other => Err(wrong(field, "a text", &other)),
            },
            Self::Given => match value {
                Value::String(text) => Ok(Value::String(text)),
                other => Err(wrong(field, "a text", &other)),
            },
            Self::Object => match value {
                Value::Object(object) => Ok(Value::Object(object)),
                Value::Null => Ok(Value::Object(Map::new())),
                other => Err(wrong(field, "an object", &other)),
            },
            Self::List | Self::OptionalList => match value {
                Value::Array(items) => Ok(Value::Array(items)),
                other => Err(wrong(field, "a list", &other)),
            },
            Self::Priority => match value.as_i64() {
                Some(number) if PRIORITIES.contains(&number) => Ok(Value::from(number)),
                _ => Err(wrong(field, "an integer from 0 to 9999", &value)),
            },
            Self::Flag => Ok(Value::Bool(tristate(field, &value)?.unwrap_or(false))),
            Self::OnFlag => Ok(Value::Bool(tristate(field, &value)?.unwrap_or(true))),
            Self::Tristate => Ok(tristate(field, &value)?.map_or(Value::Null, Value::Bool)),
            Self::Uuid => uuid(field, value),
            Self::Mac => mac(field, &value),
            Self::OptionalMac if value.is_null() => Ok(value),
            Self::OptionalMac => mac(field, &value),
            Self::Integer => match value.as_i64() {
                Some(number) => Ok(Value::from(number)),
                None => Err(wrong(field, "an integer", &value)),
            },
            Self::Time | Self::Other => Err(ApiError::invalid(format!("{field} is read-only"))),
        }
    }

    /// What a field is when it was removed or never given; `None`: it must be given.
    pub(super) fn absent(self) -> Option<Value> {
        match self {
            Self::Text(_)
            | Self::Tristate
            | Self::Uuid
            | Self::OptionalMac
            | Self::Time
            | Self::Other => Some(Value::Null),
            Self::Object => Some(Value::Object(Map::new())),
            Self::OptionalList => Some(Value::Array(Vec::new())),
            Self::Priority => Some(Value::from(0)),
            Self::Flag => Some(Value::Bool(false)),
            Self::OnFlag => Some(Value::Bool(true)),
            Self::Required | Self::Given | Self::List | Self::Mac | Self::Integer => None,
        }
    }

    /// The stored value as it is shown.
    pub(super) fn show(self, value: Value) -> Value {
        match (self, value) {
            (Self::Time, Value::String(text)) => Value::String(with_offset(&text)),
            (_, value) => value,
        }
    }
}

fn text(field: &str, value: Value, longest: usize) -> ApiResult<Value> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::String(text) if text.chars().count() <= longest => Ok(Value::String(text)),
        Value::String(_) => Err(ApiError::invalid(format!(
            "{field} may have at most {longest} characters"
        ))),
        other => Err(wrong(field, "a text", &other)),
    }
}

fn tristate(field: &str, value: &Value) -> ApiResult<Option<bool>> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        Value::String(text) => {
            let parsed = parse_bool(text);
            let wrong = || ApiError::invalid(not_a_boolean(field, text));
            parsed.map(Some).ok_or_else(wrong)
        }
        other => Err(wrong(field, "true or false", other)),
    }
}

fn uuid(field: &str, value: Value) -> ApiResult<Value> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::String(text) => match text.parse::<Uuid>() {
            Ok(uuid) => Ok(Value::String(uuid.to_string())),
            Err(_) => Err(wrong(field, "a UUID", &Value::String(text))),
        },
        other => Err(wrong(field, "a UUID", &other)),
    }
}

fn mac(field: &str, value: &Value) -> ApiResult<Value> {
    let parsed = value.as_str().and_then(mac_address);
    let address = parsed.ok_or_else(|| wrong(field, "a MAC address", value))?;
    Ok(Value::from(address.as_str()))
}

/// With colons only: hyphens are for file names, and Ironic takes them nowhere.
pub(super) fn mac_address(text: &str) -> Option<MacAddress> {
    text.parse().ok().filter(|_| text.contains(':'))
}

fn wrong(field: &str, expected: &str, found: &Value) -> ApiError {
    ApiError::invalid(format!("{field} must be {expected}, not {found}"))
}

/// `2026-11-22T18:46:11.945447+00:00`, as Python prints a time: `Z` is not understood by all old clients.
pub(super) fn with_offset(text: &str) -> String {
    let Ok(time) = text.parse::<jiff::Timestamp>() else {
        return text.to_owned();
    };
    shown_time(time)
}

/// As `with_offset`; the fraction has six digits or is left out.
pub(super) fn shown_time(time: jiff::Timestamp) -> String {
    let format = if time.subsec_microsecond() == 0 && time.subsec_millisecond() == 0 {
        "%Y-%m-%dT%H:%M:%S+00:00"
    } else {
        "%Y-%m-%dT%H:%M:%S.%6f+00:00"
    };
    time.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(shape: Shape, value: Value, expected: Result<Value, &str>) {
        let found = shape.check("f", value);
        let found = found.map_err(|error| format!("{error:?}"));
        match (found, expected) {
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => assert_eq!(found, expected.map_err(str::to_owned)),
        }
    }

    #[test]
    fn values_are_checked_and_normalised() {
        check(Shape::Text(3), json!("abc"), Ok(json!("abc")));
        check(Shape::Text(3), json!(null), Ok(json!(null)));
        check(Shape::Text(3), json!("abcd"), Err("at most 3"));
        check(Shape::Text(3), json!(1), Err("must be a text"));
        check(Shape::Required, json!(null), Err("must be a text"));
        check(Shape::Required, json!(""), Err("must be a text"));
        check(Shape::Given, json!(""), Ok(json!("")));
        check(Shape::Given, json!(null), Err("must be a text"));
        check(Shape::Object, json!(null), Ok(json!({})));
        check(Shape::Object, json!([]), Err("an object"));
        check(Shape::List, json!([1]), Ok(json!([1])));
        check(Shape::List, json!(null), Err("a list"));
        check(Shape::OptionalList, json!(null), Err("a list"));
        check(Shape::Priority, json!(9999), Ok(json!(9999)));
        for wrong in [json!(-1), json!(10_000), json!("1"), json!(null)] {
            check(Shape::Priority, wrong, Err("from 0 to 9999"));
        }
        check(Shape::Flag, json!("yes"), Ok(json!(true)));
        check(Shape::Flag, json!(null), Ok(json!(false)));
        check(Shape::Flag, json!("maybe"), Err("true or false"));
        check(Shape::Tristate, json!(null), Ok(json!(null)));
        check(Shape::Tristate, json!(1), Err("true or false"));
        check(Shape::Uuid, json!("x"), Err("a UUID"));
        check(
            Shape::Mac,
            json!("52:54:00:AA:00:01"),
            Ok(json!("52:54:00:aa:00:01")),
        );
        check(Shape::Mac, json!("52-54-00-AA-00-01"), Err("a MAC address"));
        check(Shape::Mac, json!("52:54"), Err("a MAC address"));
        check(Shape::Mac, json!(null), Err("a MAC address"));
        check(Shape::OptionalMac, json!(null), Ok(json!(null)));
        check(Shape::OptionalMac, json!("52:54"), Err("a MAC address"));
        check(Shape::Integer, json!(-1), Ok(json!(-1)));
        check(Shape::Integer, json!("1"), Err("an integer"));
        check(Shape::Integer, json!(1.5), Err("an integer"));
        check(Shape::Time, json!("2026-01-01"), Err("read-only"));
    }

    #[test]
    fn times_are_shown_with_their_offset() {
        let shown = |text: &str| with_offset(text);
        assert_eq!(
            shown("2026-11-22T18:46:11.945447Z"),
            "2026-11-22T18:46:11.945447+00:00"
        );
        assert_eq!(shown("2026-11-22T18:46:11Z"), "2026-11-22T18:46:11+00:00");
        assert_eq!(
            shown("2026-11-22T18:46:11.5Z"),
            "2026-11-22T18:46:11.500000+00:00"
        );
    }
}
