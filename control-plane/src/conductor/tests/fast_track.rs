//! Fast track: one boot of the ramdisk serves inspection, cleaning and deploy; without an agent that answers there is none.

use super::lab::Lab;
use crate::conductor::requests::{LookupRequest, RequestError, TokenUse};
use ferric_agent_protocol::extensions::Extensions;
use ferric_drivers::{BootDevice, PowerState};
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

async fn lab(fast_track: bool) -> Lab {
    let mut lab = Lab::new();
    lab.configure(|settings| settings.deploy.fast_track = fast_track);
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab
}

/// Boots of the ramdisk so far.
fn ramdisks(lab: &Lab) -> usize {
    let boots = lab.machine.bmc.boots();
    boots
        .iter()
        .filter(|device| **device == Some(BootDevice::Pxe))
        .count()
}

async fn through(lab: &Lab) {
    lab.go(Verb::Inspect, State::Manageable).await;
    lab.go(Verb::Provide, State::Available).await;
    lab.go(Verb::Deploy, State::Active).await;
    let state = lab.machine.state.lock();
    assert_eq!((state.erasures, state.writes), (1, 1));
    assert_eq!(
        lab.machine.bmc.boots().last(),
        Some(&Some(BootDevice::Disk))
    );
}

#[tokio::test(start_paused = true)]
async fn one_boot_serves_inspection_cleaning_and_deploy() {
    let lab = lab(true).await;
    through(&lab).await;
    assert_eq!(ramdisks(&lab), 1);
    assert_eq!(lab.node().await.properties["cpu_arch"], json!("x86_64"));
    lab.go(Verb::Undeploy, State::Available).await;
    assert_eq!(ramdisks(&lab), 2);
    let node = lab.node().await;
    assert!(node.agent.is_some_and(|session| session.is_ready()));
    assert_eq!(lab.machine.bmc.power(), PowerState::On);
}

#[tokio::test(start_paused = true)]
async fn without_it_each_activity_boots_its_own_ramdisk() {
    let lab = lab(false).await;
    through(&lab).await;
    assert_eq!(ramdisks(&lab), 3);
}

#[tokio::test(start_paused = true)]
async fn a_node_may_have_it_for_itself() {
    let lab = lab(false).await;
    lab.edit(|node| {
        node.driver_info
            .insert("fast_track".to_owned(), json!("true"));
    })
    .await;
    through(&lab).await;
    assert_eq!(ramdisks(&lab), 1);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_answer_is_booted_anew() {
    let lab = lab(true).await;
    lab.go(Verb::Provide, State::Available).await;
    lab.machine.state.lock().agent = None;
    lab.go(Verb::Deploy, State::Active).await;
    assert_eq!((ramdisks(&lab), lab.machine.state.lock().writes), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_was_not_heard_of_for_long_is_booted_anew() {
    let lab = lab(true).await;
    lab.go(Verb::Provide, State::Available).await;
    sleep(Duration::from_secs(400)).await;
    lab.go(Verb::Deploy, State::Active).await;
    assert_eq!((ramdisks(&lab), lab.machine.state.lock().writes), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_was_switched_off_meanwhile_is_booted_anew() {
    let lab = lab(true).await;
    lab.go(Verb::Provide, State::Available).await;
    lab.machine.bmc.force_power(PowerState::Off);
    lab.go(Verb::Deploy, State::Active).await;
    assert_eq!((ramdisks(&lab), lab.machine.state.lock().writes), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_ramdisk_may_ask_who_it_is_between_activities_too() {
    for (fast_track, found) in [(true, true), (false, false)] {
        let lab = lab(fast_track).await;
        let request = LookupRequest {
            addresses: vec![lab.machine.address.clone()],
            node_uuid: None,
            extensions: Extensions::default(),
            token: TokenUse::Known,
            from: None,
        };
        let answer = lab.conductor().lookup(request).await;
        match answer {
            Ok(answer) => assert!(found && answer.token.is_some()),
            Err(RequestError::NotFound(_)) => assert!(!found),
            Err(other) => panic!("{other:?}"),
        }
    }
}
