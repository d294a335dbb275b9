//! Abort: the right end, a cause that says so, nothing left behind that boots. Of holds, rescue and service elsewhere.

use super::agent::Plan;
use super::lab::Lab;
use super::steps;
use ferric_drivers::PowerState;
use ferric_model::event::What;
use ferric_model::node::NetworkBoot;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

async fn manageable() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab
}

async fn was_aborted(lab: &Lab) {
    let node = lab.node().await;
    let error = node.last_error.unwrap();
    assert!(error.contains("aborted"), "{error}");
    assert_eq!(
        (node.run, node.network_boot, node.maintenance, node.fault),
        (None, NetworkBoot::LocalDisk, false, None)
    );
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
}

#[tokio::test(start_paused = true)]
async fn inspection() {
    let lab = manageable().await;
    lab.ask(Verb::Inspect).await;
    lab.wait_for(State::InspectWait).await;
    lab.go(Verb::Abort, State::InspectFailed).await;
    was_aborted(&lab).await;
    lab.go(Verb::Inspect, State::Manageable).await;
    assert_eq!(lab.node().await.last_error, None);
}

#[tokio::test(start_paused = true)]
async fn cleaning_whose_ramdisk_boots() {
    let lab = manageable().await;
    lab.ask(Verb::Provide).await;
    lab.wait_for(State::CleanWait).await;
    lab.go(Verb::Abort, State::CleanFailed).await;
    was_aborted(&lab).await;
    assert_eq!(lab.machine.state.lock().erasures, 0);
    lab.make_available().await;
}

#[tokio::test(start_paused = true)]
async fn cleaning_in_a_step_that_must_end_first() {
    let lab = manageable().await;
    lab.ask(Verb::Provide).await;
    while lab.machine.state.lock().erasures == 0 {
        sleep(Duration::from_millis(100)).await;
    }
    lab.wait_for(State::CleanWait).await;
    lab.ask(Verb::Abort).await;
    let node = lab.node().await;
    assert_eq!(node.provision_state, State::CleanWait);
    assert!(node.run.unwrap().notes.contains_key("abort_after"));
    lab.wait_for(State::CleanFailed).await;
    was_aborted(&lab).await;
    let done = lab.events().await.into_iter().any(
        |what| matches!(what, What::StepDone { step, .. } if step.step == "erase_devices_metadata"),
    );
    assert!(done, "the step was interrupted");
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_writes() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    lab.plan(Plan {
        writing: Duration::from_secs(600),
        ..Plan::default()
    });
    lab.ask(Verb::Deploy).await;
    while lab.machine.state.lock().writes == 0 {
        sleep(Duration::from_millis(100)).await;
    }
    lab.wait_for(State::DeployWait).await;
    lab.go(Verb::Abort, State::DeployFailed).await;
    was_aborted(&lab).await;
}

#[tokio::test(start_paused = true)]
async fn a_deploy_in_a_step_that_must_end_first() {
    let mut lab = Lab::new();
    let flash = json!({"interface": "deploy", "step": "flash", "priority": 90, "abortable": false});
    lab.plan(Plan {
        deploy_steps: vec![flash],
        ..Plan::default()
    });
    lab.start(None).await;
    lab.enroll_available().await;
    lab.ask(Verb::Deploy).await;
    while lab.machine.state.lock().steps.is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    lab.wait_for(State::DeployWait).await;
    lab.ask(Verb::Abort).await;
    let node = lab.node().await;
    assert_eq!(node.provision_state, State::DeployWait);
    assert!(node.run.unwrap().notes.contains_key("abort_after"));
    lab.wait_for(State::DeployFailed).await;
    was_aborted(&lab).await;
    let done = steps::done(&lab).await;
    assert!(done.contains(&"deploy.flash".to_owned()), "{done:?}");
    assert_eq!(lab.machine.state.lock().steps, ["flash"], "what was told");
}

/// Whoever stops the conductor in the middle of it loses nothing.
#[tokio::test(start_paused = true)]
async fn an_abort_survives_its_conductor() {
    let mut lab = manageable().await;
    lab.ask(Verb::Provide).await;
    while lab.machine.state.lock().erasures == 0 {
        sleep(Duration::from_millis(100)).await;
    }
    lab.wait_for(State::CleanWait).await;
    lab.ask(Verb::Abort).await;
    lab.kill();
    sleep(Duration::from_secs(60)).await;
    lab.start(None).await;
    lab.wait_for(State::CleanFailed).await;
    was_aborted(&lab).await;
}
