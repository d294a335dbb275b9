//! `extra-hardware`: what the `hardware-detect` collector found, a list of `[class, device, key, value]`, becomes nested
//! objects in `plugin_data.extra`, where rules can get at it.

use super::Findings;
use ferric_model::node::Object;
use serde_json::Value;

const ITEM: usize = 4;

pub(super) fn run(findings: &mut Findings<'_>) {
    let Some(data) = findings.plugin_data.get("data") else {
        return;
    };
    let strict = findings.context.settings.extra_hardware_strict;
    let is_item = |item: &Value| {
        let item = item.as_array();
        item.is_some_and(|item| !strict || item.len() == ITEM)
    };
    let items = data.as_array().filter(|items| items.iter().all(is_item));
    let Some(items) = items else {
        if strict {
            findings.plugin_data.shift_remove("data");
        }
        findings.note("the extra hardware data are not in a form that is known");
        return;
    };
    let extra = nested(items);
    findings
        .plugin_data
        .insert("extra".to_owned(), Value::Object(extra));
    findings.plugin_data.shift_remove("data");
}

/// Items that are too short, or that contradict another one, are left out.
fn nested(items: &[Value]) -> Object {
    let mut extra = Object::new();
    for item in items {
        let Some([class, device, key, value]) = item.as_array().and_then(|item| item.get(..ITEM))
        else {
            continue;
        };
        let (Some(class), Some(device), Some(key)) = (name(class), name(device), name(key)) else {
            continue;
        };
        let of_class = extra
            .entry(class)
            .or_insert_with(|| Value::Object(Object::new()));
        let Some(of_class) = of_class.as_object_mut() else {
            continue;
        };
        let of_device = of_class
            .entry(device)
            .or_insert_with(|| Value::Object(Object::new()));
        if let Some(of_device) = of_device.as_object_mut() {
            of_device.insert(key, number(value));
        }
    }
    extra
}

fn name(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whole numbers come as texts.
fn number(value: &Value) -> Value {
    let parsed = value
        .as_str()
        .and_then(|text| text.trim().parse::<i64>().ok());
    parsed.map_or_else(|| value.clone(), Value::from)
}
