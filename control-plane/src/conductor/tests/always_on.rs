//! Nodes that must not be switched off (`disable_power_off`): every activity works, by restarts.

use super::agent::Plan;
use super::lab::Lab;
use super::{rescue, service};
use ferric_drivers::{BootDevice, PowerState};
use ferric_model::node::NetworkBoot;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use std::time::Duration;

/// Requests take long enough for the lab to see a machine that is off in between.
async fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.edit(|node| node.disable_power_off = true).await;
    lab.machine.bmc.force_power(PowerState::On);
    lab.machine.bmc.set_delay(Duration::from_secs(2));
    lab.go(Verb::Manage, State::Manageable).await;
    lab.machine.state.lock().was_off = false;
    lab
}

fn last_boot(lab: &Lab) -> Option<BootDevice> {
    lab.machine.bmc.boots().last().copied().flatten()
}

async fn is_left_on_its_disk(lab: &Lab) {
    let node = lab.node().await;
    assert_eq!(node.network_boot, NetworkBoot::LocalDisk);
    assert_eq!(last_boot(lab), Some(BootDevice::Disk));
    assert!(node.agent.is_none(), "{:?}", node.agent);
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_never_off_in_its_whole_life() {
    let lab = lab().await;
    lab.go(Verb::Inspect, State::Manageable).await;
    is_left_on_its_disk(&lab).await;
    lab.go(Verb::Provide, State::Available).await;
    is_left_on_its_disk(&lab).await;
    assert_eq!(lab.machine.state.lock().erasures, 1);
    lab.go(Verb::Deploy, State::Active).await;
    is_left_on_its_disk(&lab).await;
    let told = lab.machine.state.lock().told.clone();
    for command in ["standby.sync", "system.lockdown"] {
        assert!(told.iter().any(|name| name == command), "{told:?}");
    }
    assert!(!told.iter().any(|name| name == "standby.power_off"));
    lab.try_to(service::request(&["reset"])).await.unwrap();
    lab.wait_for(State::Active).await;
    is_left_on_its_disk(&lab).await;
    lab.try_to(rescue::request()).await.unwrap();
    lab.wait_for(State::Rescue).await;
    assert_eq!(last_boot(&lab), Some(BootDevice::Pxe));
    lab.go(Verb::Unrescue, State::Active).await;
    is_left_on_its_disk(&lab).await;
    lab.go(Verb::Undeploy, State::Available).await;
    is_left_on_its_disk(&lab).await;
    assert!(!lab.machine.state.lock().was_off);
    assert_eq!(
        lab.node().await.power_state.map(|state| state.name()),
        Some("power on")
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_restarts_it_instead_of_switching_it_off() {
    let lab = lab().await;
    lab.edit(|node| node.provision_state = State::Available)
        .await;
    lab.plan(Plan {
        failing: Some(("write_image", "no")),
        ..Plan::default()
    });
    lab.go(Verb::Deploy, State::DeployFailed).await;
    is_left_on_its_disk(&lab).await;
    assert!(!lab.machine.state.lock().was_off);
    lab.plan(Plan::default());
    lab.go(Verb::Deploy, State::Active).await;
    assert!(!lab.machine.state.lock().was_off);
}
