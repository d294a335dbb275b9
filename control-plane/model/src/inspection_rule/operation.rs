//! Conditions and actions as they are written: an operator with arguments, and what to repeat it for.

use super::action::{self, Action};
use super::arguments;
use super::condition::{self, Operator};
use super::pattern::Pattern;
use crate::named::named;
use crate::node::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Items of one loop: enough for the disks and network interfaces of any machine.
pub(super) const MOST_ITEMS: usize = 1000;

/// A condition or an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// The operator, of a condition with `!` in front where it is turned around.
    pub op: String,
    /// By name, or (of old) a list by position.
    pub args: Value,
    /// What `{item}` stands for, one after the other; a list, or an object that is the one item.
    #[serde(rename = "loop", default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Value>,
    /// Of a condition with a loop: how its results become one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiple: Option<Multiple>,
}

named!(
    /// How the results of a condition's loop become one.
    Multiple, "way to treat multiple values", {
        Any = "any",
        All = "all",
        First = "first",
        Last = "last",
    }
);

impl Operation {
    /// The items of the loop, if there is one: an empty list or object is none.
    pub fn each(&self) -> Option<Vec<Value>> {
        match self.items.as_ref()? {
            Value::Array(items) if !items.is_empty() => Some(items.clone()),
            Value::Object(item) if !item.is_empty() => Some(vec![Value::Object(item.clone())]),
            _ => None,
        }
    }
}

/// The conditions of a rule as a client writes them.
///
/// # Errors
/// One sentence with the place of the condition that is wrong.
pub fn read_conditions(value: &Value) -> Result<Vec<Operation>, String> {
    let items = value.as_array().ok_or("conditions must be a list")?;
    let read = |(index, item)| {
        read_condition(item).map_err(|problem| format!("condition {index}: {problem}"))
    };
    items.iter().enumerate().map(read).collect()
}

/// The actions of a rule as a client writes them.
///
/// # Errors
/// One sentence with the place of the action that is wrong.
pub fn read_actions(value: &Value) -> Result<Vec<Operation>, String> {
    let items = value.as_array().filter(|items| !items.is_empty());
    let items = items.ok_or("actions must be a list of at least one")?;
    let read =
        |(index, item)| read_action(item).map_err(|problem| format!("action {index}: {problem}"));
    items.iter().enumerate().map(read).collect()
}

fn read_condition(item: &Value) -> Result<Operation, String> {
    let mut operation = read(item)?;
    let multiple = item.get("multiple").map(|value| {
        let name = value.as_str().unwrap_or_default();
        name.parse()
            .map_err(|_| format!("multiple must be any, all, first or last, not {value}"))
    });
    operation.multiple = multiple.transpose()?;
    let (operator, _) = condition::parse(&operation.op)?;
    let args = arguments::named(operator.signature(), &operation.args)
        .map_err(|problem| format!("{}: {problem}", operation.op))?;
    check_pattern(operator, &args, &operation)?;
    Ok(operation)
}

fn read_action(item: &Value) -> Result<Operation, String> {
    let operation = read(item)?;
    let action = action::parse(&operation.op)?;
    let args = arguments::named(action.signature(), &operation.args)
        .map_err(|problem| format!("{}: {problem}", operation.op))?;
    if action == Action::ApiCall && operation.each().is_none() {
        action::check_call(&args).map_err(|problem| format!("{}: {problem}", operation.op))?;
    }
    Ok(operation)
}

/// The form, before anybody knows what the operator is. Other keys are ignored, as in Ironic.
fn read(item: &Value) -> Result<Operation, String> {
    let object = item.as_object().ok_or("it must be an object")?;
    let op = object.get("op").and_then(Value::as_str);
    let op = op.ok_or("op must be there and a text")?.to_owned();
    let args = object.get("args").ok_or("args must be there")?;
    if !args.is_object() && !args.is_array() {
        return Err("args must be an object or a list".to_owned());
    }
    Ok(Operation {
        op,
        args: args.clone(),
        items: read_loop(object)?,
        multiple: None,
    })
}

fn read_loop(object: &Object) -> Result<Option<Value>, String> {
    match object.get("loop") {
        None => Ok(None),
        Some(Value::Array(items)) if items.len() > MOST_ITEMS => {
            Err(format!("loop may have at most {MOST_ITEMS} items"))
        }
        Some(items @ (Value::Array(_) | Value::Object(_))) => Ok(Some(items.clone())),
        Some(_) => Err("loop must be a list or an object".to_owned()),
    }
}

/// A regular expression that is not put together in a loop can be tried at once.
fn check_pattern(operator: Operator, args: &Object, operation: &Operation) -> Result<(), String> {
    let is_pattern = matches!(operator, Operator::Matches | Operator::Contains);
    if !is_pattern || operation.each().is_some() {
        return Ok(());
    }
    let regex = args.get("regex").and_then(Value::as_str);
    let regex = regex.ok_or_else(|| format!("{}: regex must be a text", operation.op))?;
    Pattern::new(operator, regex)
        .map(drop)
        .map_err(|problem| format!("{}: {problem}", operation.op))
}
