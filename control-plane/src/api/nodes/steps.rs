//! Step lists as clients write them.

use crate::api::error::{ApiError, ApiResult};
use crate::conductor::requests::RequestedStep;
use ferric_model::node::Object;
use serde_json::Value;

/// Which kind of list; their items have different keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepList {
    Clean,
    Deploy,
}

/// Interfaces whose steps an operator may ask for.
pub(in crate::api) const INTERFACES: &[&str] = &[
    "vendor",
    "power",
    "management",
    "firmware",
    "deploy",
    "bios",
    "raid",
];

/// 400 with the place of the step that is wrong.
pub(super) fn parse(list: StepList, value: Value) -> ApiResult<Vec<RequestedStep>> {
    let Value::Array(items) = value else {
        return Err(ApiError::invalid("steps must be a list"));
    };
    let mut steps: Vec<(u64, RequestedStep)> = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let step = step(list, item);
        steps.push(step.map_err(|text| ApiError::invalid(format!("step {index}: {text}")))?);
    }
    // An order is a rank in the list; without any, the list's own order stays.
    steps.sort_by_key(|(order, _)| *order);
    let steps: Vec<_> = steps.into_iter().map(|(_, step)| step).collect();
    if list == StepList::Deploy {
        refuse_repeated(&steps)?;
    }
    Ok(steps)
}

fn refuse_repeated(steps: &[RequestedStep]) -> ApiResult<()> {
    for (index, step) in steps.iter().enumerate() {
        let same = |other: &RequestedStep| {
            (&other.interface, &other.step) == (&step.interface, &step.step)
        };
        if steps[..index].iter().any(same) {
            return Err(ApiError::invalid(format!(
                "{}.{} stands in deploy_steps twice",
                step.interface, step.step
            )));
        }
    }
    Ok(())
}

fn step(list: StepList, item: Value) -> Result<(u64, RequestedStep), String> {
    let Value::Object(mut item) = item else {
        return Err("a step must be an object".to_owned());
    };
    let mut text = |key: &str| match item.shift_remove(key) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) | None => Err(format!("{key} must be a text")),
    };
    let (interface, step) = (text("interface")?, text("step")?);
    if !INTERFACES.contains(&interface.as_str()) {
        return Err(format!(
            "{interface} has no steps: use one of {}",
            INTERFACES.join(", ")
        ));
    }
    let args = match item.shift_remove("args") {
        Some(Value::Object(args)) => args,
        None if list == StepList::Clean => Object::new(),
        Some(_) | None => return Err("args must be an object".to_owned()),
    };
    let mut number = |key: &str| {
        item.shift_remove(key)
            .map(|value| number(key, &value))
            .transpose()
    };
    let (order, priority) = match list {
        StepList::Clean => (number("order")?.unwrap_or(0), None),
        StepList::Deploy => {
            let priority = number("priority")?.ok_or("priority must be there")?;
            let priority = u32::try_from(priority).map_err(|_| "priority is too large")?;
            (0, Some(priority))
        }
    };
    if item.contains_key("execute_on_child_nodes")
        || item.contains_key("limit_child_node_execution")
    {
        return Err("steps on child nodes are not supported".to_owned());
    }
    match item.keys().next() {
        Some(key) => Err(format!("{key} is not a key of a step")),
        None => Ok((
            order,
            RequestedStep {
                interface,
                step,
                args,
                priority,
            },
        )),
    }
}

fn number(key: &str, value: &Value) -> Result<u64, String> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let text = value.as_str().filter(|text| digits(text));
    value
        .as_u64()
        .or_else(|| text?.parse().ok())
        .ok_or_else(|| format!("{key} must be a number from 0 on"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(list: StepList, value: Value, expected: Result<&[&str], &str>) {
        let found = parse(list, value).map_err(|error| format!("{error:?}"));
        match (found, expected) {
            (Ok(steps), Ok(names)) => {
                let found: Vec<_> = steps.iter().map(|step| step.step.as_str()).collect();
                assert_eq!(found, names);
            }
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn clean_steps() {
        use StepList::Clean;
        let ordered = json!([
            {"interface": "deploy", "step": "second", "order": "2"},
            {"interface": "raid", "step": "first", "order": 1, "args": {"a": 1}},
        ]);
        check(Clean, ordered, Ok(&["first", "second"]));
        check(
            Clean,
            json!([{"interface": "deploy", "step": "a"}, {"interface": "deploy", "step": "a"}]),
            Ok(&["a", "a"]),
        );
        check(Clean, json!({}), Err("must be a list"));
        check(
            Clean,
            json!([{"interface": "deploy"}]),
            Err("step 0: step must be"),
        );
        check(
            Clean,
            json!([{"interface": "boot", "step": "a"}]),
            Err("boot has no steps"),
        );
        check(
            Clean,
            json!([{"interface": "deploy", "step": "a", "priority": 1}]),
            Err("priority is not a key"),
        );
        check(
            Clean,
            json!([{"interface": "deploy", "step": "a", "execute_on_child_nodes": true}]),
            Err("child nodes"),
        );
    }

    #[test]
    fn deploy_steps_need_all_four_keys() {
        use StepList::Deploy;
        let good = json!({"interface": "deploy", "step": "a", "args": {}, "priority": 50});
        check(Deploy, json!([good]), Ok(&["a"]));
        check(Deploy, json!([good, good]), Err("twice"));
        check(
            Deploy,
            json!([{"interface": "deploy", "step": "a", "priority": 1}]),
            Err("args"),
        );
        check(
            Deploy,
            json!([{"interface": "deploy", "step": "a", "args": {}}]),
            Err("priority must be there"),
        );
        check(
            Deploy,
            json!([{"interface": "deploy", "step": "a", "args": {}, "priority": -1}]),
            Err("from 0 on"),
        );
    }
}
