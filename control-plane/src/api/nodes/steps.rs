//! Step lists as clients write them.

use crate::api::error::{ApiError, ApiResult};
use crate::conductor::requests::RequestedStep;
use ferric_model::ids::NodeId;
use ferric_model::node::Object;
use serde_json::Value;

/// Which kind of list; their items have different keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepList {
    /// Clean and service steps: done in the order given.
    Listed,
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

/// `deploy_steps`.
pub(in crate::api) fn deploy(value: Value) -> ApiResult<Vec<RequestedStep>> {
    parse(StepList::Deploy, value)
}

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
        None if list == StepList::Listed => Object::new(),
        Some(_) | None => return Err("args must be an object".to_owned()),
    };
    let mut number = |key: &str| {
        item.shift_remove(key)
            .map(|value| number(key, &value))
            .transpose()
    };
    let (order, priority) = match list {
        StepList::Listed => (number("order")?.unwrap_or(0), None),
        StepList::Deploy => {
            let priority = number("priority")?.ok_or("priority must be there")?;
            let priority = u32::try_from(priority).map_err(|_| "priority is too large")?;
            (0, Some(priority))
        }
    };
    let on_children = match list {
        StepList::Listed => on_children(&mut item)?,
        StepList::Deploy => None,
    };
    match item.keys().next() {
        Some(key) => Err(format!("{key} is not a key of a step")),
        None => Ok((
            order,
            RequestedStep {
                args,
                priority,
                on_children,
                ..RequestedStep::new(&interface, &step)
            },
        )),
    }
}

/// `execute_on_child_nodes`, and which ones `limit_child_node_execution` leaves.
fn on_children(item: &mut Object) -> Result<Option<Vec<NodeId>>, String> {
    let wanted = match item.shift_remove("execute_on_child_nodes") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(wanted)) => wanted,
        Some(other) => {
            return Err(format!(
                "execute_on_child_nodes must be true or false, not {other}"
            ));
        }
    };
    let limit = item.shift_remove("limit_child_node_execution");
    let only: Vec<NodeId> = match limit {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(ids)) => ids.iter().map(child).collect::<Result<_, _>>()?,
        Some(_) => return Err("limit_child_node_execution must be a list of UUIDs".to_owned()),
    };
    if !wanted && !only.is_empty() {
        return Err("limit_child_node_execution goes with execute_on_child_nodes only".to_owned());
    }
    Ok(wanted.then_some(only))
}

fn child(id: &Value) -> Result<NodeId, String> {
    let parsed = id.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| format!("limit_child_node_execution must hold UUIDs of nodes, not {id}"))
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
        use StepList::Listed;
        let ordered = json!([
            {"interface": "deploy", "step": "second", "order": "2"},
            {"interface": "raid", "step": "first", "order": 1, "args": {"a": 1}},
        ]);
        check(Listed, ordered, Ok(&["first", "second"]));
        check(
            Listed,
            json!([{"interface": "deploy", "step": "a"}, {"interface": "deploy", "step": "a"}]),
            Ok(&["a", "a"]),
        );
        check(Listed, json!({}), Err("must be a list"));
        check(
            Listed,
            json!([{"interface": "deploy"}]),
            Err("step 0: step must be"),
        );
        check(
            Listed,
            json!([{"interface": "boot", "step": "a"}]),
            Err("boot has no steps"),
        );
        check(
            Listed,
            json!([{"interface": "deploy", "step": "a", "priority": 1}]),
            Err("priority is not a key"),
        );
    }

    #[test]
    fn steps_on_child_nodes() {
        let one = "00000000-0000-0000-0000-000000000001";
        let step = |more: Value| {
            let mut item = json!({"interface": "power", "step": "power_on"});
            let more = more.as_object().unwrap().clone();
            item.as_object_mut().unwrap().extend(more);
            json!([item])
        };
        let found = |more: Value| {
            let steps = parse(StepList::Listed, step(more)).unwrap();
            steps[0].on_children.clone()
        };
        assert_eq!(found(json!({})), None);
        assert_eq!(found(json!({"execute_on_child_nodes": false})), None);
        assert_eq!(found(json!({"execute_on_child_nodes": true})), Some(vec![]));
        assert_eq!(
            found(json!({"execute_on_child_nodes": true, "limit_child_node_execution": [one]})),
            Some(vec![one.parse().unwrap()])
        );
        let refused = |more: Value, part: &str| check(StepList::Listed, step(more), Err(part));
        refused(json!({"execute_on_child_nodes": 1}), "true or false");
        refused(json!({"limit_child_node_execution": [one]}), "goes with");
        let all = |only: Value| json!({"execute_on_child_nodes": true, "limit_child_node_execution": only});
        refused(all(json!(["x"])), "UUIDs of nodes");
        refused(all(json!(one)), "a list of UUIDs");
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
