//! Rules that nobody would write: whatever is taken as a rule can be run.

use super::{MAC, subject};
use crate::ids::InspectionRuleId;
use crate::inspection_rule::{
    Action, InspectionRule, MaskSecrets, Operator, apply, read_actions, read_conditions,
};
use crate::node::Node;
use jiff::Timestamp;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value, json};
use uuid::Uuid;

/// Any value, with texts that look like templates, paths and patterns more often than not.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[{}\\[\\].:!/a-z0-9*+()|]{0,12}".prop_map(Value::from),
        Just(json!("{inventory}")),
        Just(json!("{item}")),
        Just(json!("{node.driver_info}")),
        Just(json!("driver_info/a")),
        Just(json!("properties.capabilities")),
        Just(json!(MAC)),
        Just(json!("CUSTOM_A")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z{}]{0,4}", inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn operation(names: Vec<&'static str>) -> impl Strategy<Value = Value> {
    let arguments = [
        "values", "value", "regex", "address", "subnet", "path", "name", "port_id", "msg",
        "unique", "level",
    ];
    let by_name =
        prop::collection::vec((prop::sample::select(arguments.to_vec()), anything()), 0..4);
    let by_name = by_name.prop_map(|args| {
        Value::Object(
            args.into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    });
    let by_place = prop::collection::vec(anything(), 0..4).prop_map(Value::from);
    let args = prop_oneof![by_name, by_place];
    (
        prop::sample::select(names),
        args,
        prop::option::of(anything()),
    )
        .prop_map(|(op, args, items)| {
            let mut operation = json!({"op": op, "args": args});
            if let Some(items) = items {
                operation["loop"] = items;
            }
            operation
        })
}

proptest! {
    /// Whatever is taken as a rule can be run, and ends in an outcome or a failure.
    #[test]
    fn no_rule_is_too_strange(
        conditions in prop::collection::vec(operation(Operator::ALL.iter().map(|op| op.name()).collect()), 0..3),
        actions in prop::collection::vec(operation(Action::ALL.iter().map(|op| op.name()).collect()), 1..4),
        found in anything(),
    ) {
        let conditions: Vec<_> = conditions.iter().filter_map(|one| read_conditions(&json!([one])).ok()).flatten().collect();
        let actions: Vec<_> = actions.iter().filter_map(|one| read_actions(&json!([one])).ok()).flatten().collect();
        let mut made = InspectionRule::new(InspectionRuleId(Uuid::nil()), Timestamp::UNIX_EPOCH);
        (made.conditions, made.actions) = (conditions, actions);
        let stored = serde_json::to_string(&made).unwrap();
        let read: InspectionRule = serde_json::from_str(&stored).unwrap();
        let mut subject = subject();
        subject.plugin_data.insert("found".to_owned(), found);
        let outcome = apply(&[read.rule().unwrap()], subject, MaskSecrets::Sensitive);
        if let Ok(outcome) = outcome {
            let node = serde_json::to_string(&outcome.subject.node).unwrap();
            assert!(serde_json::from_str::<Node>(&node).is_ok());
        }
    }
}
