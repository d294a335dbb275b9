//! The power jobs against a conductor with a fake machine.

use super::*;
use crate::conductor::tests::lab::Lab;
use ferric_drivers::{FakeFault, PowerState as Power};
use ferric_model::event::What;
use ferric_model::state::PowerState;
use ferric_store::Transaction;
use std::time::Duration;

mod documentation;
mod engine;
mod hanging;

async fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    lab
}

async fn store(lab: &Lab, node: &Node) {
    let change = Transaction::new().put(node);
    lab.store.commit(change).await.unwrap();
}

/// Lets every job come to its turn.
async fn after(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn the_stored_power_state_is_restored() {
    let lab = lab().await;
    after(130).await;
    assert_eq!(lab.node().await.power_state, Some(PowerState::Off));
    lab.machine.bmc.force_power(Power::On);
    after(130).await;
    assert_eq!(lab.machine.bmc.power(), Power::Off);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_must_not_be_switched_off_is_believed() {
    let lab = lab().await;
    after(130).await;
    let mut node = lab.node().await;
    node.disable_power_off = true;
    store(&lab, &node).await;
    lab.machine.bmc.force_power(Power::On);
    after(130).await;
    assert_eq!(
        (lab.node().await.power_state, lab.machine.bmc.power()),
        (Some(PowerState::On), Power::On)
    );
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_stops_answering_means_maintenance_until_it_answers() {
    let lab = lab().await;
    lab.machine
        .bmc
        .fail_next(std::iter::repeat_n(FakeFault::NoAnswer, 4));
    after(400).await;
    let node = lab.node().await;
    assert_eq!(
        (node.maintenance, node.fault.as_deref()),
        (true, Some("power failure"))
    );
    assert!(
        node.maintenance_reason
            .unwrap()
            .contains("3 times in a row")
    );
    after(700).await;
    let node = lab.node().await;
    assert_eq!(
        (node.maintenance, node.fault, node.power_state),
        (false, None, Some(PowerState::Off))
    );
}

/// Until the BMC has answered once more. It is too slow for a first look, and not slow enough to be left alone; after its
/// power state it is asked for boot mode and secure boot.
async fn tells_its_power(lab: &Lab) {
    let bmc = &lab.machine.bmc;
    bmc.set_delay(Duration::from_millis(1500));
    let before = bmc.answered();
    for _ in 0..6000 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if bmc.answered() != before {
            return;
        }
    }
    panic!("the BMC was not asked");
}

/// Somebody has switched it on, or restarted it.
async fn is_on(lab: &Lab) {
    let now = lab.conductor().now();
    lab.machine.bmc.force_power(Power::On);
    lab.edit(|node| {
        node.power_state = Some(PowerState::On);
        node.updated_at = Some(now);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_was_seen_off_while_somebody_restarted_it_is_left_alone() {
    let lab = lab().await;
    after(130).await;
    is_on(&lab).await;
    after(120).await;
    let changes = lab.machine.bmc.changes_begun();
    lab.machine.bmc.force_power(Power::Off);
    tells_its_power(&lab).await;
    is_on(&lab).await;
    after(20).await;
    assert_eq!(lab.machine.bmc.changes_begun(), changes);
    assert_eq!(lab.node().await.power_sync_failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_switched_on_while_its_bmc_comes_back_stays_on() {
    let lab = lab().await;
    after(130).await;
    lab.edit(|node| {
        node.maintenance = true;
        node.fault = Some("power failure".to_owned());
    })
    .await;
    tells_its_power(&lab).await;
    is_on(&lab).await;
    lab.machine.bmc.set_delay(Duration::ZERO);
    after(1000).await;
    let node = lab.node().await;
    assert_eq!(
        (node.maintenance, node.power_state),
        (false, Some(PowerState::On))
    );
    assert_eq!(lab.machine.bmc.power(), Power::On);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_goes_its_own_way_again_and_again_is_left_to_people() {
    let lab = lab().await;
    after(130).await;
    for _ in 0..2 {
        lab.machine.bmc.force_power(Power::On);
        after(120).await;
        assert_eq!(lab.machine.bmc.power(), Power::Off);
    }
    lab.machine.bmc.force_power(Power::On);
    after(120).await;
    let node = lab.node().await;
    assert_eq!(lab.machine.bmc.power(), Power::On, "not switched once more");
    assert_eq!(
        (node.power_state, node.fault.as_deref()),
        (Some(PowerState::On), Some("power failure"))
    );
    let reason = node.maintenance_reason.unwrap();
    assert!(reason.contains("set to power off 2 times"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn once_the_state_is_kept_the_count_begins_anew() {
    let lab = lab().await;
    after(130).await;
    for _ in 0..5 {
        lab.machine.bmc.force_power(Power::On);
        after(240).await;
    }
    let node = lab.node().await;
    assert_eq!((node.maintenance, node.power_sync_failures), (false, 0));
}

#[tokio::test(start_paused = true)]
async fn agreement_clears_what_was_said_about_the_power_and_nothing_else() {
    for (error, expected) in [
        ("changing the power state: BMC did not answer", None),
        (
            "Deploying failed in deploy.write_image: no space",
            Some("Deploying failed in deploy.write_image: no space"),
        ),
    ] {
        let lab = lab().await;
        after(130).await;
        let mut node = lab.node().await;
        node.last_error = Some(error.to_owned());
        store(&lab, &node).await;
        after(130).await;
        assert_eq!(lab.node().await.last_error.as_deref(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_boot_mode_is_stored_and_a_look_that_finds_nothing_new_writes_nothing() {
    let lab = lab().await;
    after(130).await;
    let node = lab.node().await;
    assert_eq!(node.boot_mode.as_deref(), Some("uefi"));
    after(600).await;
    assert_eq!(lab.node().await.updated_at, node.updated_at);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_are_worked_on_or_not_yet_managed_are_not_asked() {
    let changes: [fn(&mut Node); 4] = [
        |node| node.provision_state = ferric_model::state::ProvisionState::Enroll,
        |node| node.provision_state = ferric_model::state::ProvisionState::AdoptFailed,
        |node| node.maintenance = true,
        |node| node.power_state = Some(PowerState::Off),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let lab = lab().await;
        let mut node = lab.node().await;
        change(&mut node);
        store(&lab, &node).await;
        after(130).await;
        let asked = lab.machine.bmc.answered().is_some();
        assert_eq!(asked, place == 3, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_hangs_is_found_out_and_comes_back() {
    let lab = lab().await;
    after(130).await;
    let mut node = lab.node().await;
    node.driver_info
        .insert("fake_delay_ms".to_owned(), 60_000.into());
    store(&lab, &node).await;
    after(1200).await;
    let node = lab.node().await;
    assert_eq!(node.fault.as_deref(), Some("power failure"));
    let reason = node.maintenance_reason.clone().unwrap();
    assert!(reason.contains("did not answer within 30 s"), "{reason}");
    let mut node = node;
    node.driver_info.shift_remove("fake_delay_ms");
    lab.machine.bmc.set_delay(Duration::ZERO);
    store(&lab, &node).await;
    after(1500).await;
    let node = lab.node().await;
    assert_eq!((node.maintenance, node.last_error), (false, None));
    let noted =
        |what: &What| matches!(what, What::Note { text } if text.contains("out of maintenance"));
    assert!(lab.events().await.iter().any(noted));
}
