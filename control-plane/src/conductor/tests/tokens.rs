//! The agent's token: survives lost answers and crashes, belongs to one boot of the machine, and nobody else learns it.

use super::agent::Plan;
use super::halting_store::{Death, HaltingStore};
use super::lab::Lab;
use super::machine::URL;
use crate::conductor::requests::{HeartbeatRequest, LookupRequest, RequestError, TokenUse};
use ferric_agent_protocol::extensions::Extensions;
use ferric_agent_protocol::headers::HIDDEN_TOKEN;
use ferric_agent_protocol::heartbeat::Heartbeat;
use ferric_drivers::{PowerAction, PowerState};
use ferric_model::node::agent_session::{AgentSession, Token};
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A node that waits for its ramdisk, whose part a test plays.
async fn waiting() -> (Lab, Arc<HaltingStore>) {
    let mut lab = Lab::new();
    lab.plan(Plan {
        broken: true,
        ..Plan::default()
    });
    let store = lab.start(None).await;
    lab.enroll_available().await;
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
    (lab, store)
}

pub(super) async fn look_up(lab: &Lab) -> String {
    let request = LookupRequest {
        addresses: vec![lab.machine.address.clone()],
        node_uuid: None,
        extensions: Extensions::default(),
        token: TokenUse::Known,
        from: None,
    };
    let answer = lab.conductor().lookup(request).await.unwrap();
    answer.token.unwrap()
}

pub(super) async fn beat(lab: &Lab, token: &str) -> Result<(), RequestError> {
    let heartbeat = Heartbeat {
        callback_url: URL.to_owned(),
        agent_token: Some(token.to_owned()),
        agent_version: Some("1".to_owned()),
        agent_verify_ca: Some("certificate".to_owned()),
        ..Heartbeat::default()
    };
    let (id, from) = (lab.machine.node, None);
    let request = HeartbeatRequest { heartbeat, from };
    lab.conductor().heartbeat(id, request).await
}

#[tokio::test(start_paused = true)]
async fn until_a_heartbeat_carries_it_each_lookup_gives_a_fresh_one() {
    let (lab, _store) = waiting().await;
    let lost = look_up(&lab).await;
    let received = look_up(&lab).await;
    assert_ne!(lost, received);
    let refused = beat(&lab, &lost).await.unwrap_err();
    assert!(matches!(refused, RequestError::Invalid(_)), "{refused:?}");
    beat(&lab, &received).await.unwrap();
    for _ in 0..3 {
        assert_eq!(look_up(&lab).await, HIDDEN_TOKEN);
    }
    beat(&lab, &received).await.unwrap();
}

/// Stored, and the conductor dies before it answers.
#[tokio::test(start_paused = true)]
async fn a_token_that_was_stored_and_never_answered_is_replaced() {
    let (mut lab, store) = waiting().await;
    store.doom((0, Death::After));
    let asked = timeout(Duration::from_secs(20), look_up(&lab)).await;
    assert!(asked.is_err(), "the dead answered");
    lab.kill();
    lab.start(None).await;
    let stored = lab.node().await.agent.unwrap().token.unwrap().0;
    let received = look_up(&lab).await;
    assert_ne!(stored, received);
    assert!(beat(&lab, &stored).await.is_err());
    beat(&lab, &received).await.unwrap();
}

/// The agent has it, and the conductor dies before it has stored that it knows so.
#[tokio::test(start_paused = true)]
async fn a_token_whose_first_heartbeat_was_lost_goes_on_being_the_agents() {
    for death in [Death::Before, Death::After] {
        let (mut lab, store) = waiting().await;
        let token = look_up(&lab).await;
        store.doom((0, death));
        let asked = timeout(Duration::from_secs(20), beat(&lab, &token)).await;
        assert!(asked.is_err(), "the dead answered");
        lab.kill();
        lab.start(None).await;
        beat(&lab, &token).await.unwrap();
        assert_eq!(look_up(&lab).await, HIDDEN_TOKEN, "{death:?}");
    }
}

/// The BMC confirms the power cycle.
#[tokio::test(start_paused = true)]
async fn after_a_restart_by_the_operator_there_is_a_new_one() {
    let (lab, _store) = waiting().await;
    // A held node is not driven on by the heartbeat.
    lab.edit(|node| node.maintenance = true).await;
    let old = look_up(&lab).await;
    beat(&lab, &old).await.unwrap();
    assert_eq!(look_up(&lab).await, HIDDEN_TOKEN);
    let (id, conductor) = (lab.machine.node, lab.conductor());
    let set = conductor.set_power(id, PowerAction::Reboot, None);
    set.await.unwrap();
    lab.wait_until("the restart", Duration::from_secs(30), |node| {
        node.target_power_state.is_none()
    })
    .await;
    assert!(beat(&lab, &old).await.is_err());
    let new = look_up(&lab).await;
    assert!(new != old && new != HIDDEN_TOKEN);
    beat(&lab, &new).await.unwrap();
}

/// The node in a state between activities, with an agent that has shown its token.
async fn with_an_agent() -> Lab {
    let mut lab = Lab::new();
    lab.configure(|settings| settings.deploy.fast_track = true);
    lab.start(None).await;
    lab.enroll_available().await;
    lab.machine.bmc.force_power(PowerState::On);
    lab.edit(|node| {
        node.power_state = Some(ferric_model::state::PowerState::On);
        node.agent = Some(AgentSession {
            token: Some(Token("old".to_owned())),
            token_confirmed: true,
            url: Some(URL.to_owned()),
            certificate: Some("certificate".to_owned()),
            ..AgentSession::default()
        });
    })
    .await;
    assert_eq!(look_up(&lab).await, HIDDEN_TOKEN);
    lab
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_found_without_power_has_lost_it() {
    let lab = with_an_agent().await;
    lab.machine.bmc.force_power(PowerState::Off);
    sleep(Duration::from_secs(300)).await;
    assert_eq!(lab.node().await.agent, None);
    assert_ne!(look_up(&lab).await, HIDDEN_TOKEN);
}

#[tokio::test(start_paused = true)]
async fn switching_on_a_machine_that_is_on_takes_nothing_away() {
    let lab = with_an_agent().await;
    let (id, conductor) = (lab.machine.node, lab.conductor());
    for action in [PowerAction::On, PowerAction::Off, PowerAction::On] {
        let set = conductor.set_power(id, action, None);
        set.await.unwrap();
        lab.wait_until("the action", Duration::from_secs(30), |node| {
            node.target_power_state.is_none()
        })
        .await;
        let kept = lab.node().await.agent.is_some();
        assert_eq!(
            kept,
            action == PowerAction::On && lab.machine.bmc.boots().is_empty()
        );
    }
}
