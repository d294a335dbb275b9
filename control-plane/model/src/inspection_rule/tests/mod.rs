//! Rules as a whole, from what a client writes to what becomes of the node.

mod patterns;
mod strange;

use super::*;
use crate::ids::{NodeId, PortId};
use crate::node::{Node, Object};
use crate::port::Port;
use serde_json::{Value, json};
use uuid::Uuid;

const MAC: &str = "52:54:00:00:00:01";

fn object(value: &Value) -> Object {
    value.as_object().unwrap().clone()
}

fn subject() -> Subject {
    let (id, at) = (NodeId(Uuid::nil()), Timestamp::UNIX_EPOCH);
    let mut node = Node::new(id, "fake-hardware", at);
    node.driver_info = object(&json!({"redfish_password": "hunter2"}));
    Subject {
        node,
        ports: vec![Port::new(PortId(Uuid::nil()), MAC.parse().unwrap(), id, at)],
        inventory: object(&json!({
            "system_vendor": {"manufacturer": "Dell Inc.", "product_name": "PowerEdge R640"},
            "bmc_address": "192.0.2.7", "cpu": {"count": 16, "architecture": "x86_64"},
            "disks": [{"name": "/dev/sda"}, {"name": "/dev/sdb"}],
            "hostname": "{node.driver_info[redfish_password]}", "bmc_password": "calvin",
        })),
        plugin_data: object(&json!({"auto": true})),
    }
}

fn rule(conditions: &Value, actions: &Value) -> InspectionRule {
    let mut rule = InspectionRule::new(InspectionRuleId(Uuid::from_u128(9)), Timestamp::UNIX_EPOCH);
    rule.conditions = read_conditions(conditions).unwrap();
    rule.actions = read_actions(actions).unwrap();
    rule
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "reads better where it is called"
)]
fn run(conditions: Value, actions: Value) -> Result<Outcome, RuleFailure> {
    let rules = [rule(&conditions, &actions).rule().unwrap()];
    apply(&rules, subject(), MaskSecrets::Always)
}

fn holds(condition: &Value) -> bool {
    let actions = json!([{"op": "add-trait", "args": {"name": "CUSTOM_YES"}}]);
    let outcome = run(json!([condition]), actions).unwrap();
    assert_eq!(outcome.applied.len(), outcome.subject.node.traits.len());
    !outcome.applied.is_empty()
}

#[test]
fn what_was_found_decides_and_is_written_down() {
    let conditions = json!([
        {"op": "contains", "args": {"value": "{inventory[system_vendor][manufacturer]}", "regex": "(?i)dell"}},
        {"op": "is-true", "args": ["{plugin_data[auto]}"]},
        {"op": "gt", "args": {"values": ["{inventory[cpu][count]}", 4]}},
        {"op": "!in-net", "args": {"address": "{inventory[bmc_address]}", "subnet": "10.0.0.0/8"}},
    ]);
    let actions = json!([
        {"op": "set-attribute", "args": {"path": "/driver", "value": "redfish"}},
        {"op": "set-attribute", "args": ["driver_info.redfish_address", "https://{inventory[bmc_address]}"]},
        {"op": "set-attribute", "args": {"path": "/properties/found",
            "value": {"arch": "{inventory[cpu][architecture]}", "list": ["{node.driver}", 1]}}},
        {"op": "set-capability", "args": {"name": "cpus", "value": "{inventory[cpu][count]}"}},
        {"op": "set-port-attribute", "args": {"port_id": MAC, "path": "extra/seen", "value": true}},
        {"op": "set-plugin-data", "args": {"path": "a.b", "value": "{node.driver}"}},
        {"op": "log", "args": {"msg": "set up {node.driver}", "level": "Warning"}},
        {"op": "api-call", "args": {"url": "http://hook/{inventory[bmc_address]}", "timeout": 2}},
    ]);
    let outcome = run(conditions, actions).unwrap();
    let Subject {
        node,
        ports,
        plugin_data,
        ..
    } = outcome.subject;
    assert_eq!(node.driver, "redfish");
    assert_eq!(node.driver_info["redfish_address"], "https://192.0.2.7");
    assert_eq!(node.driver_info["redfish_password"], "hunter2");
    let found = json!({"arch": "x86_64", "list": ["redfish", 1]});
    assert_eq!(node.properties["found"], found);
    assert_eq!(node.properties["capabilities"], "cpus:16");
    assert_eq!(ports[0].extra["seen"], json!(true));
    assert_eq!(plugin_data["a"], json!({"b": "redfish"}));
    let line = &outcome.log[0];
    assert_eq!(
        (line.level, line.text.as_str()),
        (Level::Warning, "set up redfish")
    );
    assert_eq!(outcome.calls[0].url, "http://hook/192.0.2.7");
}

#[test]
fn loops_of_conditions() {
    let check = |multiple: &str, items: Value, expected: bool| {
        let condition = json!({"op": "eq", "loop": items, "multiple": multiple,
            "args": {"values": ["{inventory[cpu][count]}", "{item}"]}});
        assert_eq!(holds(&condition), expected, "{condition}");
    };
    check("any", json!([4, 16, 8]), true);
    check("any", json!([4, 8]), false);
    check("all", json!([16, 16]), true);
    check("all", json!([16, 4]), false);
    check("first", json!([16, 4]), true);
    check("first", json!([4, 16]), false);
    check("last", json!([4, 16]), true);
    check("last", json!([16, 4]), false);
    let one = json!({"op": "eq", "loop": {"n": 16}, "args": {"values": ["{item[n]}", "{inventory[cpu][count]}"]}});
    assert!(holds(&one));
    let negated = json!({"op": "!eq", "loop": [4, 16], "args": {"values": ["16", "{item}"]}});
    assert!(holds(&negated));
    let none = json!({"op": "eq", "loop": [], "args": {"values": [1, 1]}});
    assert!(holds(&none));
}

#[test]
fn loops_of_actions() {
    let actions = json!([
        {"op": "set-attribute", "args": {"path": "{item[path]}", "value": "{item[value]}"}, "loop": [
            {"path": "driver_info/a", "value": "x"},
            {"path": "driver_info/b", "value": "{inventory[bmc_address]}"},
        ]},
        {"op": "extend-attribute", "args": {"path": "extra/l", "value": "{item}", "unique": true},
            "loop": ["u", "u", "v"]},
        {"op": "add-trait", "args": {"name": "CUSTOM_{item}"}, "loop": ["A", "B"]},
        {"op": "remove-trait", "args": {"name": "CUSTOM_A"}},
    ]);
    let node = run(json!([]), actions).unwrap().subject.node;
    assert_eq!(
        (&node.driver_info["a"], &node.driver_info["b"]),
        (&json!("x"), &json!("192.0.2.7"))
    );
    assert_eq!(node.extra["l"], json!(["u", "v"]));
    assert_eq!(node.traits, ["CUSTOM_B"]);
}

#[test]
fn what_a_machine_says_is_no_template() {
    let action = |value: Value| {
        json!([{"op": "set-attribute", "loop": [value],
        "args": {"path": "extra/x", "value": "{item}"}}])
    };
    let node = run(json!([]), action(json!("{inventory[hostname]}"))).unwrap();
    let text = json!("{node.driver_info[redfish_password]}");
    assert_eq!(node.subject.node.extra["x"], text);
}

#[test]
fn what_is_not_there() {
    let empty = |value: &str| holds(&json!({"op": "is-empty", "args": {"value": value}}));
    assert!(empty("{inventory[nothing]}") && empty("{node.name}") && !empty("{node.driver}"));
    assert!(!empty("{node.nothing}"));
    assert!(holds(
        &json!({"op": "is-none", "args": {"value": "{node.name}"}})
    ));
    assert!(!holds(
        &json!({"op": "is-none", "args": {"value": "{node.driver}"}})
    ));
    assert!(holds(
        &json!({"op": "!is-none", "args": {"value": "{inventory[nothing]}"}})
    ));
    let action =
        json!([{"op": "set-attribute", "args": {"path": "extra/x", "value": "{nothing}"}}]);
    let outcome = run(json!([]), action).unwrap();
    assert_eq!(outcome.subject.node.extra["x"], "{nothing}");
    assert_eq!(outcome.log[0].level, Level::Warning);
}

#[test]
fn a_failure_names_the_rule_and_its_place() {
    let failed = |conditions: Value, actions: Value, parts: &[&str]| {
        let failure = run(conditions, actions).unwrap_err().to_string();
        for part in parts {
            assert!(failure.contains(part), "{failure}");
        }
    };
    let id = Uuid::from_u128(9).to_string();
    let fail = json!([{"op": "fail", "args": {"msg": "only {inventory[cpu][count]} CPUs"}}]);
    failed(
        json!([]),
        fail.clone(),
        &[&id, "refuses this machine: only 16 CPUs"],
    );
    let wrong = json!([{"op": "lt", "args": {"values": ["x", 4]}}]);
    failed(
        wrong,
        fail,
        &[&id, "condition 0 (lt)", "cannot be compared"],
    );
    let state =
        json!([{"op": "set-attribute", "args": {"path": "provision_state", "value": "active"}}]);
    failed(
        json!([]),
        state,
        &["action 0 (set-attribute)", "may change"],
    );
    let port = json!([{"op": "del-port-attribute", "args": {"port_id": "x", "path": "extra"}}]);
    failed(json!([]), port, &["no port x"]);
    let level = json!([{"op": "log", "args": {"msg": "x", "level": "loud"}}]);
    failed(json!([]), level, &["level is \"loud\""]);
}

#[test]
fn a_sensitive_rule_says_nothing_of_what_it_does() {
    let actions = json!([
        {"op": "log", "args": {"msg": "password calvin"}},
        {"op": "set-attribute", "args": {"path": "driver", "value": {"calvin": 1}}},
    ]);
    let mut sensitive = rule(&json!([]), &actions);
    sensitive.sensitive = true;
    sensitive.description = Some("calvin".to_owned());
    let failure = apply(&[sensitive.rule().unwrap()], subject(), MaskSecrets::Always).unwrap_err();
    assert!(!failure.to_string().contains("calvin"), "{failure}");
    assert!(failure.to_string().contains("action 1 (set-attribute)"));
    sensitive.actions[1] = read_actions(&json!([{"op": "fail", "args": ["calvin"]}]))
        .unwrap()
        .remove(0);
    let failure = apply(&[sensitive.rule().unwrap()], subject(), MaskSecrets::Always).unwrap_err();
    assert!(!failure.to_string().contains("calvin"), "{failure}");
    sensitive.actions.pop();
    let outcome = apply(&[sensitive.rule().unwrap()], subject(), MaskSecrets::Always).unwrap();
    assert!(!format!("{:?}", outcome.log).contains("calvin"));
}

#[test]
fn secrets_are_given_to_whom_the_operator_wants() {
    let action = json!([{"op": "set-attribute", "args": {"path": "extra/x", "value": "{inventory[bmc_password]}"}}]);
    let check = |mask, sensitive, expected: &str| {
        let mut rule = rule(&json!([]), &action);
        rule.sensitive = sensitive;
        let outcome = apply(&[rule.rule().unwrap()], subject(), mask).unwrap();
        assert_eq!(outcome.subject.node.extra["x"], expected);
    };
    check(MaskSecrets::Always, true, "***");
    check(MaskSecrets::Sensitive, true, "calvin");
    check(MaskSecrets::Sensitive, false, "***");
    check(MaskSecrets::Never, false, "calvin");
}

#[test]
fn the_highest_priority_runs_first_and_equal_ones_as_they_stand() {
    let named = |name: &str, priority: i64| {
        let actions =
            json!([{"op": "extend-attribute", "args": {"path": "extra/order", "value": name}}]);
        let mut rule = rule(&json!([]), &actions);
        rule.priority = priority;
        rule.rule().unwrap()
    };
    let rules = [
        named("c", 1),
        named("a", 7),
        named("d", 1),
        named("b", 7),
        named("e", -5),
    ];
    let node = apply(&rules, subject(), MaskSecrets::Always)
        .unwrap()
        .subject
        .node;
    assert_eq!(node.extra["order"], json!(["a", "b", "c", "d", "e"]));
}

#[test]
fn a_later_rule_sees_what_an_earlier_one_did() {
    let mut first = rule(
        &json!([]),
        &json!([{"op": "set-attribute", "args": {"path": "driver", "value": "x"}}]),
    );
    first.priority = 10;
    let second = rule(
        &json!([{"op": "eq", "args": {"values": ["{node.driver}", "x"]}}]),
        &json!([{"op": "set-plugin-data", "args": {"path": "seen", "value": 1}},
            {"op": "unset-plugin-data", "args": {"path": "auto"}},
            {"op": "extend-plugin-data", "args": {"path": "n.l", "value": 2}},
            {"op": "unset-plugin-data", "args": {"path": "n.l"}}]),
    );
    let rules = [second.rule().unwrap(), first.rule().unwrap()];
    let outcome = apply(&rules, subject(), MaskSecrets::Always).unwrap();
    assert_eq!(
        Value::Object(outcome.subject.plugin_data),
        json!({"seen": 1})
    );
}

#[test]
fn texts_of_an_inspection_are_bounded() {
    let mut big = subject();
    big.plugin_data
        .insert("big".to_owned(), json!("x".repeat(900_000)));
    let items: Vec<_> = (0..1000).collect();
    let action = json!([{"op": "set-plugin-data", "loop": items, "args": {"path": "p{item}", "value": "{plugin_data[big]}"}}]);
    let rules = [rule(&json!([]), &action).rule().unwrap()];
    let failure = apply(&rules, big, MaskSecrets::Always).unwrap_err();
    assert!(failure.to_string().contains("too long"), "{failure}");
}

#[test]
fn what_rules_do_is_bounded() {
    let items: Vec<_> = (0..1000).collect();
    let numbers: Vec<_> = (0..100_000).collect();
    let numbers = json!([{"op": "set-attribute", "loop": items, "args": {"path": "extra/p{item}", "value": numbers}}]);
    let failure = run(json!([]), numbers).unwrap_err().to_string();
    assert!(
        failure.contains("more than one inspection is allowed"),
        "{failure}"
    );
    let small = json!([
        {"op": "set-attribute", "args": {"path": "extra/big", "value": "x".repeat(800_000)}},
        {"op": "set-attribute", "loop": items, "args": {"path": "extra/p", "value": "{item}"}},
    ]);
    let failure = run(json!([]), small).unwrap_err().to_string();
    assert!(
        failure.contains("more than one inspection is allowed"),
        "{failure}"
    );
    let pattern = json!([{"op": "matches", "loop": items, "multiple": "all", "args": {"value": "{item}", "regex": "{item}"}}]);
    let log = json!([{"op": "log", "args": ["x"]}]);
    let failure = run(pattern, log).unwrap_err().to_string();
    assert!(
        failure.contains("more than one inspection is allowed"),
        "{failure}"
    );
}

#[test]
fn what_is_wrong_with_a_rule_is_said_when_it_is_made() {
    let condition = |condition: Value| read_conditions(&json!([condition])).unwrap_err();
    let action = |action: Value| read_actions(&json!([action])).unwrap_err();
    let cases = [
        (
            condition(json!({"op": "le", "args": {"values": [1]}})),
            "use one of eq, lt",
        ),
        (condition(json!({"op": "eq"})), "args must be there"),
        (
            condition(json!({"op": "eq", "args": "x"})),
            "an object or a list",
        ),
        (
            condition(json!({"op": "eq", "args": {"value": 1}})),
            "eq: missing required arguments: values",
        ),
        (
            condition(json!({"op": "matches", "args": {"value": "x", "regex": "("}})),
            "unclosed group",
        ),
        (
            condition(json!({"op": "eq", "args": [[]], "multiple": "some"})),
            "any, all, first or last",
        ),
        (
            condition(json!({"op": "eq", "args": [[]], "loop": "x"})),
            "loop must be",
        ),
        (condition(json!(5)), "condition 0: it must be an object"),
        (
            action(json!({"op": "explode", "args": {}})),
            "use one of fail, log",
        ),
        (
            action(json!({"op": "!fail", "args": ["x"]})),
            "is not an action",
        ),
        (
            action(json!({"op": "fail", "args": {"msg": "x", "level": 1}})),
            "unexpected arguments: level",
        ),
        (
            action(json!({"op": "api-call", "args": {"url": "x", "timeout": -1}})),
            "timeout must be",
        ),
        (action(json!({"args": {}})), "op must be there"),
        (read_actions(&json!([])).unwrap_err(), "at least one"),
        (read_actions(&json!({})).unwrap_err(), "at least one"),
        (read_conditions(&json!({})).unwrap_err(), "must be a list"),
    ];
    for (found, expected) in cases {
        assert!(
            found.contains(expected),
            "{found:?} does not contain {expected:?}"
        );
    }
    let many: Vec<_> = (0..1001).collect();
    let problem = condition(json!({"op": "eq", "args": [[]], "loop": many}));
    assert!(problem.contains("at most 1000"));
}
