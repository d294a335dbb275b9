//! Machines that boot again in the middle of a deploy, and who only seems to: the agent's token tells them apart.

use super::*;
use ferric_agent_protocol::headers::HIDDEN_TOKEN;

#[tokio::test(start_paused = true)]
async fn a_machine_that_boots_again_in_the_middle_is_written_again() {
    let lab = writing_for(60).await;
    lab.machine.reset().await;
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 2);
    let resumed = lab.events().await.into_iter().any(
        |what| matches!(what, What::Resumed { detail } if detail.contains("deploy.write_image is begun again")),
    );
    assert!(resumed);
}

/// Its ramdisk is up before anybody has missed the agent, and is given asterisks, with which it can do nothing.
#[tokio::test(start_paused = true)]
async fn a_machine_that_boots_again_at_once_is_restarted_and_written_again() {
    let lab = writing_for(60).await;
    lab.machine.reset_within(Duration::from_secs(2)).await;
    let session = lab.node().await.agent.unwrap();
    assert!(session.boot_requested && session.lookups > 1);
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 2);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_boots_again_and_again_is_given_up() {
    let lab = writing_for(60).await;
    for _ in 0..4 {
        lab.machine.reset().await;
        sleep(Duration::from_secs(10)).await;
    }
    ends_well(&lab, &["booted again 3 times", "look at its console"]).await;
}

/// A ramdisk without a trace at the boot plane gets no token while another one holds it.
#[tokio::test(start_paused = true)]
async fn a_stranger_that_looks_up_neither_learns_the_token_nor_does_harm() {
    let lab = writing_for(60).await;
    for _ in 0..3 {
        assert_eq!(lab.machine.look_up().await.as_deref(), Some(HIDDEN_TOKEN));
    }
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
}

/// Nor by asking for a boot script, before and after.
#[tokio::test(start_paused = true)]
async fn a_stranger_that_asks_for_boot_scripts_becomes_no_agent() {
    let lab = writing_for(60).await;
    for _ in 0..5 {
        lab.machine.ask_for_boot_script();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(lab.machine.look_up().await.as_deref(), Some(HIDDEN_TOKEN));
        sleep(Duration::from_secs(8)).await;
    }
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
    let again = lab
        .events()
        .await
        .into_iter()
        .any(|what| matches!(what, What::Resumed { .. }));
    assert!(!again, "a stranger made the conductor begin again");
}

/// Nor while the agent is too busy to answer for a moment.
#[tokio::test(start_paused = true)]
async fn a_boot_script_and_a_lost_answer_are_no_reboot() {
    let lab = writing_for(60).await;
    lab.machine.ask_for_boot_script();
    lab.machine.state.lock().silent = true;
    sleep(Duration::from_secs(4)).await;
    lab.machine.state.lock().silent = false;
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
}

#[tokio::test(start_paused = true)]
async fn a_ramdisk_that_lost_its_token_is_booted_anew() {
    let lab = writing_for(60).await;
    lab.machine.state.lock().agent = None;
    assert_eq!(lab.machine.look_up().await.as_deref(), Some(HIDDEN_TOKEN));
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 2);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_boots_again_while_it_is_asked_things_goes_on() {
    let lab = writing_for(20).await;
    while !lab.is_running("prepare_instance_boot").await {
        sleep(Duration::from_millis(200)).await;
    }
    lab.machine.reset().await;
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
}
