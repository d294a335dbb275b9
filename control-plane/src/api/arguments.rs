//! The query part of a URL: known keys only, each read as its type.

use super::error::{ApiError, ApiResult};
use std::collections::{BTreeMap, HashSet};
use std::num::IntErrorKind;
use uuid::Uuid;

/// Keys and values, decoded. A key that comes twice has both values, as a list has them.
#[derive(Debug, Default)]
pub(super) struct Arguments(BTreeMap<String, String>);

impl Arguments {
    /// 400 for a query that is no text.
    pub(super) fn read(query: Option<&str>) -> ApiResult<Self> {
        if query.is_some_and(|query| !decodes_to_text(query)) {
            return Err(ApiError::invalid(
                "the query must be UTF-8 text without NUL, percent-encoded",
            ));
        }
        Ok(Self::parse(query))
    }

    fn parse(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let mut arguments = BTreeMap::<String, String>::new();
        for (key, value) in pairs.into_owned() {
            arguments
                .entry(key)
                .and_modify(|values| {
                    values.push(',');
                    values.push_str(&value);
                })
                .or_insert(value);
        }
        Self(arguments)
    }

    /// Refuses every key that is not among these.
    pub(super) fn allow(&self, known: &[&str]) -> ApiResult<()> {
        let unknown: Vec<&str> = self
            .0
            .keys()
            .map(String::as_str)
            .filter(|key| !known.contains(key))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(unexpected(&unknown))
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub(super) fn boolean(&self, key: &str) -> ApiResult<Option<bool>> {
        let parsed = self.text(key).map(|text| {
            let value = parse_bool(text);
            value.ok_or_else(|| ApiError::invalid(not_a_boolean(key, text)))
        });
        parsed.transpose()
    }

    /// What is larger than any number is the largest one.
    pub(super) fn integer(&self, key: &str) -> ApiResult<Option<i64>> {
        let parsed = self.text(key).map(|text| match text.trim().parse::<i64>() {
            Ok(number) => Ok(number),
            Err(error) if *error.kind() == IntErrorKind::PosOverflow => Ok(i64::MAX),
            Err(_) => Err(ApiError::invalid(format!(
                "{key} must be an integer, not {text:?}"
            ))),
        });
        parsed.transpose()
    }

    pub(super) fn uuid(&self, key: &str) -> ApiResult<Option<Uuid>> {
        let parsed = self.text(key).map(|text| {
            let wrong = |_| ApiError::invalid(format!("{key} must be a UUID, not {text:?}"));
            text.parse().map_err(wrong)
        });
        parsed.transpose()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// A list with commas, in lower case and without repetitions.
    pub(super) fn list(&self, key: &str) -> Option<Vec<String>> {
        let items = self.text(key)?.split(',');
        let items = items.map(|item| item.trim().to_lowercase());
        let mut seen = HashSet::new();
        let items = items.filter(|item| !item.is_empty() && seen.insert(item.clone()));
        Some(items.collect())
    }
}

/// Whether its percent-encoded bytes are UTF-8 without a NUL.
fn decodes_to_text(query: &str) -> bool {
    let hex = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let bytes = query.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let digits = (*byte == b'%').then(|| (hex(bytes.get(at + 1)), hex(bytes.get(at + 2))));
        if let Some((Some(high), Some(low))) = digits {
            decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
            at += 3;
        } else {
            decoded.push(*byte);
            at += 1;
        }
    }
    !decoded.contains(&0) && std::str::from_utf8(&decoded).is_ok()
}

/// 400 for keys that the resource does not know.
pub(super) fn unexpected(keys: &[&str]) -> ApiError {
    ApiError::invalid(format!("unexpected arguments: {}", keys.join(", ")))
}

/// 400 for a key that must be there.
pub(super) fn missing(key: &str) -> ApiError {
    ApiError::invalid(format!("the argument {key} is missing"))
}

pub(super) fn not_a_boolean(key: &str, text: &str) -> String {
    format!("{key} must be true or false, not {text:?}")
}

/// All the ways in which clients write it.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "on" | "y" | "yes" => Some(true),
        "0" | "f" | "false" | "off" | "n" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_their_types() {
        let arguments = Arguments::parse(Some("a=On&n=5&l=UUID,%20name,,uuid&bad=maybe"));
        assert_eq!(arguments.boolean("a").unwrap(), Some(true));
        assert_eq!(arguments.boolean("none").unwrap(), None);
        assert_eq!(arguments.integer("n").unwrap(), Some(5));
        assert_eq!(arguments.list("l").unwrap(), ["uuid", "name"]);
        assert!(arguments.boolean("bad").is_err());
        assert!(arguments.integer("bad").is_err());
        assert!(arguments.uuid("bad").is_err());
        let many = Arguments::parse(Some("n=99999999999999999999"));
        assert_eq!(many.integer("n").unwrap(), Some(i64::MAX));
    }

    #[test]
    fn a_key_that_comes_twice_is_a_list() {
        let arguments = Arguments::parse(Some("fields=uuid&limit=1&limit=2&fields=name"));
        assert_eq!(arguments.list("fields").unwrap(), ["uuid", "name"]);
        assert!(arguments.integer("limit").is_err());
    }

    #[test]
    fn a_query_is_text() {
        let check = |query: &str, expected: bool| {
            let read = Arguments::read(Some(query));
            assert_eq!(read.is_ok(), expected, "{query}");
        };
        check("", true);
        check("a=%C3%A9&b=1%&c=%zz&d=100%2", true);
        check("a=%c3", false);
        check("%FF=1", false);
        check("a=x%00y", false);
        check("a=%C3x%A9", false);
    }

    #[test]
    fn unknown_keys_are_named() {
        let arguments = Arguments::parse(Some("limit=1&bogus=2&zz"));
        assert!(arguments.allow(&["limit", "bogus", "zz"]).is_ok());
        let error = arguments.allow(&["limit"]).unwrap_err();
        assert!(format!("{error:?}").contains("bogus, zz"));
    }
}
