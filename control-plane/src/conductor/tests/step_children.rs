//! Steps on child nodes, and what becomes of them when the conductor dies in between.

use super::agent::Plan;
use super::halting_store::Death;
use super::lab::Lab;
use super::steps::{ask, clean, manageable, step};
use crate::conductor::requests::{Maintenance, RequestError, RequestedStep};
use ferric_drivers::{FakeFault, PowerState};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::{Key, Table, Transaction};
use serde_json::json;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

fn id(number: u128) -> NodeId {
    NodeId(Uuid::from_u128(number))
}

fn on_children(name: &str, only: &[NodeId]) -> RequestedStep {
    RequestedStep {
        on_children: Some(only.to_vec()),
        ..RequestedStep::new("power", name)
    }
}

async fn node(lab: &Lab, number: u128) -> Node {
    let key = Key::new(Table::Node, id(number));
    lab.store
        .get(&key)
        .await
        .unwrap()
        .unwrap()
        .decode()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn power_steps_are_done_on_all_children_or_on_those_named() {
    let lab = manageable(Plan::default(), "").await;
    let (one, two) = (lab.child(11).await, lab.child(12).await);
    ask(&lab, clean(vec![on_children("power_on", &[])]))
        .await
        .unwrap();
    lab.wait_for(State::Manageable).await;
    assert_eq!((one.power(), two.power()), (PowerState::On, PowerState::On));
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
    let stored = node(&lab, 12).await.power_state;
    assert_eq!(stored, Some(ferric_model::state::PowerState::On));
    let some = clean(vec![on_children("power_off", &[id(12)])]);
    ask(&lab, some).await.unwrap();
    lab.wait_for(State::Manageable).await;
    assert_eq!(
        (one.power(), two.power()),
        (PowerState::On, PowerState::Off)
    );
    let stranger = clean(vec![on_children("power_off", &[id(13)])]);
    match ask(&lab, stranger).await {
        Err(RequestError::Invalid(text)) => {
            assert!(text.contains("is not a child of this node"), "{text}");
            assert!(text.contains(&id(11).to_string()), "{text}");
        }
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

/// The volume of this name is to be the child's only one.
async fn want_volume(lab: &Lab, name: &str) {
    let disk = json!({"volume_name": name, "size_gb": 20, "raid_level": "1"});
    let wanted = json!({"logical_disks": [disk]});
    let mut child = node(lab, 11).await;
    child.target_raid_config = wanted.as_object().unwrap().clone();
    let stored = Transaction::new().put(&child);
    lab.store.commit(stored).await.unwrap();
    let create = RequestedStep {
        on_children: Some(Vec::new()),
        ..step(
            "raid",
            "create_configuration",
            json!({"delete_existing": true}),
        )
    };
    ask(lab, clean(vec![create])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_step_puts_behind_itself_is_done_on_the_child_too() {
    let lab = manageable(Plan::default(), "").await;
    let child = lab.child(11).await;
    for name in ["first", "second"] {
        want_volume(&lab, name).await;
        lab.wait_for(State::Manageable).await;
        assert_eq!(lab.node().await.last_error, None);
        let volumes = child.volumes();
        assert_eq!((volumes.len(), &volumes[0]["name"]), (1, &json!(name)));
        let known = node(&lab, 11).await.raid_config;
        assert_eq!(known["logical_disks"][0]["name"], name);
    }
    let images = json!({"settings": [
        {"component": "bmc", "url": "http://a/2.0"},
        {"component": "bios", "url": "http://a/3.1"},
    ]});
    let update = RequestedStep {
        on_children: Some(Vec::new()),
        ..step("firmware", "update", images)
    };
    ask(&lab, clean(vec![update])).await.unwrap();
    lab.wait_for(State::Manageable).await;
    let versions = child.firmware_versions();
    assert_eq!(
        (versions["bmc"].as_str(), versions["bios"].as_str()),
        ("2.0", "3.1")
    );
    assert!(lab.machine.bmc.volumes().is_empty());
}

/// Half of it is not taken for the whole.
#[tokio::test(start_paused = true)]
async fn a_child_that_goes_on_by_itself_fails_the_step_with_a_sentence() {
    let lab = manageable(Plan::default(), "").await;
    let child = lab.child(11).await;
    want_volume(&lab, "first").await;
    lab.wait_for(State::Manageable).await;
    child.set_task_duration(Duration::from_secs(30));
    want_volume(&lab, "second").await;
    lab.wait_for(State::CleanFailed).await;
    let error = lab.node().await.last_error.unwrap();
    let expected = format!("child node {}: raid.create_configuration was begun", id(11));
    assert!(error.contains(&expected), "{error}");
}

/// Where the operator permits that, and nothing of the step comes behind it.
#[tokio::test(start_paused = true)]
async fn a_child_may_be_permitted_to_go_on_by_itself() {
    let mut lab = Lab::new();
    lab.configure(|all| all.conductor.permit_child_node_step_async_result = true);
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    let child = lab.child(11).await;
    child.set_task_duration(Duration::from_secs(30));
    let update = |components: &[&str]| {
        let image = |name: &&str| json!({"component": name, "url": "http://a/2.0"});
        let images: Vec<_> = components.iter().map(image).collect();
        clean(vec![RequestedStep {
            on_children: Some(Vec::new()),
            ..step("firmware", "update", json!({"settings": images}))
        }])
    };
    ask(&lab, update(&["bmc"])).await.unwrap();
    lab.wait_for(State::Manageable).await;
    assert_eq!(lab.node().await.last_error, None);
    sleep(Duration::from_secs(60)).await;
    ask(&lab, update(&["bmc", "bios"])).await.unwrap();
    lab.wait_for(State::CleanFailed).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(error.contains("goes on by itself"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_node_without_children_has_nothing_to_do() {
    let lab = manageable(Plan::default(), "").await;
    ask(&lab, clean(vec![on_children("reboot", &[])]))
        .await
        .unwrap();
    lab.wait_for(State::Manageable).await;
    assert_eq!(lab.node().await.last_error, None);
    assert!(lab.machine.bmc.boots().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_fails_is_named() {
    let lab = manageable(Plan::default(), "").await;
    let one = lab.child(11).await;
    lab.child(12).await;
    let fails = async |part: &str| {
        ask(&lab, clean(vec![on_children("power_on", &[])]))
            .await
            .unwrap();
        lab.wait_for(State::CleanFailed).await;
        let error = lab.node().await.last_error.unwrap();
        let expected = format!("power.power_on: child node {}: ", id(11));
        assert!(error.contains(&expected) && error.contains(part), "{error}");
        lab.go(Verb::Manage, State::Manageable).await;
    };
    one.fail_next([FakeFault::Broken("the fuse is blown".to_owned())]);
    fails("the fuse is blown").await;
    let on = Maintenance::On { reason: None };
    lab.conductor().set_maintenance(id(11), on).await.unwrap();
    fails("it is in maintenance").await;
    lab.conductor()
        .set_maintenance(id(11), Maintenance::Off)
        .await
        .unwrap();
    let _held = lab.conductor().locks().acquire(id(11), "a test").unwrap();
    fails("it is held for a test").await;
    assert_eq!(one.power(), PowerState::Off);
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_only_the_child_in_hand_is_looked_at_again() {
    let mut commits = 0;
    for k in 0.. {
        let mut lab = manageable(Plan::default(), "").await;
        let children = [
            lab.child(11).await,
            lab.child(12).await,
            lab.child(13).await,
        ];
        lab.kill();
        sleep(Duration::from_secs(7)).await;
        let store = lab.start(Some((k, Death::Before))).await;
        sleep(Duration::from_secs(1)).await;
        let request = || clean(vec![on_children("reboot", &[])]);
        let asked = timeout(Duration::from_secs(1), ask(&lab, request())).await;
        let died = tokio::select! {
            biased;
            () = store.died.notified() => true,
            () = sleep(Duration::from_secs(120)) => false,
        };
        lab.kill();
        sleep(Duration::from_secs(7)).await;
        lab.start(None).await;
        let rebooted = children.iter().any(|child| !child.boots().is_empty());
        if !matches!(asked, Ok(Ok(()))) && lab.node().await.run.is_none() && !rebooted {
            ask(&lab, request()).await.unwrap();
        }
        lab.wait_for(State::Manageable).await;
        let boots: Vec<usize> = children.iter().map(|child| child.boots().len()).collect();
        let context = format!("commit {k}: {boots:?}, {:?}", lab.node().await.last_error);
        assert_eq!(lab.node().await.last_error, None, "{context}");
        assert!(
            boots.iter().all(|count| (1..=2).contains(count)),
            "{context}"
        );
        assert!(boots.iter().sum::<usize>() <= 4, "{context}");
        if !died {
            assert_eq!(boots, [1, 1, 1]);
            break;
        }
        commits = k;
    }
    assert!(
        commits > 6,
        "a step for each of three children has more than {commits} commits"
    );
}
