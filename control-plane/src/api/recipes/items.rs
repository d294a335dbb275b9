//! The steps of deploy templates and runbooks as clients write them: four keys of each, and no other.

use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes::INTERFACES;
use ferric_model::node::Object;
use serde_json::{Value, json};

/// The step's rank: `priority` in a deploy template, `order` in a runbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    Priority,
    Order,
}

/// Whether the same step may stand in the list twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeats {
    Refused,
    Allowed,
}

impl Rank {
    const fn key(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Order => "order",
        }
    }
}

/// The list with its numbers as numbers; 400 with the place of the step that is wrong.
pub(super) fn check(value: &Value, rank: Rank, repeats: Repeats) -> ApiResult<Value> {
    let items = value.as_array().filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| ApiError::invalid("steps must be a list of at least one"))?;
    let mut known: Vec<(&Value, &Value)> = Vec::with_capacity(items.len());
    let mut checked = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let step = check_item(item, rank);
        let step = step.map_err(|text| ApiError::invalid(format!("step {index}: {text}")))?;
        let pair = (&item["interface"], &item["step"]);
        if repeats == Repeats::Refused && known.contains(&pair) {
            let (interface, step) = (text(pair.0), text(pair.1));
            let text = format!("{interface}.{step} stands in steps twice");
            return Err(ApiError::invalid(text));
        }
        known.push(pair);
        checked.push(step);
    }
    Ok(Value::Array(checked))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn check_item(item: &Value, rank: Rank) -> Result<Value, String> {
    let Value::Object(item) = item else {
        return Err("a step must be an object".to_owned());
    };
    let keys = ["interface", "step", "args", rank.key()];
    if let Some(other) = item.keys().find(|key| !keys.contains(&key.as_str())) {
        return Err(format!(
            "{other} is not a key of such a step; it has {}",
            keys.join(", ")
        ));
    }
    let interface = named(item, "interface")?;
    if !INTERFACES.contains(&interface) {
        return Err(format!(
            "{interface} has no steps: use one of {}",
            INTERFACES.join(", ")
        ));
    }
    let args = match item.get("args") {
        Some(Value::Object(args)) => args.clone(),
        None if rank == Rank::Order => Object::new(),
        None | Some(_) => return Err("args must be there and an object".to_owned()),
    };
    let number = item.get(rank.key()).and_then(number);
    let number = number.ok_or_else(|| format!("{} must be a number from 0 on", rank.key()))?;
    Ok(json!({
        "interface": interface,
        "step": named(item, "step")?,
        "args": args,
        rank.key(): number,
    }))
}

fn named<'a>(item: &'a Object, key: &str) -> Result<&'a str, String> {
    let text = item.get(key).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
        .ok_or_else(|| format!("{key} must be there and a text"))
}

/// Digits are taken for a number, as Ironic does.
fn number(value: &Value) -> Option<u32> {
    let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = match value.as_str() {
        Some(text) => Some(text).filter(digits)?.parse().ok(),
        None => value.as_u64(),
    };
    u32::try_from(number?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "reads better where it is called"
    )]
    fn step(step: &str, more: Value) -> Value {
        let mut item = json!({"interface": "raid", "step": step, "args": {}});
        item.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        item
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "reads better where it is called"
    )]
    fn refused(value: Value, rank: Rank, expected: &str) {
        let error = check(&value, rank, Repeats::Refused).unwrap_err();
        let error = format!("{error:?}");
        assert!(error.contains("400") && error.contains(expected), "{error}");
    }

    #[test]
    fn numbers_may_be_texts() {
        let value = json!([step("a", json!({"priority": "7"}))]);
        let checked = check(&value, Rank::Priority, Repeats::Refused).unwrap();
        assert_eq!(checked[0]["priority"], 7);
        let value = json!([
            step("a", json!({"order": 3})),
            step("a", json!({"order": 3}))
        ]);
        assert!(check(&value, Rank::Order, Repeats::Allowed).is_ok());
    }

    #[test]
    fn steps_of_a_runbook_may_have_no_arguments() {
        let value = json!([{"interface": "raid", "step": "a", "order": 1}]);
        let checked = check(&value, Rank::Order, Repeats::Allowed).unwrap();
        assert_eq!(checked[0]["args"], json!({}));
        let value = json!([{"interface": "raid", "step": "a", "priority": 1}]);
        refused(value, Rank::Priority, "args must be there");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let good = step("a", json!({"priority": 1}));
        refused(json!([]), Rank::Priority, "at least one");
        refused(json!({}), Rank::Priority, "at least one");
        refused(json!([good, 1]), Rank::Priority, "step 1: a step must be");
        refused(json!([good, good]), Rank::Priority, "raid.a stands");
        refused(json!([good]), Rank::Order, "priority is not a key");
        let bare = json!({"interface": "raid", "step": "a", "priority": 1});
        refused(json!([bare]), Rank::Priority, "args must be there");
        let unranked = json!({"interface": "raid", "step": "a", "args": {}});
        refused(json!([unranked]), Rank::Priority, "priority must be");
        for wrong in [json!(-1), json!("x"), json!("-1"), json!(null), json!(1.5)] {
            let item = step("a", json!({"priority": wrong}));
            refused(json!([item]), Rank::Priority, "from 0 on");
        }
        let elsewhere = json!({"interface": "boot", "step": "a", "args": {}, "priority": 1});
        refused(json!([elsewhere]), Rank::Priority, "boot has no steps");
    }
}
