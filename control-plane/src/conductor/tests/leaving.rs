//! A conductor that is told to leave ends what it is doing at that moment, so that nobody else has to find out how it went,
//! and hands over what is under way.

use super::cluster::{BEAT, LONG, LOOK, available, deploy, is_deployed, writes_image};
use super::cluster_lab::Cluster;
use ferric_drivers::PowerState;
use ferric_model::event::What;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::EventFilter;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Less than whoever leaves waits for a step.
const CALL: Duration = Duration::from_secs(3);

/// What the timeline says of a step, and who wrote it.
async fn said_of(cluster: &Cluster, name: &str) -> Vec<(String, &'static str)> {
    let filter = EventFilter {
        node: Some(cluster.lab.machine.node),
        ..EventFilter::default()
    };
    let stored = cluster.lab.store.events(&filter).await.unwrap();
    let events = stored.into_iter().map(|stored| stored.event);
    let said = events.filter_map(|event| match &event.what {
        What::StepStarted { step, .. } | What::StepDone { step, .. } if step.step == name => {
            Some((event.conductor.clone(), event.what.kind()))
        }
        _ => None,
    });
    said.collect()
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_finishes_the_step_in_hand() {
    let (cluster, mut members, host) = available(&["one", "two"]).await;
    cluster.lab.machine.bmc.set_delay(CALL);
    cluster.lab.ask(Verb::Deploy).await;
    let begun = async {
        while !cluster.lab.is_running("off").await {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(LONG, begun).await.expect("the step is begun");
    members.get_mut(&host).unwrap().stop().await.unwrap();
    assert_ne!(cluster.owner().await.conductor, host);
    let by_it = [(host.clone(), "step_started"), (host, "step_done")];
    assert_eq!(said_of(&cluster, "off").await, by_it);
    cluster.lab.wait_for_within(State::Active, LONG).await;
    let at_the_end = said_of(&cluster, "off").await;
    assert_eq!(at_the_end, by_it, "and nobody else has done it again");
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_hands_over_what_is_under_way() {
    for seconds in [0, 1, 2, 5, 12, 20, 25, 30, 40] {
        let (cluster, mut members, host) = available(&["one", "two"]).await;
        cluster.lab.machine.bmc.set_delay(Duration::from_secs(2));
        deploy(&cluster).await;
        sleep(Duration::from_secs(seconds)).await;
        let before = cluster.owner().await;
        let start = Instant::now();
        members.get_mut(&host).unwrap().stop().await.unwrap();
        let context = format!("{seconds} s after its begin");
        assert!(start.elapsed() < Duration::from_secs(10), "{context}");
        let owner = cluster.owner().await;
        assert_ne!(owner.conductor, host, "{context}");
        assert_eq!(owner.epoch.0, before.epoch.0 + 1, "{context}");
        assert!(!cluster.record(&host).await.online, "{context}");
        is_deployed(&cluster, &context).await;
        assert_eq!(cluster.owner().await, owner, "{context}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_power_action_goes_on_elsewhere() {
    let (cluster, mut members, host) = available(&["one", "two"]).await;
    // Longer than whoever leaves waits for it.
    cluster.lab.machine.bmc.set_delay(Duration::from_secs(60));
    let (id, conductor) = (cluster.lab.machine.node, cluster.lab.conductor());
    let action = ferric_drivers::PowerAction::On;
    conductor.set_power(id, action, None).await.unwrap();
    members.get_mut(&host).unwrap().stop().await.unwrap();
    cluster.forget(&host);
    cluster.changes_hands(BEAT + LOOK).await;
    cluster
        .lab
        .wait_until("the end of the action", LONG, |node| {
            node.target_power_state.is_none()
        })
        .await;
    assert_eq!(cluster.lab.machine.bmc.power(), PowerState::On);
    assert_eq!(cluster.lab.machine.bmc.boots().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn draining_on_request_is_the_same_as_by_a_signal() {
    let (cluster, mut members, host) = available(&["one", "two"]).await;
    let leaving = members.get_mut(&host).unwrap();
    leaving.conductor.drain();
    leaving.ended().await.unwrap();
    assert_ne!(cluster.owner().await.conductor, host);
    assert!(!cluster.record(&host).await.online);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_alone_keeps_its_nodes_and_goes_on_when_it_is_back() {
    let (cluster, mut members, _) = available(&["one"]).await;
    deploy(&cluster).await;
    writes_image(&cluster).await;
    let before = cluster.owner().await;
    members.get_mut("one").unwrap().stop().await.unwrap();
    assert_eq!(cluster.owner().await, before);
    let again = cluster.start("one").await;
    assert_eq!(cluster.owner().await.conductor, "one");
    is_deployed(&cluster, "after the restart").await;
    drop(again);
}
