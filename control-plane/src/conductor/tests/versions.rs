//! An agent whose hardware managers are others than when it told its steps.

use super::agent::{Manners, Plan};
use super::lab::Lab;
use super::runbooks::runbook;
use super::service;
use super::steps::{ask, clean, manageable, step};
use ferric_drivers::PowerState;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

fn plan(manners: Manners) -> Plan {
    let offered = |step: &str, priority: u32| json!({"interface": "deploy", "step": step, "priority": priority});
    Plan {
        manners,
        clean_steps: json!([
            offered("first", 99),
            // Takes its time, so that the agent can change meanwhile.
            offered("erase_devices_metadata", 98),
            offered("last", 97),
        ]),
        ..Plan::default()
    }
}

/// Waits until the agent works on the step that takes its time, and has it be another one from then on.
async fn change_in_the_middle(lab: &Lab) {
    while lab.machine.state.lock().erasures == 0 {
        sleep(Duration::from_millis(100)).await;
    }
    lab.machine.state.lock().plan.version = "2";
}

#[tokio::test(start_paused = true)]
async fn automated_cleaning_begins_anew() {
    for manners in [Manners::Ferric, Manners::Ironic] {
        let lab = manageable(plan(manners), "").await;
        lab.ask(Verb::Provide).await;
        change_in_the_middle(&lab).await;
        lab.wait_for(State::Available).await;
        let expected = [
            "first",
            "erase_devices_metadata",
            "last",
            "first",
            "erase_devices_metadata",
            "last",
        ];
        assert_eq!(lab.machine.state.lock().steps, expected, "{manners:?}");
        assert_eq!(lab.machine.bmc.boots().len(), 2);
        assert_eq!(lab.node().await.last_error, None);
    }
}

#[tokio::test(start_paused = true)]
async fn automated_cleaning_that_is_not_wanted_any_more_goes_on_to_its_end() {
    let lab = manageable(plan(Manners::Ferric), "").await;
    lab.ask(Verb::Provide).await;
    change_in_the_middle(&lab).await;
    lab.wait_for(State::CleanWait).await;
    lab.edit(|node| node.automated_clean = Some(false)).await;
    lab.wait_for(State::Available).await;
    let expected = ["first", "erase_devices_metadata", "last", "last"];
    assert_eq!(lab.machine.state.lock().steps, expected);
    let bmc = &lab.machine.bmc;
    assert_eq!((bmc.power(), bmc.boots().len()), (PowerState::Off, 1));
}

#[tokio::test(start_paused = true)]
async fn cleaning_that_begins_anew_without_its_runbook_does_what_has_a_priority() {
    let settings = "automated_cleaning_step_source = 'hybrid'\n\
                    automated_cleaning_runbook_from_node = true\n\
                    automated_cleaning_runbook_validate_traits = false";
    let lab = manageable(plan(Manners::Ferric), settings).await;
    let steps = ["deploy.erase_devices_metadata", "deploy.last"];
    let conductor = lab.conductor();
    let made = conductor.create_recipe(runbook("CUSTOM_WIPE", &steps));
    made.await.unwrap();
    let own = |node: &mut Node| {
        let name = json!("CUSTOM_WIPE");
        node.driver_info.insert("cleaning_runbook".to_owned(), name);
    };
    lab.edit(own).await;
    lab.ask(Verb::Provide).await;
    change_in_the_middle(&lab).await;
    lab.wait_for(State::CleanWait).await;
    lab.edit(|node| node.driver_info.clear()).await;
    lab.wait_for(State::Available).await;
    let expected = [
        "erase_devices_metadata",
        "last",
        "first",
        "erase_devices_metadata",
        "last",
    ];
    assert_eq!(lab.machine.state.lock().steps, expected);
}

#[tokio::test(start_paused = true)]
async fn manual_cleaning_repeats_the_step_in_hand() {
    for manners in [Manners::Ferric, Manners::Ironic] {
        let lab = manageable(plan(manners), "").await;
        let steps = ["erase_devices_metadata", "last", "first"];
        let steps = steps.map(|name| step("deploy", name, json!({})));
        ask(&lab, clean(steps.to_vec())).await.unwrap();
        change_in_the_middle(&lab).await;
        lab.wait_for(State::Manageable).await;
        let expected = ["erase_devices_metadata", "last", "last", "first"];
        assert_eq!(lab.machine.state.lock().steps, expected, "{manners:?}");
        assert_eq!(lab.machine.bmc.boots().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deploy_goes_on_with_the_fresh_list() {
    let mut lab = Lab::new();
    let check = json!({"interface": "deploy", "step": "erase_devices_metadata", "priority": 90});
    lab.plan(Plan {
        deploy_steps: vec![check],
        ..Plan::default()
    });
    lab.start(None).await;
    lab.enroll_available().await;
    lab.ask(Verb::Deploy).await;
    change_in_the_middle(&lab).await;
    lab.wait_for(State::Active).await;
    let expected = ["erase_devices_metadata", "write_image", "write_image"];
    assert_eq!(lab.machine.state.lock().steps, expected);
}

#[tokio::test(start_paused = true)]
async fn a_service_repeats_the_step_in_hand() {
    for manners in [Manners::Ferric, Manners::Ironic] {
        let mut lab = Lab::new();
        lab.plan(plan(manners));
        lab.start(None).await;
        lab.enroll_active().await;
        let before = lab.machine.bmc.boots().len();
        let request = service::request(&["flash", "reset"]);
        ask(&lab, request).await.unwrap();
        while lab.machine.state.lock().services.is_empty() {
            sleep(Duration::from_millis(100)).await;
        }
        lab.machine.state.lock().plan.version = "2";
        lab.wait_for(State::Active).await;
        let services = lab.machine.state.lock().services.clone();
        assert_eq!(services, ["flash", "reset", "reset"], "{manners:?}");
        // The ramdisk once, and the instance.
        assert_eq!(lab.machine.bmc.boots().len(), before + 2);
        let node = lab.node().await;
        service::runs_its_instance(&lab, &node);
        assert_eq!(node.last_error, None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_changes_all_the_time_is_given_up() {
    let lab = manageable(plan(Manners::Ferric), "").await;
    lab.ask(Verb::Provide).await;
    let machine = lab.machine.clone();
    let mut changing = JoinSet::new();
    changing.spawn(async move {
        let mut erasures = 0;
        for version in (0..).map(|number| if number % 2 == 0 { "2" } else { "1" }) {
            while machine.state.lock().erasures == erasures {
                sleep(Duration::from_millis(100)).await;
            }
            erasures = machine.state.lock().erasures;
            machine.state.lock().plan.version = version;
        }
    });
    lab.wait_for(State::CleanFailed).await;
    changing.abort_all();
    let error = lab.node().await.last_error.unwrap();
    assert!(error.contains("have changed 4 times"), "{error}");
    let steps: Value = json!(lab.machine.state.lock().steps);
    assert_eq!(steps.as_array().unwrap().len(), 12);
}
