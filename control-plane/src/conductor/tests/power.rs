//! Power on request: what is refused, and what is left behind when it goes wrong.

use super::agent::Plan;
use super::lab::Lab;
use crate::conductor::requests::RequestError;
use ferric_drivers::{FakeFault, PowerAction, PowerState as Power};
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::Transaction;
use std::time::Duration;
use tokio::time::sleep;

const SOON: Duration = Duration::from_secs(30);

async fn available() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    sleep(Duration::from_secs(1)).await;
    lab
}

async fn set(lab: &Lab, action: PowerAction) -> Result<(), RequestError> {
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    conductor.set_power(id, action, None).await?;
    lab.wait_until("the end of the action", SOON, |node| {
        node.target_power_state.is_none()
    })
    .await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_panic_leaves_the_node_free_and_says_why() {
    let lab = available().await;
    lab.machine.bmc.fail_next([FakeFault::Panic]);
    set(&lab, PowerAction::On).await.unwrap();
    let error = lab.node().await.last_error.unwrap();
    assert!(error.starts_with("an internal error"), "{error}");
    set(&lab, PowerAction::On).await.unwrap();
    assert_eq!(lab.node().await.last_error, None);
    assert_eq!(lab.machine.bmc.power(), Power::On);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_must_not_be_off_can_be_switched_on_and_restarted() {
    let lab = available().await;
    let mut node = lab.node().await;
    node.disable_power_off = true;
    let changed = Transaction::new().put(&node);
    lab.store.commit(changed).await.unwrap();
    for action in [
        PowerAction::On,
        PowerAction::Reboot,
        PowerAction::SoftReboot,
    ] {
        set(&lab, action).await.unwrap();
    }
    for action in [PowerAction::Off, PowerAction::SoftOff] {
        let refused = set(&lab, action).await.unwrap_err();
        assert!(matches!(refused, RequestError::Conflict(_)), "{refused:?}");
    }
    assert_eq!(
        (lab.machine.bmc.power(), lab.machine.bmc.boots().len()),
        (Power::On, 3)
    );
}

/// Every failure must be seen within two minutes.
const TWO_MINUTES: Duration = Duration::from_secs(120);

/// A deploy whose image is being written.
async fn writing() -> Lab {
    let lab = available().await;
    let writing = Duration::from_secs(60);
    lab.plan(Plan {
        writing,
        ..Plan::default()
    });
    lab.ask(Verb::Deploy).await;
    lab.wait_until("the image to be written", TWO_MINUTES, |_| {
        lab.machine.state.lock().writes == 1
    })
    .await;
    lab
}

async fn fails_with(lab: &Lab, words: &str) {
    lab.wait_for_within(State::DeployFailed, TWO_MINUTES).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(error.contains(words), "{error}");
    lab.go(Verb::Deploy, State::Active).await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_switched_off_by_request_fails_its_deploy_at_once() {
    for action in [PowerAction::Off, PowerAction::SoftOff] {
        let lab = writing().await;
        set(&lab, action).await.unwrap();
        fails_with(&lab, "switched off by request").await;
    }
    let lab = available().await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    set(&lab, PowerAction::Off).await.unwrap();
    fails_with(&lab, "switched off by request").await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_restarted_by_request_is_written_again() {
    let lab = writing().await;
    set(&lab, PowerAction::Reboot).await.unwrap();
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 2);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_restarted_before_its_ramdisk_is_up_gets_the_ramdisk() {
    let lab = available().await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    let boots = lab.machine.bmc.boots().len();
    set(&lab, PowerAction::Reboot).await.unwrap();
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
    // The restart, the ramdisk, the instance.
    assert_eq!(lab.machine.bmc.boots().len(), boots + 3);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_loses_power_while_it_boots_is_not_waited_for() {
    for verb in [Verb::Deploy, Verb::Inspect] {
        let lab = available().await;
        if verb == Verb::Inspect {
            lab.go(Verb::Manage, State::Manageable).await;
        }
        let (waits, failed) = match verb {
            Verb::Inspect => (State::InspectWait, State::InspectFailed),
            _ => (State::DeployWait, State::DeployFailed),
        };
        lab.ask(verb).await;
        lab.wait_for(waits).await;
        lab.machine.bmc.force_power(Power::Off);
        lab.wait_for_within(failed, TWO_MINUTES).await;
        let error = lab.node().await.last_error.unwrap();
        assert!(error.contains("lost power"), "{error}");
    }
}
