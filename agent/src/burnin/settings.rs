//! The settings of burn-ins: `agent_burnin_*` in `driver_info` of the node.
//!
//! What is not said is as in Ironic's agent; what makes no sense is an error before anything begins.

use std::path::PathBuf;
use std::time::Duration;

use ferric_agent_protocol::node::Node;
use serde_json::{Map, Value};

use super::BurninError;

/// More than anybody would wait for: a year.
const MAX_SECONDS: u64 = 366 * 86400;

/// `driver_info` of the node.
pub(super) struct Settings<'a>(Option<&'a Map<String, Value>>);

/// How much of something is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Percent(u64),
    Bytes(u64),
}

impl<'a> Settings<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        Self(node.rest.get("driver_info").and_then(Value::as_object))
    }

    /// A setting that is there and not null.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.0?.get(name).filter(|value| !value.is_null())
    }

    /// A time of at least a second: a number of seconds, or a text such as `30m`, `12h`, `2d`.
    pub(super) fn time(&self, name: &'static str, default_s: u64) -> Result<Duration, BurninError> {
        let default = Duration::from_secs(default_s);
        Ok(self.time_or_none(name)?.unwrap_or(default))
    }

    /// A time, of which 0 says that there is none.
    pub(super) fn optional_time(
        &self,
        name: &'static str,
    ) -> Result<Option<Duration>, BurninError> {
        match self.value(name) {
            Some(value) if number(value) == Some(0) => Ok(None),
            _ => self.time_or_none(name),
        }
    }

    fn time_or_none(&self, name: &'static str) -> Result<Option<Duration>, BurninError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let seconds = number(value).or_else(|| with_unit(value.as_str()?, &TIMES));
        let seconds = seconds.filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
        let expected = "a number of seconds from 1 to a year, or one with s, m, h or d";
        let seconds = seconds.ok_or_else(|| senseless(name, value, expected))?;
        Ok(Some(Duration::from_secs(seconds)))
    }

    /// A number within bounds.
    pub(super) fn count(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<u64>,
        expected: &'static str,
    ) -> Result<Option<u64>, BurninError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let count = number(value).filter(|count| range.contains(count));
        count
            .map(Some)
            .ok_or_else(|| senseless(name, value, expected))
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<bool, BurninError> {
        let Some(value) = self.value(name) else {
            return Ok(false);
        };
        let is = |text: &str, word: &str| text.eq_ignore_ascii_case(word);
        match value {
            Value::Bool(flag) => Ok(*flag),
            Value::String(text) if is(text, "true") => Ok(true),
            Value::String(text) if is(text, "false") => Ok(false),
            _ => Err(senseless(name, value, "true or false")),
        }
    }

    /// A file of the ramdisk.
    pub(super) fn file(&self, name: &'static str) -> Result<Option<PathBuf>, BurninError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let path = value.as_str().map(PathBuf::from);
        let path = path.filter(|path| path.is_absolute() && path.file_name().is_some());
        path.map(Some)
            .ok_or_else(|| senseless(name, value, "the absolute path of a file"))
    }

    /// `98%`, or bytes: a number, or one with b, k, m, g or t.
    pub(super) fn share(&self, name: &'static str, default: Share) -> Result<Share, BurninError> {
        let Some(value) = self.value(name) else {
            return Ok(default);
        };
        let percent = || {
            value
                .as_str()?
                .trim()
                .strip_suffix('%')?
                .trim()
                .parse()
                .ok()
        };
        let bytes = || number(value).or_else(|| with_unit(value.as_str()?, &SIZES));
        let share = match percent() {
            Some(percent) => Some(Share::Percent(percent)),
            None => bytes().map(Share::Bytes),
        };
        let is_sound = |share: &Share| match *share {
            Share::Percent(percent) => (1..=100).contains(&percent),
            Share::Bytes(bytes) => bytes > 0,
        };
        let expected = "a share from 1% to 100%, or a number of bytes with or without k, m, g or t";
        share
            .filter(is_sound)
            .ok_or_else(|| senseless(name, value, expected))
    }
}

const TIMES: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86400)];
const SIZES: [(char, u64); 5] = [
    ('b', 1),
    ('k', 1 << 10),
    ('m', 1 << 20),
    ('g', 1 << 30),
    ('t', 1 << 40),
];

fn number(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

fn with_unit(text: &str, units: &[(char, u64)]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (unit, factor) = units.iter().find(|(unit, _)| text.ends_with(*unit))?;
    let number = text.strip_suffix(*unit)?.trim_end();
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

pub(super) fn senseless(name: &'static str, value: &Value, expected: &'static str) -> BurninError {
    BurninError::Setting {
        name,
        value: value.to_string(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::node;
    use super::*;

    const NAME: &str = "agent_burnin_x";

    fn check<T: std::fmt::Debug + PartialEq>(
        value: &Value,
        read: impl Fn(&Settings<'_>) -> Result<T, BurninError>,
        expected: Option<T>,
    ) {
        let node = node(&json!({NAME: value}));
        let found = read(&Settings::of(&node));
        match expected {
            Some(expected) => assert_eq!(found.unwrap(), expected, "{value}"),
            None => {
                let error = found.unwrap_err().to_string();
                assert!(error.starts_with(NAME), "{error}");
                assert!(error.contains(&value.to_string()), "{error}");
            }
        }
    }

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (value, expected) in [
            (json!(null), seconds(7)),
            (json!(60), seconds(60)),
            (json!("60"), seconds(60)),
            (json!("90s"), seconds(90)),
            (json!("2h"), seconds(7200)),
            (json!("1D"), seconds(86400)),
            (json!(0), None),
            (json!(-1), None),
            (json!("soon"), None),
            (json!("99999999d"), None),
            (json!(true), None),
        ] {
            check(&value, |settings| settings.time(NAME, 7), expected);
        }
        let optional = |settings: &Settings<'_>| settings.optional_time(NAME);
        check(&json!(0), optional, Some(None));
        check(&json!("0"), optional, Some(None));
        check(&json!(5), optional, Some(seconds(5)));
        check(&json!("never"), optional, None);
    }

    #[test]
    fn shares_are_percents_or_bytes() {
        for (value, expected) in [
            (json!(null), Some(Share::Percent(98))),
            (json!("50%"), Some(Share::Percent(50))),
            (json!("2g"), Some(Share::Bytes(2 << 30))),
            (json!("512M"), Some(Share::Bytes(512 << 20))),
            (json!(4096), Some(Share::Bytes(4096))),
            (json!("0%"), None),
            (json!("101%"), None),
            (json!("0"), None),
            (json!("half"), None),
            (json!("99999999999t"), None),
        ] {
            let read = |settings: &Settings<'_>| settings.share(NAME, Share::Percent(98));
            check(&value, read, expected);
        }
    }

    #[test]
    fn numbers_flags_and_files_must_make_sense() {
        let count = |settings: &Settings<'_>| settings.count(NAME, 0..=4, "a number from 0 to 4");
        check(&json!(null), count, Some(None));
        check(&json!("4"), count, Some(Some(4)));
        check(&json!(5), count, None);
        let flag = |settings: &Settings<'_>| settings.flag(NAME);
        check(&json!("True"), flag, Some(true));
        check(&json!(null), flag, Some(false));
        check(&json!(1), flag, None);
        let file = |settings: &Settings<'_>| settings.file(NAME);
        check(&json!("/var/log/a"), file, Some(Some("/var/log/a".into())));
        check(&json!("log"), file, None);
        check(&json!("/"), file, None);
    }
}
