//! Inspection rules at work: what they change is stored with the inspection, or the inspection fails and says why.

use super::lab::Lab;
use super::machine::{ADDRESS, inventory};
use crate::conductor::requests::{InspectionRequest, TokenUse};
use crate::config::BuiltInRule;
use ferric_agent_protocol::extensions::Extensions;
use ferric_model::event::What;
use ferric_model::ids::{InspectionRuleId, NodeId, PortgroupId};
use ferric_model::inspection_rule::{InspectionRule, read_actions, read_conditions};
use ferric_model::node::Node;
use ferric_model::portgroup::Portgroup;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::Transaction;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

fn rule(number: u128, conditions: &Value, actions: &Value) -> InspectionRule {
    let id = InspectionRuleId(Uuid::from_u128(number));
    let mut rule = InspectionRule::new(id, jiff::Timestamp::UNIX_EPOCH);
    rule.conditions = read_conditions(conditions).unwrap();
    rule.actions = read_actions(actions).unwrap();
    rule
}

async fn manageable(lab: &mut Lab) {
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
}

async fn inspected(lab: &Lab, rules: &[InspectionRule], ends: State) -> Node {
    let conductor = lab.conductor();
    for rule in rules {
        conductor.create_recipe(rule.clone()).await.unwrap();
    }
    lab.go(Verb::Inspect, ends).await;
    lab.node().await
}

#[tokio::test(start_paused = true)]
async fn rules_change_node_ports_and_plugin_data_in_one_commit() {
    let mut lab = Lab::new();
    let built_in = BuiltInRule {
        id: "last".to_owned(),
        description: None,
        priority: -1,
        sensitive: false,
        conditions: Vec::new(),
        actions: read_actions(&json!([
            {"op": "set-attribute", "args": {"path": "extra/seen", "value": "{node.resource_class}"}},
        ]))
        .unwrap(),
    };
    lab.configure(|settings| settings.inspection.built_in_rules = vec![built_in]);
    manageable(&mut lab).await;
    let conditions =
        json!([{"op": "eq", "args": {"values": ["{inventory[cpu][architecture]}", "x86_64"]}}]);
    let actions = json!([
        {"op": "set-attribute", "args": {"path": "/resource_class", "value": "small"}},
        {"op": "add-trait", "args": {"name": "CUSTOM_SEEN"}},
        {"op": "set-capability", "args": {"name": "cores", "value": "{inventory[cpu][count]}"}},
        {"op": "set-port-attribute", "args": {"port_id": ADDRESS, "path": "physical_network", "value": "blue"}},
        {"op": "set-plugin-data", "args": {"path": "mine", "value": "{node.properties[cpu_arch]}"}},
    ]);
    let other = json!([{"op": "fail", "args": {"msg": "never"}}]);
    let skipped = rule(
        6,
        &json!([{"op": "gt", "args": {"values": ["{inventory[cpu][count]}", 1000]}}]),
        &other,
    );
    let rules = [rule(5, &conditions, &actions), skipped];
    let node = inspected(&lab, &rules, State::Manageable).await;
    assert_eq!(node.resource_class.as_deref(), Some("small"));
    assert_eq!(node.traits, ["CUSTOM_SEEN"]);
    assert_eq!(node.properties["capabilities"], "cores:4");
    assert_eq!(node.extra["seen"], "small", "the built-in rule comes last");
    let ports = lab.conductor().ports_of(node.uuid).await.unwrap();
    assert_eq!(ports[0].physical_network.as_deref(), Some("blue"));
    let key = ferric_store::Key::new(ferric_store::Table::Inventory, node.uuid);
    let stored = lab.store.get(&key).await.unwrap().unwrap();
    let stored: ferric_model::inventory::StoredInventory = stored.decode().unwrap();
    assert_eq!(stored.plugin_data["mine"], "x86_64");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_fails_fails_the_inspection_and_changes_nothing() {
    let mut lab = Lab::new();
    manageable(&mut lab).await;
    let mut first = rule(
        7,
        &json!([]),
        &json!([{"op": "set-attribute", "args": {"path": "resource_class", "value": "small"}}]),
    );
    first.priority = 9;
    let actions =
        json!([{"op": "fail", "args": {"msg": "{inventory[cpu][count]} CPUs are too few"}}]);
    let node = inspected(
        &lab,
        &[rule(8, &json!([]), &actions), first],
        State::InspectFailed,
    )
    .await;
    let error = node.last_error.unwrap();
    let id = Uuid::from_u128(8).to_string();
    assert!(
        error.contains(&id) && error.contains("4 CPUs are too few"),
        "{error}"
    );
    assert_eq!(node.resource_class, None);
    assert_eq!(node.properties.get("cpu_arch"), None);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_fails_the_inspection() {
    let mut lab = Lab::new();
    manageable(&mut lab).await;
    let mut other = Node::new(
        ferric_model::ids::NodeId(Uuid::from_u128(77)),
        "fake-hardware",
        lab.conductor().now(),
    );
    other.name = Some("taken".to_owned());
    lab.store
        .commit(Transaction::new().put(&other))
        .await
        .unwrap();
    let actions = json!([{"op": "set-attribute", "args": {"path": "name", "value": "taken"}}]);
    let node = inspected(&lab, &[rule(5, &json!([]), &actions)], State::InspectFailed).await;
    let error = node.last_error.unwrap();
    assert!(
        error.contains("cannot be stored") && error.contains("taken"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_driver_brings_its_own_interfaces() {
    let mut lab = Lab::new();
    manageable(&mut lab).await;
    let actions = |driver: &str| json!([{"op": "set-attribute", "args": {"path": "driver", "value": driver}}]);
    let node = inspected(
        &lab,
        &[rule(5, &json!([]), &actions("bogus"))],
        State::InspectFailed,
    )
    .await;
    let error = node.last_error.unwrap();
    assert!(error.contains("bogus"), "{error}");
    lab.conductor().destroy_inspection_rules().await.unwrap();
    // Same again with a driver that there is: the inspection itself may end either way, its machine has another BMC.
    let conductor = lab.conductor();
    conductor
        .create_recipe(rule(6, &json!([]), &actions("redfish")))
        .await
        .unwrap();
    lab.ask(Verb::Inspect).await;
    let limit = std::time::Duration::from_secs(3600);
    lab.wait_until("another driver", limit, |node| node.driver == "redfish")
        .await;
    let node = lab.node().await;
    assert_eq!(node.interface("power"), Some("redfish"));
}

async fn group(lab: &Lab, node: NodeId) -> PortgroupId {
    let id = PortgroupId(Uuid::from_u128(90));
    let group = Portgroup::new(id, node, lab.conductor().now());
    lab.conductor().create_plain(group).await.unwrap();
    id
}

async fn put_into_group(owner: impl AsyncFnOnce(&Lab) -> NodeId, ends: State) -> (Lab, Node) {
    let mut lab = Lab::new();
    manageable(&mut lab).await;
    let node = owner(&lab).await;
    let group = group(&lab, node).await;
    let path = "portgroup_uuid";
    let actions = json!([
        {"op": "set-port-attribute", "args": {"port_id": ADDRESS, "path": path, "value": group}},
    ]);
    let node = inspected(&lab, &[rule(5, &json!([]), &actions)], ends).await;
    (lab, node)
}

#[tokio::test(start_paused = true)]
async fn a_rule_puts_ports_into_groups_of_their_own_node_only() {
    let own = async |lab: &Lab| lab.machine.node;
    let (lab, node) = put_into_group(own, State::Manageable).await;
    let ports = lab.conductor().ports_of(node.uuid).await.unwrap();
    assert_eq!(ports[0].portgroup_uuid, Some(Uuid::from_u128(90)));

    let foreign = async |lab: &Lab| {
        lab.child(77).await;
        NodeId(Uuid::from_u128(77))
    };
    let (lab, node) = put_into_group(foreign, State::InspectFailed).await;
    let error = node.last_error.unwrap();
    assert!(error.contains("which is on node"), "{error}");
    let ports = lab.conductor().ports_of(node.uuid).await.unwrap();
    assert_eq!(ports[0].portgroup_uuid, None);
}

fn data() -> InspectionRequest {
    let data = json!({"inventory": inventory(), "error": null});
    InspectionRequest {
        node_uuid: None,
        data: data.as_object().cloned().unwrap(),
        extensions: Extensions::all(),
        token: TokenUse::Known,
        from: None,
    }
}

/// The ramdisk has sent them once more while the node was held, as by a rule's call.
#[tokio::test(start_paused = true)]
async fn data_that_come_twice_are_handled_once() {
    let mut lab = Lab::new();
    manageable(&mut lab).await;
    lab.machine.state.lock().stuck = true;
    lab.ask(Verb::Inspect).await;
    lab.wait_for(State::InspectWait).await;
    let conductor = lab.conductor();
    let lock = conductor.locks().wait(lab.machine.node, "a test").await;
    let release = async {
        sleep(Duration::from_secs(1)).await;
        drop(lock);
    };
    let (first, second, ()) = tokio::join!(
        conductor.continue_inspection(data()),
        conductor.continue_inspection(data()),
        release
    );
    assert_eq!(first.unwrap().node.uuid, lab.machine.node);
    assert_eq!(second.unwrap().node.uuid, lab.machine.node);
    lab.wait_for(State::Manageable).await;
    let events = lab.events().await;
    let handled = events
        .iter()
        .filter(|what| matches!(what, What::Inspected { .. }));
    assert_eq!(handled.count(), 1);
}
