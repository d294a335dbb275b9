//! Service: steps on a machine that keeps its instance.

use super::agent::{Manners, Plan};
use super::lab::Lab;
use crate::conductor::requests::{
    Maintenance, ProvisionRequest, Ramdisk, RequestError, RequestedStep,
};
use ferric_drivers::{BootDevice, PowerState};
use ferric_model::node::{NetworkBoot, Node};
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::json;

pub(super) fn request(steps: &[&str]) -> ProvisionRequest {
    let step = |name: &&str| RequestedStep::new("deploy", name);
    ProvisionRequest {
        steps: steps.iter().map(step).collect(),
        ..ProvisionRequest::new(Verb::Service)
    }
}

async fn active() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_active().await;
    lab
}

pub(super) fn runs_its_instance(lab: &Lab, node: &Node) {
    let bmc = &lab.machine.bmc;
    assert_eq!(
        (bmc.power(), bmc.boots().last(), node.network_boot),
        (
            PowerState::On,
            Some(&Some(BootDevice::Disk)),
            NetworkBoot::LocalDisk
        )
    );
    assert_eq!(lab.machine.state.lock().writes, 1);
    assert!(node.run.is_none() && node.agent.is_none());
}

fn broken() -> Plan {
    Plan {
        failing: Some(("flash", "the battery is empty")),
        ..Plan::default()
    }
}

#[tokio::test(start_paused = true)]
async fn steps_are_done_in_the_order_given_and_the_instance_runs_again() {
    let lab = active().await;
    lab.try_to(request(&["reset", "flash", "reset"]))
        .await
        .unwrap();
    lab.wait_for(State::Active).await;
    let services = lab.machine.state.lock().services.clone();
    assert_eq!(services, ["reset", "flash", "reset"]);
    let node = lab.node().await;
    runs_its_instance(&lab, &node);
    assert_eq!(node.last_error, None);
    assert!(lab.states().await.contains(&"service wait"));
}

/// Ironic's agent does not tell one command of a name from the other.
#[tokio::test(start_paused = true)]
async fn a_step_that_is_wanted_twice_in_a_row_is_done_twice_by_any_agent() {
    for manners in [Manners::Ferric, Manners::Ironic] {
        let lab = active().await;
        lab.plan(Plan {
            manners,
            ..Plan::default()
        });
        let steps = ["flash", "flash", "reset"];
        lab.try_to(request(&steps)).await.unwrap();
        lab.wait_for(State::Active).await;
        assert_eq!(lab.machine.state.lock().services, steps, "{manners:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_keeps_the_machine_as_it_is_until_somebody_looked() {
    let lab = active().await;
    lab.plan(broken());
    lab.try_to(request(&["flash"])).await.unwrap();
    lab.wait_for(State::ServiceFailed).await;
    let node = lab.node().await;
    assert_eq!(
        (node.maintenance, node.fault.as_deref()),
        (true, Some("service failure"))
    );
    let error = node.last_error.unwrap();
    assert!(
        error.contains("deploy.flash") && error.contains("the battery is empty"),
        "{error}"
    );
    assert_eq!(lab.machine.bmc.power(), PowerState::On);

    let refused = lab.refusal(request(&["reset"])).await;
    assert!(refused.contains("maintenance"), "{refused}");
    match lab.try_to(ProvisionRequest::new(Verb::Abort)).await {
        Err(RequestError::Conflict(text)) => assert!(text.contains("maintenance"), "{text}"),
        other => panic!("{other:?}"),
    }
    let (id, conductor) = (lab.machine.node, lab.conductor());
    conductor
        .set_maintenance(id, Maintenance::Off)
        .await
        .unwrap();
    assert_eq!(lab.node().await.fault, None);
    lab.go(Verb::Abort, State::Active).await;
    let node = lab.node().await;
    runs_its_instance(&lab, &node);
    assert!(node.last_error.unwrap().contains("aborted"));
    assert!(!node.internal_info.contains_key("ferric_left_instance"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_service_can_be_done_again() {
    let lab = active().await;
    lab.plan(broken());
    lab.try_to(request(&["flash"])).await.unwrap();
    lab.wait_for(State::ServiceFailed).await;
    lab.plan(Plan::default());
    let (id, conductor) = (lab.machine.node, lab.conductor());
    conductor
        .set_maintenance(id, Maintenance::Off)
        .await
        .unwrap();
    lab.try_to(request(&["flash"])).await.unwrap();
    lab.wait_for(State::Active).await;
    let node = lab.node().await;
    runs_its_instance(&lab, &node);
    assert_eq!((node.last_error, node.maintenance), (None, false));
}

#[tokio::test(start_paused = true)]
async fn a_failed_service_ends_without_power_where_that_is_wanted() {
    let mut lab = Lab::new();
    lab.configure(|settings| settings.conductor.poweroff_in_servicefail = true);
    lab.start(None).await;
    lab.enroll_active().await;
    lab.plan(broken());
    lab.try_to(request(&["flash"])).await.unwrap();
    lab.wait_for(State::ServiceFailed).await;
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
}

/// Nothing was done to the machine, so nobody has to look at it.
#[tokio::test(start_paused = true)]
async fn a_step_that_nobody_offers_fails_without_a_fault() {
    let lab = active().await;
    lab.try_to(request(&["reset", "polish"])).await.unwrap();
    lab.wait_for(State::ServiceFailed).await;
    let node = lab.node().await;
    assert!(node.last_error.unwrap().contains("deploy.polish"));
    assert_eq!((node.maintenance, node.fault), (false, None));
    assert!(lab.machine.state.lock().services.is_empty());
    lab.go(Verb::Abort, State::Active).await;
    runs_its_instance(&lab, &lab.node().await);
}

#[tokio::test(start_paused = true)]
async fn an_abort_while_it_waits_brings_the_instance_back() {
    let lab = active().await;
    lab.try_to(request(&["flash"])).await.unwrap();
    lab.wait_for(State::ServiceWait).await;
    lab.go(Verb::Abort, State::Active).await;
    let node = lab.node().await;
    runs_its_instance(&lab, &node);
    assert!(node.last_error.unwrap().contains("aborted"));
    assert_eq!((node.maintenance, node.fault), (false, None));
    let states = lab.states().await.join(", ");
    assert!(
        states.ends_with("servicing, service failed, active"),
        "{states}"
    );
}

/// A request for steps that need no ramdisk.
fn out_of_band(steps: &[&str]) -> ProvisionRequest {
    let step = |name: &&str| RequestedStep::new("power", name);
    ProvisionRequest {
        steps: steps.iter().map(step).collect(),
        ..ProvisionRequest::new(Verb::Service)
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_switches_a_machine_on_that_a_step_has_switched_off() {
    let lab = active().await;
    lab.try_to(out_of_band(&["power_off", "hold"]))
        .await
        .unwrap();
    lab.wait_for(State::ServiceHold).await;
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
    lab.go(Verb::Abort, State::Active).await;
    runs_its_instance(&lab, &lab.node().await);
}

/// Held while it runs the ramdisk.
async fn held_in_the_ramdisk() -> Lab {
    let lab = active().await;
    lab.try_to(request(&["reset", "hold"])).await.unwrap();
    lab.wait_for(State::ServiceHold).await;
    lab
}

#[tokio::test(start_paused = true)]
async fn a_service_without_the_ramdisk_in_the_place_of_one_with_it_brings_the_instance_back() {
    let lab = held_in_the_ramdisk().await;
    let wait = RequestedStep {
        args: json!({"seconds": 5}).as_object().unwrap().clone(),
        ..RequestedStep::new("deploy", "wait")
    };
    let waiting = ProvisionRequest {
        steps: vec![wait],
        ..ProvisionRequest::new(Verb::Service)
    };
    lab.try_to(waiting.clone()).await.unwrap();
    lab.wait_for(State::Active).await;
    runs_its_instance(&lab, &lab.node().await);

    lab.plan(broken());
    lab.try_to(request(&["flash"])).await.unwrap();
    lab.wait_for(State::ServiceFailed).await;
    let (id, conductor) = (lab.machine.node, lab.conductor());
    conductor
        .set_maintenance(id, Maintenance::Off)
        .await
        .unwrap();
    lab.try_to(waiting).await.unwrap();
    lab.wait_for(State::Active).await;
    runs_its_instance(&lab, &lab.node().await);
}

#[tokio::test(start_paused = true)]
async fn an_abort_of_the_second_service_knows_that_the_first_has_left_the_instance() {
    let lab = held_in_the_ramdisk().await;
    lab.try_to(out_of_band(&["hold"])).await.unwrap();
    lab.wait_for(State::ServiceHold).await;
    lab.go(Verb::Abort, State::Active).await;
    runs_its_instance(&lab, &lab.node().await);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_must_not_be_aborted_ends_before_the_abort() {
    let lab = active().await;
    lab.try_to(request(&["flash", "reset"])).await.unwrap();
    while lab.machine.state.lock().services.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    lab.wait_for(State::ServiceWait).await;
    lab.ask(Verb::Abort).await;
    assert_eq!(lab.node().await.provision_state, State::ServiceWait);
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().services, ["flash"]);
    let done = lab.events().await.into_iter().any(|what| {
        matches!(what, ferric_model::event::What::StepDone { step, .. } if step.step == "flash")
    });
    assert!(done, "the step was interrupted");
    let node = lab.node().await;
    assert!(node.last_error.unwrap().contains("aborted"));
    assert!(!node.maintenance);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_refused_before_the_machine_is_touched() {
    let lab = active().await;
    let boots = lab.machine.bmc.boots().len();
    let refused = lab.refusal(request(&[])).await;
    assert!(refused.contains("service_steps"), "{refused}");
    let without = ProvisionRequest {
        ramdisk: Ramdisk::Disable,
        ..request(&["reset"])
    };
    let refused = lab.refusal(without).await;
    assert!(
        refused.contains("deploy.reset") && refused.contains("disable_ramdisk"),
        "{refused}"
    );
    assert_eq!(lab.machine.bmc.boots().len(), boots);
}
