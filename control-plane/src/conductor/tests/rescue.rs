//! Rescue: the ramdisk for a user who logs in, and the instance again; what goes wrong on the way.

use super::agent::Plan;
use super::lab::Lab;
use crate::conductor::requests::{Maintenance, ProvisionRequest, RescuePassword};
use crate::config::PasswordHash as Algorithm;
use ferric_drivers::{BootDevice, FakeFault, PowerState};
use ferric_model::node::NetworkBoot;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::json;
use sha_crypt::{PasswordHash, PasswordVerifier, ShaCrypt};

const PASSWORD: &str = "let me in, please";

pub(super) fn request() -> ProvisionRequest {
    ProvisionRequest {
        rescue_password: Some(RescuePassword(PASSWORD.to_owned())),
        ..ProvisionRequest::new(Verb::Rescue)
    }
}

async fn active() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_active().await;
    lab
}

/// The hash that the ramdisk was told.
fn told(lab: &Lab) -> String {
    let told = lab.machine.state.lock().rescue.clone();
    assert_eq!(told["hashed"], json!(true));
    told["rescue_password"].as_str().unwrap().to_owned()
}

fn is_hash_of_the_password(hash: &str) -> bool {
    let hash = PasswordHash::new(hash).unwrap();
    let verified = PasswordVerifier::<PasswordHash>::verify_password(
        &ShaCrypt::SHA256,
        PASSWORD.as_bytes(),
        &hash,
    );
    verified.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_rescued_and_runs_its_instance_again() {
    let lab = active().await;
    lab.try_to(request()).await.unwrap();
    lab.wait_for(State::RescueWait).await;
    let stored = serde_json::to_string(&lab.node().await).unwrap();
    assert!(!stored.contains(PASSWORD));

    lab.wait_for(State::Rescue).await;
    let hash = told(&lab);
    assert!(hash.starts_with("$5$"), "{hash}");
    assert!(is_hash_of_the_password(&hash));
    let node = lab.node().await;
    assert!(node.run.is_none() && node.agent.is_none() && node.last_error.is_none());
    assert_eq!(node.network_boot, NetworkBoot::LocalDisk);
    assert!(!serde_json::to_string(&node).unwrap().contains(&hash));
    let events = format!("{:?}", lab.events().await);
    assert!(!events.contains(PASSWORD) && !events.contains(&hash));
    let bmc = &lab.machine.bmc;
    assert_eq!(
        (bmc.power(), bmc.boots().last()),
        (PowerState::On, Some(&Some(BootDevice::Pxe)))
    );

    lab.go(Verb::Unrescue, State::Active).await;
    assert_eq!(
        (bmc.power(), bmc.boots().last()),
        (PowerState::On, Some(&Some(BootDevice::Disk)))
    );
    assert_eq!(lab.machine.state.lock().writes, 1);
    let states = lab.states().await.join(", ");
    let expected = "active, rescuing, rescue wait, rescuing, rescue, unrescuing, active";
    assert!(states.ends_with(expected), "{states}");
}

#[tokio::test(start_paused = true)]
async fn the_hash_is_the_one_that_is_configured() {
    let mut lab = Lab::new();
    lab.configure(|settings| {
        settings.conductor.rescue_password_hash_algorithm = Algorithm::Sha512;
    });
    lab.start(None).await;
    lab.enroll_active().await;
    lab.try_to(request()).await.unwrap();
    lab.wait_for(State::Rescue).await;
    let hash = told(&lab);
    assert!(hash.starts_with("$6$") && is_hash_of_the_password(&hash));
}

/// The agent that has done it is silent, with or without its answer having come through.
#[tokio::test(start_paused = true)]
async fn a_ramdisk_whose_answer_was_lost_is_booted_and_told_again() {
    let lab = active().await;
    lab.plan(Plan {
        losing: Some("rescue.finalize_rescue"),
        ..Plan::default()
    });
    let boots = lab.machine.bmc.boots().len();
    lab.try_to(request()).await.unwrap();
    lab.wait_for(State::Rescue).await;
    assert_eq!(lab.machine.bmc.boots().len(), boots + 2);
    assert!(is_hash_of_the_password(&told(&lab)));
}

#[tokio::test(start_paused = true)]
async fn a_ramdisk_that_refuses_fails_the_rescue() {
    let lab = active().await;
    lab.plan(Plan {
        failing: Some(("rescue.finalize_rescue", "the file system is full")),
        ..Plan::default()
    });
    lab.try_to(request()).await.unwrap();
    lab.wait_for(State::RescueFailed).await;
    let node = lab.node().await;
    let error = node.last_error.unwrap();
    assert!(
        error.contains("rescue.finalize_rescue") && error.contains("the file system is full"),
        "{error}"
    );
    assert_eq!((node.run, node.maintenance), (None, false));
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
    lab.go(Verb::Unrescue, State::Active).await;
    assert_eq!(lab.machine.bmc.power(), PowerState::On);
    assert_eq!(lab.node().await.last_error, None);
}

#[tokio::test(start_paused = true)]
async fn an_abort_of_a_rescue_leaves_it_failed_and_the_machine_off() {
    let lab = active().await;
    lab.try_to(request()).await.unwrap();
    lab.wait_for(State::RescueWait).await;
    lab.go(Verb::Abort, State::RescueFailed).await;
    let node = lab.node().await;
    assert!(node.last_error.unwrap().contains("aborted"));
    assert_eq!(node.network_boot, NetworkBoot::LocalDisk);
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
    lab.try_to(request()).await.unwrap();
    lab.wait_for(State::Rescue).await;
}

#[tokio::test(start_paused = true)]
async fn an_abort_that_cannot_be_cleared_up_is_a_fault() {
    let lab = active().await;
    lab.try_to(request()).await.unwrap();
    lab.wait_for(State::RescueWait).await;
    let fault = FakeFault::Broken("no route to the BMC".to_owned());
    lab.machine.bmc.fail_next([fault]);
    lab.go(Verb::Abort, State::RescueFailed).await;
    let node = lab.node().await;
    assert_eq!(
        (node.maintenance, node.fault.as_deref()),
        (true, Some("rescue abort failure"))
    );
    let error = node.last_error.unwrap();
    assert!(
        error.contains("aborted") && error.contains("no route to the BMC"),
        "{error}"
    );
    assert_eq!(node.network_boot, NetworkBoot::LocalDisk);
    let (id, conductor) = (lab.machine.node, lab.conductor());
    conductor
        .set_maintenance(id, Maintenance::Off)
        .await
        .unwrap();
    assert_eq!(lab.node().await.fault, None);
    lab.go(Verb::Unrescue, State::Active).await;
}

#[tokio::test(start_paused = true)]
async fn an_unrescue_that_failed_is_done_again() {
    let lab = active().await;
    lab.try_to(request()).await.unwrap();
    lab.wait_for(State::Rescue).await;
    let fault = FakeFault::Broken("no route to the BMC".to_owned());
    lab.machine.bmc.fail_next([fault]);
    lab.go(Verb::Unrescue, State::UnrescueFailed).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(error.contains("Unrescuing failed in power.off"), "{error}");
    lab.go(Verb::Unrescue, State::Active).await;
    assert_eq!(lab.machine.bmc.power(), PowerState::On);
    assert_eq!(lab.node().await.last_error, None);
}

#[tokio::test(start_paused = true)]
async fn a_rescued_node_can_be_undeployed() {
    let lab = active().await;
    lab.try_to(request()).await.unwrap();
    lab.wait_for(State::Rescue).await;
    lab.go(Verb::Undeploy, State::Available).await;
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
}

#[tokio::test(start_paused = true)]
async fn a_rescue_needs_an_interface_a_password_and_no_maintenance() {
    let lab = active().await;
    let empty = ProvisionRequest {
        rescue_password: Some(RescuePassword("  ".to_owned())),
        ..request()
    };
    for without in [ProvisionRequest::new(Verb::Rescue), empty] {
        let refused = lab.refusal(without).await;
        assert!(refused.contains("rescue_password"), "{refused}");
    }
    let (id, conductor) = (lab.machine.node, lab.conductor());
    let on = Maintenance::On { reason: None };
    conductor.set_maintenance(id, on).await.unwrap();
    let refused = lab.refusal(request()).await;
    assert!(refused.contains("maintenance"), "{refused}");
    conductor
        .set_maintenance(id, Maintenance::Off)
        .await
        .unwrap();
    lab.edit(|node| {
        node.interfaces
            .insert("rescue".to_owned(), "no-rescue".to_owned());
    })
    .await;
    let refused = lab.refusal(request()).await;
    assert!(refused.contains("rescue_interface"), "{refused}");
    assert_eq!(lab.node().await.provision_state, State::Active);
}
