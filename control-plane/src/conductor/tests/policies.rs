//! What operators have said of a node or of all nodes: cleaning, retirement, protection, maintenance, power after a failure.

use super::agent::Plan;
use super::lab::Lab;
use super::{rescue, service};
use crate::conductor::requests::{Maintenance, ProvisionRequest, RequestError, RequestedStep};
use ferric_drivers::PowerState;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;

async fn manageable(configured: bool) -> Lab {
    let mut lab = Lab::new();
    lab.configure(|settings| settings.conductor.automated_clean = configured);
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab
}

#[tokio::test(start_paused = true)]
async fn automated_cleaning_is_the_nodes_wish_or_else_the_configured_one() {
    let cases = [
        (true, None, 1),
        (true, Some(false), 0),
        (false, None, 0),
        (false, Some(true), 1),
    ];
    for (configured, own, erasures) in cases {
        let lab = manageable(configured).await;
        lab.edit(|node| node.automated_clean = own).await;
        lab.go(Verb::Provide, State::Available).await;
        assert_eq!(
            lab.machine.state.lock().erasures,
            erasures,
            "{configured} {own:?}"
        );
        lab.go(Verb::Deploy, State::Active).await;
        lab.go(Verb::Undeploy, State::Available).await;
        assert_eq!(lab.machine.state.lock().erasures, 2 * erasures);
        assert_eq!(lab.machine.bmc.power(), PowerState::Off);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retired_node_does_not_become_available_again() {
    for configured in [true, false] {
        let lab = manageable(configured).await;
        lab.go(Verb::Provide, State::Available).await;
        lab.go(Verb::Deploy, State::Active).await;
        lab.edit(|node| node.retired = true).await;
        lab.go(Verb::Undeploy, State::Manageable).await;
        let refused = lab.refusal(ProvisionRequest::new(Verb::Provide)).await;
        assert!(refused.contains("retired"), "{refused}");
        lab.edit(|node| node.retired = false).await;
        lab.go(Verb::Provide, State::Available).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_protected_node_keeps_its_instance() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_active().await;
    lab.edit(|node| {
        node.protected = true;
        node.protected_reason = Some("payroll".to_owned());
    })
    .await;
    for verb in [Verb::Deleted, Verb::Undeploy, Verb::Rebuild] {
        let refused = lab.try_to(ProvisionRequest::new(verb)).await.unwrap_err();
        assert!(
            matches!(&refused, RequestError::Forbidden(text) if text.contains("payroll")),
            "{verb}: {refused:?}"
        );
    }
    lab.edit(|node| node.protected = false).await;
    lab.go(Verb::Undeploy, State::Available).await;
}

/// Asks for a verb in a state, with the node in maintenance.
async fn in_maintenance(lab: &Lab, state: State, request: ProvisionRequest) -> String {
    lab.edit(|node| {
        node.provision_state = state;
        node.maintenance = true;
    })
    .await;
    lab.refusal(request).await
}

#[tokio::test(start_paused = true)]
async fn in_maintenance_nothing_begins_that_works_on_an_instance() {
    let lab = manageable(true).await;
    let new = ProvisionRequest::new;
    let clean = ProvisionRequest {
        steps: vec![RequestedStep::new("deploy", "erase_devices_metadata")],
        ..new(Verb::Clean)
    };
    let cases = [
        (State::Available, new(Verb::Active)),
        (State::Available, new(Verb::Deploy)),
        (State::Active, new(Verb::Rebuild)),
        (State::Manageable, clean),
        (State::Active, rescue::request()),
        (State::Rescue, new(Verb::Unrescue)),
        (State::Active, service::request(&["reset"])),
    ];
    for (state, request) in cases {
        let verb = request.verb;
        let refused = in_maintenance(&lab, state, request).await;
        assert!(refused.contains("maintenance mode"), "{verb}: {refused}");
        assert_eq!(lab.node().await.provision_state, state, "{verb}");
    }
    assert_eq!(lab.machine.bmc.boots().len(), 0);
}

/// Taking a node out of use is possible at any time; its machine is not driven on.
#[tokio::test(start_paused = true)]
async fn in_maintenance_a_node_can_be_taken_out_of_use() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_active().await;
    let (id, conductor) = (lab.machine.node, lab.conductor());
    let on = Maintenance::On { reason: None };
    conductor.set_maintenance(id, on).await.unwrap();
    lab.ask(Verb::Undeploy).await;
    lab.wait_for(State::CleanWait).await;
    tokio::time::sleep(std::time::Duration::from_secs(4000)).await;
    assert_eq!(lab.node().await.provision_state, State::CleanWait);
    conductor
        .set_maintenance(id, Maintenance::Off)
        .await
        .unwrap();
    lab.wait_for(State::Available).await;
}

async fn failed_deploy(power_off: bool) -> PowerState {
    let mut lab = Lab::new();
    lab.configure(|settings| settings.conductor.power_off_after_deploy_failure = power_off);
    lab.start(None).await;
    lab.enroll_available().await;
    lab.plan(Plan {
        failing: Some(("write_image", "no")),
        ..Plan::default()
    });
    lab.go(Verb::Deploy, State::DeployFailed).await;
    lab.machine.bmc.power()
}

async fn failed_clean(power_off: bool) -> PowerState {
    let mut lab = Lab::new();
    lab.configure(|settings| settings.conductor.poweroff_in_cleanfail = power_off);
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab.plan(Plan {
        failing: Some(("erase_devices_metadata", "no")),
        ..Plan::default()
    });
    lab.go(Verb::Provide, State::CleanFailed).await;
    assert_eq!(lab.node().await.fault.as_deref(), Some("clean failure"));
    lab.machine.bmc.power()
}

#[tokio::test(start_paused = true)]
async fn the_power_after_a_failure_is_the_configured_one() {
    for (power_off, expected) in [(true, PowerState::Off), (false, PowerState::On)] {
        assert_eq!(failed_deploy(power_off).await, expected);
        assert_eq!(failed_clean(power_off).await, expected);
    }
}
