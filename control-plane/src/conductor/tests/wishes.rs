//! What was asked of a machine and is not done yet: no restart too many after a crash, and what may begin beside it.

use super::agent::Manners;
use super::cluster_lab::{Cluster, host_among};
use super::crashes::{available as nobodys, request};
use super::halting_store::Death;
use super::lab::Lab;
use super::steps;
use crate::conductor::environment::later;
use crate::conductor::requests::{ProvisionRequest, RequestError};
use ferric_drivers::{BootMode, MediaDevice, PowerAction, PowerState, SecureBootState};
use ferric_model::node::{Node, Wish, WishProgress};
use ferric_model::state::{PowerState as Shown, ProvisionState as State};
use ferric_model::verb::Verb;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Longer than two time-outs.
const PATIENCE: Duration = Duration::from_secs(3000);
const HOURS: Duration = Duration::from_secs(36_000);

fn is_done(node: &Node) -> bool {
    node.wish.is_none()
}

/// A node without a conductor, whose firmware takes a change over when it has been starting for so long.
async fn starting_for(start_takes: Duration, power: PowerState) -> Lab {
    let lab = nobodys(Manners::Ferric).await;
    let bmc = &lab.machine.bmc;
    bmc.set_firmware_after_start(start_takes);
    bmc.force_power(power);
    let stored = match power {
        PowerState::On => Shown::On,
        PowerState::Off => Shown::Off,
    };
    lab.edit(|node| node.power_state = Some(stored)).await;
    lab
}

async fn set_bios(lab: &Lab) -> Result<(), RequestError> {
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    conductor.set_boot_mode(id, BootMode::Bios).await
}

/// Waits until the machine has been started so often.
async fn until_started(lab: &Lab, starts: usize) {
    let deadline = Instant::now() + PATIENCE;
    while lab.machine.bmc.boots().len() < starts {
        assert!(Instant::now() < deadline, "the machine was not restarted");
        sleep(Duration::from_secs(1)).await;
    }
}

async fn kill_at_start(lab: &mut Lab, starts: usize) {
    until_started(lab, starts).await;
    lab.kill();
}

/// In the commit of which the first conductor dies does not matter.
async fn one_restart_in_all(power: PowerState, death: Death) {
    for k in 0.. {
        let mut lab = starting_for(Duration::from_secs(12), power).await;
        let store = lab.start(Some((k, death))).await;
        sleep(Duration::from_secs(1)).await;
        let asked = timeout(Duration::from_secs(5), set_bios(&lab)).await;
        let died = timeout(Duration::from_secs(60), store.died.notified()).await;
        lab.kill();
        lab.start(None).await;
        let node = lab.node().await;
        let context = format!("{power:?} {death:?} commit {k}: asked {asked:?}, {node:?}");
        let is_set = node.boot_mode.as_deref() == Some("bios");
        if !matches!(asked, Ok(Ok(()))) && is_done(&node) && !is_set {
            set_bios(&lab).await.unwrap();
        }
        lab.wait_until("the end of it", PATIENCE, is_done).await;
        let (node, bmc) = (lab.node().await, &lab.machine.bmc);
        assert_eq!(node.boot_mode.as_deref(), Some("bios"), "{context}");
        assert_eq!(node.last_error, None, "{context}");
        assert_eq!(node.wish_progress, None, "{context}");
        assert_eq!((bmc.power(), bmc.boots().len()), (power, 1), "{context}");
        if died.is_err() {
            assert!(k >= 5, "it has more commits than {k}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_restarted_once_whatever_commit_is_lost() {
    one_restart_in_all(PowerState::Off, Death::Before).await;
    one_restart_in_all(PowerState::On, Death::Before).await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_restarted_once_whatever_commit_is_the_last() {
    one_restart_in_all(PowerState::Off, Death::After).await;
    one_restart_in_all(PowerState::On, Death::After).await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_starting_is_not_restarted_by_the_next_conductor() {
    for power in [PowerState::Off, PowerState::On] {
        let mut lab = starting_for(Duration::from_secs(120), power).await;
        lab.start(None).await;
        set_bios(&lab).await.unwrap();
        kill_at_start(&mut lab, 1).await;
        lab.start(None).await;
        lab.wait_until("the end of it", PATIENCE, is_done).await;
        let (node, bmc) = (lab.node().await, &lab.machine.bmc);
        assert_eq!(node.boot_mode.as_deref(), Some("bios"));
        assert_eq!(node.last_error, None);
        assert_eq!((bmc.power(), bmc.boots().len()), (power, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_starting_is_not_restarted_by_another_conductor() {
    let (cluster, names) = (Cluster::new(), ["one", "two"]);
    let mut members = cluster.start_all(&names).await;
    let lab = &cluster.lab;
    lab.enroll_available().await;
    let host = host_among(&names, lab.machine.node);
    cluster.owned_by(&host, Duration::from_secs(60)).await;
    sleep(Duration::from_secs(60)).await;
    let start_takes = Duration::from_secs(800);
    lab.machine.bmc.set_firmware_after_start(start_takes);
    let owner = members.remove(&host).unwrap();
    let set = owner
        .conductor
        .set_boot_mode(lab.machine.node, BootMode::Bios);
    set.await.unwrap();
    until_started(lab, 1).await;
    cluster.kill(&host, owner);
    lab.wait_until("the end of it", PATIENCE, is_done).await;
    let node = lab.node().await;
    assert_eq!(node.boot_mode.as_deref(), Some("bios"));
    assert_eq!(node.last_error, None);
    assert_ne!(node.ownership.unwrap().conductor, host);
    assert_eq!(lab.machine.bmc.boots().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_takes_nothing_over_is_restarted_once_more_and_not_again() {
    let mut lab = starting_for(HOURS, PowerState::On).await;
    lab.start(None).await;
    set_bios(&lab).await.unwrap();
    kill_at_start(&mut lab, 1).await;
    lab.start(None).await;
    kill_at_start(&mut lab, 2).await;
    lab.start(None).await;
    lab.wait_until("the end of it", PATIENCE, is_done).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(error.contains("does not show the new setting"), "{error}");
    assert_eq!(lab.machine.bmc.boots().len(), 2);
}

/// Where nobody died, the restart was made: there is no second one.
#[tokio::test(start_paused = true)]
async fn a_machine_that_takes_nothing_over_is_restarted_once_by_one_conductor() {
    let mut lab = starting_for(HOURS, PowerState::On).await;
    lab.start(None).await;
    set_bios(&lab).await.unwrap();
    lab.wait_until("the end of it", PATIENCE, is_done).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(error.contains("does not show the new setting"), "{error}");
    assert_eq!(lab.machine.bmc.boots().len(), 1);
}

/// A node with a wish that nobody takes up, as after a crash.
async fn with_wish(wish: Wish, until: Duration) -> Lab {
    with_wish_looked_for(0, wish, until).await
}

/// The same, looked for with this spacing; 0: never.
async fn with_wish_looked_for(spacing_s: u64, wish: Wish, until: Duration) -> Lab {
    let mut lab = Lab::new();
    lab.configure(|settings| settings.conductor.wait_check_interval_s = spacing_s);
    lab.start(None).await;
    lab.enroll_available().await;
    let progress = WishProgress {
        until: later(lab.conductor().now(), until),
        restarts: 0,
    };
    lab.edit(|node| {
        node.power_state = Some(Shown::Off);
        node.wish = Some(wish);
        node.wish_progress = Some(progress);
    })
    .await;
    lab
}

fn bios() -> Wish {
    Wish::BootMode("bios".to_owned())
}

fn conflict<T: std::fmt::Debug>(answer: Result<T, RequestError>, purpose: &str) {
    match answer {
        Err(RequestError::Conflict(text)) => {
            assert!(text.contains("is locked by host one"), "{text}");
            assert!(text.contains(purpose), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

/// Each verb that begins a run, with a state from which it may.
fn runs() -> Vec<(State, ProvisionRequest)> {
    let erase = steps::step("deploy", "erase_devices_metadata", json!({}));
    vec![
        (State::Enroll, request(Verb::Manage)),
        (State::Manageable, request(Verb::Inspect)),
        (State::Manageable, request(Verb::Provide)),
        (State::Manageable, request(Verb::Adopt)),
        (State::Manageable, steps::clean(vec![erase])),
        (State::Available, request(Verb::Deploy)),
        (State::Active, request(Verb::Rebuild)),
        (State::Active, request(Verb::Rescue)),
        (State::Active, request(Verb::Service)),
        (State::Active, request(Verb::Undeploy)),
        (State::Rescue, request(Verb::Unrescue)),
        (State::ServiceFailed, request(Verb::Abort)),
    ]
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_while_a_wish_may_still_be_carried_out() {
    let mut lab = with_wish(bios(), HOURS).await;
    for (state, request) in runs() {
        lab.edit(|node| node.provision_state = state).await;
        conflict(lab.try_to(request).await, "changing its boot mode");
        assert_eq!(lab.node().await.run, None);
    }
    lab.edit(|node| node.provision_state = State::Available)
        .await;
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    let purpose = "changing its boot mode";
    conflict(
        conductor.set_power(id, PowerAction::On, None).await,
        purpose,
    );
    let secure_boot = conductor.set_secure_boot(id, SecureBootState::On).await;
    conflict(secure_boot, purpose);
    conflict(conductor.open_console(id).await, purpose);
    let every = MediaDevice::ALL.to_vec();
    conflict(conductor.detach_media(id, every).await, purpose);
    assert_eq!(lab.node().await.wish, Some(bios()));
    // Whoever starts carries it out, and then the way is free.
    lab.kill();
    lab.start(None).await;
    lab.wait_until("the end of it", PATIENCE, is_done).await;
    lab.go(Verb::Deploy, State::Active).await;
}

#[tokio::test(start_paused = true)]
async fn no_run_begins_before_a_power_action_that_is_stored() {
    let mut lab = with_wish(bios(), HOURS).await;
    lab.edit(|node| {
        node.wish = None;
        node.target_power_state = Some(Shown::Rebooting);
    })
    .await;
    let purpose = "changing its power state";
    conflict(lab.try_to(request(Verb::Deploy)).await, purpose);
    conflict(set_bios(&lab).await, purpose);
    lab.kill();
    lab.start(None).await;
    let is_switched = |node: &Node| node.target_power_state.is_none();
    lab.wait_until("the end of it", PATIENCE, is_switched).await;
    lab.go(Verb::Deploy, State::Active).await;
}

#[tokio::test(start_paused = true)]
async fn a_wish_whose_time_is_over_keeps_nobody() {
    let lab = with_wish(bios(), Duration::ZERO).await;
    lab.go(Verb::Deploy, State::Active).await;
    let node = lab.node().await;
    assert_eq!((node.wish, node.wish_progress), (None, None));
    let told = format!("{:?}", lab.events().await);
    assert!(
        told.contains("changing its boot mode was given up"),
        "{told}"
    );
    let mode = lab.machine.bmc.boot_mode_now();
    assert_eq!(mode, BootMode::Uefi);
}

#[tokio::test(start_paused = true)]
async fn a_wish_whose_time_is_over_is_not_begun() {
    let lab = with_wish_looked_for(5, bios(), Duration::ZERO).await;
    lab.wait_until("the end of it", PATIENCE, is_done).await;
    let error = lab.node().await.last_error.unwrap();
    let expected = "changing its boot mode was not begun within 900 s";
    assert!(error.starts_with(expected), "{error}");
    assert_eq!(lab.machine.bmc.boot_mode_now(), BootMode::Uefi);
}

#[tokio::test(start_paused = true)]
async fn the_power_sync_leaves_a_machine_with_a_wish_alone() {
    let lab = with_wish(bios(), HOURS).await;
    let bmc = &lab.machine.bmc;
    bmc.force_power(PowerState::On);
    let changes = bmc.changes_begun();
    sleep(Duration::from_secs(600)).await;
    assert_eq!(lab.node().await.power_state, Some(Shown::Off));
    assert_eq!(
        (bmc.power(), bmc.changes_begun()),
        (PowerState::On, changes)
    );
    lab.edit(|node| node.wish = None).await;
    let deadline = Instant::now() + Duration::from_secs(600);
    while bmc.power() == PowerState::On {
        assert!(Instant::now() < deadline, "nobody set the power back");
        sleep(Duration::from_secs(1)).await;
    }
}
