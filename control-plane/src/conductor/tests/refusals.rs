//! A store that takes nothing for a while, as on a full disk: nothing goes on as if it were stored, and nothing is lost.

use super::agent::Plan;
use super::lab::Lab;
use crate::conductor::RunError;
use ferric_drivers::{PowerAction, PowerState as Power};
use ferric_model::state::{PowerState, ProvisionState as State};
use ferric_model::verb::Verb;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// What the store's next user does not see coming.
const OUTAGE: Duration = Duration::from_secs(40);

#[tokio::test(start_paused = true)]
async fn a_deploy_goes_on_where_it_was_when_the_store_takes_commits_again() {
    for seconds in [1, 3, 6, 12, 20, 30] {
        let mut lab = Lab::new();
        lab.plan(Plan {
            writing: Duration::from_secs(11),
            ..Plan::default()
        });
        let store = lab.start(None).await;
        lab.enroll_available().await;
        lab.ask(Verb::Deploy).await;
        sleep(Duration::from_secs(seconds)).await;
        store.refuse(true);
        sleep(Duration::from_secs(2)).await;
        let (stored, done) = (lab.node().await, lab.machine.state.lock().writes);
        sleep(OUTAGE).await;
        assert_eq!(lab.node().await, stored, "{seconds} s");
        let more = lab.machine.state.lock().writes - done;
        assert!(
            done + more <= 1,
            "{seconds} s: written {done} and {more} times"
        );
        store.refuse(false);
        lab.wait_for(State::Active).await;
        assert_eq!(lab.machine.state.lock().writes, 1, "{seconds} s");
        assert_eq!(lab.node().await.last_error, None, "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_is_not_stored_has_no_effect() {
    let mut lab = Lab::new();
    let store = lab.start(None).await;
    lab.enroll_available().await;
    store.refuse(true);
    let (id, conductor) = (lab.machine.node, lab.conductor());
    let refused = conductor.set_power(id, PowerAction::On, None).await;
    assert!(refused.is_err());
    sleep(OUTAGE).await;
    assert_eq!(lab.machine.bmc.power(), Power::Off);
    assert_eq!(lab.machine.bmc.boots().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_power_action_is_stored_later() {
    let mut lab = Lab::new();
    let store = lab.start(None).await;
    lab.enroll_available().await;
    sleep(Duration::from_secs(1)).await;
    lab.machine.bmc.set_delay(Duration::from_secs(2));
    let (id, conductor) = (lab.machine.node, lab.conductor());
    conductor
        .set_power(id, PowerAction::On, None)
        .await
        .unwrap();
    store.refuse(true);
    sleep(OUTAGE).await;
    let wish = lab.node().await.target_power_state;
    assert_eq!(wish, Some(PowerState::On));
    store.refuse(false);
    let soon = Duration::from_secs(30);
    lab.wait_until("the end of the action", soon, |node| {
        node.target_power_state.is_none()
    })
    .await;
    assert_eq!(lab.node().await.power_state, Some(PowerState::On));
    assert_eq!(lab.machine.bmc.boots().len(), 1);
}

/// The machine was restarted, and with it went what the run waits for; nobody would learn that otherwise.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_power_action_is_stored_later_while_a_run_waits() {
    let mut lab = Lab::new();
    let store = lab.start(None).await;
    lab.enroll_available().await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    lab.machine.bmc.set_delay(Duration::from_secs(2));
    let (id, conductor) = (lab.machine.node, lab.conductor());
    let reboot = conductor.set_power(id, PowerAction::Reboot, None);
    reboot.await.unwrap();
    store.refuse(true);
    sleep(OUTAGE).await;
    let wish = lab.node().await.target_power_state;
    assert_eq!(wish, Some(PowerState::Rebooting));
    store.refuse(false);
    let soon = Duration::from_secs(300);
    lab.wait_for_within(State::Active, soon).await;
    assert_eq!(lab.node().await.target_power_state, None);
    assert_eq!(lab.machine.state.lock().writes, 1);
}

/// What its ramdisk said meanwhile was answered with an error, so it says it again: not to be heard at once is no silence.
#[tokio::test(start_paused = true)]
async fn a_machine_that_could_not_be_heard_is_listened_to_before_its_wait_is_over() {
    let mut lab = Lab::new();
    lab.configure(|settings| {
        settings.conductor.deploy_callback_timeout_s = 60;
        settings.agent.heartbeat_timeout_s = 60;
    });
    let store = lab.start(None).await;
    lab.enroll_available().await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    store.refuse(true);
    sleep(Duration::from_secs(100)).await;
    store.refuse(false);
    lab.wait_for(State::Active).await;
    assert_eq!(lab.node().await.last_error, None);
}

#[tokio::test(start_paused = true)]
async fn a_conductor_that_can_store_nothing_for_long_ends() {
    let mut lab = Lab::new();
    let store = lab.start(None).await;
    store.refuse(true);
    let conductor = lab.conductor();
    let run = conductor.run(CancellationToken::new());
    let ended = timeout(Duration::from_secs(240), run).await.unwrap();
    assert!(matches!(ended, Err(RunError::Store(..))), "{ended:?}");
}
