//! Machines that start again by themselves while an agent works on their disks, as after a cut in their power.

use super::agent::Plan;
use super::lab::Lab;
use ferric_drivers::{BootDevice, Persistence};
use ferric_model::event::What;
use ferric_model::node::agent_session::NextBoot;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::json;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const WRITING: Duration = Duration::from_secs(100);
/// Far less than a machine is waited for.
const SOON: Duration = Duration::from_secs(600);

/// A machine whose agent writes an image.
async fn writing(edit: impl AsyncFnOnce(&Lab)) -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    edit(&lab).await;
    lab.plan(Plan {
        writing: WRITING,
        ..Plan::default()
    });
    lab.ask(Verb::Deploy).await;
    lab.wait_until("the image being written", SOON, |_| {
        lab.machine.state.lock().writes == 1
    })
    .await;
    sleep(WRITING / 2).await;
    lab
}

fn next_boot(lab: &Lab) -> (Option<BootDevice>, Option<Persistence>) {
    let set = lab.machine.bmc.boot();
    (set.device, set.persistence)
}

async fn notes(lab: &Lab, part: &str) -> usize {
    let is_it = |what: &&What| matches!(what, What::Note { text } if text.contains(part));
    lab.events().await.iter().filter(is_it).count()
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_reset_comes_back_to_the_ramdisk_and_its_image_is_written_again() {
    let lab = writing(async |_| {}).await;
    let once = (Some(BootDevice::Pxe), Some(Persistence::Once));
    assert_eq!(next_boot(&lab), once);
    lab.machine.bmc.force_restart();
    lab.wait_for_within(State::Active, SOON).await;
    assert_eq!(lab.machine.state.lock().writes, 2);
    let disk = (Some(BootDevice::Disk), Some(Persistence::Continuous));
    assert_eq!(next_boot(&lab), disk);
    assert_eq!(
        lab.machine.bmc.boots().last(),
        Some(&Some(BootDevice::Disk))
    );
}

#[tokio::test(start_paused = true)]
async fn it_does_so_again_and_again() {
    let lab = writing(async |_| {}).await;
    for writes in 2..=3 {
        lab.machine.bmc.force_restart();
        lab.wait_until("the next write", SOON, |_| {
            lab.machine.state.lock().writes == writes
        })
        .await;
    }
    lab.wait_for_within(State::Active, SOON).await;
}

#[tokio::test(start_paused = true)]
async fn a_boot_device_that_holds_for_ever_stays_so() {
    let lab = writing(async |lab: &Lab| {
        lab.edit(|node| {
            let always = json!("Always");
            node.driver_info
                .insert("force_persistent_boot_device".to_owned(), always);
        })
        .await;
    })
    .await;
    let always = (Some(BootDevice::Pxe), Some(Persistence::Continuous));
    assert_eq!(next_boot(&lab), always);
    lab.machine.bmc.force_restart();
    lab.wait_for_within(State::Active, SOON).await;
}

/// Its network boot finds nobody, so it runs what is on the disk. The BMC shows that it has started.
#[tokio::test(start_paused = true)]
async fn a_machine_that_is_reset_and_does_not_come_back_is_booted_again() {
    let lab = writing(async |_| {}).await;
    lab.machine.state.lock().silent = true;
    sleep(Duration::from_secs(5)).await;
    lab.machine.state.lock().stuck = true;
    lab.machine.bmc.force_restart();
    // So that it is off for long enough to be seen.
    lab.machine.bmc.set_delay(Duration::from_secs(5));
    let noticed = async {
        while notes(&lab, "the BMC shows that the machine has started").await == 0 {
            sleep(Duration::from_millis(250)).await;
        }
    };
    timeout(SOON, noticed)
        .await
        .expect("the restart is noticed");
    {
        let mut state = lab.machine.state.lock();
        (state.silent, state.stuck) = (false, false);
    }
    lab.wait_for_within(State::Active, SOON).await;
    assert_eq!(lab.machine.state.lock().writes, 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_set_is_taken_back_when_no_agent_works_any_more() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.make_available().await;
    assert_eq!(lab.machine.state.lock().erasures, 1);
    assert_eq!(next_boot(&lab).0, Some(BootDevice::Disk));
    lab.plan(Plan {
        failing: Some(("write_image", "no")),
        ..Plan::default()
    });
    lab.go(Verb::Deploy, State::DeployFailed).await;
    assert_eq!(next_boot(&lab).0, Some(BootDevice::Disk));
}

/// Some BMCs drop what was set for one boot after a minute.
#[tokio::test(start_paused = true)]
async fn a_bmc_that_forgets_its_setting_makes_nobody_give_up_an_agent() {
    let lab = writing(async |_| {}).await;
    let conductor = lab.conductor();
    let disk = (BootDevice::Disk, Persistence::Continuous);
    let forgets = conductor.set_boot_device(lab.machine.node, disk.0, disk.1);
    forgets.await.unwrap();
    lab.machine.state.lock().silent = true;
    sleep(Duration::from_secs(300)).await;
    lab.machine.state.lock().silent = false;
    lab.wait_for_within(State::Active, SOON).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_is_slow_to_take_the_setting_fails_nothing() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    lab.machine.bmc.set_delay(Duration::from_secs(40));
    lab.wait_until("the setting being tried", SOON, |node| {
        let session = node.agent.as_ref();
        session.is_some_and(|session| session.next_boot == Some(NextBoot::Unknown))
    })
    .await;
    lab.machine.bmc.set_delay(Duration::ZERO);
    lab.wait_for_within(State::Active, SOON).await;
    assert_eq!(notes(&lab, "it may not come back to the ramdisk").await, 1);
}
