//! What an action may be, with its arguments. What it does to a node is in `editing`.

use super::arguments::Signature;
use crate::named::named;
use crate::node::Object;
use serde_json::Value;

named!(
    /// The actions.
    Action, "action", {
        Fail = "fail",
        Log = "log",
        SetAttribute = "set-attribute",
        ExtendAttribute = "extend-attribute",
        DelAttribute = "del-attribute",
        SetCapability = "set-capability",
        UnsetCapability = "unset-capability",
        AddTrait = "add-trait",
        RemoveTrait = "remove-trait",
        SetPluginData = "set-plugin-data",
        ExtendPluginData = "extend-plugin-data",
        UnsetPluginData = "unset-plugin-data",
        SetPortAttribute = "set-port-attribute",
        ExtendPortAttribute = "extend-port-attribute",
        DelPortAttribute = "del-port-attribute",
        ApiCall = "api-call",
    }
);

pub(super) fn parse(op: &str) -> Result<Action, String> {
    op.parse().map_err(|_| {
        let names: Vec<_> = Action::ALL.iter().map(|known| known.name()).collect();
        format!("{op:?} is not an action: use one of {}", names.join(", "))
    })
}

impl Action {
    pub(super) fn signature(self) -> Signature {
        let (required, optional, filled): (&[_], &[_], &[_]) = match self {
            Self::Fail => (&["msg"], &[], &["msg"]),
            Self::Log => (&["msg"], &["level"], &["msg"]),
            Self::SetAttribute | Self::SetPluginData => (&["path", "value"], &[], &["value"]),
            Self::ExtendAttribute | Self::ExtendPluginData => {
                (&["path", "value"], &["unique"], &["value"])
            }
            Self::DelAttribute | Self::UnsetPluginData => (&["path"], &[], &[]),
            Self::SetCapability => (&["name", "value"], &[], &["value"]),
            Self::UnsetCapability | Self::AddTrait | Self::RemoveTrait => (&["name"], &[], &[]),
            Self::SetPortAttribute => (&["port_id", "path", "value"], &[], &["value"]),
            Self::ExtendPortAttribute => (&["port_id", "path", "value"], &["unique"], &["value"]),
            Self::DelPortAttribute => (&["port_id", "path"], &[], &[]),
            Self::ApiCall => (
                &["url"],
                &["headers", "proxies", "timeout", "retries", "backoff_factor"],
                &["url"],
            ),
        };
        Signature {
            required,
            optional,
            filled,
        }
    }
}

/// A GET that a rule asks for. It is made when all rules have passed, before anything is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The rule, for the cause when it fails.
    pub rule: String,
    /// Its URL, headers and answer are not to be told.
    pub sensitive: bool,
    pub url: String,
    pub headers: Vec<(String, String)>,
    /// By scheme: `http`, `https`.
    pub proxies: Vec<(String, String)>,
    pub timeout_s: f64,
    pub retries: u32,
    /// Of the pauses between attempts: doubled each time.
    pub backoff_s: f64,
}

const LONGEST_TIMEOUT_S: f64 = 60.0;
const MOST_RETRIES: u64 = 10;
const LONGEST_BACKOFF_S: f64 = 10.0;

/// Whether a call could be made with these, but for the URL, which may be a template.
pub(super) fn check_call(args: &Object) -> Result<(), String> {
    call(args, String::new(), false).map(drop)
}

pub(super) fn call(args: &Object, rule: String, sensitive: bool) -> Result<Call, String> {
    let retries = number(args, "retries", 3.0)?;
    let whole = (0..=MOST_RETRIES).find(|whole| same(*whole, retries));
    let whole =
        whole.ok_or_else(|| format!("retries must be a whole number up to {MOST_RETRIES}"))?;
    let timeout_s = number(args, "timeout", 5.0)?;
    if !(timeout_s > 0.0 && timeout_s <= LONGEST_TIMEOUT_S) {
        return Err(format!(
            "timeout must be more than 0 and at most {LONGEST_TIMEOUT_S} seconds"
        ));
    }
    let backoff_s = number(args, "backoff_factor", 0.3)?;
    if !(0.0..=LONGEST_BACKOFF_S).contains(&backoff_s) {
        return Err(format!(
            "backoff_factor must be from 0 to {LONGEST_BACKOFF_S}"
        ));
    }
    Ok(Call {
        rule,
        sensitive,
        url: super::arguments::text(args, "url")?.to_owned(),
        headers: texts(args, "headers")?,
        proxies: texts(args, "proxies")?,
        timeout_s,
        retries: u32::try_from(whole).unwrap_or_default(),
        backoff_s,
    })
}

fn same(whole: u64, number: f64) -> bool {
    u32::try_from(whole).is_ok_and(|whole| (f64::from(whole) - number).abs() < f64::EPSILON)
}

/// A number, or a text of one, as Python's `float` takes both.
fn number(args: &Object, name: &str, absent: f64) -> Result<f64, String> {
    let number = match args.get(name) {
        None | Some(Value::Null) => Some(absent),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    number
        .filter(|number| number.is_finite())
        .ok_or_else(|| format!("{name} must be a number"))
}

fn texts(args: &Object, name: &str) -> Result<Vec<(String, String)>, String> {
    let wrong = || format!("{name} must be an object with texts");
    match args.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(entries)) => {
            let entry = |(key, value): (&String, &Value)| {
                let value = value.as_str().ok_or_else(wrong)?;
                Ok((key.clone(), value.to_owned()))
            };
            entries.iter().map(entry).collect()
        }
        Some(_) => Err(wrong()),
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
    fn check(args: Value, expected: Option<&str>) {
        let problem = check_call(args.as_object().unwrap()).err();
        match (problem, expected) {
            (None, None) => {}
            (Some(problem), Some(expected)) => assert!(problem.contains(expected), "{problem}"),
            (problem, expected) => panic!("{args}: {problem:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn calls() {
        check(json!({"url": "http://a/"}), None);
        check(
            json!({"url": "http://a/", "timeout": "2.5", "retries": "0"}),
            None,
        );
        check(json!({"url": 5}), Some("url must be a text"));
        check(json!({"url": "a", "timeout": 0}), Some("timeout must be"));
        check(json!({"url": "a", "timeout": "nan"}), Some("a number"));
        check(json!({"url": "a", "retries": 1.5}), Some("retries must be"));
        check(json!({"url": "a", "retries": 1000}), Some("up to 10"));
        check(
            json!({"url": "a", "backoff_factor": -1}),
            Some("backoff_factor"),
        );
        check(
            json!({"url": "a", "headers": {"a": 1}}),
            Some("headers must be"),
        );
        let all = json!({"url": "a", "headers": {"a": "b"}, "proxies": {"http": "http://p"}});
        let call = call(all.as_object().unwrap(), "r".to_owned(), false).unwrap();
        assert_eq!(
            (call.timeout_s, call.retries, call.backoff_s),
            (5.0, 3, 0.3)
        );
        assert_eq!(call.headers, [("a".to_owned(), "b".to_owned())]);
    }
}
