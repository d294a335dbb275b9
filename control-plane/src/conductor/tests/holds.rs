//! Hold and unhold: a node stands still until an operator says go, for as long as that takes.

use super::lab::Lab;
use super::service;
use crate::conductor::requests::{ProvisionRequest, RequestedStep};
use ferric_drivers::{PowerAction, PowerState};
use ferric_model::node::{NetworkBoot, Object};
use ferric_model::run::WaitReason;
use ferric_model::state::ProvisionState as State;
use ferric_model::step::{Performer, Place, Recovery, Step, StepId};
use ferric_model::verb::Verb;
use std::time::Duration;
use tokio::time::sleep;

/// Longer than every time-out.
const LONG: Duration = Duration::from_secs(6000);

/// While the machine boots, the step after the one in hand becomes a hold.
pub(super) async fn hold_next(lab: &Lab) {
    let hold = Step {
        id: StepId::new("deploy", "hold"),
        priority: 99,
        args: Object::new(),
        by: Performer::Reserved,
        abortable: true,
        recovery: Recovery::RunAgain,
        requires_ramdisk: false,
        reboot_requested: false,
        place: Place::Here,
    };
    lab.edit(|node| {
        let run = node.run.as_mut().expect("a run");
        run.steps.insert(run.index + 1, hold);
    })
    .await;
}

async fn deploy_held(mut lab: Lab) -> Lab {
    lab.start(None).await;
    lab.enroll_available().await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    hold_next(&lab).await;
    lab.wait_for(State::DeployHold).await;
    lab
}

async fn clean_held() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab.ask(Verb::Provide).await;
    lab.wait_for(State::CleanWait).await;
    hold_next(&lab).await;
    lab.wait_for(State::CleanHold).await;
    lab
}

async fn service_held() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_active().await;
    lab.try_to(service::request(&["flash"])).await.unwrap();
    lab.wait_for(State::ServiceWait).await;
    hold_next(&lab).await;
    lab.wait_for(State::ServiceHold).await;
    lab
}

/// It does not run out, and goes on when told to.
async fn stays_and_goes_on(lab: Lab, held: State, end: State) {
    sleep(LONG).await;
    let node = lab.node().await;
    assert_eq!((node.provision_state, node.reservation), (held, None));
    let wait = node.run.unwrap().wait.unwrap();
    assert_eq!((wait.reason, wait.deadline), (WaitReason::Hold, None));
    lab.go(Verb::Unhold, end).await;
    let node = lab.node().await;
    assert_eq!((node.last_error, node.run), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_held_deploy_goes_on_when_told_to() {
    let lab = deploy_held(Lab::new()).await;
    let machine = lab.machine.clone();
    stays_and_goes_on(lab, State::DeployHold, State::Active).await;
    assert_eq!(machine.state.lock().writes, 1);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_is_held_where_its_request_says_so_and_goes_on_when_told_to() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    let hold = RequestedStep {
        priority: Some(90),
        ..RequestedStep::new("deploy", "hold")
    };
    let request = ProvisionRequest {
        steps: vec![hold],
        ..ProvisionRequest::new(Verb::Deploy)
    };
    lab.try_to(request).await.unwrap();
    lab.wait_for(State::DeployHold).await;
    let machine = lab.machine.clone();
    assert!(machine.state.lock().agent.is_some(), "the ramdisk is up");
    assert_eq!(machine.state.lock().writes, 0);
    stays_and_goes_on(lab, State::DeployHold, State::Active).await;
    assert_eq!(machine.state.lock().writes, 1);
}

#[tokio::test(start_paused = true)]
async fn held_cleaning_goes_on_when_told_to() {
    let lab = clean_held().await;
    let machine = lab.machine.clone();
    stays_and_goes_on(lab, State::CleanHold, State::Available).await;
    assert_eq!(machine.state.lock().erasures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_held_service_goes_on_when_told_to() {
    let lab = service_held().await;
    let machine = lab.machine.clone();
    stays_and_goes_on(lab, State::ServiceHold, State::Active).await;
    assert_eq!(machine.state.lock().services, ["flash"]);
}

#[tokio::test(start_paused = true)]
async fn a_held_service_can_be_replaced_by_another_one() {
    let lab = service_held().await;
    lab.try_to(service::request(&["reset"])).await.unwrap();
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().services, ["reset"]);
    service::runs_its_instance(&lab, &lab.node().await);
}

/// While it is held it is the operator's; it boots what it likes then.
#[tokio::test(start_paused = true)]
async fn a_held_machine_that_was_restarted_or_switched_off_gets_the_ramdisk_again() {
    for action in [PowerAction::Reboot, PowerAction::Off] {
        let lab = deploy_held(Lab::new()).await;
        let (conductor, id) = (lab.conductor(), lab.machine.node);
        conductor.set_power(id, action, None).await.unwrap();
        sleep(Duration::from_secs(60)).await;
        assert_eq!(lab.node().await.provision_state, State::DeployHold);
        lab.go(Verb::Unhold, State::Active).await;
        assert_eq!(lab.machine.state.lock().writes, 1);
    }
}

/// Nothing is torn down on the way, as Ironic does where its own table does not allow it.
#[tokio::test(start_paused = true)]
async fn an_abort_of_a_held_deploy_ends_in_deploy_failed() {
    let lab = deploy_held(Lab::new()).await;
    lab.go(Verb::Abort, State::DeployFailed).await;
    let node = lab.node().await;
    assert!(node.last_error.unwrap().contains("aborted"));
    assert_eq!(
        (node.run, node.network_boot, node.maintenance),
        (None, NetworkBoot::LocalDisk, false)
    );
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
    let states = lab.states().await;
    assert!(!states.contains(&"deleting"), "{states:?}");
    lab.go(Verb::Deploy, State::Active).await;
}

#[tokio::test(start_paused = true)]
async fn an_abort_of_held_cleaning_ends_in_clean_failed_without_a_fault() {
    let lab = clean_held().await;
    lab.go(Verb::Abort, State::CleanFailed).await;
    let node = lab.node().await;
    assert!(node.last_error.unwrap().contains("aborted"));
    assert_eq!((node.maintenance, node.fault), (false, None));
    assert_eq!(node.network_boot, NetworkBoot::LocalDisk);
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
    assert_eq!(lab.machine.state.lock().erasures, 0);
}

#[tokio::test(start_paused = true)]
async fn an_abort_of_a_held_service_brings_the_instance_back() {
    let lab = service_held().await;
    lab.go(Verb::Abort, State::Active).await;
    let node = lab.node().await;
    service::runs_its_instance(&lab, &node);
    assert!(node.last_error.unwrap().contains("aborted"));
}

#[tokio::test(start_paused = true)]
async fn a_hold_survives_its_conductor() {
    let mut lab = deploy_held(Lab::new()).await;
    lab.kill();
    sleep(LONG).await;
    lab.start(None).await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(lab.node().await.provision_state, State::DeployHold);
    lab.go(Verb::Unhold, State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
}
